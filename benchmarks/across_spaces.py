"""Transfer across spaces: a ranker fitted to one space's cells ranks another's.

    python benchmarks/across_spaces.py measure across.jsonl --data DIR
    python benchmarks/across_spaces.py synflow across.jsonl --data DIR
    python benchmarks/across_spaces.py table across.jsonl

``measure``: every pair of PAIRS and every draw: 1,000 labels of the source, Kendall tau on all of
the target (its test accuracy where there is one) without a label of it, beside parameters and MACs;
then the default ranker with 16 and 32 labels, and 16 labels with transfer. Labels are the first
rows of a permutation, or 16 representatives of clusters (`AcrossSpaces.representatives`).
``synflow``: the proxy on 500 architectures of each target, in the small networks of the task
`digits`, and in the published networks where ``--published N`` gives a number. Rows that the file
has are skipped. The halves are those of `tables_at_hand.py`, of the target.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tables_at_hand import Problem, problems
from zero_cost import Images

import archrank as ar
from archrank.criteria import kendall_tau
from archrank.proxies import scores
from archrank.rankers import AcrossSpaces, GaussianProcess, Ranker, Transferred
from archrank.spaces.common import COMMON_NAMES
from archrank.tasks import Digits

TRANSNAS = ("transnas class_scene", "transnas jigsaw", "transnas autoencoder")
NB101 = ("nb101 e36", "nb101 e108")
PAIRS = (
    *(("nb201 c10", target) for target in (*TRANSNAS, *NB101)),
    *(("digits201", t) for t in ("nb201 c10", "nb201 c100", *TRANSNAS, *NB101, "glyphs201")),
)
SOURCE_LABELS = 1000
SYNFLOW = 500
JUDGED = 3000  # architectures at most that rankers of few labels are judged on


def known(path: Path) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Return the rows of the file by what they are of."""
    if not path.exists():
        return {}
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return {(r["source"], r["target"], r["draw"]): r for r in rows}


def add(path: Path, row: dict[str, Any]) -> None:
    with path.open("a") as file:
        file.write(json.dumps(row) + "\n")


def judged(of: dict[str, Problem], pair: tuple[str, str], draw: int) -> dict[str, float]:
    """Measure one pair and draw; taus by name."""
    source, target = (of[name] for name in pair)
    s, t = source.data, target.data
    rng = np.random.default_rng([draw, 5])
    taught = rng.permutation(len(s.archs))[:SOURCE_LABELS]
    across = AcrossSpaces(s.space, seed=draw).fit(s.archs[taught], source.labels[taught])
    cost = t.space.cost(t.archs)
    live = t.space.common_features(t.archs)[:, COMMON_NAMES.index("size:log params")]
    found = {
        "zero-shot": kendall_tau(across.predict(t.space, t.archs), target.truth),
        "learnt alone": kendall_tau(across.learnt(t.space, t.archs), target.truth),
        "params": kendall_tau(cost["params"], target.truth),
        "macs": kendall_tau(cost["macs"], target.truth),
        "live params": kendall_tau(live, target.truth),
    }
    order = np.random.default_rng([draw, 0]).permutation(len(t.archs))
    some = np.random.default_rng(1).permutation(len(t.archs))[:JUDGED]
    clusters = across.representatives(t.space, t.archs, 16, seed=draw)
    helped = Transferred(t.space, across)
    plain = GaussianProcess(t.space)
    fits: dict[str, tuple[Ranker, Any]] = {
        "16 with transfer": (helped, order[:16]),
        "16": (plain, order[:16]),
        "32": (plain, order[:32]),
        "32 with transfer": (helped, order[:32]),
        "16 representatives with transfer": (helped, clusters),
        "16 representatives": (plain, clusters),
    }
    for name, (ranker, rows) in fits.items():
        ranker.fit(t.archs[rows], target.labels[rows])
        found[name] = kendall_tau(ranker.predict(t.archs[some]), target.truth[some])
    return found


def measure(args: argparse.Namespace) -> None:
    of = {p.name: p for p in problems(args.data)}
    for draw in range(args.draws):
        for pair in PAIRS:
            if (*pair, draw) in known(args.rows):
                continue
            start = time.process_time()
            taus = judged(of, pair, draw)
            head = {"source": pair[0], "target": pair[1], "draw": draw, "half": of[pair[1]].half}
            add(args.rows, head | {"tau": taus, "cpu_s": time.process_time() - start})


def synflow(args: argparse.Namespace) -> None:
    of = {p.name: p for p in problems(args.data)}
    tasks = {"synflow": (Digits(), SYNFLOW), "synflow, published": (Images(), args.published)}
    for (name, (task, count)), target in _product(tasks, dict.fromkeys(t for _, t in PAIRS)):
        if (name, target, 0) in known(args.rows) or not count:
            continue
        data, truth = of[target].data, of[target].truth
        rows = np.random.default_rng(0).permutation(len(data.archs))[:count]
        found = scores(data.space, data.archs[rows], task, ("synflow",), batch_size=2)["synflow"]
        ok = np.isfinite(found)
        tau = kendall_tau(found[ok], truth[rows][ok])
        head = {"source": name, "target": target, "draw": 0, "half": of[target].half}
        add(args.rows, head | {"tau": {name: tau}, "n": int(ok.sum())})


def _product(a: dict[str, Any], b: dict[str, None]) -> Iterator[tuple[Any, str]]:
    return ((x, y) for x in a.items() for y in b)


def table(args: argparse.Namespace) -> None:
    rows = list(known(args.rows).values())
    flat = pd.DataFrame([{**r, **r["tau"]} for r in rows]).drop(columns=["tau"])
    proxy = flat[flat.source.str.startswith("synflow")]
    flat = flat[~flat.source.str.startswith("synflow")]
    mean = flat.groupby(["half", "source", "target"], sort=False).mean(numeric_only=True)
    mean = mean.drop(columns=[c for c in ("n", "draw") if c in mean])
    for name, part in proxy.groupby("source"):
        by = part.set_index("target")[name]
        mean[name] = [by.get(target, np.nan) for *_, target in mean.index]
    with pd.option_context("display.width", 250, "display.max_columns", 40):
        print(f"archrank {ar.__version__}, draws {flat.draw.nunique()}")
        print(mean.round(3).to_string())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("what", choices=("measure", "synflow", "table"))
    parser.add_argument("rows", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--published", type=int, default=0)
    args = parser.parse_args()
    {"measure": measure, "synflow": synflow, "table": table}[args.what](args)


if __name__ == "__main__":
    main()
