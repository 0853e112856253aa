"""Every figure that is asked of search spaces, for every space there is a name for.

    python benchmarks/spaces.py
    python benchmarks/spaces.py --quick --spaces nasbench201 nds_darts --checks sampling costs

Sampling 200,000 architectures/s (20,000/s where rows must be valid); encoding 100,000 as features,
tokens and graphs in less than 5 s each; closed-form MACs and parameters equal to what
torch.utils.flop_counter counts in 50 random networks on the meta device; 20 random networks
forward and backward; 10,000 architectures/s of given FLOPs; sizes as published. Seconds are
processor seconds of one thread. Exits with 1 if a bar is missed.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import inf, isclose

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from archrank.errors import SpaceError
from archrank.spaces import (
    SPACES,
    AttentiveNAS,
    EdgeCellSpace,
    FlopsSampler,
    ProxylessNAS,
    Space,
)
from archrank.spaces.constrained import ConstrainedSpace
from archrank.tasks import Classification, Splits
from archrank.types import Archs

ENCODED, BAR_ENCODED = 100_000, 5.0
BAR_SAMPLED, BAR_VALID, BAR_BAND = 200_000, 20_000, 10_000
BAND = (200.0, 250.0)  # MFLOPs


@dataclass(frozen=True)
class Sized(Classification):
    """Inputs and outputs of some size; there is no data."""

    input_shape: tuple[int, ...] = (3, 32, 32)
    n_classes: int = 10

    name = "sized"

    def load(self) -> Splits:
        raise NotImplementedError

    def inputs(self, b: int) -> torch.Tensor:
        images = len(self.input_shape) == 3
        return torch.ones(b, *self.input_shape, dtype=torch.float32 if images else torch.int64)


@dataclass(frozen=True)
class Line:
    """One row of the table."""

    space: str
    figure: str
    measured: str
    bar: str
    passed: bool

    def __str__(self) -> str:
        verdict = "pass" if self.passed else "**FAIL**"
        return f"| {self.space} | {self.figure} | {self.measured} | {self.bar} | {verdict} |"


def task_of(space: Space, *, small: bool) -> Sized:
    """A task of the kind that a space builds networks for."""
    images, length = ((3, 15, 15), 7) if small else ((3, 32, 32), 23)
    for shape in (images, (length,), (2, length)):
        task = Sized(input_shape=shape, n_classes=11)
        try:
            space.networks(task)
        except SpaceError:
            continue
        return task
    raise SystemExit(f"{space.name} takes neither images nor token sequences")


def best_time(call: Callable[[], object], repeats: int = 3) -> float:
    """Least processor seconds; the first call, which may fill look-up tables, is not counted."""
    call()
    fastest = inf
    for _ in range(repeats):
        start = time.process_time()
        call()
        fastest = min(fastest, time.process_time() - start)
    return fastest


def sampling(name: str, space: Space, counts: argparse.Namespace) -> Iterator[Line]:
    bar = BAR_VALID if isinstance(space, ConstrainedSpace) else BAR_SAMPLED
    seconds = best_time(lambda: space.sample(ENCODED, rng=np.random.default_rng(0)))
    rate = ENCODED / seconds
    yield Line(name, "sampled per second", f"{rate / 1e6:.1f} M", f"{bar:,}", rate >= bar)


def encoding(name: str, space: Space, counts: argparse.Namespace) -> Iterator[Line]:
    archs = space.sample(ENCODED, rng=np.random.default_rng(0))
    spent: list[float | None] = []
    for view in ("features", "tokens", "graph"):
        encode = getattr(space, view)
        try:
            encode(archs[:1])
        except SpaceError:
            spent.append(None)
            continue
        spent.append(best_time(lambda encode=encode: encode(archs), repeats=1))  # type: ignore[misc]
    shown = " / ".join("-" if s is None else f"{s:.2f}" for s in spent)
    slowest = max(s for s in spent if s is not None)
    figure = "100,000 as features / tokens / graphs, s"
    yield Line(name, figure, shown, f"{BAR_ENCODED:g}", slowest < BAR_ENCODED)


def costs(name: str, space: Space, counts: argparse.Namespace) -> Iterator[Line]:
    task = task_of(space, small=False)
    made = space.networks(task)
    archs = space.sample(counts.counted, rng=np.random.default_rng(0))
    cost, equal = made.cost(archs), 0
    macs = made.cost(executed(space, archs))["macs"]
    for i, arch in enumerate(archs):
        with torch.device("meta"):
            network, x = made.build(arch).eval(), task.inputs(1)
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            network(x)
        params = sum(p.numel() for p in network.parameters())
        equal += counter.get_total_flops() == 2 * macs[i] and params == cost["params"][i]
    figure = "MACs and parameters equal to the counter's"
    yield Line(
        name, figure, f"{equal} of {len(archs)}", f"{counts.counted}", equal == counts.counted
    )


def executed(space: Space, archs: Archs) -> Archs:
    """Cells without edges that the output does not see.

    The published counts of NAS-Bench-201 have them, and so have closed forms; networks keep their
    parameters and do not run them.
    """
    if not isinstance(space, EdgeCellSpace) or space.none is None:
        return archs
    rows, seen = archs.copy(), np.zeros((len(archs), space.nodes), dtype=bool)
    seen[:, -1] = True
    for e, (source, target) in reversed(list(enumerate(space.edges))):
        rows[~seen[:, target], e] = space.none
        seen[:, source] |= rows[:, e] != space.none
    return rows


def networks(name: str, space: Space, counts: argparse.Namespace) -> Iterator[Line]:
    task = task_of(space, small=True)
    made = space.networks(task)
    trained = 0
    for arch in space.sample(counts.trained, rng=np.random.default_rng(1)):
        network = made.build(arch)
        network(task.inputs(2)).square().mean().backward()
        gradients = [p.grad for p in network.parameters() if p.grad is not None]
        trained += bool(gradients) and all(bool(torch.isfinite(g).all()) for g in gradients)
    yield Line(
        name,
        "networks forward and backward",
        f"{trained} of {counts.trained}",
        f"{counts.trained}",
        trained == counts.trained,
    )


def bands(name: str, space: Space, counts: argparse.Namespace) -> Iterator[Line]:
    """AttentiveNAS's sampler, in its own space and in ProxylessNAS."""
    if not isinstance(space, AttentiveNAS | ProxylessNAS):
        return

    def mflops(archs: Archs) -> np.ndarray:
        return space.cost(archs)["macs"] / 1e6

    rng = np.random.default_rng(0)
    sampler = FlopsSampler(space, mflops, rng=rng, sample=200_000)
    middle = float(np.median(sampler.draw_targets(1_000, rng=rng)))
    for what, band in (("200-250", BAND), ("the median ± 12", (middle - 12, middle + 12))):
        drawn = sampler.sample_band(1_000, band, rng=rng)
        inside = ((mflops(drawn) >= band[0]) & (mflops(drawn) <= band[1])).all()
        seconds = best_time(lambda band=band: sampler.sample_band(20_000, band, rng=rng))  # type: ignore[misc]
        rate = 20_000 / seconds
        passed = bool(inside) and rate >= BAR_BAND
        yield Line(name, f"of {what} MFLOPs per second", f"{rate:,.0f}", f"{BAR_BAND:,}", passed)


