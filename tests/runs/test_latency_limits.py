from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from archrank.errors import ArchrankError, TableError
from archrank.evaluators import Evaluations, Latency
from archrank.runs.compose import make_study
from archrank.runs.settings import SearchSettings
from archrank.spaces import NASBench201
from archrank.types import Archs
from tests.evaluators.test_predicted_latency import table


def skips(config: dict[str, str]) -> float:
    return list(config.values()).count("skip_connect")


skips.metrics = ["skips:maximize"]  # type: ignore[attr-defined]


def settings(path: Path, *constraints: str, **more: Any) -> SearchSettings:
    name = f"{__name__}:skips"
    return SearchSettings(
        evaluate=(name,), constraint=constraints, latency_table=path, strategy="random", **more
    )


def test_what_is_predicted_to_be_slow_is_not_evaluated_and_the_rest_is_measured(
    space: NASBench201, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def measured(self: Latency, archs: Archs) -> Evaluations:
        asked.append(self.protocol.repeats)
        convolutions = (archs == 3).sum(axis=1)
        ms = 0.1 + convolutions / 3 + 5.0 * (archs[:, 0] == 1)  # some are slow against all odds
        return Evaluations({"latency_ms": ms, "latency_spread": 0 * ms})

    monkeypatch.setattr(Latency, "evaluate", measured)
    study = make_study(settings(table(tmp_path / "t.parquet", space), "latency_ms<=0.5"))
    assert [str(c) for c in study.constraints] == ["latency_ms<=0.5", "predicted_latency_ms<=0.5"]
    study.run(24)
    assert set(asked) == {300}  # the published protocol, whatever the table has
    archs = [r.arch for r in study.records]
    assert max((arch == 3).sum() for arch in archs) <= 1
    slow = [r for r in study.records if r.values["latency_ms"] > 0.5]
    assert slow  # these were measured and do not count as found
    assert study.best.values["latency_ms"] <= 0.5
    assert all(r.values["predicted_latency_ms"] <= 0.5 for r in study.records)


@pytest.mark.parametrize(
    ("constraints", "more", "told"),
    [
        (("latency_ms<=0.05",), {}, r"latency_ms<=0.05: the fastest of 40 measured .* has 0\.1 ms"),
        ((), {}, "serves a limit of latency_ms, and there is none"),
        (("latency_ms>=0.3",), {}, "serves a limit of latency_ms, and there is none"),
        (("latency_ms<=1",), {"task": "glyphs"}, "do not compare .*task: Digits -> Glyphs"),
        (("latency_ms<=1",), {"table": "digits201"}, "--table digits201 looks results up"),
    ],
)
def test_what_cannot_be_limited(
    constraints: tuple[str, ...],
    more: dict[str, Any],
    told: str,
    space: NASBench201,
    tmp_path: Path,
) -> None:
    path = table(tmp_path / "t.parquet", space)
    with pytest.raises(ArchrankError, match=told):
        make_study(settings(path, *constraints, **more))


def test_latencies_of_a_device_that_is_not_here(space: NASBench201, tmp_path: Path) -> None:
    path = table(tmp_path / "t.parquet", space)
    rows = pq.read_table(path)
    about = {
        name: text.replace(b'"device": "cpu"', b'"device": "cuda:99"')
        for name, text in rows.schema.metadata.items()
    }
    assert about != rows.schema.metadata
    pq.write_table(rows.replace_schema_metadata(about), path)
    told = r"device 'cuda:99' cannot be used here.* was measured on it: search where it is"
    with pytest.raises(TableError, match=told):
        make_study(settings(path, "latency_ms<=1"))
