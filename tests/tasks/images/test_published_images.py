"""CIFAR and ImageNet16, on small files written here in the published formats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from archrank.errors import DataError
from archrank.tasks import CIFAR10, CIFAR100, ImageNet16
from archrank.tasks.images import cifar
from archrank.tasks.images.imagenet16 import _load, read_npz
from archrank.testing import check_task

RNG = np.random.default_rng(0)


ALIKE = pytest.mark.filterwarnings("ignore::archrank.errors.DataWarning")
"""Made-up images of a class are all alike, as if the splits leaked."""


def write_cifar(path: Path, labels: np.ndarray, pixels: np.ndarray) -> None:
    """``labels`` (b, 1 or 2), ``pixels`` (b, 3072)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.concatenate([labels, pixels], axis=1).astype(np.uint8).tofile(path)


def cifar10_folder(root: Path, records: int) -> None:
    for name in [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]:
        labels = RNG.integers(10, size=(records, 1))
        pixels = np.zeros((records, 3072), dtype=np.uint8)
        pixels[:, 0] = labels[:, 0]  # so that images can be told from each other
        pixels[:, 1024:2048] = 100
        write_cifar(root / name, labels, pixels)


@ALIKE
def test_cifar10_splits_and_normalisation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cifar, "C10_RECORDS", 200)
    cifar10_folder(tmp_path / "cifar-10-batches-bin", records=200)
    task = CIFAR10(root=str(tmp_path))
    train, valid, test = task.load()
    assert [len(s.y) for s in (train, valid, test)] == [500, 500, 200]
    assert train.x.shape[1:] == task.input_shape == (3, 32, 32)
    red = (train.x[:, 0, 0, 0].double() * 63.0 + 125.3).round().long()
    assert torch.equal(red, train.y)  # the first byte of the red plane, through the permutation
    assert torch.allclose(valid.x[:, 1], torch.tensor((100 - 123.0) / 62.1))
    assert not torch.equal(CIFAR10(root=str(tmp_path), seed=1).load().train.y, train.y)
    check_task(task)
    cifar._load_cifar10.cache_clear()


@ALIKE
def test_cifar100_takes_the_fine_label(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cifar, "C100_TRAIN_RECORDS", 500)
    monkeypatch.setattr(cifar, "C100_TEST_RECORDS", 200)
    for name, count in (("train.bin", 500), ("test.bin", 200)):
        labels = np.stack([np.full(count, 7), np.arange(count) % 100], axis=1)
        write_cifar(tmp_path / name, labels, np.zeros((count, 3072)))
    task = CIFAR100(root=str(tmp_path))
    train, valid, test = task.load()
    assert [len(s.y) for s in (train, valid, test)] == [500, 100, 100]
    assert torch.equal(train.y, torch.arange(500) % 100)
    assert sorted(torch.cat([valid.y, test.y]).tolist()) == sorted(list(range(100)) * 2)
    assert task.n_classes == 100
    check_task(task)
    cifar._load_cifar100.cache_clear()


def test_record_counts_are_the_published_ones() -> None:
    assert cifar.C10_RECORDS == cifar.C100_TEST_RECORDS == 10_000
    assert cifar.C100_TRAIN_RECORDS == 50_000


def test_cifar_missing_file_is_named_with_the_folders(tmp_path: Path) -> None:
    write_cifar(tmp_path / "data_batch_1.bin", np.zeros((1, 1)), np.zeros((1, 3072)))
    with pytest.raises(DataError, match=r"data_batch_2\.bin.*looked in .*cifar-10-batches-bin"):
        CIFAR10(root=str(tmp_path)).load()
    with pytest.raises(DataError, match=r"train\.bin, test\.bin not found"):
        CIFAR100(root=str(tmp_path / "nowhere")).load()


def test_cifar_wrong_size_and_label(tmp_path: Path) -> None:
    path = tmp_path / "test_batch.bin"
    write_cifar(path, np.array([[1], [12]]), np.zeros((2, 3072)))
    with pytest.raises(DataError, match=r"expected 9,219 bytes \(3 records.*found 6,146 \(2\.0"):
        cifar.read_records(path, label_bytes=1, records=3, n_classes=10)
    with pytest.raises(DataError, match="record 1 has label 12, expected 0 to 9"):
        cifar.read_records(path, label_bytes=1, records=2, n_classes=10)


def write_imagenet16(root: Path, per_file: int = 240) -> None:
    names = [*(f"train_data_batch_{i}.npz" for i in range(1, 11)), "val_data.npz"]
    for name in names:
        labels = np.arange(per_file) % 200 + 1
        data = np.repeat(labels[:, None].astype(np.uint8), 768, axis=1)
        np.savez(root / name, data=data, labels=labels)


@ALIKE
def test_imagenet16_keeps_the_first_120_classes(tmp_path: Path) -> None:
    write_imagenet16(tmp_path)
    task = ImageNet16(root=str(tmp_path))
    train, valid, test = task.load()
    assert [len(s.y) for s in (train, valid, test)] == [1600, 80, 80]
    assert train.x.shape[1:] == task.input_shape == (3, 16, 16)
    assert int(train.y.min()) == 0
    assert int(train.y.max()) == 119
    green = train.x[:, 1].double() * 61.26 + 116.66
    assert torch.allclose(green[:, 3, 5], train.y.double() + 1, atol=1e-4)
    check_task(task)
    _load.cache_clear()


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"data": np.zeros((2, 768), np.uint8)}, "'labels'"),
        ({"data": np.zeros((2, 700), np.uint8), "labels": np.ones(2)}, r"\(n, 768\).*\(2, 700\)"),
        ({"data": np.zeros((2, 768)), "labels": np.ones(2)}, "uint8.*float64"),
        ({"data": np.zeros((2, 768), np.uint8), "labels": np.ones(3)}, "expected 2 labels"),
        ({"data": np.zeros((2, 768), np.uint8), "labels": np.zeros(2)}, "1 to 1000, found 0"),
        ({"data": np.array([{}]), "labels": np.ones(1)}, "without pickles"),
    ],
)
def test_imagenet16_refuses_other_files(
    tmp_path: Path, arrays: dict[str, np.ndarray], message: str
) -> None:
    path = tmp_path / "val_data.npz"
    np.savez(path, **arrays)
    with pytest.raises(DataError, match=message):
        read_npz(path)


def test_imagenet16_damaged_and_missing_files(tmp_path: Path) -> None:
    path = tmp_path / "val_data.npz"
    path.write_bytes(b"PK but not an archive")
    with pytest.raises(DataError, match="not a readable npz"):
        read_npz(path)
    with pytest.raises(DataError, match=r"train_data_batch_10\.npz not found"):
        ImageNet16(root=str(tmp_path)).load()
