"""HW-GPT-Bench: ``gpt_s/stats.pkl``, ``gpt_m/stats.pkl``, ``gpt_l/stats.pkl``, or one as CSV.

Sukthanker et al., "HW-GPT-Bench: Hardware-Aware Architecture Benchmark for Language Models",
NeurIPS 2024. A file has 10,000 architectures of one space; which one is told by its architectures.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import numpy as np

from archrank.checks import quoted
from archrank.errors import ArchitectureError, TableError
from archrank.spaces.transformers.gpt_s import GPTL, GPTM, GPTS
from archrank.tables.base import load_table
from archrank.tables.files import numeric_column, read_columns
from archrank.tables.importers.base import Imported, Importer, Optimum, Published
from archrank.tables.importers.plain_numbers import finite
from archrank.tables.importers.plain_pickle import read_pickle
from archrank.types import Floats, ProgressCallback

SPACES: dict[str, type[GPTS]] = {"s": GPTS, "m": GPTM, "l": GPTL}
METRICS = ("perplexity", "accuracy", "params", "flops", "macs", "float16_memory", "bfloat16_memory")
MEASURED = {"latencies": "latency", "energies": "energy"}  # of a device: repeated measurements
COUNT = 10_000
BEST = Optimum("perplexity", 22.159136, 1e-4, "GPT-S as published", smallest=True)
PICKLES = (".pkl", ".pickle")


class HWGPTBenchImporter(Importer):
    """Importer of ``stats.pkl`` of GPT-S, GPT-M or GPT-L, or of such a table as CSV."""

    expects = "gpt_s/stats.pkl, gpt_m/stats.pkl or gpt_l/stats.pkl, or such a table as CSV"

    def read(
        self,
        path: Path,
        *,
        partial: bool,
        progress: ProgressCallback,
        executor: Executor | None = None,
    ) -> Imported:
        """Read all architectures of one space."""
        if path.is_dir():
            raise TableError(f"{path} is a folder; name its file: {self.expects}")
        progress(0, COUNT)
        if path.suffix.lower() in PICKLES:
            space, strings, columns = _pickled(path, read_pickle(path))
        else:
            space, strings, columns = _table(path)
        Published(COUNT).check_count(len(strings), path, partial=partial)
        progress(len(strings), COUNT)
        archs = space.parse(strings)
        optima = (BEST,) if space.name == GPTS.name else ()
        remarks = []
        if "params" in columns:
            differs = columns["params"] != space.cost(archs)["params"]
            if differs.any():
                row = int(np.flatnonzero(differs)[0])
                remarks.append(
                    f"{differs.sum():,} architectures have another number of parameters than "
                    f"their network, first number {row}: {columns['params'][row]:,.0f}"
                )
        return Imported(
            space, archs, strings, columns, Published(COUNT, optima=optima), (*remarks,)
        )


def _table(path: Path) -> tuple[GPTS, list[str], dict[str, Floats]]:
    """Read a CSV or Parquet file with columns ``embed_dim``, ``n_layer`` and so on."""
    raw = read_columns(str(path))
    if raw.space not in {kind.name for kind in SPACES.values()}:
        raise TableError(
            f"{path} has no columns embed_dim, n_layer, n_head, mlp_ratio and bias with a width of "
            "GPT-S, GPT-M or GPT-L; is it a table of HW-GPT-Bench?"
        )
    table = load_table(path)
    assert isinstance(table.space, GPTS)
    for name in raw.text:
        if name != "arch" and name not in raw.taken:
            numeric_column(raw, name)  # names the row of what is no number
    if "perplexity" not in raw.numbers:
        raise TableError(f"{path} has no column perplexity; is it a table of HW-GPT-Bench?")
    for name, values in raw.numbers.items():
        lost = np.flatnonzero(~np.isfinite(values))
        if len(lost):
            raise TableError(
                f"{path}, column {name!r}, {raw.where(int(lost[0]))}: there is no number; official "
                "files have all"
            )
    return table.space, table.space.format(table.archs), dict(raw.numbers)


def _pickled(path: Path, found: Any) -> tuple[GPTS, list[str], dict[str, Floats]]:
    """Take apart the dictionary of a pickle: ``{"gpt-s-10-384-...-True": measurements}``."""
    if not isinstance(found, dict) or not found:
        raise TableError(f"{path}: expected a dictionary of architectures; is it stats.pkl?")
    scale = str(next(iter(found))).split("-")[1:2]
    if not scale or scale[0] not in SPACES:
        raise TableError(
            f"{path}: its first architecture is called {str(next(iter(found)))[:60]!r}, expected "
            "gpt-s-..., gpt-m-... or gpt-l-...; is it stats.pkl?"
        )
    space = SPACES[scale[0]]()
    read = [_architecture(path, str(name), values, space) for name, values in found.items()]
    strings, rows = [string for string, _ in read], [row for _, row in read]
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {name: np.array([row.get(name, np.nan) for row in rows]) for name in names}
    return space, strings, columns


def _architecture(path: Path, name: str, values: Any, space: GPTS) -> tuple[str, dict[str, float]]:
    """Return an architecture as text, and its measurements."""
    try:
        return _string(name, space.name.removeprefix("gpt_"), space), _row(values)
    except (TableError, ArchitectureError) as error:
        raise TableError(f"{path}, architecture {name[:120]!r}: {error}") from None


def _string(name: str, scale: str, space: GPTS) -> str:
    """Write an architecture as the space does.

    A name is ``gpt-SCALE-LAYERS-WIDTH``, a ratio per layer, heads per layer, and the bias, joined
    by ``-``.
    """
    parts = name.split("-")
    depth = int(parts[2]) if len(parts) > 2 and re.fullmatch("[0-9]{1,4}", parts[2]) else 0
    bias = {"True": 1, "False": 0}.get(parts[-1])
    wrong = not depth or len(parts) != 5 + 2 * depth or bias is None
    if wrong or parts[:2] != ["gpt", scale]:
        raise TableError(f"expected gpt-{scale}-LAYERS-WIDTH, ratios, heads, True or False")
    ratios, heads = "-".join(parts[4 : 4 + depth]), "-".join(parts[4 + depth : -1])
    text = f"embed_dim={parts[3]},bias={bias},n_layer={depth},n_head={heads},mlp_ratio={ratios}"
    return space.format(space.parse([text]))[0]


def _row(values: Any) -> dict[str, float]:
    """Return the measurements of an architecture, of devices their medians."""
    if not isinstance(values, Mapping) or "perplexity" not in values:
        raise TableError("expected a dictionary with perplexity, params, devices, ...")
    row = {name: _number(name, values[name]) for name in METRICS if name in values}
    for device, known in values.items():
        if isinstance(known, Mapping):
            for kind, word in MEASURED.items():
                if kind in known:
                    row[f"{device}_{word}"] = _number(f"{device} {kind}", known[kind])
    return row


def _number(what: str, value: Any) -> float:
    """Return a number, or the median of several.

    Raises:
        TableError: There is none.
    """
    several = [finite(v) for v in (value if isinstance(value, list | tuple) else [value])]
    numbers = [number for number in several if number is not None]
    if not numbers or len(numbers) < len(several):
        raise TableError(f"{what} is {quoted(value)}, expected numbers")
    return float(np.median(numbers))
