"""Best of 60 evaluations in spaces of sets, blocks and numbers, by three strategies.

    OMP_NUM_THREADS=1 python benchmarks/choices.py [--seeds 5] [--budget 60]

Two functions that are written below, so their best is known or can be neared:

* ``4 of 24``: which layers carry attention. A layer is worth more in the upper half, with noise of
  its own; neighbours take from each other.
* ``mixed``: 40 decisions, numbers on linear and logarithmic grids, words, sets and blocks. About
  half of them matter, some only together.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np

import archrank as ar

Function = Callable[[dict[str, Any]], float]
WORTH = np.exp(-(((np.arange(24) - 15) / 6) ** 2)) + 0.3 * np.random.default_rng(100).normal(
    size=24
)
STRATEGIES = {
    "random": ar.strategies.Random,
    "evolution": ar.strategies.RegularizedEvolution,
    "guided": ar.strategies.Guided,
}
STEPS = (20, 40, 60)  # evaluations after which the best is told


def nothing(config: dict[str, Any], task: object) -> Any:
    """Stand for a build function: nothing is trained here."""


def attention(config: dict[str, Any]) -> float:
    """Score the layers that carry attention."""
    layers = np.array(config["attention"])
    crowded = np.exp(-(np.diff(layers) - 1) / 2.0).sum()
    return float(WORTH[layers].sum() - 1.5 * crowded)


def network(config: dict[str, Any]) -> float:
    """Score a configuration of :func:`mixed`."""
    score = -((np.log10(config["lr"]) + 2.2) ** 2) - 4 * (config["dropout"] - 0.2) ** 2
    score -= 0.3 * (np.log2(config["batch"]) - 6) ** 2
    score += {"relu": 0.0, "gelu": 0.4, "silu": 0.5, "tanh": -0.6}[config["act"]]
    score += {"none": -0.5, "first": 0.0, "all": 0.3}[config["norm"]]
    score += 0.3 * (config["bias"] is False)
    score -= 0.15 * len({"embed", "head"} & set(config["quantised"]))
    attended = np.array(config["attention"])
    score += 0.5 * WORTH[2 * attended + 1].sum()
    width = 0.0
    for k, block in enumerate(config["blocks"]):
        width += np.log2(block["width"]) / (k + 1)
        score += 0.2 * (block["kernel"] == (3 if k < 2 else 5)) + 0.15 * block["skip"]
    score -= 0.25 * (width - 9) ** 2 / (1 + config["dropout"])
    return float(score - 0.2 * (len(config["blocks"]) - 4) ** 2)


def four_of_24() -> ar.Space:
    """Make the space of 4 layers out of 24."""
    return ar.spaces.from_choices({"attention": ar.Subset(24, 4)}, nothing, name="4 of 24")


def mixed() -> ar.Space:
    """Make the space of 40 decisions."""
    block = {"width": ar.Int(8, 256, log=True), "kernel": [3, 5, 7], "skip": ar.Bool()}
    return ar.spaces.from_choices(
        {
            "lr": ar.Float(1e-4, 1e-1, log=True),
            "dropout": ar.Float(0, 0.5),
            "batch": ar.Int(8, 512, log=True),
            "act": ["relu", "gelu", "silu", "tanh"],
            "norm": ar.Ordered(["none", "first", "all"]),
            "version": ar.Categorical([1, 2, 3]),
            "bias": ar.Bool(),
            "quantised": ar.Subset(["embed", "query", "mlp", "head"], 2),
            "attention": ar.Subset(12, (1, 4)),
            "blocks": ar.Repeat(block, times=(2, 5)),
            "unused": ar.Int(1, 100),
        },
        nothing,
        name="mixed",
    )


def best_after(
    space: ar.Space, function: Function, name: str, seed: int, budget: int
) -> list[float]:
    """Return the best scores of a search after :data:`STEPS` evaluations."""
    evaluator = ar.evaluators.Function(function, metrics=["score:maximize"])
    study = ar.Study(space, evaluator, STRATEGIES[name](), seed=seed)
    study.run(budget=budget)
    scores = [record.values["score"] for record in study.records]
    return [max(scores[:step]) for step in STEPS if step <= budget]


def main() -> None:
    """Print a table per function."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--budget", type=int, default=60)
    parser.add_argument("--only", choices=["4 of 24", "mixed"])
    options = parser.parse_args()
    for make, function in ((four_of_24, attention), (mixed, network)):
        space = make()
        if options.only not in (None, space.name):
            continue
        print(f"{space.name}: {space.d} columns, {space.size:.3g} architectures")
        many = space.sample(20_000, rng=np.random.default_rng(0))
        scores = np.sort([function(space.config(arch)) for arch in many])
        print(f"20,000 random: mean {scores.mean():.2f}, best {scores[-1]:.2f}")
        for name in STRATEGIES:
            found = np.array(
                [
                    best_after(space, function, name, seed, options.budget)
                    for seed in range(options.seeds)
                ]
            )
            mean = ", ".join(f"{value:.2f}" for value in found.mean(axis=0))
            last = ", ".join(f"{value:.2f}" for value in found[:, -1])
            print(f"{name:10} mean after {STEPS[: found.shape[1]]}: {mean}; last of each: {last}")


if __name__ == "__main__":
    main()
