"""Tasks of torch data sets: items, dictionaries, tokens of different lengths, logits."""

from __future__ import annotations

import pickle
from collections import OrderedDict, UserDict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from archrank.errors import ArchrankError, DataError
from archrank.evaluators import Combined, Cost, Training
from archrank.networks.inputs import only_logits, run
from archrank.spaces import from_choices
from archrank.tasks import (
    Augmentation,
    Recipe,
    TensorClassification,
    TensorRegression,
    from_datasets,
    from_tensors,
    read_preprocessing,
)
from archrank.testing import check_task as check_contract

G = torch.Generator().manual_seed(0)
X = torch.randn(90, 3, generator=G)
Y = (X[:, 0] > 0).long()
PAD = 0


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHRANK_CACHE", str(tmp_path / "cache"))


def three(x: Tensor = X, y: Tensor = Y) -> list[TensorDataset]:
    return [TensorDataset(x[r], y[r]) for r in (slice(0, 50), slice(50, 70), slice(70, 90))]


class Texts(Dataset[Any]):
    """Sentences of two to nine tokens, in which the mean token decides; items as of tokenizers."""

    def __init__(self, n: int, seed: int, make: Any = dict) -> None:
        rng = np.random.default_rng(seed)
        self.items = []
        for _ in range(n):
            tokens = rng.integers(1, 20, rng.integers(2, 10))
            mask = np.ones_like(tokens)
            item = {"input_ids": tokens, "labels": int(tokens.mean() > 9.5), "attention_mask": mask}
            self.items.append(make(item))

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, i: int) -> Any:
        return self.items[i]


def test_data_sets_are_the_task_of_their_tensors() -> None:
    task = from_datasets(*three())
    parts = {
        name: data.tensors for name, data in zip(("train", "valid", "test"), three(), strict=True)
    }
    assert task.identity() == from_tensors(**parts).identity()
    assert task.place("valid", 3) == "item 3 of valid"
    check_contract(task)
    lists = [[(x.tolist(), int(y)) for x, y in data] for data in three()]
    assert from_datasets(*lists) == task
    assert type(from_datasets(*three(y=X[:, 0]))) is TensorRegression


def test_without_test_data_half_of_the_valid_items_test() -> None:
    train, valid, _ = three()
    splits = from_datasets(train, valid).load()
    assert [len(s.y) for s in splits] == [50, 10, 10]
    both = torch.cat([splits.valid.inputs[0], splits.test.inputs[0]])
    assert sorted(both.tolist()) == sorted(X[50:70].tolist())
    task = from_datasets(train, valid, seed=1)
    place = task.place("test", 2)
    row = int(place.split()[1])
    assert place == f"item {row} of valid (in test)"
    assert torch.equal(task.load().test.inputs[0][2], X[50 + row])


@pytest.mark.parametrize("make", [dict, OrderedDict, UserDict])
def test_tokens_are_padded_and_trimmed(make: Any) -> None:
    task = from_datasets(Texts(60, 0, make), Texts(40, 1, make), padding=PAD)
    ids, mask = task.load().train.inputs
    texts = Texts(60, 0).items
    assert ids.shape == mask.shape == (60, 9)
    assert [row[row != PAD].tolist() for row in ids] == [t["input_ids"].tolist() for t in texts]
    assert torch.equal(mask, (ids != PAD).long())
    lengths = task.lengths(task.load().train)
    assert lengths is not None
    assert lengths[:, 0].tolist() == [len(t["input_ids"]) for t in texts]
    few = task.cut(task.load().train, [4])
    assert [x.shape for x in few.inputs] == [(60, 4)] * 2
    alone = from_datasets(Texts(60, 0), Texts(40, 1), padding=PAD, inputs="input_ids")
    assert torch.equal(alone.load().train.inputs[0], ids)
    assert alone.input_shape == (9,)
    assert alone.identity()["padding"] == PAD


class Bag(nn.Module):
    """Mean of embeddings; returns an object with logits, as models of transformers do."""

    def __init__(self, width: int, outputs: int, make: Any) -> None:
        super().__init__()
        self.embed, self.out = nn.Embedding(20, width), nn.Linear(width, outputs)
        self.make = make

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Any:
        shown = attention_mask[..., None]
        mean = (self.embed(input_ids) * shown).sum(1) / shown.sum(1)
        return self.make(self.out(mean))


class Loads(nn.Module):
    def __init__(self, make: Any) -> None:
        super().__init__()
        self.make = make

    def forward(self, x: Tensor) -> Any:
        return self.make(x)


def as_object(logits: Tensor) -> Any:
    return SimpleNamespace(logits=logits, loss=None)


def as_dictionary(logits: Tensor) -> Any:
    return {"logits": logits}


@pytest.mark.parametrize("make", [as_object, as_dictionary])
def test_networks_may_return_objects_with_logits(make: Any) -> None:
    recipe = Recipe(epochs=12, batch_tokens=60, optimizer="adamw", lr=0.05)
    task = from_datasets(Texts(200, 0), Texts(100, 1), padding=PAD, recipe=recipe)

    def space_of(made: Any) -> Any:
        return from_choices(
            {"width": [4, 8]},
            build=lambda config, task: Bag(config["width"], task.n_outputs, made),
        )

    found = []
    for made in (make, lambda logits: logits):
        space = space_of(made)
        both = Combined(Training(task), Cost()).bind(space)
        found.append(both.evaluate(space.enumerate()[1:]))
    assert found[0]["valid_accuracy"] > 0.8
    assert found[0]["params"].tolist() == [20 * 8 + 8 * 2 + 2]
    for name in ("valid_accuracy", "valid_loss", "macs"):
        assert found[0][name].tolist() == found[1][name].tolist()


