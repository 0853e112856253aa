"""Speed-up of archrank's training loop over the usual one, with the same cells, recipe and thread.

The usual loop: ``DataLoader`` over a ``TensorDataset`` with default collation, NCHW tensors, one
optimiser call per tensor, the loss read at every step, evaluation through a ``DataLoader`` too.
"All edges" is the usual loop on the network as the published code runs it: dead edges computed,
torch's own pooling. Measured on one core of an AMD EPYC with AVX-512 and torch 2.13: digits x1.5
and x1.7, glyphs x1.6 and x1.8; half of what remains is spent inside torch's convolutions.

    python benchmarks/training_speed.py --task digits --cells 12
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from archrank import tasks
from archrank.networks import OPERATIONS, NASBench201Network
from archrank.networks.nasbench201 import EDGES, Cell
from archrank.tasks import ImageClassification, Split, Task
from archrank.training.loop import initialise, train

NODES = (1, 2, 3)


def random_cells(n: int, seed: int) -> list[list[str]]:
    names = list(OPERATIONS)
    rows = np.random.default_rng(seed).integers(len(names), size=(n, 6))
    return [[names[i] for i in row] for row in rows]


def build(cell: list[str], task: Task, channels: int) -> nn.Module:
    return NASBench201Network(
        cell,
        channels=channels,
        cells=1,
        n_classes=task.n_classes,
        in_channels=task.input_shape[0],
        reduction="pool",
    )


def published(network: nn.Module) -> nn.Module:
    """The same network as the published code runs it: every edge computed, torch's own pooling."""
    for module in network.modules():
        if isinstance(module, Cell):
            module._incoming = [[(e, s) for e, (s, t) in enumerate(EDGES) if t == n] for n in NODES]
            for e, edge in enumerate(module.edges):
                if isinstance(edge, nn.AvgPool2d):
                    module.edges[e] = nn.AvgPool2d(3, 1, padding=1, count_include_pad=False)
    return network


def plain_train(network: nn.Module, task: ImageClassification, seed: int) -> list[float]:
    """The loop that tutorials teach, for recipes with noise only; valid and test accuracy."""
    recipe, splits = task.recipe, task.load()
    torch.manual_seed(seed)
    loader = DataLoader(TensorDataset(*splits.train), recipe.batch_size, shuffle=True)
    optimizer = torch.optim.SGD(
        network.parameters(),
        recipe.lr,
        momentum=recipe.momentum,
        nesterov=True,
        weight_decay=recipe.weight_decay,
        foreach=False,
    )
    steps = recipe.epochs * len(loader)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(recipe.epochs):
        network.train()
        for x, y in loader:
            loss = task.loss(network(x + task.augmentation.noise * torch.randn_like(x)), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            loss.item()
    return [_plain_score(network, s, recipe.batch_size) for s in (splits.valid, splits.test)]


def _plain_score(network: nn.Module, split: Split, batch_size: int) -> float:
    network.eval()
    hits = 0
    with torch.no_grad():
        for x, y in DataLoader(TensorDataset(*split), batch_size):
            hits += int((network(x).argmax(1) == y).sum())
    return hits / len(split.y)


def cpu_seconds(run: Callable[[], object]) -> float:
    start = time.process_time()
    run()
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", default="digits", choices=["digits", "glyphs", "characters"])
    parser.add_argument("--cells", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--channels", type=int, default=8)
    args = parser.parse_args()
    torch.set_num_threads(1)
    task: ImageClassification = getattr(tasks, args.task)()
    cells = random_cells(args.cells, args.seed)
    times: dict[str, list[float]] = {"archrank": [], "plain loop": [], "plain, all edges": []}
    for i, cell in enumerate([cells[0], *cells]):  # the first one warms up and is dropped
        new = partial(initialise, partial(build, cell, task, args.channels), args.seed)
        runs = {
            "archrank": partial(train, new(), task, seed=args.seed),
            "plain loop": partial(plain_train, new(), task, args.seed),
            "plain, all edges": partial(plain_train, published(new()), task, args.seed),
        }
        for name in list(runs)[:: 1 if i % 2 else -1]:
            times[name].append(cpu_seconds(runs[name]))
    print(f"{task.name}, {len(cells)} random cells, one thread; CPU-seconds per cell")
    ours = times["archrank"][1:]
    for name, spent in times.items():
        ratios = [p / o for p, o in zip(spent[1:], ours, strict=True)]
        print(
            f"{name:17} {statistics.mean(spent[1:]):.3f}  x{sum(spent[1:]) / sum(ours):.2f} in "
            f"total, per cell x{min(ratios):.2f} to x{max(ratios):.2f}"
        )


if __name__ == "__main__":
    main()
