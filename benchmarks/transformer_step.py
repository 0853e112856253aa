"""CPU time of a supernet's update over that of the largest network's own, on Transformer spaces.

    python benchmarks/transformer_step.py hat_small ranknas_small ranknas_lm_small --pairs 30

The supernet runs the largest architecture, the network is that architecture alone; both take
forward pass, loss, backward pass, clipping and AdamW on batches of random tokens, in training mode,
with the published dropout or without. Steps alternate in one process on one thread; a ratio is the
median over turns of the supernet's step over the mean of the two steps of the network around it. An
update with a sampled architecture also draws it.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from archrank.spaces import SPACES, Networks
from archrank.supernets.recipes import RECIPES
from archrank.supernets.samplers import Uniform
from archrank.supernets.updates import MeanPerWeight, Session
from archrank.tasks import LanguageModel, Recipe, Split, Translation
from archrank.tasks.base import Splits
from archrank.training.loop import initialise
from archrank.training.step import Step

WARM = 3
UPDATES = 10**6
DROPOUT = {"residual_dropout": 0.3, "attention_dropout": 0.1}


class Sentences(Translation):
    """Random sentences of 32 tokens."""

    input_shape = (2, 32)

    def load(self) -> Splits:
        raise NotImplementedError


class Text(LanguageModel):
    """Random windows of 64 tokens."""

    input_shape = (64,)

    def load(self) -> Splits:
        raise NotImplementedError


def network_step(
    networks: Networks, batch: Split, dropout: dict[str, float]
) -> Callable[[], float]:
    """Return a step of the largest network on its own."""
    task: Any = networks.task
    net: Any = initialise(lambda: networks.supernet(**dropout), 0).train()
    network = net.extract(networks.largest)
    recipe = RECIPES.get("transformer_small").optimisation(Recipe())
    step = Step(network.parameters(), recipe, UPDATES)

    def run() -> float:
        start = time.process_time()
        step(task.loss(network(*batch.inputs), batch.y))
        return time.process_time() - start

    return run


def supernet_step(
    networks: Networks, batch: Split, dropout: dict[str, float], *, sampled: bool
) -> Callable[[], float]:
    """Return an update of the supernet: of the largest architecture, or of a sampled one."""
    task: Any = networks.task
    net: Any = initialise(lambda: networks.supernet(**dropout), 0).train()
    recipe = RECIPES.get("transformer_small").optimisation(Recipe())
    step = Step(net.parameters(), recipe, UPDATES)
    updates, largest = MeanPerWeight().start(Session(net, task, step)), networks.largest[None]

    def run() -> float:
        start = time.process_time()
        rng = np.random.default_rng(np.random.SeedSequence([0, step.done]))
        rows = Uniform().sample(networks, rng=rng) if sampled else largest
        updates(batch, rows)
        return time.process_time() - start

    return run


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("spaces", nargs="+")
    parser.add_argument("--pairs", type=int, default=30)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--vocabulary", type=int, default=128)
    args = parser.parse_args()
    torch.set_num_threads(1)
    for name in args.spaces:
        space = SPACES.get(name)()
        translates = name.startswith(("hat", "ranknas")) and "lm" not in name
        task: Any = (Sentences if translates else Text)(vocabulary=args.vocabulary)
        networks, x = space.networks(task), task.example(args.batch)
        batch = Split(x, task.example(args.batch, seed=1)[1] if translates else x.roll(-1, 1))
        plain, dropping = (network_step(networks, batch, rates) for rates in ({}, DROPOUT))
        kinds = {
            "largest": (supernet_step(networks, batch, {}, sampled=False), plain),
            "largest, dropout": (supernet_step(networks, batch, DROPOUT, sampled=False), dropping),
            "sampled": (supernet_step(networks, batch, {}, sampled=True), plain),
        }
        ratios: dict[str, list[float]] = {kind: [] for kind in kinds}
        steps = []
        for turn in range(WARM + args.pairs):
            for kind, (run, alone) in kinds.items():
                before, found, after = alone(), run(), alone()
                if turn >= WARM:
                    ratios[kind].append(2 * found / (before + after))
                    steps += [before] if alone is plain else []
        print(f"{name}: the largest network's step {1e3 * statistics.median(steps):.1f} ms")
        for kind, each in ratios.items():
            low, middle, high = statistics.quantiles(each, n=4)
            print(f"  {kind}: x{middle:.3f} (quartiles {low:.3f} to {high:.3f})", flush=True)


if __name__ == "__main__":
    main()
