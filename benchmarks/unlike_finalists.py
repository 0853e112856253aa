"""Compare RankNAS's finalists, the first of its ranker, with finalists that are unlike each other.

OMP_NUM_THREADS=1 python benchmarks/unlike_finalists.py RUN [--train]

RUN is the run folder of ``archrank reproduce ranknas-fig7``, whose supernets of ``hat_small`` and
labels are taken. The limit is the median of MACs of random architectures. ``--train`` trains the
three best finalists of each way from scratch; what is trained is kept in RUN.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import numpy as np

from archrank.reproduce.ranknas.extent import FULL
from archrank.reproduce.ranknas.learning import learn
from archrank.reproduce.ranknas.strategies import SPACE
from archrank.reproduce.ranknas.trainings import Trainings
from archrank.spaces.networks import Networks
from archrank.supernets.scoring import one_shot_scores
from archrank.types import Archs, Floats

WINNERS = 3


def unlike(archs: Archs, k: int, least: int) -> list[int]:
    """Return the places of the first ``k`` that differ in ``least`` decisions from those before."""
    chosen = [0]
    for place in range(1, len(archs)):
        if len(chosen) == k:
            break
        if (archs[chosen] != archs[place]).sum(axis=1).min() >= least:
            chosen.append(place)
    return chosen


def apart(archs: Archs) -> float:
    """Return the mean number of decisions in which two of ``archs: (n, d)`` differ."""
    each = (archs[:, None] != archs).sum(axis=-1)
    return float(each[np.triu_indices(len(archs), 1)].mean())


def macs_of(networks: Networks, archs: Archs) -> Floats:
    """Return multiply-accumulates: ``(n,)``."""
    return networks.cost(archs)["macs"]


def main() -> None:
    """Print the finalists' losses by the supernet, and from scratch, for every seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--finalists", type=int, default=8)
    parser.add_argument("--apart", type=int, nargs="+", default=[1, 3, 5, 7])
    parser.add_argument("--train", action="store_true")
    args = parser.parse_args()
    for seed in range(args.seeds):
        trainings = Trainings(SPACE, seed, FULL, args.run / "ranknas")
        networks = trainings.networks
        space = networks.space
        macs = partial(macs_of, networks)
        sample = space.sample(2_000, rng=np.random.default_rng(1))
        limit = float(np.median(macs(sample)))
        score = learn(trainings, FULL.labels).ranker.predict
        start = networks.smallest[None]
        seen = FULL.evolution.run(space, score, macs, start=start, limits=[limit], seed=seed)
        archs = space.canonical(seen.archs[seen.best(len(seen))])
        print(
            f"seed {seed}: two of random ones differ in {apart(space.canonical(sample[:200])):.1f}"
        )
        for least in args.apart:
            finalists = archs[unlike(archs, args.finalists, least)]
            found = one_shot_scores(
                trainings.supernet(), trainings.task, finalists, examples=FULL.examples
            )
            order = np.argsort(found["loss"], kind="stable")
            winners, losses = finalists[order[:WINNERS]], found["loss"][order]
            text = (
                f"  at least {least} decisions apart: finalists {apart(finalists):.1f}, winners "
                f"{apart(winners):.1f}; supernet's loss {losses[0]:.4f}, of the winners "
                f"{losses[:WINNERS].mean():.4f}, of all {losses.mean():.4f}"
            )
            if args.train:
                alone = trainings.alone(winners, seed=seed)
                text += f"; from scratch {[round(each['valid_loss'], 4) for each in alone]}"
            print(text, flush=True)


if __name__ == "__main__":
    main()
