"""CPU time of one supernet step over that of the stand-alone network of the same architecture.

    python benchmarks/supernet_step.py --cells 8 --pairs 30

Both steps draw a batch and train on it with the same recipe: forward, loss, backward, clipped SGD
with momentum. The supernet's steps draw and check their architectures, too, as many at once as an
epoch of digits has. Steps of the two alternate in one process on one thread, and a cell's ratio is
the median over pairs, so whatever else the machine does meets both.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import nn

import archrank as ar
from archrank.spaces import NDS, NASBench101, NASBench201, ProxylessNAS
from archrank.supernets.samplers import Uniform
from archrank.supernets.updates import MeanPerWeight, Session
from archrank.tasks.base import Split
from archrank.training.data import Draws
from archrank.training.layout import lay_out
from archrank.training.loop import initialise
from archrank.training.step import Step

RECIPE = ar.tasks.Recipe(epochs=1, lr=0.01, grad_clip=5.0)
WARM = 3
DRAWN = 10  # batches of 128 of the digits


def images(size: int, channels: int) -> Any:
    """A task of random images without augmentation."""
    return SimpleNamespace(
        name=f"{size}x{size}",
        input_shape=(channels, size, size),
        n_outputs=10,
        n_classes=10,
        loss=nn.functional.cross_entropy,
        augment=lambda x, generator: x,
    )


def examples(task: Any, n: int) -> Split:
    """The first training images of a task, or random ones."""
    if isinstance(task, ar.tasks.Task):
        return task.load().train.take(slice(0, n))
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(n, *task.input_shape, generator=generator)
    return Split(x, torch.randint(10, (n,), generator=generator))


SMALL, LARGE = ar.tasks.digits(), images(32, 3)
CASES = {
    "nasbench201 8x8": (NASBench201(), SMALL, 128),
    "nasbench201 32x32": (NASBench201(), LARGE, 128),
    "nasbench101 8x8": (NASBench101(), SMALL, 128),
    "nasbench101 32x32, 32 channels": (
        NASBench101(ar.spaces.Scale(channels=32, cells=3)),
        LARGE,
        64,
    ),
    "nds darts 8x8": (NDS("darts", widths=(8, 16), depths=(4, 8)), SMALL, 128),
    "nds darts 32x32": (NDS("darts", widths=(16, 24, 32), depths=(4, 8)), LARGE, 32),
    "nds nasnet 8x8": (NDS("nasnet", widths=(8, 16), depths=(4, 8)), SMALL, 128),
    "proxylessnas 32x32": (ProxylessNAS(), LARGE, 64),
}


class Pair:
    """A supernet, and what its steps need."""

    def __init__(self, space: ar.Space, task: Any, batch_size: int, affine: bool) -> None:
        self.space, self.task, self.size = space, task, batch_size
        networks = space.networks(task)
        self.networks = networks
        self.data = examples(task, 4 * batch_size)
        self.supernet: Any = initialise(lambda: networks.supernet(affine=affine), 0).train()
        step = Step(self.supernet.parameters(), RECIPE, 10**6)
        self.updates = MeanPerWeight().start(Session(self.supernet, task, step))
        self.batches = self.draws(self.supernet)

    def draws(self, network: nn.Module) -> Iterator[Split]:
        """Batches for a network, without an end."""
        layout, generator = lay_out(network), torch.Generator().manual_seed(0)
        draws = Draws(self.task, self.data.map(layout), self.size, generator, layout)
        return itertools.chain.from_iterable(draws.epoch() for _ in itertools.count())

    def drawing(self) -> float:
        """CPU seconds per architecture that is drawn and checked."""
        start = time.process_time()
        for k in range(DRAWN):
            rng = np.random.default_rng(np.random.SeedSequence([0, k]))
            self.space.valid(self.space.validate(Uniform().sample(self.networks, rng=rng)))
        return (time.process_time() - start) / DRAWN

    def shared(self, arch: np.ndarray) -> float:
        """CPU seconds of a step of the supernet, without drawing the architecture."""
        start = time.process_time()
        self.updates(next(self.batches), arch[None])
        return time.process_time() - start

    def ratios(self, arch: np.ndarray, pairs: int) -> list[float]:
        """Pairs of steps, the stand-alone network's first in every other one."""
        network = initialise(lambda: self.networks.build(arch), 0).train()
        batches = self.draws(network)
        step = Step(network.parameters(), RECIPE, 10**6)

        def alone() -> float:
            start = time.process_time()
            batch = next(batches)
            step(self.task.loss(network(batch.x), batch.y))
            return time.process_time() - start

        found = []
        for k in range(WARM + pairs):
            if k % 2:
                theirs, ours = alone(), self.shared(arch)
            else:
                ours, theirs = self.shared(arch), alone()
            found.append((ours + self.drawing()) / theirs)
        self.last = theirs
        return found[WARM:]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--cells", type=int, default=8)
    parser.add_argument("--pairs", type=int, default=30)
    parser.add_argument("--only", default="", help="part of the names of the cases to run")
    parser.add_argument("--affine", action=argparse.BooleanOptionalAction, default=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    for name, (space, task, batch_size) in CASES.items():
        if args.only not in name:
            continue
        pair = Pair(space, task, batch_size, args.affine)
        medians, seconds = [], []
        for arch in space.sample(args.cells, rng=np.random.default_rng(1)):
            medians.append(statistics.median(pair.ratios(arch, args.pairs)))
            seconds.append(pair.last)
        weights = sum(p.numel() for p in pair.supernet.parameters())
        tensors = len(list(pair.supernet.parameters()))
        print(
            f"{name}: x{statistics.median(medians):.3f} (cells {min(medians):.3f} to "
            f"{max(medians):.3f}), step {1e3 * statistics.median(seconds):.1f} ms, "
            f"{weights:,} weights in {tensors:,} tensors",
            flush=True,
        )


if __name__ == "__main__":
    main()