PUBLISHED: dict[str, tuple[str, float]] = {  # a property of the space, and its published value
    "attentivenas": ("size", 4.40e11),
    "fbnet": ("size", 9**22),
    "fbnet_cifar": ("size", 9**22),
    "fbnet_wide": ("size", 9**22),
    "gpt_s": ("size", 1.9e12),
    "hat": ("size", 4.18e14),
    "hat_wmt": ("size", 4.18e14),
    "nasbench101": ("unique_cells", 423_624),
    "nasbench201": ("size", 15_625),
    "nds_amoeba": ("op_count", 1_073_741_824),
    "nds_darts": ("op_count", 16_777_216),
    "nds_enas": ("op_count", 9_765_625),
    "nds_nasnet": ("op_count", 137_858_491_849),
    "nds_pnas": ("op_count", 1_073_741_824),
    "proxylessnas": ("size", 6**6 * 7**15),
    "ranknas": ("size", 1.26e23),
    "ranknas_wmt": ("size", 1.26e23),
    "transnas101_micro": ("size", 4_096),
}


def sizes(name: str, space: Space, counts: argparse.Namespace) -> Iterator[Line]:
    base = name.removesuffix("_fixwd").removesuffix("_in") if name.startswith("nds_") else name
    if base not in PUBLISHED:
        return
    what, expected = PUBLISHED[base]
    found = getattr(space, what)
    found = len(found()) if callable(found) else found
    exact = isinstance(expected, int)
    same = found == expected if exact else isclose(found, expected, rel_tol=0.01)
    shown, wanted = (f"{n:,}" if exact and n < 1e12 else f"{n:.3g}" for n in (found, expected))
    yield Line(name, what.replace("_", " "), shown, wanted, same)


CHECKS = {
    "sizes": sizes,
    "sampling": sampling,
    "encoding": encoding,
    "bands": bands,
    "costs": costs,
    "networks": networks,
}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--spaces", nargs="+", default=SPACES.names())
    parser.add_argument("--checks", nargs="+", choices=CHECKS, default=list(CHECKS))
    parser.add_argument("--quick", action="store_true", help="5 networks counted, 2 trained")
    options = parser.parse_args()
    options.counted, options.trained = (5, 2) if options.quick else (50, 20)
    torch.set_num_threads(1)
    missed = 0
    print("| space | figure | measured | bar | |", "|---|---|---|---|---|", sep="\n")
    for check in options.checks:
        for name in options.spaces:
            for line in CHECKS[check](name, SPACES.get(name)(), options):
                print(line, flush=True)
                missed += not line.passed
    print(f"{missed} missed" if missed else "every bar met")
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
