"""Measure the elastic supernet of `attentive_small`: ways to compute it, its steps, its scores.

    OMP_NUM_THREADS=1 python benchmarks/attentive_scoring.py --repeats 5

Ways differ in the layout of images in memory and in 1x1 convolutions: products of matrices, as the
supernet computes them, or oneDNN's convolutions. Each way runs in processes of its own, in turn,
since oneDNN keeps the kernels that it compiles for shapes, and after some random sub-networks, as
in a training; CPU seconds count. Scores are of untrained weights on images of glyphs. The figures
asked for are 25 sub-networks a second on 600 images of 12x12, and at 16x16 steps of the sandwich
rule of up to 2.6 (uniform) and 3.2 (the best of three by their loss) times that of the largest.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from archrank.spaces import AttentiveSmall
from archrank.supernets import Supernet, one_shot_scores
from archrank.supernets.slicing import convolve
from archrank.tasks import Glyphs
from archrank.training.layout import channels_last, default
from archrank.training.loop import initialise
from archrank.types import Archs

HOME = "archrank.supernets.attentivenas"
TASK = Glyphs(size=12, copies=1)


def convolution(module: nn.Module, x: Tensor, channels: int) -> Tensor:
    """Run a 1x1 convolution by oneDNN."""
    assert isinstance(module, nn.Conv2d)
    return convolve(module, x, module.weight[:channels, : x.shape[1]])


WAYS = {
    "products, channels last": ([], channels_last),
    "products, default": ([("channels_last", default)], default),
    "convolutions, channels last": ([("pointwise", convolution)], channels_last),
    "convolutions, default": (
        [("pointwise", convolution), ("channels_last", default)],
        default,
    ),
}


@contextmanager
def way(name: str, supernet: Supernet) -> Iterator[Callable[[Tensor], Tensor]]:
    """Let the supernet compute in one of the ways; yields the layout of images."""
    changes, layout = WAYS[name]
    for weight in supernet.parameters():
        weight.data = layout(weight.data)
    patches = [patch(f"{HOME}.{attribute}", new) for attribute, new in changes]
    for change in patches:
        change.start()
    try:
        yield layout
    finally:
        for change in patches:
            change.stop()


def seconds(call: Callable[[], object]) -> float:
    """Return the CPU seconds of a call."""
    start = time.process_time()
    call()
    return time.process_time() - start


def scoring(supernet: Supernet, archs: Archs, x: Tensor) -> dict[str, float]:
    """Return CPU seconds per sub-network, one by one and together."""
    with torch.inference_mode():
        alone = seconds(lambda: [supernet(x, arch) for arch in archs])
        together = seconds(lambda: list(supernet.forward_each((x,), archs)))
    return {"one by one": alone / len(archs), "together": together / len(archs)}


def steps(supernet: Supernet, archs: Archs, x: Tensor, y: Tensor) -> dict[str, float]:
    """Return CPU seconds of forward and backward passes on one batch, and of a forward pass.

    As in the sandwich rule, the largest and the smallest network run after every two others. The
    first half of the sub-networks is not measured.
    """
    networks = supernet.space.networks(TASK)
    took: dict[str, list[float]] = defaultdict(list)

    def step(arch: Archs) -> None:
        cross_entropy(supernet(x, arch), y).backward()
        supernet.zero_grad(set_to_none=True)

    def forward(arch: Archs) -> None:
        with torch.no_grad():
            supernet(x, arch)

    for place, arch in enumerate(archs):
        if 2 * place == len(archs):
            took.clear()
        took["forward"].append(seconds(partial(forward, arch)))
        took["sampled"].append(seconds(partial(step, arch)))
        if place % 2:
            took["smallest"].append(seconds(partial(step, networks.smallest)))
            took["largest"].append(seconds(partial(step, networks.largest)))
    return {what: float(np.mean(each)) for what, each in took.items()}


def measure(args: argparse.Namespace) -> dict[str, float]:
    """Return CPU seconds of everything in one way."""
    torch.set_num_threads(1)
    space, rng = AttentiveSmall(), np.random.default_rng(args.seed)
    made = initialise(lambda: space.networks(TASK).supernet(zero_gamma=True), 0)
    assert isinstance(made, Supernet)
    images, labels = TASK.load().valid.take(slice(0, args.images))
    found: dict[str, float] = {}
    with way(args.way, made) as layout:
        for b in args.batches:
            archs = space.sample(args.sample, rng=rng)
            x = layout(torch.randn(b, 1, 16, 16))
            took = steps(made.train(), archs, x, labels[:b])
            found |= {f"{b} {what}": each for what, each in took.items()}
        for _ in range(2):  # the second time counts
            archs = space.sample(args.sample // 2, rng=rng)
            found |= scoring(made.eval(), archs, layout(images))
            score = partial(one_shot_scores, statistics="recalibrated", calibration=1)
            took_all = seconds(partial(score, made, TASK, archs, examples=args.images))
            found["recalibrated on 512 images"] = took_all / len(archs)
    return found


def main() -> None:
    """Print medians over the repeats."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--sample", type=int, default=60, help="sub-networks of a repeat")
    parser.add_argument("--images", type=int, default=600)
    parser.add_argument("--batches", type=int, nargs="+", default=[32, 64])
    parser.add_argument("--way", choices=list(WAYS), help="run one way once")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    if args.way:
        print(json.dumps(measure(args)))
        return
    runs = defaultdict(list)
    for seed in range(args.repeats):
        for name in WAYS:
            again = [*sys.argv, "--way", name, "--seed", str(seed)]
            child = subprocess.run([sys.executable, *again], stdout=subprocess.PIPE, check=True)
            runs[name].append(json.loads(child.stdout))
    for name, each in runs.items():
        report(
            name, {what: float(np.median([run[what] for run in each])) for what in each[0]}, args
        )


def report(name: str, took: dict[str, float], args: argparse.Namespace) -> None:
    """Print the rates and ratios of one way."""
    kinds = ("one by one", "together", "recalibrated on 512 images")
    print(f"{name}: " + ", ".join(f"{1 / took[kind]:.1f}/s {kind}" for kind in kinds))
    for b in args.batches:
        largest, smallest, sampled, forward = (
            took[f"{b} {what}"] for what in ("largest", "smallest", "sampled", "forward")
        )
        uniform = largest + smallest + 2 * sampled
        print(
            f"  batch {b}: largest {1e3 * largest:.1f} ms, smallest {1e3 * smallest:.1f}, sampled "
            f"{1e3 * sampled:.1f}; sandwich {1e3 * uniform:.0f} ms, {uniform / largest:.2f} times "
            f"the largest, {(uniform + 6 * forward) / largest:.2f} with the best of three"
        )


if __name__ == "__main__":
    main()
