"""Results of a measurement as lines of JSON, one each, so that a stopped one goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def read(run: Path) -> list[dict[str, Any]]:
    """Return all entries; a last line that was not written to its end is left out."""
    if not run.exists():
        return []
    lines = run.read_text().splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]
