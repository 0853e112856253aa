"""Another table teaches, and rankers of the assessed one are helped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kendalltau

from archrank.assess import assess
from archrank.errors import LabelError, ResumeError, SettingsError, SpaceError, UnknownNameError
from archrank.rankers import AcrossSpaces, Transferred
from archrank.spaces import HAT, NASBench201, TransNAS101Micro
from archrank.tables import BenchTable, load_table
from tests.assess.helpers import Linear

SPACE = TransNAS101Micro()


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Cells of another space whose convolutions are good; two are not measured."""
    archs = SPACE.sample(150, rng=np.random.default_rng(5))
    archs = np.unique(archs, axis=0)
    worth = (np.array([0.0, 1.0, 2.0, 3.0])[archs] * SPACE.live(archs)).sum(axis=1)
    lines = ["arch,accuracy,loss"]
    for i, (name, value) in enumerate(zip(SPACE.format(archs), worth, strict=True)):
        lines.append(f"{name},{'' if i < 2 else value},{-value}")
    path = tmp_path_factory.mktemp("source") / "cells.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_against_the_parts(source: Path, table: BenchTable, space: NASBench201) -> None:
    found = assess(
        *(table, {"linear": Linear(space)}),
        labels="val",
        truth="test",
        train_sizes=[20],
        seeds=2,
        weak=["proxy"],
        transfer=f"{source}:accuracy",
        transfer_space=SPACE,
    )
    assert found.rankers == ("linear", "linear+transfer")
    other = load_table(source, SPACE)
    y = other.column("accuracy")
    known = np.isfinite(y)
    across = AcrossSpaces(SPACE).fit(other.archs[known], y[known])
    test = table.column("test")
    cost = space.cost(table.archs)
    oracle = {
        "transfer": across.predict(space, table.archs),
        "params": cost["params"],
        "macs": cost["macs"],
        "proxy": table.column("proxy"),
    }
    taus = {row["score"]: row["tau"] for row in found.without_labels}
    assert taus == pytest.approx({k: kendalltau(v, test).statistic for k, v in oracle.items()})
    rows = np.random.default_rng([1, 0]).permutation(len(table))[:20]
    seed = int(np.random.SeedSequence([1, 0]).generate_state(1)[0] >> 1)
    ranker = Transferred(space, across, Linear(space), seed=seed)
    ranker.fit(table.archs[rows], table.column("val")[rows])
    row = found.raw.query("ranker == 'linear+transfer' and data_seed == 1").iloc[0]
    assert row["tau"] == pytest.approx(kendalltau(ranker.predict(table.archs), test).statistic)
    text = found.rows_without_labels()
    assert text[0][:2] == ("without labels", "tau")
    assert [line[0] for line in text[1:]] == ["transfer", "params", "macs", "proxy"]
    assert found.to_json()["without_labels"][0]["architectures"] == len(table)


def test_what_is_minimised_teaches_the_opposite(
    source: Path, table: BenchTable, space: NASBench201
) -> None:
    common = {"labels": "val", "train_sizes": [20], "seeds": 1, "transfer_space": SPACE}
    a, b = (
        assess(table, {"linear": Linear(space)}, transfer=f"{source}:{column}", **common)
        for column in ("loss", "loss:maximize")
    )
    assert a.without_labels[0]["tau"] > b.without_labels[0]["tau"] + 0.3


def test_an_assessment_goes_on_with_help(
    source: Path, path: Path, space: NASBench201, tmp_path: Path
) -> None:
    common = {"labels": "val", "train_sizes": [20], "seeds": 1, "out": tmp_path, "space": space}
    plain = assess(path, {"linear": Linear(space)}, **common)
    assert plain.rows_without_labels() == []
    assert "without_labels" not in plain.to_json()
    assert "Without labels" not in plain.report(tmp_path / "a.html").read_text()
    helped = {"transfer": f"{source}:accuracy", "transfer_space": "transnas101_micro"}
    found = assess(path, {"linear": Linear(space)}, **common, **helped)
    assert found.raw["tau"][0] == plain.raw["tau"][0]
    page = found.report(tmp_path / "b.html").read_text()
    assert "Without labels: transfer from" in page
    with pytest.raises(ResumeError):  # the ranker of the same name would have learnt another column
        assess(
            path, {"linear": Linear(space)}, **common, **{**helped, "transfer": f"{source}:loss"}
        )


def test_refusals(source: Path, table: BenchTable, space: NASBench201) -> None:
    def refused(error: type[Exception], words: str, **options: object) -> None:
        with pytest.raises(error, match=words):
            assess(table, {"a": Linear(space)}, labels="val", **options)  # type: ignore[arg-type]

    refused(SettingsError, "write FILE:COLUMN", transfer="accuracy")
    refused(SettingsError, "only used with a table", transfer_space="hat")
    of = {"transfer_space": SPACE}
    refused(UnknownNameError, "speed", transfer=f"{source}:speed", **of)
    one = source.with_name("one.csv")
    one.write_text("arch,accuracy\n000000,1\n")
    refused(LabelError, "transfer .*at least 2 labels, got 1", transfer=f"{one}:accuracy", **of)
    hat = HAT()
    names = hat.format(hat.sample(2, rng=np.random.default_rng(0)))
    other = source.with_name("hat.csv")
    other.write_text("arch,accuracy\n" + "".join(f'"{n}",{i}\n' for i, n in enumerate(names)))
    words = "transfer .*: hat_iwslt has no features that other spaces share"
    refused(SpaceError, words, transfer=f"{other}:accuracy", transfer_space="hat")
