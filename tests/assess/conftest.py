from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from archrank.spaces import NASBench201
from archrank.tables import BenchTable, load_table

ROWS = 240


def write_table(path: Path, space: NASBench201) -> Path:
    """Accuracies by formula, with a validation and a test column for two data sets."""
    rng = np.random.default_rng(7)
    archs = rng.permutation(space.enumerate())[:ROWS]
    worth = np.array([0.0, 1.0, 2.0, 3.0, 0.5])
    base = worth[archs] @ np.array([6.0, 5.0, 4.0, 3.0, 2.0, 1.0])
    columns = {
        "val": base + rng.normal(0, 2.0, ROWS),
        "test": base + rng.normal(0, 1.0, ROWS),
        "other_val": base + 3 * (archs[:, 0] == 4) + rng.normal(0, 3.0, ROWS),
        "other_test": base + 3 * (archs[:, 0] == 4) + rng.normal(0, 1.0, ROWS),
        "test_loss": -base,
        "flops": 1.0 + (archs == 3).sum(axis=1),
        "proxy": base + rng.normal(0, 6.0, ROWS),
        "empty": np.where(np.arange(ROWS) == 1, 1.0, np.nan),
    }
    lines = [",".join(["arch", *columns])]
    for i, name in enumerate(space.format(archs)):
        lines.append(
            ",".join([name, *("" if np.isnan(c[i]) else f"{c[i]:.6f}" for c in columns.values())])
        )
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="session")
def path(tmp_path_factory: pytest.TempPathFactory, space: NASBench201) -> Path:
    return write_table(tmp_path_factory.mktemp("tables") / "small.csv", space)


@pytest.fixture(scope="session")
def table(path: Path, space: NASBench201) -> BenchTable:
    return load_table(path, space)
