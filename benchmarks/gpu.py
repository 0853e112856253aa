"""Five minutes on a GPU: everything of archrank that uses one, each compared and timed.

    OMP_NUM_THREADS=1 python benchmarks/gpu.py                 # the first CUDA device
    OMP_NUM_THREADS=1 python benchmarks/gpu.py --device cpu --mini    # in miniature, seconds

*Grouped training*: random NAS-Bench-201 cells of the digits task, two tables of cells trained one
by one with different seeds and one of cells trained at once. The tables are statistically the same
if the third looks like another seed of the first: its mean accuracy lies within two standard errors
of theirs, and its Kendall tau with them is not lower than theirs with each other (95 % of bootstrap
samples of the cells). Cells per second against one by one.

*Supernet*: the same updates of a supernet of NAS-Bench-201 in float32, bfloat16 and float16: time
of an update, and the loss at the end, which has to be that of float32 within 5 %.

*Latency*: convolutions of growing width by CUDA events, measured twice, and by the clock around a
synchronised call.

*Neural rankers*: from 78 labels of ``digits201``, on the device and on the CPU: tau on the others.

Prints a table; a check that fails ends the program with status 1. On a CPU, what only a GPU can do
is measured and not asked for.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from grouped_training import Problem, alone, together, with_epochs
from scipy.stats import kendalltau
from supernet_step import images
from torch import nn
from training_speed import random_cells

import archrank as ar
from archrank.hardware import LatencyProtocol, measure_latency
from archrank.rankers import RANKERS
from archrank.supernets.updates import MeanPerWeight, Session
from archrank.tables import load_table
from archrank.tasks.base import Split
from archrank.training.loop import TrainingResult, initialise
from archrank.training.step import Step
from archrank.types import Archs, Floats

FASTER = 20.0  # cells per second of a group over one by one
SAME_LOSS = 0.05
SAME_TAU = 0.1
REPEATED = 0.05
PUBLISHED = LatencyProtocol()
NEURAL = ("mlp", "lstm", "gates", "acenas", "brp_nas", "neural_predictor")
BOOTSTRAPS = 2000


@dataclasses.dataclass(frozen=True)
class Size:
    """How much is measured; the defaults take about five minutes on a GPU."""

    seconds: float = 60.0  # for each of the two tables of single trainings
    cells: int = 64  # of these tables, at most
    group: int = 512
    epochs: int = 12
    updates: int = 60
    batch: int = 256
    pixels: int = 32
    widths: tuple[int, ...] = (16, 32, 64, 128, 256, 512)
    protocol: LatencyProtocol = PUBLISHED
    judged: int = 1000
    rankers: tuple[str, ...] = NEURAL
    ranker_epochs: int | None = None  # as published


MINI = Size(
    cells=6,
    group=6,
    epochs=1,
    updates=3,
    batch=16,
    pixels=8,
    widths=(4, 8, 16),
    protocol=LatencyProtocol(warmup=1, repeats=10, tries=1),
    judged=60,
    rankers=("mlp", "gates"),
    ranker_epochs=2,
)


class Row(NamedTuple):
    """One line of the table; ``asked`` is empty where nothing is."""

    what: str
    measured: str
    asked: str = ""
    holds: bool = True


# ---- grouped training --------------------------------------------------------------------------


def grouped(size: Size, device: str) -> Iterator[Row]:
    """Compare tables of cells trained one by one and at once, and their speed."""
    problem = Problem(with_epochs(ar.tasks.Digits(), size.epochs), channels=8)
    problem.task.load()
    warm = dataclasses.replace(problem, task=with_epochs(problem.task, 1))
    cells = random_cells(max(size.cells, size.group), seed=2)
    alone(cells[:1], warm, 0, device)
    together(cells[: size.group], warm, 0, device, size.group)
    first, seconds = one_by_one(cells[: size.cells], problem, 0, device, size.seconds)
    n = len(first)
    second, _ = one_by_one(cells[:n], problem, 10_000, device, float("inf"))
    start = time.perf_counter()
    found = together(cells[: size.group], problem, 20_000, device, size.group, own=False)
    at_once = (time.perf_counter() - start) / size.group
    a, b, g = (accuracies(results[:n]) for results in (first, second, found))
    yield from same_table(a, b, g)
    rate = seconds / n / at_once
    measured = f"x{rate:.1f}: {n / seconds:.2f} to {1 / at_once:.1f} cells/s ({size.group} at once)"
    yield Row("grouped training, speed", measured, f"x{FASTER:.0f}", rate >= FASTER)


def one_by_one(
    cells: list[list[str]], problem: Problem, seed: int, device: str, limit: float
) -> tuple[list[TrainingResult], float]:
    """Train as many cells as the seconds allow, two at least; results and seconds."""
    results: list[TrainingResult] = []
    start = time.perf_counter()
    for i, cell in enumerate(cells):
        results += alone([cell], problem, seed + i, device)
        if len(results) > 1 and time.perf_counter() - start > limit:
            break
    return results, time.perf_counter() - start


def accuracies(results: list[TrainingResult]) -> Floats:
    return np.array([result.metrics["valid_accuracy"] for result in results])


def same_table(a: Floats, b: Floats, g: Floats) -> Iterator[Row]:
    """Judge whether table ``g`` looks like another seed of ``a`` and ``b``, each ``(n,)``."""
    apart = 100 * (g - (a + b) / 2)
    error = apart.std(ddof=1) / len(apart) ** 0.5
    yield Row(
        "grouped training, mean accuracy",
        f"{apart.mean():+.2f} points from one by one, standard error {error:.2f}, {len(a)} cells",
        "within 2 standard errors",
        bool(abs(apart.mean()) <= 2 * error + 1e-9),
    )
    rng = np.random.default_rng(0)
    rows = rng.integers(len(a), size=(BOOTSTRAPS, len(a)))
    lower = [worse(a[r], b[r], g[r]) for r in rows]
    least, most = np.nanquantile(lower, [0.025, 0.975])
    yield Row(
        "grouped training, order of cells",
        f"tau {(tau(a, g) + tau(b, g)) / 2:.3f} with one by one, two seeds {tau(a, b):.3f}; "
        f"difference {least:+.3f} to {most:+.3f}",
        "not lower, 95 %",
        bool(most >= 0),
    )


def worse(a: Floats, b: Floats, g: Floats) -> float:
    """Return by how much tau with ``g`` exceeds that of two seeds."""
    return (tau(a, g) + tau(b, g)) / 2 - tau(a, b)


def tau(a: Floats, b: Floats) -> float:
    return float(kendalltau(a, b).statistic)


# ---- supernet ----------------------------------------------------------------------------------


def supernet(size: Size, device: str) -> Iterator[Row]:
    """Train one supernet by the same updates in each precision."""
    space, task = ar.spaces.NASBench201(), images(size.pixels, 3)
    archs = space.sample(size.updates, rng=np.random.default_rng(0))
    batches = learnable(task, size)
    runs = {
        precision: updates(space, task, archs, batches, precision, device)
        for precision in ("float32", "bfloat16", "float16")
        if precision != "float16" or device != "cpu"
    }
    loss32, ms32 = runs.pop("float32")
    yield Row("supernet, float32", f"{ms32:.1f} ms per update, loss {loss32:.3f} at the end")
    for precision, (loss, ms) in runs.items():
        same = abs(loss - loss32) <= SAME_LOSS * loss32
        measured = f"{ms:.1f} ms per update (x{ms32 / ms:.2f}), loss {loss:.3f}"
        yield Row(f"supernet, {precision}", measured, f"loss within {SAME_LOSS:.0%}", same)


def learnable(task: Any, size: Size) -> list[Split]:
    """Make a batch per update of noisy images of ten patterns, which a network can tell apart."""
    generator = torch.Generator().manual_seed(0)
    patterns = torch.randn(task.n_classes, *task.input_shape, generator=generator)
    found = []
    for _ in range(size.updates):
        y = torch.randint(task.n_classes, (size.batch,), generator=generator)
        noise = torch.randn(size.batch, *task.input_shape, generator=generator)
        found.append(Split(patterns[y] + 2 * noise, y))
    return found


def updates(
    space: ar.Space, task: Any, archs: Archs, batches: list[Split], precision: Any, device: str
) -> tuple[float, float]:
    """Make one update per batch; the mean loss of the last third, median milliseconds."""
    recipe = ar.tasks.Recipe(epochs=1, lr=0.05, grad_clip=5.0, precision=precision)
    network = initialise(space.networks(task).supernet, 0).to(device).train()
    step = Step(network.parameters(), recipe, len(batches))
    rule = MeanPerWeight().start(Session(network, task, step))
    losses, times = [], []
    for arch, batch in zip(archs, batches, strict=True):
        moved = Split(batch.x.to(device), batch.y.to(device))
        wait(device)
        start = time.perf_counter()
        losses.append(rule(moved, arch[None]).detach())
        wait(device)
        times.append(1e3 * (time.perf_counter() - start))
    late = len(losses) - max(1, len(losses) // 3)
    return float(torch.stack(losses[late:]).mean()), statistics.median(times[late:])


def wait(device: str) -> None:
    if device != "cpu":
        torch.cuda.synchronize(device)


# ---- latency -----------------------------------------------------------------------------------


def latency(size: Size, device: str) -> Iterator[Row]:
    """Measure convolutions of growing width twice, and the widest by the clock as well."""
    x = torch.randn(1, 3, 32, 32, device=device)
    networks = [convolutions(width).to(device).eval() for width in size.widths]
    first, second = ([measure_latency(n, x, size.protocol) for n in networks] for _ in range(2))
    apart = [abs(a.ms - b.ms) / a.ms for a, b in zip(first, second, strict=True)]
    told = ", ".join(f"{w}: {t.ms:.3f}" for w, t in zip(size.widths, first, strict=True))
    yield Row("latency, ms by width", told)
    yield Row(
        "latency, measured again",
        f"median {100 * statistics.median(apart):.1f} % apart, most {100 * max(apart):.1f} %",
        f"median within {REPEATED:.0%}" if device != "cpu" else "",
        device == "cpu" or statistics.median(apart) <= REPEATED,
    )
    clock = by_clock(partial(networks[-1], x), size.protocol.repeats, device)
    ratio = first[-1].ms / clock
    what = "events" if device != "cpu" else "the protocol"
    yield Row(f"latency, {what} over the clock", f"{ratio:.2f} (width {size.widths[-1]})")


def convolutions(width: int) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Conv2d(3, width, 3, padding=1)]
    for _ in range(4):
        layers += [nn.ReLU(), nn.Conv2d(width, width, 3, padding=1)]
    return nn.Sequential(*layers)


@torch.inference_mode()
def by_clock(run: Callable[[], object], repeats: int, device: str) -> float:
    """Return the median milliseconds of synchronised calls."""
    times = []
    for _ in range(repeats):
        wait(device)
        start = time.perf_counter()
        run()
        wait(device)
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times)


# ---- rankers -----------------------------------------------------------------------------------


def rankers(size: Size, device: str) -> Iterator[Row]:
    """Fit each neural ranker to the same labels on the device and on the CPU."""
    space = ar.spaces.NASBench201()
    table = load_table("digits201", space)
    truth = table.column("valid_accuracy")
    rows = np.random.default_rng(0).permutation(len(truth))[: 78 + size.judged]
    taught, judged = rows[:78], rows[78:]
    for name in size.rankers:
        taus, seconds = {}, {}
        for where in dict.fromkeys((device, "cpu")):
            more = {} if size.ranker_epochs is None else {"epochs": size.ranker_epochs}
            ranker = RANKERS.get(name)(space, seed=0, device=where, **more)
            start = time.perf_counter()
            ranker.fit(table.archs[taught], truth[taught])
            predicted = ranker.predict(table.archs[judged])
            seconds[where] = time.perf_counter() - start
            taus[where] = tau(predicted, truth[judged])
        told = ", ".join(f"{w} tau {taus[w]:.3f} in {seconds[w]:.1f} s" for w in taus)
        near = bool(abs(taus[device] - taus["cpu"]) <= SAME_TAU)
        asked = f"tau within {SAME_TAU}" if device != "cpu" else ""
        yield Row(f"ranker {name}", told, asked, near)


# ---- all ---------------------------------------------------------------------------------------


def check(size: Size, device: str) -> list[Row]:
    """Make all checks, and print each row when it is known."""
    rows = []
    print("| what | measured | asked | |\n|---|---|---|---|", flush=True)
    for part in (grouped, supernet, latency, rankers):
        for row in part(size, device):
            asked = row.asked if device != "cpu" else ""
            rows.append(row._replace(asked=asked, holds=row.holds or not asked))
            verdict = ("holds" if row.holds else "does not hold") if asked else ""
            print(f"| {row.what} | {row.measured} | {asked} | {verdict} |", flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--mini", action="store_true", help="everything, as small as it gets")
    args = parser.parse_args()
    if args.device != "cpu" and not torch.cuda.is_available():
        sys.exit("there is no CUDA device here; --device cpu --mini shows the table in miniature")
    torch.set_num_threads(1)
    name = "CPU" if args.device == "cpu" else torch.cuda.get_device_name(args.device)
    start = time.perf_counter()
    print(f"{name}, torch {torch.__version__}\n")
    rows = check(MINI if args.mini else Size(), args.device)
    failed = [row.what for row in rows if not row.holds]
    seconds = time.perf_counter() - start
    print(f"\n{len(rows)} rows in {seconds:.0f} s; does not hold: {', '.join(failed) or 'none'}")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
