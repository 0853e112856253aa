"""Tables as people have them: a column per choice, or architectures in any form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import archrank as ar
from archrank.errors import ArchrankError, ArgumentError, TableError, UnknownNameError
from archrank.rankers import GaussianProcess
from archrank.tables.own import read_table

CHOICES = ["depth", "width", "act", "kernel 2"]


def frame(n: int = 60, seed: int = 0) -> pd.DataFrame:
    """Different architectures whose second kernel exists where there are two layers."""
    rng = np.random.default_rng(seed)
    found = pd.DataFrame(
        {
            "accuracy": 0.0,
            "width": rng.choice([8, 16, 32, 64], n),
            "act": rng.choice(["relu", "silu", "[1, 2]"], n),
            "depth": rng.choice([1, 2], n),
            "kernel 2": rng.choice([3.0, 5.0, 7.0], n),
            "dropout": 0.1,
        }
    )
    found.loc[found.depth == 1, "kernel 2"] = np.nan
    found["accuracy"] = found.depth * 0.2 + np.log2(found.width) / 20 + 0.01 * (found.act == "relu")
    return found.drop_duplicates(["depth", "width", "act", "kernel 2"]).reset_index(drop=True)


@pytest.mark.parametrize("kind", ["frame", "csv", "parquet"])
def test_a_column_per_choice(kind: str, tmp_path: Path) -> None:
    rows = frame()
    source: Any = rows
    if kind == "csv":
        rows.to_csv(source := tmp_path / "my-runs.csv", index=False)
    if kind == "parquet":
        rows.to_parquet(source := tmp_path / "my-runs.parquet")
    table = read_table(source, CHOICES, "accuracy")
    space, archs, scores = table
    assert {c.name: c.options for c in space.choices} == {
        "depth": (1, 2),
        "width": (8, 16, 32, 64),
        "act": ("[1; 2]", "relu", "silu"),
        "kernel_2": (3, 5, 7),
    }
    assert space.size == 12 + 36
    assert space.name == ("the_data_frame" if kind == "frame" else "my_runs")
    for arch, (_, row) in zip(archs, rows.iterrows(), strict=True):
        config = space.config(arch)
        assert (config["depth"], config["width"]) == (row.depth, row.width)
        assert config.get("kernel_2", np.nan) == pytest.approx(row["kernel 2"], nan_ok=True)
    assert scores.tolist() == rows.accuracy.tolist()
    assert table.table.raw.label.endswith("frame" if kind == "frame" else kind)


def test_minimised_targets_failures_and_constants() -> None:
    rows = frame()
    rows["latency_ms"] = rows.width / 8
    rows.loc[[1, 4], "latency_ms"] = np.nan
    rows.loc[2, "latency_ms"] = np.inf
    table = read_table(rows, [*CHOICES, "dropout"], "latency_ms")
    assert (len(table), len(table.failed)) == (len(rows) - 3, 3)
    assert (table.values == -table.scores).all()
    assert table.constant == ("dropout",)
    assert "3 failed" in str(table)
    assert "the same everywhere: dropout" in str(table)
    assert "latency_ms (minimize)" in str(table)


def test_candidates_are_those_that_were_not_measured() -> None:
    rows = frame()
    rows.loc[0, "accuracy"] = np.nan
    table = read_table(rows, CHOICES, "accuracy")
    rest = table.unmeasured()
    assert len(rest) == table.space.size - len(rows)
    everything = np.concatenate([table.archs, table.failed, rest])
    assert len(np.unique(everything, axis=0)) == table.space.size
    assert len(table.unmeasured(3)) == 3
    large = pd.DataFrame({f"c{i}": [0, 1, 2] for i in range(20)} | {"score": [1, 2, 3]})
    some = read_table(large, [f"c{i}" for i in range(20)], "score").unmeasured(50, seed=1)
    assert len(np.unique(some, axis=0)) == 50


def test_duplicates_are_averaged_on_request(tmp_path: Path) -> None:
    rows = frame()
    twice = pd.concat([rows, rows.head(3).assign(accuracy=[0.5, np.nan, 0.7])], ignore_index=True)
    twice.to_csv(path := tmp_path / "t.csv", index=False)
    message = (
        rf"row 0 \(line 2\) and row {len(rows)} \(line {len(rows) + 2}\) are the same.*average"
    )
    with pytest.raises(TableError, match=message):
        read_table(path, CHOICES, "accuracy")
    table = read_table(path, CHOICES, "accuracy", average=True)
    assert table.archs.tolist() == read_table(rows, CHOICES, "accuracy").archs.tolist()
    expected = rows.accuracy.to_numpy().copy()
    expected[[0, 2]] = [(expected[0] + 0.5) / 2, (expected[2] + 0.7) / 2]
    assert table.scores == pytest.approx(expected)


def test_a_column_of_architectures_in_any_form() -> None:
    made = read_table(frame(), CHOICES, "accuracy")
    space = made.space
    configs = [space.config(arch) for arch in made.archs]
    forms = {
        "strings": space.format(made.archs),
        "any order": [",".join(f"{k}={v}" for k, v in reversed(c.items())) for c in configs],
        "json": [json.dumps(dict(reversed(c.items()))) for c in configs],
        "numbers": space.index(made.archs).tolist(),
    }
    for column in forms.values():
        rows = pd.DataFrame({"arch": column, "accuracy": made.scores})
        found = read_table(rows, target="accuracy", space=space)
        assert found.archs.tolist() == made.archs.tolist()
    renamed = frame()[["kernel 2", "act", "accuracy", "width", "depth"]]
    again = read_table(renamed, renamed.columns.drop("accuracy").tolist(), "accuracy", space=space)
    assert again.archs.tolist() == made.archs.tolist()


def test_averages_and_other_continuous_numbers_lie_on_a_grid() -> None:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(
        {"mean_heads": rng.uniform(2, 8, 600), "lr": 10 ** rng.uniform(-5, -1, 600)}
    )
    rows["score"] = rows.mean_heads - np.log10(rows.lr)
    table = read_table(rows, ["mean_heads", "lr"], "score", average=True)
    heads, rates = (np.array(c.options) for c in table.space.choices)
    assert len(heads) == len(rates) == 256
    first = table.archs[0]
    assert abs(heads[first[0]] - rows.mean_heads[0]) <= np.diff(heads).max() / 2
    assert np.allclose(np.diff(np.log(rates)), np.log(rates[1] / rates[0]), atol=1e-4)


def test_a_grid_has_the_ends_of_large_numbers() -> None:
    macs = np.sort(np.random.default_rng(0).integers(122_629_914_624, 122_629_999_999, 400))
    rows = pd.DataFrame({"macs": macs, "accuracy": np.linspace(0, 1, 400)})
    table = read_table(rows, ["macs"], "accuracy", average=True)
    options = table.space.choices[0].options
    assert (options[0], options[-1]) == (macs[0], macs[-1])
    assert len(set(options)) == 256


def test_rows_are_chosen_by_values_however_they_are_typed() -> None:
    rows = frame()
    expected = (rows.depth == 2).sum()
    for value in (2, 2.0, "2", np.int64(2)):
        table = read_table(rows, CHOICES, "accuracy", where={"depth": value})
        assert len(table) == expected
        assert table.constant == ("depth",)


def test_choices_are_any_list_of_names() -> None:
    rows = frame()
    expected = read_table(rows, CHOICES, "accuracy").archs.tolist()
    for choices in (tuple(CHOICES), pd.Index(CHOICES), np.array(CHOICES), iter(CHOICES)):
        assert read_table(rows, choices, "accuracy").archs.tolist() == expected
    numbered = rows.set_axis(["accuracy", 1, 2, 3, 4, 5], axis=1)
    assert read_table(numbered, [3, 1, 2, 4], "accuracy").archs.tolist() == expected  # type: ignore[list-item]


def test_files_of_other_programs_are_told(tmp_path: Path) -> None:
    (path := tmp_path / "runs.xlsx").write_bytes(b"PK\x03\x04 and more")
    with pytest.raises(TableError, match=r"\.xlsx files are not read; save the table as CSV"):
        read_table(path, CHOICES, "accuracy")


def test_published_averages_are_choices_as_they_are(tmp_path: Path) -> None:
    names = ["encoder_embed_dim", "encoder_layer_num", "encoder_ffn_embed_dim_avg"]
    names += ["encoder_self_attention_heads_avg", "decoder_embed_dim", "decoder_layer_num"]
    names += ["decoder_ffn_embed_dim_avg", "decoder_self_attention_heads_avg"]
    names += ["decoder_ende_attention_heads_avg", "decoder_arbitrary_ende_attn_avg"]
    rows = pd.DataFrame(np.random.default_rng(0).integers(1, 4, (20, 10)), columns=names)
    rows["latency_ms"] = rows.sum(axis=1)
    rows.to_csv(path := tmp_path / "hat.csv", index=False)
    table = read_table(path, names, "latency_ms", average=True)
    assert [c.name for c in table.space.choices] == names


def test_rankers_fit_data_frames() -> None:
    rows = frame()
    table = read_table(rows, CHOICES, "accuracy")
    by_frame = GaussianProcess(table.space).fit(rows[CHOICES], rows["accuracy"])
    by_rows = GaussianProcess(table.space).fit(table.archs, table.scores)
    mean, std = by_frame.predict(rows.iloc[::-1], return_std=True)
    assert np.array_equal(mean, by_rows.predict(table.archs[::-1]))
    assert std.shape == mean.shape
    assert by_frame.score(rows, rows["accuracy"]) > 0.9


def test_networks_are_not_known_from_a_table() -> None:
    table = ar.read_table(frame(), CHOICES, "accuracy")
    with pytest.raises(ArchrankError, match="a table does not tell what its networks are"):
        table.space.networks(ar.tasks.digits()).build(table.archs[0])


BAD: list[tuple[Any, dict[str, Any], type[ArchrankError], str]] = [
    (frame(), {"choices": CHOICES}, TableError, "name the column to rank by"),
    (frame(), {"choices": CHOICES, "target": "acc"}, UnknownNameError, "unknown column 'acc'"),
    (
        frame(),
        {"choices": ["dept"], "target": "accuracy"},
        UnknownNameError,
        "did you mean 'depth'",
    ),
    (frame(), {"choices": "depth", "target": "accuracy"}, TableError, "choices are a list of col"),
    (frame(), {"choices": ["depth", "depth"], "target": "accuracy"}, TableError, "named twice"),
    (frame(), {"target": "accuracy"}, TableError, r"choices=\[\.\.\.\]; the columns are accuracy"),
    (frame(), {"choices": ["kernel 2"], "target": "accuracy"}, TableError, "no other choice tells"),
    (frame(), {"choices": CHOICES, "target": "act"}, TableError, "it is one of both"),
    (frame(), {"choices": ["depth"], "target": "act", "average": True}, TableError, "not a number"),
    (frame(), {"choices": 5, "target": "accuracy"}, TableError, "a list of columns, .*got 5"),
    (frame(), {"choices": {"depth": [1]}, "target": "accuracy"}, TableError, r"got \{'depth'"),
    (frame(), {"choices": CHOICES, "target": 5}, ArgumentError, "target is 5, expected a text"),
    (
        frame(),
        {"choices": CHOICES, "target": "accuracy", "where": "depth=1"},
        TableError,
        "where is .*got 'depth=1'",
    ),
    (
        frame(),
        {"choices": CHOICES, "target": "accuracy", "average": "yes"},
        TableError,
        "average is True or False, got 'yes'",
    ),
    (
        frame(),
        {"choices": CHOICES, "target": "accuracy", "space": "nasbench201"},
        ArgumentError,
        "space is 'nasbench201', expected an archrank Space",
    ),
    ("runs.xlsx", {"choices": CHOICES, "target": "x"}, TableError, "there is no such file"),
    ([1, 2], {"choices": CHOICES, "target": "x"}, TableError, "a table is a file or a pandas"),
    (frame().head(0), {"choices": CHOICES, "target": "x"}, TableError, "has no rows"),
    ("none.csv", {"choices": CHOICES, "target": "x"}, TableError, "there is no such file"),
    (
        frame().assign(pixels=1.5),
        {"choices": CHOICES, "target": "pixels"},
        ArchrankError,
        "pixels:minimize or pixels:maximize",
    ),
    (
        frame().assign(accuracy=np.nan),
        {"choices": CHOICES, "target": "accuracy"},
        TableError,
        "no row has a value",
    ),
    (
        frame()
        .assign(name=[f"run{i}" for i in range(len(frame()))])
        .pipe(lambda f: pd.concat([f] * 9, ignore_index=True))
        .assign(name=lambda f: f.index.map("r{}".format)),
        {"choices": ["name"], "target": "accuracy"},
        TableError,
        "306 different texts, such as .*Is it a name.* Give each of its parts a column",
    ),
]


@pytest.mark.parametrize(("table", "arguments", "error", "message"), BAD)
def test_what_cannot_be_read(
    table: Any, arguments: dict[str, Any], error: type[ArchrankError], message: str
) -> None:
    with pytest.raises(error, match=message):
        read_table(table, **arguments)


def test_cells_that_are_no_option_of_a_given_space() -> None:
    space = read_table(frame(), CHOICES, "accuracy").space
    rows = frame()
    rows.loc[5, "width"] = 9
    with pytest.raises(TableError, match=r"column 'width', row 5: 9 is none of the options 8\|16"):
        read_table(rows, CHOICES, "accuracy", space=space)
    rows = frame()
    rows["kernel 2"] = 3.0
    with pytest.raises(TableError, match=r"'kernel 2', row .* has a value, though"):
        read_table(rows, CHOICES, "accuracy", space=space)
