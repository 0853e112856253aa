"""Tasks of folders of images: classes, splits, normalisation, cache, damaged files."""

from __future__ import annotations

import os
import pickle
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from archrank.errors import ArchrankError, DataError, DataWarning, StorageError
from archrank.tasks import Augmentation, from_image_folder, read_preprocessing
from archrank.tasks.images import folder as home
from archrank.testing import check_task as check_contract

CLASSES = ("cat", "dog", "emu")


def images(folder: Path, n: int = 10, seed: int = 0, size: tuple[int, int] = (9, 6)) -> Path:
    """Write random pictures of three classes: red, green and blue ones."""
    rng = np.random.default_rng(seed)
    for channel, name in enumerate(CLASSES):
        (folder / name).mkdir(parents=True)
        for i in range(n):
            pixels = rng.integers(0, 100, (size[1], size[0], 3))
            pixels[..., channel] += 150
            kind = ("png", "jpg", "bmp")[i % 3]
            Image.fromarray(pixels.astype(np.uint8)).save(folder / name / f"{i}.{kind}")
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ARCHRANK_CACHE", str(tmp_path / "cache"))
    home._load.cache_clear()
    return tmp_path / "cache"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return images(tmp_path / "pets")


def test_folders_are_classes_and_parts_have_their_shares(folder: Path) -> None:
    task = from_image_folder(folder, size=4, split=(0.6, 0.2, 0.2))
    assert task.class_names == CLASSES
    assert task.input_shape == (3, 4, 4)
    splits = task.load()
    assert [torch.bincount(s.y).tolist() for s in splits] == [[6] * 3, [2] * 3, [2] * 3]
    for split in splits:  # red ones are cats, and so on
        assert torch.equal(split.inputs[0].mean((2, 3)).argmax(1), split.y)
    check_contract(task)
    assert from_image_folder(folder, size=4, split=(0.6, 0.2, 0.2)) == task


def test_pixels_are_normalised_by_the_training_images(folder: Path) -> None:
    splits = from_image_folder(folder, size=(6, 9), grey=True).load()
    x = splits.train.inputs[0]
    assert x.shape[1:] == (1, 6, 9)
    assert abs(float(x.mean())) < 1e-5
    assert float(x.std(correction=0)) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("n", [1, 3, 7, 48])
def test_images_of_one_colour_are_not_divided_by_what_rounding_leaves(n: int) -> None:
    for value in range(256):
        mean, std = home._statistics(np.full((n, 1, 3, 3), value, dtype=np.uint8))
        assert (mean, std) == (pytest.approx((value / 255,)), (1.0,))


def test_an_image_is_scaled_and_cut_to_its_middle(tmp_path: Path) -> None:
    pixels = np.zeros((4, 8, 3), np.uint8)
    pixels[:, 2:6] = 200
    for name in ("a", "b"):
        (tmp_path / "x" / name).mkdir(parents=True)
        for i in range(8):
            shade = pixels + np.uint8(i + 10 * (name == "b"))
            Image.fromarray(shade).save(tmp_path / "x" / name / f"{i}.png")
    task = from_image_folder(tmp_path / "x", size=4, split=(0.5, 0.25, 0.25))
    known = task.preprocessing
    x = known.encode(tmp_path / "x" / "a" / "0.png").permute(0, 2, 3, 1).numpy()
    assert np.allclose(x * known.std + known.mean, 200 / 255, atol=1e-5)


def test_folders_of_parts(tmp_path: Path) -> None:
    root = tmp_path / "parts"
    for seed, (part, n) in enumerate({"train": 6, "val": 4}.items()):
        images(root / part, n, seed)
    splits = from_image_folder(root, size=4).load()
    assert [torch.bincount(s.y).tolist() for s in splits] == [[6] * 3, [2] * 3, [2] * 3]
    images(root / "test", 5, seed=9)
    task = from_image_folder(root, size=4)
    assert [len(s.y) for s in task.load()] == [18, 12, 15]
    assert task.place("valid", 5) == "val/dog/1.jpg (in valid)"


