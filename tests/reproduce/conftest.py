"""A small table that looks like the published ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from archrank.reproduce.bench import NB201, SUPERNET
from archrank.spaces import NASBench201

ROWS = 480  # enough for 220 labels and a rest to rank


def write_tables(folder: Path, rows: int = ROWS) -> Path:
    """``nb201.csv.gz`` and ``nb201_supernet.csv.gz``, made up from a formula."""
    import pandas as pd

    space = NASBench201()
    rng = np.random.default_rng(0)
    archs = rng.permutation(space.enumerate())[:rows]
    worth = np.array([0.0, 0.6, 0.8, 1.0, 0.3])
    quality = worth[archs] @ np.array([1.0, 0.7, 0.9, 2.0, 0.8, 0.6]) / 6
    columns: dict[str, object] = {"arch": space.format(archs)}
    for name, top, noise in (
        ("c10_val", 91.0, 0.01),
        ("c10_test", 94.0, 0.01),
        ("c100_val", 73.0, 0.02),
        ("c100_test", 73.5, 0.02),
    ):
        columns[name] = (top * np.tanh(3 * quality) + noise * rng.normal(size=rows)).round(4)
    pd.DataFrame(columns).to_csv(folder / NB201, index=False)
    weak = {name: 100 * quality + 9 * rng.normal(size=rows) for name in ("oneshot_acc", "fewshot")}
    supernet = {"arch": columns["arch"], "oneshot_acc": weak["oneshot_acc"]}
    supernet["fewshot_acc"] = weak["fewshot"]
    pd.DataFrame(supernet).sample(frac=1, random_state=0).to_csv(folder / SUPERNET, index=False)
    return folder


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tables(tmp_path_factory.mktemp("published"))
