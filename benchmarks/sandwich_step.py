"""CPU time of updates by the sandwich rule over that of the largest network's own step.

    python benchmarks/sandwich_step.py --pairs 40

On attentive_small with images of 16x16 pixels, batches of 64, the recipe of that space: the largest
network alone (forward, loss, backward, clipping, SGD), the sandwich with two uniform architectures,
BestUp-3 and WorstUp-3 by mini-batch loss, BestUp-50 by the forest. An update draws its rows and its
batch, too. Updates of all kinds take turns in one process on one thread; a ratio is the median over
turns of the update's time over the mean of the two steps of the largest network around it.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import nn

import archrank as ar
from archrank.rankers import AttentiveNASForest
from archrank.supernets.recipes import RECIPES
from archrank.supernets.samplers import AttentiveLoss, AttentiveRanker, Sampler, Uniform
from archrank.supernets.updates import Sandwich, Session
from archrank.tasks.base import Split
from archrank.torch_state import keep_kernels
from archrank.training.data import Draws
from archrank.training.layout import lay_out
from archrank.training.loop import initialise
from archrank.training.step import Step

WARM = 5
UPDATES = 10**6


class Images(SimpleNamespace):
    """A task of random images without augmentation."""

    name = "images"
    n_outputs = n_classes = 10
    is_cross_entropy = True

    @property
    def input_shape(self) -> tuple[int, int, int]:
        return (self.channels, self.size, self.size)

    def loss(self, outputs: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return nn.functional.cross_entropy(outputs, y)

    def augment(self, x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        return x


class Setting:
    """A space on a task, and what steps need."""

    def __init__(self, space: ar.Space, size: int, channels: int, batch: int) -> None:
        self.task: Any = Images(size=size, channels=channels)
        self.networks = space.networks(self.task)
        self.batch, self.recipe = batch, RECIPES.get("attentive_small")
        self.optimisation = self.recipe.optimisation(ar.tasks.Recipe())
        generator = torch.Generator().manual_seed(0)
        x = torch.randn(8 * batch, channels, size, size, generator=generator)
        self.data = Split(x, torch.randint(10, (len(x),), generator=generator))

    def batches(self, network: nn.Module) -> Callable[[], Split]:
        """Return a function that draws a batch for a network."""
        layout, generator = lay_out(network), torch.Generator().manual_seed(0)
        draws = Draws(self.task, self.data.map(layout), self.batch, generator, layout)
        waiting: list[Split] = []

        def batch() -> Split:
            if not waiting:
                waiting.extend(draws.epoch())
            return waiting.pop()

        return batch

    def alone(self) -> Callable[[], float]:
        """Return a step of the largest network on its own."""
        network = initialise(lambda: self.networks.build(self.networks.largest), 0).train()
        step, batch = Step(network.parameters(), self.optimisation, UPDATES), self.batches(network)

        def run() -> float:
            start = time.process_time()
            drawn = batch()
            step(self.task.loss(network(drawn.x), drawn.y))
            return time.process_time() - start

        return run

    def update(self, sampler: Sampler) -> Callable[[], float]:
        """Return an update of the supernet by the sandwich rule."""
        options = self.recipe.options
        net: Any = initialise(lambda: self.networks.supernet(**options), 0).train()
        step, batch = Step(net.parameters(), self.optimisation, UPDATES), self.batches(net)
        session = Session(net, self.task, step)
        updates = Sandwich().start(session)
        sampler.sample(self.networks, rng=np.random.default_rng(0))  # the prior is made once

        def run() -> float:
            start = time.process_time()
            rng = np.random.default_rng(np.random.SeedSequence([0, step.done]))
            rows = sampler.sample(self.networks, rng=rng)
            drawn = batch()
            if sampler.candidates > 1:
                losses = session.peek(drawn, rows)
                rows = sampler.choose(rows, losses.double().numpy())
            updates(drawn, rows)
            return time.process_time() - start

        return run


def forest(setting: Setting) -> AttentiveNASForest:
    """A forest of the published size, fitted to made-up labels."""
    rng = np.random.default_rng(0)
    archs = setting.networks.space.sample(512, rng=rng)
    scores = np.log(setting.networks.cost(archs)["macs"]) + 0.1 * rng.standard_normal(512)
    return AttentiveNASForest(setting.networks.space).fit(archs, scores)


def draws_per_second(setting: Setting, rows: int = 2000) -> float:
    """Architectures that meet their targets, drawn per CPU second, six at a time."""
    prior, met = setting.networks.flops_prior, 0
    start = time.process_time()
    for number in range(rows // 6):
        rng = np.random.default_rng(np.random.SeedSequence([0, number]))
        targets = np.repeat(prior.draw_targets(2, rng=rng), 3)
        drawn = prior.sample(6, rng=rng, targets=targets)
        found = np.rint(prior.mflops(drawn) / prior.bin_mflops)
        met += int((found == np.rint(targets / prior.bin_mflops)).sum())
    return met / (time.process_time() - start)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=40)
    parser.add_argument("--size", type=int, default=16, help="pixels along each side")
    parser.add_argument("--channels", type=int, default=3)
    parser.add_argument("--batch", type=int, default=64)
    args = parser.parse_args()
    torch.set_num_threads(1)
    keep_kernels()  # as a training does
    setting = Setting(ar.spaces.AttentiveSmall(), args.size, args.channels, args.batch)
    kinds: dict[str, Sampler] = {
        "uniform": Uniform(2),
        "bestup-3-loss": AttentiveLoss(),
        "worstup-3-loss": AttentiveLoss(front="worst"),
        "bestup-50-ranker": AttentiveRanker(ranker=forest(setting)),
    }
    print(f"{draws_per_second(setting):,.0f} draws per CPU second that meet their target")
    alone = setting.alone()
    updates = {name: setting.update(sampler) for name, sampler in kinds.items()}
    ratios: dict[str, list[float]] = {name: [] for name in kinds}
    steps = []
    for turn in range(WARM + args.pairs):
        for name, run in updates.items():
            before, found, after = alone(), run(), alone()
            if turn >= WARM:
                ratios[name].append(2 * found / (before + after))
                steps.append(before)
    print(f"largest network's step {1e3 * statistics.median(steps):.1f} ms")
    for name, each in ratios.items():
        low, middle, high = statistics.quantiles(each, n=4)
        print(f"{name}: x{middle:.2f} (quartiles {low:.2f} to {high:.2f})", flush=True)


if __name__ == "__main__":
    main()
