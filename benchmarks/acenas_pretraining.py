"""AceNAS with weak labels against AceNAS without: tau, top half, and the CPU time of pretraining.

Learns `valid_accuracy` of random rows of a table, and is judged on `test_accuracy` of all rows.

    python benchmarks/acenas_pretraining.py digits201 oneshot_accuracy macs params
    python benchmarks/acenas_pretraining.py digits201 FILE:oneshot_accuracy --set pretrain_epochs=50
"""

from __future__ import annotations

import argparse
import ast
import time

import numpy as np
import torch
from sklearn.base import clone

from archrank.criteria import kendall_tau
from archrank.rankers import AceNAS
from archrank.runs.weak import weak_label
from archrank.spaces import NASBench201
from archrank.tables import load_table

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("table")
parser.add_argument("weak", nargs="+", help="columns, FILE:COLUMN, macs or params")
parser.add_argument("--set", nargs="*", default=[], help="NAME=VALUE, settings of AceNAS")
parser.add_argument("--labels", nargs="*", type=int, default=[20, 50])
parser.add_argument("--draws", type=int, default=10)
parser.add_argument("--seed", type=int, default=0, help="of the pretraining")
asked = parser.parse_args()

torch.set_num_threads(1)
space = NASBench201()
table = load_table(asked.table, space)
labels, truth = (table.objective(name) for name in ("valid_accuracy", "test_accuracy"))
weak = {spec: weak_label(spec, table) for spec in asked.weak}
settings = {k: ast.literal_eval(v) for k, _, v in (text.partition("=") for text in asked.set)}

start = time.process_time()
pretrained = AceNAS(space, seed=asked.seed, **settings).pretrain(table.archs, weak)
seconds = time.process_time() - start
r2 = " ".join(
    f"{name.rpartition(':')[2]} {value:.3f}" for name, value in pretrained.pretrained_.r2.items()
)
print(f"pretraining {seconds:.1f} CPU-seconds, R2 on held-out: {r2}", flush=True)

upper = truth >= np.median(truth)
for n in asked.labels:
    found = []
    start = time.process_time()
    for draw in range(asked.draws):
        rows = np.random.default_rng([draw, n]).permutation(len(table))[:n]
        for ranker in (AceNAS(space, seed=draw), clone(pretrained).set_params(seed=draw)):
            scores = ranker.fit(table.archs[rows], labels[rows]).predict(table.archs)
            spread = np.ptp(scores) > 0  # a collapsed network orders nothing
            found.append(
                [kendall_tau(scores[u], truth[u]) if spread else 0.0 for u in (slice(None), upper)]
            )
    pairs = np.reshape(found, (asked.draws, 2, 2))
    gain = pairs[:, 1] - pairs[:, 0]
    for what, j in (("tau", 0), ("top half", 1)):
        error = gain[:, j].std(ddof=1) / np.sqrt(asked.draws)
        print(
            f"{n:3} labels, {what:8} without {pairs[:, 0, j].mean():.3f}, with "
            f"{pairs[:, 1, j].mean():.3f}, gain {gain[:, j].mean():+.3f} +- {error:.3f}",
            flush=True,
        )
    print(
        f"    {(time.process_time() - start) / asked.draws / 2:.2f} CPU-seconds per fit and ranking"
    )
