from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from archrank.tasks import TASKS, Characters, Glyphs
from archrank.tasks import characters as alias
from archrank.tasks.images.glyphs import _load
from archrank.testing import check_task
from tests.tasks.images.fonts import needs_fonts

SMALL = Characters(images=72, eval_images=36)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHRANK_CACHE", str(tmp_path / "cache"))
    _load.cache_clear()


def test_known_by_name() -> None:
    assert alias is Characters
    assert TASKS.get("characters") is Characters
    assert Characters().name == "characters"


@needs_fonts
def test_one_class_per_letter_and_digit() -> None:
    train, valid, test = SMALL.load()
    assert SMALL.n_classes == 36
    assert train.x.shape == (72, 1, 8, 8)
    assert valid.x.shape == test.x.shape == (72, 1, 8, 8)  # two noise draws of each
    assert torch.equal(torch.bincount(train.y), torch.full((36,), 2))


@needs_fonts
def test_its_images_are_not_those_of_glyphs() -> None:
    letters = Glyphs(images=72, eval_images=36, characters=SMALL.characters).load()
    own = SMALL.load()
    assert torch.equal(own.train.y, letters.train.y)  # the same characters ...
    assert not torch.allclose(own.train.x, letters.train.x, atol=0.1)  # ... drawn otherwise


def test_the_augmentation_is_its_own() -> None:
    task = Characters()
    assert task.augmentation != Glyphs().augmentation
    assert replace(task, size=16).input_shape == (1, 16, 16)
    assert replace(task, characters="AB").n_classes == 2


@needs_fonts
def test_the_contract() -> None:
    check_task(SMALL)
