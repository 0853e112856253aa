from __future__ import annotations

import hashlib
import pickle
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from archrank import tasks
from archrank.tasks import Split, Textures
from archrank.tasks.textures import PATTERNS, _load, _make

SMALL = Textures(images=4 * len(PATTERNS), eval_images=2 * len(PATTERNS))


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("ARCHRANK_CACHE", str(tmp_path / "cache"))
    _load.cache_clear()
    yield tmp_path / "cache"
    _load.cache_clear()


def rows(split: Split) -> set[bytes]:
    return {x.numpy().tobytes() for x in split.x}


def test_registered_under_its_name_and_its_alias() -> None:
    assert tasks.textures is Textures
    assert "textures" in tasks.TASKS
    assert Textures.name == "textures"


def test_shapes_balance_and_scale() -> None:
    train, valid, test = SMALL.load()
    assert train.x.shape == (SMALL.images, *SMALL.input_shape)
    assert valid.x.shape == test.x.shape == (SMALL.eval_images, *SMALL.input_shape)
    assert (train.x.dtype, train.y.dtype) == (torch.float32, torch.int64)
    assert SMALL.n_classes == len(PATTERNS)
    for split, each in ((train, 4), (valid, 2), (test, 2)):
        assert torch.equal(torch.bincount(split.y), torch.full((len(PATTERNS),), each))
    assert abs(float(train.x.mean())) < 1e-4
    assert abs(float(train.x.std()) - 1) < 1e-2


def test_splits_are_disjoint() -> None:
    splits = replace(Textures(), noise=0.0).load()
    parts = [rows(split) for split in splits]
    assert len(set.union(*parts)) == sum(len(split.y) for split in splits)


def test_noise_is_frozen_and_spares_the_training_images() -> None:
    clean, noisy = replace(SMALL, noise=0.0).load(), replace(SMALL, noise=0.5).load()
    assert torch.equal(clean.train.x, noisy.train.x)
    draws = [(b.x - a.x) for a, b in zip(clean[1:], noisy[1:], strict=True)]
    for draw in draws:
        assert abs(float(draw.std()) - 0.5) < 0.02
    assert not torch.equal(*draws)


def test_made_again_the_images_are_the_same(own_cache: Path) -> None:
    first = SMALL.load()
    (file,) = own_cache.iterdir()
    from_cache_of_the_process = SMALL.load()
    _load.cache_clear()
    from_file = SMALL.load()
    file.unlink()
    _load.cache_clear()
    made_again = pickle.loads(pickle.dumps(SMALL)).load()
    for other in (from_cache_of_the_process, from_file, made_again):
        assert all(torch.equal(a.x, b.x) for a, b in zip(first, other, strict=True))
        assert all(torch.equal(a.y, b.y) for a, b in zip(first, other, strict=True))
    assert not torch.equal(first.train.x, replace(SMALL, seed=1).load().train.x)


def test_the_default_images_never_change() -> None:
    """Committed tables were measured on these: a new digest needs a new version of the task."""
    task = Textures()
    arrays = _make((task.images, task.eval_images), task.size, task.seed)
    digest = hashlib.sha256(b"".join(arrays[name].tobytes() for name in sorted(arrays)))
    assert digest.hexdigest()[:16] == "DIGEST"


def test_other_sizes_change_the_input_shape() -> None:
    task = replace(SMALL, size=13)
    assert task.input_shape == (1, 13, 13)
    assert task.load().test.x.shape[1:] == (1, 13, 13)


@pytest.mark.parametrize("name", PATTERNS)
def test_a_pattern_varies_and_is_finite(name: str) -> None:
    images = PATTERNS[name](50, 8, np.random.default_rng(0))
    assert images.shape == (50, 8, 8)
    assert np.isfinite(images).all()
    assert (images.std((1, 2)) > 0).all()
    # At least 16 phases, even for a motif on a grid.
    assert len({x.tobytes() for x in images}) > 30


def test_directions_are_what_the_names_say() -> None:
    """Energy of differences along each axis: an upright stripe changes from left to right."""

    def ratio(name: str) -> float:
        x = PATTERNS[name](200, 8, np.random.default_rng(1))
        return float((np.diff(x, axis=2) ** 2).mean() / (np.diff(x, axis=1) ** 2).mean())

    assert ratio("stripes_0") > 3 > 1 / 3 > ratio("stripes_90")
    assert ratio("streaks_90") > 3 > 1 / 3 > ratio("streaks_0")
    for name in ("checks", "diamonds", "blobs", "patches"):
        assert 0.8 < ratio(name) < 1.25


@pytest.mark.parametrize("motif", ["corners", "tees", "cups"])
def test_turned_motifs_have_the_same_brightness_and_only_turn(motif: str) -> None:
    """Neighbours of every lit pixel, by direction, turn with the motif."""

    def neighbours(turns: int) -> np.ndarray:
        x = PATTERNS[f"{motif}_{90 * turns}"](800, 12, np.random.default_rng(2))
        x = np.rot90(x, -turns, axes=(1, 2))
        ends = x[:, 1:-1, 1:-1]
        around = (x[:, :-2, 1:-1], x[:, 2:, 1:-1], x[:, 1:-1, :-2], x[:, 1:-1, 2:])
        return np.array([ends.mean(), *((ends * a).mean() for a in around)])

    for turns in range(1, 4):
        np.testing.assert_allclose(neighbours(turns), neighbours(0), atol=0.01)


def test_neither_brightness_nor_contrast_tells_the_class() -> None:
    train = replace(Textures(), images=200 * len(PATTERNS)).load().train
    for statistic in (train.x.mean((1, 2, 3)), train.x.std((1, 2, 3))):
        by_class = torch.stack([statistic[train.y == label] for label in range(len(PATTERNS))])
        between, within = by_class.mean(1).std(), by_class.std(1).mean()
        assert float(between / within) < 0.2


def test_making_them_takes_numpy_alone() -> None:
    code = (
        "import sys, archrank.tasks.textures as t; t._make((23, 23), 8, 0);"
        "print({'torch', 'sklearn', 'scipy', 'matplotlib', 'PIL'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