def test_logits_of_sequences_have_classes_second() -> None:
    x = torch.randn(2, 5, 7)
    assert torch.equal(run(Loads(as_object), x), x.transpose(1, 2))
    assert torch.equal(run(Loads(lambda y: y), x), x)
    assert torch.equal(run(Loads(as_object), x[0]), x[0])
    pair = (x, x)
    assert only_logits(pair) is pair


def test_regressions_take_logits_too() -> None:
    task = from_datasets(*three(y=X[:, 0]), recipe=Recipe(epochs=1))

    class Net(nn.Linear):
        def forward(self, x: Tensor) -> Any:
            return as_object(super().forward(x))

    space = from_choices({"bias": [False, True]}, build=lambda c, t: Net(3, 1, bias=c["bias"]))
    assert np.isfinite(Training(task).bind(space).evaluate(space.enumerate())["valid_rmse"]).all()


def test_images_are_augmented_and_classes_named() -> None:
    images = torch.rand(90, 1, 4, 4, generator=G)
    train, valid, test = three(images)
    train.classes = ["down", "up"]  # type: ignore[attr-defined]
    task = from_datasets(train, valid, test, augmentation=Augmentation(flip=True))
    assert isinstance(task, TensorClassification)
    assert task.class_names == ("down", "up")
    check_contract(task)
    x = task.load().train.inputs[0]
    changed = task.augment(x, torch.Generator().manual_seed(0))
    flipped = (changed != x).flatten(1).any(1)
    assert 10 < int(flipped.sum()) < 40
    assert torch.equal(changed[flipped], x[flipped].flip(3))


def test_names_of_classes_and_padding_are_kept(tmp_path: Path) -> None:
    task = from_datasets(Texts(60, 0), Texts(40, 1), padding=PAD, classes=["low", "high"])
    (content,) = task.kept_files().values()
    (tmp_path / "preprocessing.json").write_bytes(content)
    found = read_preprocessing(tmp_path)
    assert found.decode(as_object(torch.eye(2))).tolist() == ["low", "high"]
    assert isinstance(found.encode([[1, 2], [3, 4]]), Tensor)
    assert from_datasets(*three()).kept_files() == {}


def test_workers_get_the_items() -> None:
    task = from_datasets(Texts(60, 0), Texts(40, 1), padding=PAD)
    again = pickle.loads(pickle.dumps(task))
    assert again == task
    assert again.place("test", 1) == task.place("test", 1)


class Stream(IterableDataset[Any]):
    def __iter__(self) -> Any:
        return iter(three()[0])


class Random(Dataset[Any]):
    def __len__(self) -> int:
        return 9

    def __getitem__(self, i: int) -> Any:
        return torch.randn(3), i % 2


class Broken(Dataset[Any]):
    def __len__(self) -> int:
        return 9

    def __getitem__(self, i: int) -> Any:
        if i == 4:
            raise OSError("no such picture")
        return X[i], Y[i]


def picture() -> Any:
    from PIL import Image

    return [(Image.new("L", (4, 4)), 1)] * 9


GOOD = three()[0]


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (
            lambda: from_datasets(Stream(), GOOD),
            r"train is a Stream, .* only be iterated over.*list\(train\)",
        ),
        (lambda: from_datasets(DataLoader(GOOD), GOOD), r"DataLoader: pass .* train\.dataset"),
        (lambda: from_datasets(GOOD, 7), "valid is 7, expected a data set"),
        (lambda: from_datasets(GOOD, []), "valid has no items"),
        (lambda: from_datasets(GOOD, Broken()), "item 4 of valid cannot be read: .*no such"),
        (lambda: from_datasets(Random(), GOOD), "item 0 of train is another one each time"),
        (lambda: from_datasets(picture(), GOOD), "item 0 of train: x is a picture"),
        (lambda: from_datasets([3, 4], GOOD), "item 0 of train is 3, expected"),
        (lambda: from_datasets([("a", 1)] * 4, GOOD), "x is 'a'"),
        (
            lambda: from_datasets(Texts(9, 0), Texts(9, 1)),
            "item 2 of train has . tokens, item 0 of train has .: .*padding=0",
        ),
        (lambda: from_datasets([{"x": 1, "z": 2}] * 9, GOOD), "has the keys .* labels, label"),
        (
            lambda: from_datasets(Texts(9, 0), Texts(9, 1), inputs=["ids"], padding=0),
            "no input 'ids'",
        ),
        (lambda: from_datasets(GOOD, [(X[0, :2], 1)] * 4), r"item 0 of valid has the shape \(2,\)"),
        (lambda: from_datasets(GOOD, GOOD, padding=0), "padding is 0, but the first input"),
        (lambda: from_datasets(GOOD, GOOD, padding="<pad>"), "padding is '<pad>'"),
        (
            lambda: from_datasets(GOOD, GOOD, augmentation=Augmentation(flip=True)),
            "augmentation changes images",
        ),
        (lambda: from_datasets(GOOD, [(X[0], 1)]), "cannot be halved"),
        (lambda: from_datasets(GOOD, GOOD, inputs=3), "inputs is 3"),  # type: ignore[arg-type]
        (lambda: from_datasets([(X[0], 1), (X[1], "a")], GOOD), "target of item 0 is 1, that of"),
    ],
)
def test_mistakes_are_named(make: Any, told: str) -> None:
    with pytest.raises(ArchrankError, match=told):
        make()


def test_faults_name_the_item() -> None:
    broken = X.clone()
    broken[52, 1] = torch.nan
    with pytest.raises(DataError, match="inputs of item 2 of valid, place 1: nan"):
        from_datasets(*three(broken))
    with pytest.raises(
        DataError, match=r"item \d of train has the class 2, but there are 2 classes"
    ):
        from_datasets(*three(y=Y + 1), classes=2)
