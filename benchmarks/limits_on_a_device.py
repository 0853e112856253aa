"""How many trainings a limit on measured latency costs in vain, on a device, in your own space.

Guided search of small convolutional networks for handwritten digits, under a limit that 30 % of
random ones keep on this device. Every network that was trained is measured again at the end, alone
and by the published protocol of 300 runs.

    OMP_NUM_THREADS=1 python benchmarks/limits_on_a_device.py --device cpu [--seeds 3] [--budget 30]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor, nn

import archrank as ar
from archrank.evaluators import Combined, Latency, Training

SHARE, RANDOM = 0.3, 60


class Residual(nn.Module):
    """A block of two convolutions; ``(b, width, h, w)``."""

    def __init__(self, width: int, kernel: int, expand: int, norm: bool) -> None:
        super().__init__()
        self.inside = nn.Sequential(
            nn.Conv2d(width, width * expand, 1),
            nn.BatchNorm2d(width * expand) if norm else nn.Identity(),
            nn.ReLU(),
            nn.Conv2d(width * expand, width, kernel, padding=kernel // 2),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.inside(x)


def build(config: dict[str, Any], task: Any) -> nn.Module:
    """A stem, equal blocks, a classifier."""
    width = config["width"]
    shape = (config["kernel"], config["expand"], config["norm"])
    blocks = [Residual(width, *shape) for _ in range(config["depth"])]
    end = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, task.n_outputs))
    return nn.Sequential(nn.Conv2d(task.input_shape[0], width, 3, padding=1), *blocks, *end)


SPACE = ar.spaces.from_choices(
    {
        "width": ar.Int(8, 96, step=8),
        "depth": ar.Int(1, 6),
        "kernel": [1, 3, 5],
        "expand": [1, 2, 4],
        "norm": ar.Bool(),
    },
    build=build,
    name="residual",
)


def search(device: str, seed: int, budget: int, limit: float) -> str:
    """Return a line: the share that keeps the limit again, measurements, trainings, accuracy."""
    task = ar.tasks.Digits()
    timed = Latency(task, device=device)
    study = ar.Study(
        SPACE,
        Combined(Training(task, device=device), timed),
        objectives=["valid_accuracy"],
        constraints=[f"latency_ms<={limit}"],
        seed=seed,
    ).run(budget)
    trained = np.stack([record.arch for record in study.results.records])
    careful = timed.bind(SPACE).careful()
    again = careful.evaluate(trained)["latency_ms"]
    best = study.best
    known = careful.evaluate(best.arch[None])["latency_ms"][0]
    return (
        f"seed {seed}: {np.mean(again <= limit):.1%} of {len(trained)} trainings keep it again "
        f"(slowest {again.max():.3f} ms), {len(study.records)} measurements; best "
        f"{best.values['valid_accuracy']:.4f}, {known:.3f} ms"
    )


def main(arguments: Sequence[str]) -> None:
    """Print the limit and a line per seed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--budget", type=int, default=30)
    asked = parser.parse_args(arguments)
    archs = SPACE.sample(RANDOM, rng=np.random.default_rng(0))
    ms = Latency(ar.tasks.Digits(), device=asked.device).bind(SPACE).evaluate(archs)["latency_ms"]
    limit = round(float(np.quantile(ms, SHARE)), 4)
    print(f"{ms.min():.3f} to {ms.max():.3f} ms on {asked.device}; limit {limit} ms", flush=True)
    for seed in range(asked.seeds):
        print(search(asked.device, seed, asked.budget, limit), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