def test_images_are_decoded_once(
    folder: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    decode_all = home.decode_all
    monkeypatch.setattr(
        home,
        "decode_all",
        lambda *args: calls.append(1) or decode_all(*args),  # type: ignore[func-returns-value]
    )
    task = from_image_folder(folder, size=4)
    from_image_folder(folder, size=4, seed=1)
    moved = shutil.copytree(folder, tmp_path / "elsewhere", copy_function=shutil.copy2)
    assert from_image_folder(moved, size=4).identity() == task.identity()
    assert len(calls) == len(list(cache.iterdir())) == 1
    from_image_folder(folder, size=5)
    os.utime(folder / "cat" / "0.png", (1, 1))
    assert from_image_folder(folder, size=4).identity() == task.identity()
    assert len(calls) == 3
    for file in cache.iterdir():
        file.unlink()
    home._load.cache_clear()
    assert task.load().train.y.shape == (24,)
    assert len(calls) == 4


def test_identities_tell_the_images_and_have_no_paths(folder: Path) -> None:
    task = from_image_folder(folder, size=4)
    assert str(folder.parent) not in str(task.identity())
    for changed in (
        {"size": 5},
        {"seed": 1},
        {"grey": True},
        {"augmentation": Augmentation(flip=True)},
    ):
        assert from_image_folder(folder, **{"size": 4, **changed}).identity() != task.identity()
    again = pickle.loads(pickle.dumps(task))
    assert again == task
    assert len(pickle.dumps(task)) < 3000
    Image.new("RGB", (9, 6)).save(folder / "cat" / "0.png")
    home._load.cache_clear()
    with pytest.raises(DataError, match="have changed since the task was made"):
        again.load()
    assert from_image_folder(folder, size=4).identity() != task.identity()


def test_the_file_makes_the_same_inputs_of_new_images(folder: Path, tmp_path: Path) -> None:
    task = from_image_folder(folder, size=4)
    for name, content in task.kept_files().items():
        (tmp_path / name).write_bytes(content)
    found = read_preprocessing(tmp_path)
    assert found == task.preprocessing
    paths = [folder / task.place("test", row).split()[0] for row in range(3)]
    assert torch.equal(found.encode(paths), task.load().test.inputs[0])
    opened = [Image.open(path) for path in paths]
    assert torch.equal(found.encode(opened), task.load().test.inputs[0])
    assert found.decode(torch.eye(3)).tolist() == list(CLASSES)
    with pytest.raises(DataError, match=r"image 1, .*none\.png, cannot be read"):
        found.encode([paths[0], tmp_path / "none.png"])
    with pytest.raises(DataError, match="3 is no image"):
        found.encode(3)


def test_files_that_are_no_images_are_left_out_with_a_warning(folder: Path) -> None:
    same = from_image_folder(folder, size=4)
    (folder / ".hidden").mkdir()
    (folder / "cat" / ".DS_Store").write_text("")
    (folder / "cat" / "Thumbs.db").write_text("")
    assert from_image_folder(folder, size=4) == same
    (folder / "dog" / "notes.txt").write_text("")
    with pytest.warns(DataWarning, match=r"1 files are no images and left out: dog/notes\.txt"):
        assert from_image_folder(folder, size=4) == same


def test_links_that_lead_nowhere_or_back(folder: Path) -> None:
    (folder / "cat" / "none.png").symlink_to("nowhere")
    with pytest.raises(DataError, match=r"1 images cannot be read: cat/none\.png"):
        from_image_folder(folder, size=4)
    (folder / "cat" / "none.png").unlink()
    (folder / "dog" / "back").symlink_to(folder)
    with pytest.raises(DataError, match="more than 16 deep in dog; does a link"):
        from_image_folder(folder, size=4)


@pytest.mark.parametrize("content", [b"", b"no image", b"cut"])
def test_damaged_files_are_named_or_skipped(folder: Path, content: bytes) -> None:
    file = folder / "emu" / "3.png"
    file.write_bytes(file.read_bytes()[:60] if content == b"cut" else content)
    with pytest.raises(DataError, match=r"1 images cannot be read: emu/3\.png .*broken='skip'"):
        from_image_folder(folder, size=4)
    for _ in range(2):  # decoded, and from the cache
        with pytest.warns(DataWarning, match=r"1 images cannot be read .* emu/3\.png"):
            task = from_image_folder(folder, size=4, broken="skip")
    assert sum(len(split.y) for split in task.load()) == 29


def test_all_kinds_of_pictures_are_read(folder: Path) -> None:
    grey16 = (np.arange(54, dtype=np.uint16) * 1000).reshape(6, 9)
    Image.fromarray(grey16).save(folder / "cat" / "a.png")
    Image.new("P", (3, 30), 7).save(folder / "cat" / "b.gif", transparency=0)
    Image.new("RGBA", (40, 3), "red").save(folder / "cat" / "c.webp")
    Image.new("CMYK", (4, 4), (9, 99, 9, 9)).save(folder / "cat" / "d.tif")
    Image.new("1", (1, 1), 1).save(folder / "cat" / "e.PNG")
    task = from_image_folder(folder, size=4)
    assert sum(len(split.y) for split in task.load()) == 35
    known = task.preprocessing
    x = known.encode(folder / "cat" / "a.png")[0, 0] * known.std[0] + known.mean[0]
    assert 0.3 < float(x.mean()) < 0.5  # 26,500 of 65,535


def test_the_same_image_in_two_parts_is_a_leak(tmp_path: Path) -> None:
    for part in ("train", "valid", "test"):
        images(tmp_path / "x" / part, 4, seed=len(part))  # train and valid have five letters
    with pytest.warns(DataWarning, match=r"12 of 12 examples of valid .* train/cat/0\.png"):
        from_image_folder(tmp_path / "x", size=4)


def without(name: str) -> Any:
    def change(folder: Path) -> None:
        shutil.rmtree(folder / name)

    return change


def emptied(folder: Path) -> None:
    for file in (folder / "dog").iterdir():
        file.unlink()


def alone(folder: Path) -> None:
    for name in ("cat", "dog"):
        shutil.rmtree(folder / name)


def only_train(folder: Path) -> None:
    images(folder / "train", 1)


def other_classes(folder: Path) -> None:
    images(folder / "train", 1)
    shutil.copytree(folder / "train", folder / "valid")
    shutil.rmtree(folder / "valid" / "emu")


@pytest.mark.parametrize(
    ("change", "settings", "told"),
    [
        (shutil.rmtree, {}, "does not exist"),
        (emptied, {}, "the class 'dog' has no images"),
        (alone, {}, r"has \['emu'\] as classes, expected two"),
        (only_train, {}, "has the folder 'train' but none for validation"),
        (other_classes, {}, "the class 'emu' is in one of train, valid"),
        (None, {"size": 0}, "size must be at least 1"),
        (None, {"size": "32"}, "size is '32'"),
        (None, {"size": (3, 4, 5)}, r"size is \(3, 4, 5\)"),
        (None, {"size": 10**6}, "size must be at most 4,096"),
        (None, {"split": (1, 1, 1)}, "add up to 1"),
        (None, {"split": (0.98, 0.01, 0.01)}, "leaves a part of 30 examples empty"),
        (None, {"seed": -1}, "seed must be at least 0"),
        (None, {"grey": 1}, "grey is 1"),
        (None, {"broken": "ignore"}, "broken is 'ignore', expected one of error, skip"),
        (None, {"augmentation": "flip"}, "augmentation is 'flip'"),
        (None, {"augmentation": 0}, "augmentation is 0"),
        (None, {"recipe": 3}, "recipe is 3"),
        (None, {"name": 3}, "name of the task is 3"),
    ],
)
def test_mistakes_are_named(folder: Path, change: Any, settings: Any, told: str) -> None:
    if change is not None:
        change(folder)
    with pytest.raises(ArchrankError, match=told):
        from_image_folder(folder, **{"size": 4, **settings})


@pytest.mark.parametrize("odd", [None, 3, [], b"x", object()])
def test_nothing_odd_gets_a_foreign_error(odd: Any) -> None:
    with pytest.raises(ArchrankError, match="path is"):
        from_image_folder(odd, size=4)


def test_a_full_disk_only_costs_time(
    folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: Any, **settings: Any) -> None:
        raise StorageError("No space left on device")

    monkeypatch.setattr("archrank.tasks.cache.write_file", full)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(from_image_folder(folder, size=4).load().train.y) == 24
    assert not cache.exists()
