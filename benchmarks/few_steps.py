"""Judge sub-networks of a Transformer supernet after a few updates of their own.

OMP_NUM_THREADS=1 python benchmarks/few_steps.py hat_small RUN --updates 40 --truths 8

RUN is the run folder of ``archrank reproduce ranknas-table4`` or ``-fig7``, whose supernet is
taken; the architectures are those by which Table 4 is judged. Pairs that change their order are
counted; those architectures that have most of such pairs are trained from scratch, which tells how
many changes are right. A stopped measurement goes on.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from archrank.criteria import kendall_tau
from archrank.reproduce.base import Found
from archrank.reproduce.ranknas.extent import FULL
from archrank.reproduce.ranknas.scratch import judges
from archrank.reproduce.ranknas.trainings import Trainings
from archrank.reproduce.workplace import kept
from archrank.training.loop import train
from archrank.types import Archs, Floats


def tuned(trainings: Trainings, arch: Archs, updates: int, lr: float) -> Found:
    """Train one sub-network ``arch: (1, d)`` on from the supernet's weights; return its loss."""
    recipe = replace(trainings.task.recipe, updates=updates, warmup_epochs=0.0, lr=lr)
    task = replace(trainings.task, recipe=recipe)
    start = time.process_time()
    network = trainings.supernet().extract(arch[0])
    loss = float(train(network, task, seed=trainings.seed).metrics["valid_loss"])
    return {"loss": loss, "cpu_seconds": time.process_time() - start}


def losses_after(
    trainings: Trainings, archs: Archs, updates: int, lr: float
) -> tuple[Floats, float]:
    """Return losses after so many updates, ``(n,)``, and CPU seconds of all."""
    found = []
    for place, text in enumerate(trainings.networks.space.format(archs)):
        about = {"arch": text, "updates": updates, "lr": lr, "seed": trainings.seed}
        home = trainings.folder / trainings.space / "tuned"
        file = home / f"{trainings.seed}-{place}-{updates}-{lr}.json"
        one = archs[place : place + 1]
        found.append(kept(file, about, partial(tuned, trainings, one, updates, lr)))
    losses = np.array([each["loss"] for each in found], dtype=np.float64)
    return losses, sum(each["cpu_seconds"] for each in found)


def main() -> None:
    """Print how many pairs change their order, and how many of these changes are right."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("space")
    parser.add_argument("run", type=Path)
    parser.add_argument("--updates", type=int, default=40)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=0, help="of the supernet")
    parser.add_argument("--truths", type=int, default=8, help="trainings from scratch")
    args = parser.parse_args()
    extent = replace(FULL, examples=FULL.held_out)
    trainings = Trainings(args.space, args.seed, extent, args.run / "ranknas")
    archs = judges(args.space, extent)
    before = trainings.losses(archs, "judges")
    after, seconds = losses_after(trainings, archs, args.updates, args.lr)
    signs = np.sign(before[:, None] - before), np.sign(after[:, None] - after)
    changed = signs[0] * signs[1] < 0
    pairs = len(archs) * (len(archs) - 1) // 2
    print(
        f"losses {before.min():.3f} to {before.max():.3f}, then {after.min():.3f} to "
        f"{after.max():.3f}, {seconds:.0f} CPU-s; "
        f"tau between them {kendall_tau(before, after):.3f}, "
        f"{changed.sum() // 2} of {pairs} pairs change",
        flush=True,
    )
    chosen: list[int] = []  # each time, the one that adds most changed pairs to those of the others
    for _ in range(args.truths):
        gain = changed[:, chosen].sum(axis=1) + changed.sum(axis=1) / len(archs)
        gain[chosen] = -1.0
        chosen.append(int(gain.argmax()))
        found = trainings.alone(archs[chosen])
        if len(chosen) < 2:
            continue
        truth = np.array([each["valid_loss"] for each in found])
        inside = np.ix_(chosen, chosen)
        now = np.sign(truth[:, None] - truth)
        right = ((signs[1][inside] == now) & changed[inside]).sum() // 2
        print(
            f"{len(chosen)} trained: {right} of {changed[inside].sum() // 2} changes right; tau "
            f"{kendall_tau(before[chosen], truth):.3f} before, "
            f"{kendall_tau(after[chosen], truth):.3f} after",
            flush=True,
        )


if __name__ == "__main__":
    main()
