"""Tasks of data frames: kinds, scaling on training rows, splits, missing values, new rows."""

from __future__ import annotations

import json
import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from torch import nn

from archrank.errors import ArchrankError, DataError, DataWarning, SettingsError, StorageError
from archrank.tasks import (
    TableClassification,
    TableRegression,
    from_dataframe,
    read_preprocessing,
)
from archrank.testing import check_task as check_contract

RNG = np.random.default_rng(0)
N = 120
FRAME = pd.DataFrame(
    {
        "mass": RNG.normal(4000, 800, N),
        "age": RNG.integers(1, 9, N),
        "island": RNG.choice(["Biscoe", "Dream", "Torgersen"], N),
        "wet": RNG.random(N) < 0.5,
        "size": pd.Categorical(RNG.choice(["S", "M"], N), categories=["S", "M", "L"]),
    }
)
FRAME["species"] = np.where(FRAME["mass"] > 4200, "Gentoo", "Adelie")
FRAME["price"] = 10_000 * FRAME["mass"] + 500


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHRANK_CACHE", str(tmp_path / "cache"))


def with_value(column: str, row: int, value: Any) -> pd.DataFrame:
    frame = FRAME.copy()
    frame[column] = frame[column].astype(object)
    frame.loc[row, column] = value
    return frame


def test_columns_become_one_matrix_as_scikit_learn_makes_it() -> None:
    task = from_dataframe(FRAME, target="species", leave_out=["price"], seed=1)
    rows = [int(w) for i in range(96) for w in task.place("train", i).split() if w.isdigit()]
    train = FRAME.iloc[rows]
    numbers = StandardScaler().fit_transform(train[["mass", "age"]])
    island = OneHotEncoder(sparse_output=False).fit_transform(train[["island"]])
    size = np.stack([train["size"] == value for value in ("S", "M", "L")], 1)
    expected = np.column_stack([numbers, island, train["wet"], size])
    assert torch.allclose(task.load().train.inputs[0], torch.tensor(expected).float(), atol=1e-6)
    assert task.input_shape == (9,)
    assert task.features == [
        *("mass", "age", "island=Biscoe", "island=Dream", "island=Torgersen", "wet"),
        *("size=S", "size=M", "size=L"),
    ]


@pytest.mark.parametrize(
    ("target", "settings", "family", "outputs"),
    [
        ("species", {}, TableClassification, 2),
        ("wet", {}, TableClassification, 2),
        ("age", {}, TableClassification, 8),
        ("size", {"classes": ["S", "M", "L"]}, TableClassification, 3),
        ("price", {}, TableRegression, 1),
        ("age", {"kind": "regression"}, TableRegression, 1),
        (["price", "mass"], {}, TableRegression, 2),
    ],
)
def test_the_kind_follows_from_the_target(
    target: Any, settings: Any, family: type, outputs: int
) -> None:
    task = from_dataframe(FRAME, target=target, **settings)
    assert type(task) is family
    assert task.n_outputs == outputs
    check_contract(task)


def test_classes_have_the_same_shares_in_every_part() -> None:
    frame = pd.DataFrame({"x": np.arange(200.0), "y": ["a"] * 150 + ["b"] * 40 + ["c"] * 10})
    for seed in range(3):
        splits = from_dataframe(frame, target="y", split=(0.6, 0.2, 0.2), seed=seed).load()
        counts = [torch.bincount(split.y, minlength=3).tolist() for split in splits]
        assert counts == [[90, 24, 6], [30, 8, 2], [30, 8, 2]]


def test_rare_classes_are_trained_with() -> None:
    frame = pd.DataFrame({"x": np.arange(30.0), "y": list("ab" * 13) + list("cdef")})
    for seed in range(5):
        train = from_dataframe(frame, target="y", split=(0.4, 0.3, 0.3), seed=seed).load().train
        assert sorted(set(train.y.tolist())) == [0, 1, 2, 3, 4, 5]


