"""Tasks of tensors and arrays: kinds, splits, identities, workers, training."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from archrank.errors import ArchrankError, DataError, DataWarning, ResumeError, SettingsError
from archrank.evaluators import Training
from archrank.spaces import from_choices
from archrank.strategies import Random
from archrank.study import Study
from archrank.tasks import Recipe, TensorClassification, TensorRegression, from_tensors
from archrank.tasks import tensor_data as home
from archrank.testing import check_task as check_contract
from tests.tasks.tiny import QUICK

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 3))
LABELS = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)
VALUES = X @ [1.0, -2.0, 0.5]
PARTS = [slice(0, 120), slice(120, 160), slice(160, 200)]


def parts(y: Any, x: Any = X) -> dict[str, tuple[Any, Any]]:
    named = zip(("train", "valid", "test"), PARTS, strict=True)
    return {name: (x[rows], y[rows]) for name, rows in named}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ARCHRANK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.parametrize(
    ("y", "kind", "outputs"),
    [
        (LABELS, "classification", 3),
        (LABELS.astype(np.uint8), "classification", 3),
        (LABELS > 0, "classification", 2),
        (np.array(["low", "mid", "top"])[LABELS], "classification", 3),
        (torch.tensor(LABELS)[:, None], "classification", 3),
        (VALUES, "regression", 1),
        (VALUES.tolist(), "regression", 1),
        (np.stack([VALUES, VALUES], 1), "regression", 2),
    ],
)
def test_the_kind_follows_from_the_targets(y: Any, kind: str, outputs: int) -> None:
    task = from_tensors(X, y)
    family = TensorClassification if kind == "classification" else TensorRegression
    assert type(task) is family
    assert task.n_outputs == outputs
    assert task.input_shape == (3,)
    check_contract(task)


def test_the_kind_can_be_said() -> None:
    task = from_tensors(X, LABELS, kind="regression")
    assert task.load().train.y.dtype == torch.float32
    again = from_tensors(X, LABELS.astype(float), kind="classification")
    assert again == from_tensors(X, LABELS)


def test_a_split_is_drawn_once_from_its_seed_and_is_a_partition() -> None:
    x = np.arange(100.0)[:, None]
    splits = from_tensors(x, x[:, 0], split=(0.5, 0.3, 0.2), seed=3).load()
    assert [len(s.y) for s in splits] == [50, 30, 20]
    assert sorted(torch.cat([s.y for s in splits]).tolist()) == list(range(100))
    assert all(torch.equal(s.inputs[0][:, 0], s.y) for s in splits)
    again = from_tensors(x, x[:, 0], split=(0.5, 0.3, 0.2), seed=3).load()
    assert torch.equal(again.train.y, splits.train.y)
    other = from_tensors(x, x[:, 0], split=(0.5, 0.3, 0.2), seed=4).load()
    assert not torch.equal(other.train.y, splits.train.y)


def test_given_parts_stay_as_they_are() -> None:
    splits = from_tensors(**parts(LABELS)).load()
    for split, rows in zip(splits, PARTS, strict=True):
        assert torch.equal(split.inputs[0], torch.tensor(X[rows], dtype=torch.float32))
        assert split.y.tolist() == LABELS[rows].tolist()


def test_names_of_classes_are_kept() -> None:
    names = np.array(["low", "mid", "top"])[LABELS]
    task = from_tensors(X, names)
    assert isinstance(task, TensorClassification)
    assert task.class_names == ("low", "mid", "top")
    turned = from_tensors(X, names, classes=["top", "mid", "low"])
    assert torch.equal(turned.load().train.y, 2 - task.load().train.y)
    assert turned.identity() != task.identity()
    named = from_tensors(X, LABELS, classes=["low", "mid", "top", "never"])
    assert named.n_outputs == 4


def test_tokens_stay_whole_and_examples_are_tokens() -> None:
    task = from_tensors(RNG.integers(50, size=(200, 7)), LABELS)
    assert task.load().train.inputs[0].dtype == torch.int64
    example = task.example(5)
    assert isinstance(example, torch.Tensor)
    assert example.shape == (5, 7)
    assert int(example.max()) < 50


def test_several_inputs_become_several_arguments() -> None:
    tokens = RNG.integers(10**6, size=(200, 4))
    task = from_tensors((tokens, tokens > 3), LABELS)
    assert task.input_shape == (2, 4)
    assert [x.dtype for x in task.load().test.inputs] == [torch.int64, torch.float32]
    check_contract(task)


def test_later_changes_of_the_arrays_change_nothing() -> None:
    x, y = X.astype(np.float32), VALUES.astype(np.float32)
    task = from_tensors(**parts(y, x))
    before = task.load().train.inputs[0].clone()
    x[:], y[:] = 0, 0
    assert torch.equal(task.load().train.inputs[0], before)
    assert float(task.load().train.y.abs().sum()) > 0


def test_identities_tell_the_data() -> None:
    task = from_tensors(X, LABELS)
    assert task == from_tensors(torch.tensor(X), LABELS.tolist())
    assert hash(task) == hash(from_tensors(X, LABELS))
    changed = X.copy()
    changed[7, 1] += 1
    for other in (
        from_tensors(changed, LABELS),
        from_tensors(X, 2 - LABELS),
        from_tensors(X, LABELS, seed=1),
        from_tensors(X, LABELS, recipe=Recipe(epochs=3)),
    ):
        assert other.identity() != task.identity()
        assert other != task
    assert from_tensors(X, LABELS, name="mine").identity() == task.identity()


@pytest.mark.parametrize("rows", [200, 9000], ids=["travels along", "is kept in a file"])
def test_workers_get_the_data(rows: int, cache: Path) -> None:
    x = RNG.normal(size=(rows, 3))
    task = from_tensors(x, x[:, 0] > 0)
    packed = pickle.dumps(task)
    assert len(packed) < home.SENT
    assert len(list(cache.glob("tensors-*.npz"))) == (rows > 1000)
    for again in (pickle.loads(packed), pickle.loads(pickle.dumps(pickle.loads(packed)))):
        assert again == task
        assert torch.equal(again.load().test.inputs[0], task.load().test.inputs[0])
        assert again.place("test", 2) == task.place("test", 2)
    assert copy.deepcopy(task).data is task.data


def test_data_travels_along_where_no_file_can_be_kept(cache: Path) -> None:
    cache.write_text("in the way of a folder")
    x = RNG.normal(size=(9000, 3))
    task = from_tensors(x, x[:, 0] > 0)
    assert torch.equal(pickle.loads(pickle.dumps(task)).load().train.y, task.load().train.y)


def test_a_worker_without_the_file_says_so(cache: Path) -> None:
    x = RNG.normal(size=(9000, 3))
    packed = pickle.dumps(from_tensors(x, x[:, 1] > 0))
    for file in cache.iterdir():
        file.unlink()
    with pytest.raises(DataError, match="the same cache folder"):
        pickle.loads(packed).load()


def test_a_search_trains_on_them_and_refuses_other_data(tmp_path: Path) -> None:
    def study(x: Any) -> Study:
        task = from_tensors(x, VALUES, recipe=QUICK)
        return Study(
            SPACE, Training(task), Random(), objectives=["valid_r2"], storage=tmp_path / "s.db"
        )

    best = study(X).run(budget=1).best
    assert best.values["valid_r2"] > 0.5
    with pytest.raises(ResumeError, match="digest"):
        study(X + 1).run(budget=2)


SPACE = from_choices(
    {"width": [8, 16]},
    build=lambda config, task: nn.Sequential(
        nn.Linear(task.input_shape[0], config["width"]),
        nn.ReLU(),
        nn.Linear(config["width"], task.n_outputs),
    ),
)


def test_class_numbers_below_0_are_refused() -> None:
    with pytest.raises(DataError, match=r"y, row 0: class number -1, .* from 0: pass np.unique"):
        from_tensors(X, np.resize([-1, 1], len(X)))


def test_class_numbers_that_do_not_occur_are_a_warning() -> None:
    y = np.resize([1, 2], len(X))
    with pytest.warns(DataWarning, match="up to 2, which makes 3 classes, but no example of 0: "):
        from_tensors(X, y)
    assert from_tensors(X, y, classes=3).n_classes == 3
    assert from_tensors(X, np.unique(y, return_inverse=True)[1]).n_classes == 2


@pytest.mark.parametrize(
    "split", [(0.5, 0.5), (0.9, 0.2, 0.1), "811", (1, 0, 0), None, (1, "a", 0)]
)
def test_splits_that_are_none(split: Any) -> None:
    with pytest.raises(SettingsError, match="split"):
        from_tensors(X, LABELS, split=split)


@pytest.mark.parametrize(
    "odd", [None, 3, "x", [], {}, object(), [[1], [1, 2]], X.astype(complex), [None] * 200]
)
def test_nothing_odd_gets_a_foreign_error(odd: Any) -> None:
    for call in (
        lambda: from_tensors(odd, LABELS),
        lambda: from_tensors(X, odd),
        lambda: from_tensors(train=odd, valid=(X, LABELS), test=(X, LABELS)),
        lambda: from_tensors(train=(odd, LABELS), valid=(X, LABELS), test=(X, LABELS)),
    ):
        with pytest.raises(ArchrankError):
            call()


def test_a_checked_task_can_be_changed() -> None:
    task = replace(from_tensors(X, LABELS), recipe=Recipe(epochs=1))
    assert Training(task).bind(SPACE).evaluate(SPACE.enumerate())["valid_accuracy"].shape == (2,)
