"""Search a table of measurements: no training, only look-ups.

Benchmarks like NAS-Bench-201 come as tables with the accuracy of every architecture. Here the table
is made up on the spot (more convolutions on live edges are better, with noise), so that the example
needs no download; give the path of a real one to search that: ``01_search_a_table.py nb201.csv.gz
c10_val``.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

import archrank as ar

space = ar.spaces.NASBench201()


def made_up_table(folder: str) -> Path:
    """Write a table of the whole space: an ``arch`` column and an accuracy."""
    archs = space.enumerate()
    quality = np.array([0.0, 1.0, 2.0, 3.0, 0.5])[archs]  # none, skip, 1x1, 3x3, pooling
    noise = np.random.default_rng(0).normal(0, 0.1, len(archs))
    accuracy = (quality * space.live(archs)).sum(axis=1) + noise
    path = Path(folder, "made_up.csv")
    pd.DataFrame({"arch": space.format(archs), "accuracy": accuracy}).to_csv(path, index=False)
    return path


with tempfile.TemporaryDirectory() as folder:
    path, metric = sys.argv[1:3] if len(sys.argv) > 2 else (made_up_table(folder), "accuracy")
    table = ar.evaluators.Table(path, metric)
    for name, strategy in {
        "guided": ar.strategies.Guided(),
        "random": ar.strategies.Random(),
    }.items():
        study = ar.Study(space, table, strategy, seed=0).run(budget=40)
        best = study.best
        print(f"{name:7} {best.values[metric]:.3f}  {best.string}")
    print(f"optimum {table.bind(space).table.column(metric).max():.3f}")
