"""Facts about the search that found an architecture, as JSON values for its export."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from archrank.export.description import finite
from archrank.study.results import Results


def searched(results: Results, architecture: str, run: str | Path = "") -> dict[str, Any]:
    """Describe the search of a run that evaluated an architecture.

    Args:
        results: of the run, such as ``study.results``.
        architecture: its string.
        run: name of the run for people; of a folder the last part is told.

    Returns:
        ``run``, numbers of ``evaluations`` and ``failed`` ones, ``seed``, ``strategy``,
        ``objectives`` and ``constraints``; ``metrics`` that the run measured of the architecture,
        empty if it evaluated another; ``devices`` whose latency it measured.
    """
    identity = results.description.identity
    record = next((r for r in results.records if r.string == architecture), None)
    values = {} if record is None else finite(record.values)
    found = {
        "run": Path(run).name,
        "evaluations": len(results.records),
        "failed": int((~results.ok).sum()),
        "seed": identity.get("seed"),
        "strategy": identity.get("strategy") or {},
        "objectives": [str(objective) for objective in results.objectives],
        "constraints": [str(constraint) for constraint in results.constraints],
        "metrics": [
            {"name": m.name, "value": values[m.name], "unit": m.unit}
            for m in results.description.metrics
            if m.name in values
        ],
        "devices": sorted(set(_devices(identity.get("evaluator")))),
    }
    plain: dict[str, Any] = json.loads(json.dumps(found, default=str))
    return plain


def _devices(described: Any) -> Iterator[tuple[str, str]]:
    """Yield device and processor of every part of an evaluator's description that has both."""
    if isinstance(described, dict):
        if "device" in described and "processor" in described:
            yield str(described["device"]), str(described["processor"])
        for value in described.values():
            yield from _devices(value)
    elif isinstance(described, list | tuple):
        for value in described:
            yield from _devices(value)
