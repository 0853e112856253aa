"""Problems of all tables at hand, split once into those for choices and those that only report.

A problem is a table with a column that rankers learn or searches see, and one that judges: test
accuracy where the table has it. Settings of the default ranker and of guided search are chosen on
the half ``CHOOSE`` alone; what is printed anywhere as a result is of the half ``REPORT``, or says
that it is not.

- ``CHOOSE``: the columns of NAS-Bench-201 after 200 epochs and the table ``digits201``, on which
  choices were made before the split; NAS-Bench-101's first 10,000 rows after 36 epochs;
  TransNAS-Bench-101 scene classification; HW-GPT-Bench's perplexity; HAT's latencies on the
  Raspberry Pi and on the Titan Xp for IWSLT.
- ``REPORT``: the columns of NAS-Bench-201 after 12 epochs; NAS-Bench-101's other rows after 108
  epochs; TransNAS-Bench-101 jigsaw and autoencoder; ``glyphs201`` and ``characters201``;
  Once-for-All; HAT's latencies on the Xeon and on the Titan Xp for WMT.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import archrank as ar
from archrank.spaces import Space
from archrank.tables import BenchTable, load_table
from archrank.types import Archs, Floats

CHOOSE, REPORT = "choose", "report"
HALVES = (CHOOSE, REPORT)


@dataclass(frozen=True, eq=False)
class Data:
    """Architectures ``(n, d)`` of a space and named columns ``(n,)``."""

    space: Space
    archs: Archs
    columns: dict[str, Floats]
    table: BenchTable | None = None


@dataclass(frozen=True, eq=False)
class Problem:
    """One ranking problem, and a search if the table holds the whole space.

    Attributes:
        name: Unique.
        half: ``CHOOSE`` or ``REPORT``.
        read: Reads the table.
        label: Column that is learnt.
        judge: Column that judges.
        sign: 1 where more is better, -1 where less is.
        searched: Whether the table holds all of the space.
    """

    name: str
    half: str
    read: Callable[[], Data]
    label: str
    judge: str
    sign: int = 1
    searched: bool = False

    @cached_property
    def data(self) -> Data:
        return self.read()

    @property
    def labels(self) -> Floats:
        """What is learnt, higher is better: ``(n,)``."""
        return self.sign * self.data.columns[self.label]

    @property
    def truth(self) -> Floats:
        """What judges, higher is better: ``(n,)``."""
        return self.sign * self.data.columns[self.judge]


def _of_table(table: BenchTable, names: tuple[str, ...]) -> Data:
    return Data(table.space, table.archs, {n: table.column(n) for n in names}, table)


def problems(folder: Path) -> list[Problem]:
    """Return all problems whose tables are in ``folder``, the built-in ones among them."""
    made = [*_nasbench201(folder), *_builtin(), *_transnas(folder), *_nasbench101(folder)]
    return [*made, *_once_for_all(folder), *_gpt(folder), *_hat(folder)]


def _nasbench201(folder: Path) -> list[Problem]:
    file = folder / "nb201.csv.gz"
    columns = tuple(
        f"{data}_{part}{end}"
        for data in ("c10", "c100")
        for part in ("val", "test")
        for end in ("", "_e12")
    )

    @lru_cache(1)
    def read() -> Data:
        return _of_table(load_table(file, ar.spaces.NASBench201()), columns)

    return _there(
        file,
        [
            Problem(
                f"nb201 {data}{end}", half, read, f"{data}_val{end}", f"{data}_test{end}", 1, True
            )
            for end, half in (("", CHOOSE), ("_e12", REPORT))
            for data in ("c10", "c100")
        ],
    )


def _builtin() -> list[Problem]:
    halves = {"digits201": CHOOSE, "glyphs201": REPORT, "characters201": REPORT}

    def of(name: str) -> Callable[[], Data]:
        columns = ("valid_accuracy", "test_accuracy")
        return lambda: _of_table(load_table(name, ar.spaces.NASBench201()), columns)

    return [
        Problem(name, half, of(name), "valid_accuracy", "test_accuracy", 1, name == "digits201")
        for name, half in halves.items()
    ]


def _transnas(folder: Path) -> list[Problem]:
    file = folder / "transnas101_micro.csv.gz"
    halves = {"class_scene": CHOOSE, "jigsaw": REPORT, "autoencoder": REPORT}

    @lru_cache(1)
    def read() -> Data:
        return _of_table(load_table(file, ar.spaces.SPACES.get("transnas101_micro")()), (*halves,))

    return _there(
        file,
        [
            Problem(f"transnas {name}", half, read, name, name, 1, True)
            for name, half in halves.items()
        ],
    )


def _nasbench101(folder: Path) -> list[Problem]:
    file = folder / "nb101_subset.csv.gz"

    def of(rows: slice) -> Callable[[], Data]:
        def read() -> Data:
            table = pd.read_csv(file, dtype={"adj_upper": str, "ops": str})[rows]
            space: Any = ar.spaces.SPACES.get("nasbench101")()
            archs = space.from_columns(table["adj_upper"], table["ops"])
            names = ("val_e36", "val_e108")
            return Data(space, archs, {n: table[n].to_numpy(float) for n in names})

        return read

    return _there(
        file,
        [
            Problem("nb101 e36", CHOOSE, of(slice(0, 10_000)), "val_e36", "val_e36"),
            Problem("nb101 e108", REPORT, of(slice(10_000, None)), "val_e108", "val_e108"),
        ],
    )


def _once_for_all(folder: Path) -> list[Problem]:
    file = folder / "ofa_mbv3_supernet_imagenet.csv.gz"

    def read() -> Data:
        names = ("depth", "ks", "expand")
        raw = pd.read_csv(file, dtype=dict.fromkeys(names, str))
        depth, *layers = (np.array([s.split("-") for s in raw[n]], dtype=float) for n in names)
        frame = pd.DataFrame({f"depth{stage}": depth[:, stage] for stage in range(5)})
        for name, values in zip(names[1:], layers, strict=True):
            for i in range(20):
                stage, layer = divmod(i, 4)
                exists = layer < depth[:, stage]
                frame[f"{name}{stage}_{layer}"] = np.where(exists, values[:, i], np.nan)
        choices = list(frame)
        frame["top1"] = raw["top1"].to_numpy(float)
        table = load_table(frame, choices=choices, average=True)
        return _of_table(table, ("top1",))

    return _there(file, [Problem("ofa top1", REPORT, read, "top1", "top1")])


def _gpt(folder: Path) -> list[Problem]:
    file = folder / "hwgpt_s.csv.gz"
    return _there(
        file,
        [
            Problem(
                "gpt_s perplexity",
                CHOOSE,
                lambda: _of_table(load_table(file), ("perplexity",)),
                "perplexity",
                "perplexity",
                -1,
            )
        ],
    )


def _hat(folder: Path) -> list[Problem]:
    file = folder / "hat_latency.csv.gz"
    halves = {
        ("iwslt14deen", "gpu_titanxp"): CHOOSE,
        ("wmt14enfr", "cpu_raspberrypi"): CHOOSE,
        ("wmt14ende", "cpu_xeon"): REPORT,
        ("wmt14ende", "gpu_titanxp"): REPORT,
    }

    def of(task: str, hardware: str) -> Callable[[], Data]:
        where = {"task": task, "hardware": hardware}
        return lambda: _of_table(load_table(file, where=where), ("latency_ms",))

    return _there(
        file,
        [
            Problem(f"hat {t} {h}", half, of(t, h), "latency_ms", "latency_ms", -1)
            for (t, h), half in halves.items()
        ],
    )


def _there(file: Path, found: list[Problem]) -> list[Problem]:
    return found if file.is_file() else []