def test_a_column_says_the_part_and_is_no_input() -> None:
    frame = FRAME.assign(part=["train", "val", "Test"] * (N // 3))
    task = from_dataframe(frame, target="species", split="part")
    assert [len(s.y) for s in task.load()] == [40, 40, 40]
    assert "part" not in " ".join(task.features)
    assert task.place("valid", 2) == "row 7 of the data (in valid)"


def test_given_frames_are_scaled_by_the_training_rows_alone() -> None:
    parts = {"train": FRAME[:60], "valid": FRAME[60:90], "test": FRAME[90:]}
    task = from_dataframe(**parts, target="price")
    y = FRAME["price"].to_numpy()
    expected = (y[60:90] - y[:60].mean()) / y[:60].std()
    assert np.allclose(task.load().valid.y, expected, atol=1e-5)
    assert task.place("test", 3) == "row 3 of test"


def test_errors_are_in_the_unit_of_the_target() -> None:
    task = from_dataframe(FRAME, target="price")
    data = task.load().valid
    meter = task.meter()
    meter.update(torch.zeros(len(data.y), 1), data.y)  # the mean of the training rows
    y = task.preprocessing.decode(data.y)
    error = y - task.preprocessing.mean[0]
    found = meter.compute()
    assert found["rmse"] == pytest.approx(np.sqrt((error**2).mean()), rel=1e-5)
    assert found["mae"] == pytest.approx(np.abs(error).mean(), rel=1e-5)
    assert found["loss"] == pytest.approx(float(data.y.square().mean()), rel=1e-5)


def test_missing_values_are_an_error_or_an_input() -> None:
    frame = with_value("mass", 17, None)
    with pytest.raises(DataError, match=r"column 'mass' has no value in row 17: .*indicate"):
        from_dataframe(frame, target="species")
    frame.loc[3, "island"] = np.nan
    task = from_dataframe(frame, target="species", missing="indicate")
    places = {name: task.features.index(f"{name} is missing") for name in ("mass", "island")}
    x = torch.cat([split.inputs[0] for split in task.load()])
    rows = [int(task.place(s, i).split()[1]) for s in ("train", "valid", "test")
            for i in range(len(getattr(task.load(), s).y))]  # fmt: skip
    for name, row in (("mass", 17), ("island", 3)):
        assert x[:, places[name]].nonzero().flatten().tolist() == [rows.index(row)]
    assert float(x[rows.index(17), task.features.index("mass")]) == 0
    islands = [task.features.index(f"island={name}") for name in ("Biscoe", "Dream", "Torgersen")]
    assert float(x[rows.index(3), islands].sum()) == 0


def test_numbers_can_be_categories() -> None:
    task = from_dataframe(FRAME, target="species", categories=["age"])
    assert [f for f in task.features if "age" in f] == [f"age={i}" for i in range(1, 9)]
    floats = FRAME.assign(age=FRAME["age"].astype(float))
    assert torch.equal(task.preprocessing.encode(floats), task.preprocessing.encode(FRAME))


def test_the_file_makes_the_same_inputs_of_new_rows(tmp_path: Path) -> None:
    task = from_dataframe(FRAME, target="species", leave_out=["price"])
    for name, content in task.kept_files().items():
        (tmp_path / name).write_bytes(content)
    found = read_preprocessing(tmp_path)
    assert found == task.preprocessing
    new = FRAME.drop(columns=["species", "price"])[::-1].iloc[:, ::-1]
    assert torch.equal(found.encode(new).flip(0), task.preprocessing.encode(FRAME))
    assert found.decode(torch.tensor([[0.1, 0.9], [2.0, 1.0]])).tolist() == ["Gentoo", "Adelie"]
    assert json.loads((tmp_path / "preprocessing.json").read_text())["classes"] == [
        "Adelie",
        "Gentoo",
    ]


def test_unknown_categories_are_zeros_and_a_warning() -> None:
    task = from_dataframe(FRAME, target="species")
    with pytest.warns(DataWarning, match=r"'island' .* 'Cormorant' in row 5 \(1 in all\)"):
        x = task.preprocessing.encode(with_value("island", 5, "Cormorant"))
    assert float(x[5, 2:5].sum()) == 0


def test_files_are_read(tmp_path: Path) -> None:
    task = from_dataframe(FRAME, target="species")
    for name in ("a.csv", "b.parquet", "c.tsv", "numbered.csv"):
        path = tmp_path / name
        if name.endswith("parquet"):
            FRAME.to_parquet(path)
        else:
            FRAME.to_csv(path, index=name == "numbered.csv", sep="\t" if name[0] == "c" else ",")
        found = from_dataframe(path, target="species", classes=task.class_names)
        assert found.place("test", 0).replace(name, "the data") == task.place("test", 0)
        assert torch.allclose(
            found.load().train.inputs[0][:, :5], task.load().train.inputs[0][:, :5]
        )


def test_workers_get_the_task_and_identities_tell_its_columns() -> None:
    task = from_dataframe(FRAME, target="species")
    again = pickle.loads(pickle.dumps(task))
    assert again == task
    assert again.identity() == task.identity()
    assert again.place("test", 1) == task.place("test", 1)
    renamed = from_dataframe(FRAME.rename(columns={"wet": "damp"}), target="species")
    assert renamed.identity() != task.identity()
    assert not any("/" in value for value in map(str, task.identity().values()))


def test_equal_columns_and_numbers_without_spread_do_no_harm() -> None:
    task = from_dataframe(FRAME.assign(one=7.0), target="species")
    x = task.load().train.inputs[0]
    assert float(x[:, task.features.index("one")].abs().max()) == 0
    network = nn.Linear(*task.input_shape, task.n_outputs)
    assert torch.isfinite(task.loss(network(x), task.load().train.y))


@pytest.mark.parametrize("n", range(30, 60, 7))
def test_equal_numbers_have_no_scale_however_their_mean_is_rounded(n: int) -> None:
    train, valid, test = FRAME[:n].assign(one=0.1), FRAME[n:90].assign(one=0.2), FRAME[90:]
    parts = {"train": train, "valid": valid, "test": test.assign(one=0.2)}
    task = from_dataframe(**parts, target="species")
    x = task.load().valid.inputs[0][:, task.features.index("one")]
    assert float(x.max()) == pytest.approx(0.1)


MISTAKES: list[tuple[Any, str]] = [
    (lambda: from_dataframe(FRAME, target="speces"), "no column 'speces'"),
    (lambda: from_dataframe(FRAME, target=[]), "target is"),
    (lambda: from_dataframe(None, target="species"), "neither"),
    (lambda: from_dataframe(FRAME, target="species", train=FRAME), "both"),
    (lambda: from_dataframe(train=FRAME, target="species"), "lacks valid and test"),
    (
        lambda: from_dataframe(
            train=FRAME, valid=FRAME.drop(columns="mass"), test=FRAME, target="species"
        ),
        "valid lacks the column 'mass'",
    ),
    (lambda: from_dataframe([1, 2], target="species"), "expected a pandas data frame"),
    (lambda: from_dataframe("none.csv", target="species"), "none.csv does not exist"),
    (lambda: from_dataframe("none.xlsx", target="species"), "no known ending"),
    (lambda: from_dataframe(FRAME[:0], target="species"), "no rows"),
    (
        lambda: from_dataframe(FRAME.assign(day=pd.Timestamp("2020-01-01")), target="species"),
        "'day' has values of the type datetime64",
    ),
    (
        lambda: from_dataframe(with_value("mass", 4, "heavy"), target="species"),
        "'mass' mixes values .* 'heavy' in row 4",
    ),
    (
        lambda: from_dataframe(with_value("mass", 4, np.inf), target="species"),
        "'mass' holds inf in row 4",
    ),
    (
        lambda: from_dataframe(
            FRAME.assign(name=[f"n{i}" for i in range(N)]),
            target="species",
            split=(0.9, 0.05, 0.05),
        ),
        "'name' has 108 different texts, such as 'n0': leave it out",
    ),
    (lambda: from_dataframe(with_value("species", 9, None), target="species"), "row 9"),
    (
        lambda: from_dataframe(FRAME.assign(n=range(N)), target="n"),
        "120 different whole numbers: say kind",
    ),
    (lambda: from_dataframe(FRAME.assign(y="a"), target="y"), "one class alone, 'a'"),
    (lambda: from_dataframe(FRAME, target="species", classes=["Adelie", "x"]), "row .*'Gentoo'"),
    (lambda: from_dataframe(FRAME, target="species", kind="sorting"), "kind is 'sorting'"),
    (lambda: from_dataframe(FRAME, target="price", kind="classification"), "is no class"),
    (lambda: from_dataframe(FRAME, target="species", kind="regression"), "'species' holds"),
    (lambda: from_dataframe(FRAME, target="price", classes=["a", "b"]), "numbers to predict"),
    (lambda: from_dataframe(FRAME, target="species", missing="drop"), "missing is 'drop'"),
    (lambda: from_dataframe(FRAME, target="species", leave_out=["id"]), "leave_out names"),
    (lambda: from_dataframe(FRAME, target="species", categories="species"), "is the target"),
    (lambda: from_dataframe(FRAME, target="species", split="part"), "split names the column"),
    (lambda: from_dataframe(FRAME, target="species", split="island"), "row 0: column 'island'"),
    (lambda: from_dataframe(FRAME, target="species", split=(1, 1, 1)), "add up to 1"),
    (lambda: from_dataframe(FRAME[["species"]], target="species"), "no columns but the target"),
    (lambda: from_dataframe(FRAME, target="species", recipe={"epochs": 3}), "recipe is"),
    (lambda: from_dataframe(FRAME, target=["age", "age"]), "names a column twice"),
    (lambda: from_dataframe(FRAME.assign(y=1.5), target="y"), "'y' are all equal"),
    (lambda: from_dataframe(FRAME.assign(y=0.1), target="y"), "'y' are all equal"),
    (
        lambda: from_dataframe(FRAME.assign(pair=[[1, 2]] * N), target="species"),
        "'pair' has values of the type list",
    ),
    (lambda: from_dataframe(FRAME.assign(y=FRAME["mass"] * 1e300), target="y"), "too large"),
    (
        lambda: from_dataframe(FRAME.assign(y=pd.date_range("2020", periods=N)), target="y"),
        "'y' has values of the type datetime64",
    ),
]


@pytest.mark.parametrize(("make", "told"), MISTAKES, ids=[told for _, told in MISTAKES])
def test_mistakes_are_named(make: Any, told: str) -> None:
    with pytest.raises(ArchrankError, match=told):
        make()


def test_new_rows_that_do_not_fit() -> None:
    known = from_dataframe(FRAME, target="species").preprocessing
    with pytest.raises(DataError, match="lacks the column 'mass'"):
        known.encode(FRAME.drop(columns="mass"))
    with pytest.raises(DataError, match="'age' has no value in rows 1, 2"):
        known.encode(FRAME.assign(age=[1, None, None] + [2] * (N - 3)))
    with pytest.raises(DataError, match="'wet' holds 7 in rows 0, 1, 2 and 117 more"):
        known.encode(FRAME.assign(wet=7))
    with pytest.raises(DataError, match=r"outputs have the shape \(4, 3\)"):
        known.decode(np.zeros((4, 3)))


@pytest.mark.parametrize("odd", [None, 3, {}, [], object(), "x", b"x", ["a"], np.zeros(3)])
def test_nothing_odd_gets_a_foreign_error(odd: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for call in (
            lambda: from_dataframe(odd, target="species"),
            lambda: from_dataframe(train=odd, valid=FRAME, test=FRAME, target="species"),
            lambda: from_dataframe(FRAME, target=odd),
        ):
            with pytest.raises(ArchrankError):
                call()


def test_damaged_files(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="no preprocessing in"):
        read_preprocessing(tmp_path)
    file = tmp_path / "preprocessing.json"
    for content, told in (
        ('{"format": 9, "kind": "table"}', "format 9"),
        ('{"format": 1, "kind": "os"}', "kind 'os'"),
        ('{"format": 1, "kind": "table", "columns": 3, "targets": []}', "columns"),
        ("{", "preprocessing"),
    ):
        file.write_text(content)
        with pytest.raises(StorageError, match=told):
            read_preprocessing(file)


def test_settings_are_refused_before_files_are_read() -> None:
    with pytest.raises(SettingsError):
        from_dataframe("none.csv", target="species", missing="no")
