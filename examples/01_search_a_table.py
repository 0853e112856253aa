"""Search a table of measurements: no training, only look-ups.

``digits201`` ships with archrank: every kind of NAS-Bench-201 cell, really trained on handwritten
digits. Give another table to search that: ``01_search_a_table.py nb201.csv.gz c10_val``.
"""

import sys

import archrank as ar

space = ar.spaces.NASBench201()
path, metric = sys.argv[1:3] if len(sys.argv) > 2 else ("digits201", "valid_accuracy")
table = ar.evaluators.Table(path, metric)
for name, strategy in {
    "guided": ar.strategies.Guided(),
    "random": ar.strategies.Random(),
}.items():
    study = ar.Study(space, table, strategy, seed=0).run(budget=40)
    best = study.best
    print(f"{name:7} {best.values[metric]:.4f}  {best.string}")
print(f"optimum {table.bind(space).table.column(metric).max():.4f}")
