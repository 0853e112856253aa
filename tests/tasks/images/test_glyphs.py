from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import matplotlib
import pytest
import torch

from archrank.errors import DataError
from archrank.tasks import Glyphs
from archrank.tasks import glyphs as alias
from archrank.tasks.images.glyphs import FONTS, LETTERS, _load
from archrank.testing import check_task
from tests.tasks.images.fonts import needs_fonts

SMALL = Glyphs(images=52, eval_images=40, copies=2)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ARCHRANK_CACHE", str(tmp_path / "cache"))
    _load.cache_clear()
    return tmp_path / "cache"


def test_alias_is_the_class() -> None:
    assert alias is Glyphs


def test_no_font_is_in_two_splits() -> None:
    names = [name for fonts in FONTS.values() for name in fonts]
    assert len(set(names)) == len(names)


@needs_fonts
def test_shapes_labels_and_scale() -> None:
    train, valid, test = SMALL.load()
    assert train.x.shape == (52, *SMALL.input_shape)
    assert valid.x.shape == test.x.shape == (80, *SMALL.input_shape)
    assert torch.equal(torch.bincount(train.y), torch.full((len(LETTERS),), 2))
    assert SMALL.n_classes == len(LETTERS) == 26
    assert abs(float(train.x.mean())) < 1e-4
    assert abs(float(train.x.std()) - 1) < 1e-2


@needs_fonts
def test_other_sizes_change_the_input_shape() -> None:
    task = replace(SMALL, size=16)
    assert task.input_shape == (1, 16, 16)
    assert task.load().test.x.shape[1:] == (1, 16, 16)


@needs_fonts
def test_other_characters_change_the_number_of_classes() -> None:
    task = replace(SMALL, characters="0123")
    assert task.n_classes == 4
    assert set(task.load().valid.y.tolist()) == {0, 1, 2, 3}


@needs_fonts
def test_made_again_the_images_are_the_same(own_cache: Path) -> None:
    first = SMALL.load()
    (file,) = own_cache.iterdir()
    from_cache_of_the_process = SMALL.load()
    _load.cache_clear()
    from_file = SMALL.load()
    file.unlink()
    _load.cache_clear()
    made_again = SMALL.load()
    for other in (from_cache_of_the_process, from_file, made_again):
        assert all(torch.equal(a.x, b.x) for a, b in zip(first, other, strict=True))
    assert not torch.equal(first.train.x, replace(SMALL, seed=1).load().train.x)


@needs_fonts
def test_without_warp_and_clutter_a_font_writes_one_image_per_character() -> None:
    task = replace(SMALL, images=520, distortion=0.0, clutter=0.0)
    train = task.load().train
    an_a = train.x[train.y == 0]
    assert len(an_a) == 20
    assert len({x.numpy().tobytes() for x in an_a}) <= len(FONTS["train"])


def test_missing_font_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matplotlib, "get_data_path", lambda: str(tmp_path))
    with pytest.raises(DataError, match=r"DejaVuSans\.ttf.*looked for .*fonts"):
        SMALL.load()


@needs_fonts
def test_the_contract() -> None:
    check_task(SMALL)
