"""Record what a restructuring must not change, and compare with the record afterwards.

    python benchmarks/same_as_before.py write before.json
    python benchmarks/same_as_before.py compare before.json
    python benchmarks/same_as_before.py compare before.json --only proposals tables

Both runs must be on one machine with the same libraries: the values depend on the processor, so
this is no test. ``compare`` prints every difference by name and exits with 1 if there is any.

Parts:
    proposals: what guided search (four kinds), regularized evolution and random search evaluate.
    predictions: of every registered ranker, fitted to 40 labels.
    tables: all columns of three cells of every built-in table.
    fingerprints: of every registered space.
    views: samples, mutants, canonical rows, strings, features, tokens, graphs and costs of every
        registered space, as digests.

Everything that calls archrank is in the section "Calls into archrank", so that only this section
follows when an interface changes.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy: sums over threads come in any order

import argparse
import hashlib
import json
import math
import platform
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import archrank as ar
from archrank.errors import ArchrankError, SpaceError
from archrank.metrics import Metric
from archrank.rankers import RANKERS
from archrank.spaces import SPACES, CustomSpace, Space, from_choices
from archrank.tables import load_table
from archrank.types import Archs, Floats

SEEDS = (0, 1)
BUDGET = 40  # evaluations per study
LABELS, JUDGED = 40, 50  # rows that a ranker learns from, and other rows that it predicts
VIEWED = 64  # rows per space whose views are recorded
DIGITS = 10  # significant digits of recorded predictions
TOLERANCE = 1e-9  # relative to the largest number of a list
LIBRARIES = ("numpy", "scipy", "scikit-learn", "lightgbm", "torch")
SHOWN = 3  # values of a changed list that are printed

Values = dict[str, Any]  # name -> str, number, or list of either

RANKER_SETTINGS: dict[str, dict[str, Any]] = {  # less training than the default where that is slow
    "brp_nas": {"epochs": 20},
    "recursive": {"steps": 200},
}


# ---- Calls into archrank -----------------------------------------------------------------------


def no_network(config: dict[str, Any], task: Any) -> torch.nn.Module:
    """Refuse to build: nothing here trains."""
    raise NotImplementedError


def plain_space() -> Space:
    """A user's own space without conditions, 576 rows."""
    return from_choices(
        {
            "width": [8, 16, 24, 64],
            "depth": [1, 2, 3],
            "kernel": [1, 3, 5],
            "activation": ["relu", "silu", "gelu", "tanh"],
            "dropout": [0.0, 0.1, 0.5, 0.9],
        },
        build=no_network,
        name="plain",
    )


def conditional_space() -> Space:
    """A user's own space in which later layers exist only in deeper networks."""
    return from_choices(
        {
            "depth": [1, 2, 3],
            "width1": [8, 16, 32, 64],
            "width2": [8, 16, 32, 64],
            "width3": [8, 16, 32, 64],
            "kernel3": [1, 3, 5],
            "activation": ["relu", "silu"],
        },
        build=no_network,
        active_if={
            "width2": ("depth", [2, 3]),
            "width3": ("depth", [3]),
            "kernel3": ("depth", [3]),
        },
        name="conditional",
    )


def searched_spaces() -> dict[str, Space]:
    """The spaces that proposals are recorded of."""
    return {
        "nasbench201": named_space("nasbench201"),
        "plain": plain_space(),
        "conditional": conditional_space(),
        "hat": named_space("hat"),
    }


def ranked_spaces() -> dict[str, Space]:
    """The spaces that predictions are recorded of: edges with operations, nodes, sequences."""
    return {
        "nasbench201": named_space("nasbench201"),
        "nds_darts": named_space("nds_darts"),
        "hat": named_space("hat"),
        "conditional": conditional_space(),
    }


def named_space(name: str) -> Space:
    """Return a registered space."""
    space: Space = SPACES.get(name)()
    return space


class Measured(ar.evaluators.Evaluator):
    """Calls :func:`measure` with the options of every decision; of users' spaces, those that exist.

    Not ``Function``, whose functions receive decisions that exist only: scores of layers
    would then differ from records made before that was so.
    """

    metrics = (Metric("score"), Metric("price", "minimize"))

    def evaluate(self, archs: Archs) -> ar.evaluators.Evaluations:
        results = [measure(self.config(arch)) for arch in archs]
        names = [m.name for m in self.metrics]
        return ar.evaluators.Evaluations({n: np.array([r[n] for r in results]) for n in names})

    def config(self, arch: NDArray[np.uint8]) -> dict[str, Any]:
        """Return the options of ``arch: (d,)`` by name."""
        if isinstance(self.space, CustomSpace):
            return self.space.config(arch)
        chosen = zip(self.space.choices, arch.tolist(), strict=True)
        return {c.name: c.options[k] for c, k in chosen}

    def describe(self) -> dict[str, Any]:
        return {"evaluator": "measured"}


def evaluator() -> ar.evaluators.Evaluator:
    """Return an evaluator that calls :func:`measure`."""
    return Measured()


def labels(space: Space, archs: Archs) -> Floats:
    """Score ``archs: (n, d)`` as a study does: ``(n,)``."""
    return evaluator().bind(space).evaluate(archs)["score"]


def searches() -> dict[str, dict[str, Any]]:
    """Return the arguments of a study by name: strategies with default settings, and variants."""
    Guided = ar.strategies.Guided
    return {
        "guided": {"strategy": Guided()},
        "evolution": {"strategy": ar.strategies.RegularizedEvolution()},
        "random": {"strategy": ar.strategies.Random()},
        "guided ei": {"strategy": Guided(acquisition="ei")},
        "guided two objectives": {"strategy": Guided(), "objectives": ["score", "price"]},
        "guided constraint": {"strategy": Guided(), "constraints": ["price<=0.5"]},
    }


def evaluated(space: Space, search: dict[str, Any], seed: int) -> list[Any]:
    """Run a study in memory and return its records in proposal order."""
    return ar.Study(space, evaluator(), seed=seed, **search).run(budget=BUDGET).records


def table_columns(name: str) -> tuple[list[str], dict[str, Sequence[Any]]]:
    """Return the strings of a built-in table's cells, and its columns by name, each ``(n,)``."""
    space = named_space("nasbench201")
    table = load_table(name, space)
    numbers = {column: table.column(column).tolist() for column in table.metrics}
    return space.format(table.archs), numbers | table.raw.text


def graph_arrays(space: Space, archs: Archs) -> dict[str, NDArray[Any]]:
    """Return the graph view's arrays by name; none if the space has no such view."""
    try:
        graphs = space.graph(archs)
    except SpaceError:
        return {}
    arrays = {
        "adjacency": graphs.adjacency,
        "ops": graphs.ops,
        "mask": graphs.mask,
        "edge_ops": graphs.edge_ops,
        "extra": graphs.extra,
    }
    return {name: array for name, array in arrays.items() if array is not None}


# ---- Parts -------------------------------------------------------------------------------------


def measure(config: dict[str, Any]) -> dict[str, float]:
    """Score and price a configuration without training.

    The score has effects of single options, saturating, and of pairs. Effects are read from hashes
    of names, so the order of decisions does not matter.
    """
    words = sorted(f"{name}={option}" for name, option in config.items())
    n = math.sqrt(len(words))
    single = sum(effect(word) for word in words) / n
    pairs = sum(effect(f"{a}&{b}") for a, b in pairwise(words)) / n
    price = sum(effect(f"price of {word}") for word in words) / n
    return {"score": round(math.tanh(single) + 0.3 * pairs, 6), "price": round(price, 6)}


def effect(word: str) -> float:
    """Return a number in -1..1 that only depends on ``word``."""
    number = int.from_bytes(hashlib.sha256(word.encode()).digest()[:6], "big")
    return 2 * number / 2**48 - 1


def proposals() -> Iterator[tuple[str, Any]]:
    """Yield the rows and strings that each search evaluates, and their scores."""
    for space_name, space in searched_spaces().items():
        for search_name, search in searches().items():
            for seed in SEEDS:
                name = f"{space_name}/{search_name}/seed {seed}"
                records = evaluated(space, search, seed)
                yield f"{name}/rows", [" ".join(map(str, r.arch.tolist())) for r in records]
                yield f"{name}/strings", [r.string for r in records]
                yield f"{name}/scores", [r.values["score"] for r in records]


def predictions() -> Iterator[tuple[str, Any]]:
    """Yield what each ranker predicts for rows it has not seen, and how sure it is."""
    for space_name, space in ranked_spaces().items():
        archs = np.unique(space.sample(4 * (LABELS + JUDGED), rng=np.random.default_rng(0)), axis=0)
        archs = archs[np.random.default_rng(1).permutation(len(archs))[: LABELS + JUDGED]]
        known, others = archs[:LABELS], archs[LABELS:]
        scores = labels(space, known)
        yield f"{space_name}/labels", scores.tolist()
        for ranker_name in RANKERS.names():
            settings = RANKER_SETTINGS.get(ranker_name, {})
            name = f"{space_name}/{ranker_name}"
            try:
                ranker = RANKERS.get(ranker_name)(space, seed=0, **settings).fit(known, scores)
            except ArchrankError as error:  # such as a ranker of graphs, in a space without
                yield f"{name}/refused", type(error).__name__
                continue
            yield f"{name}/mean", rounded(ranker.predict(others))
            if ranker.has_std:
                yield f"{name}/std", rounded(ranker.predict(others, return_std=True)[1])


def tables() -> Iterator[tuple[str, Any]]:
    """Yield every column of the first, the middle and the last cell of each built-in table."""
    for name in ("digits201", "glyphs201", "characters201"):
        archs, columns = table_columns(name)
        yield f"{name}/cells", len(archs)
        yield f"{name}/columns", list(columns)
        for row in (0, len(archs) // 2, len(archs) - 1):
            for column, values in columns.items():
                yield f"{name}/{archs[row]}/{column}", values[row]


def fingerprints() -> Iterator[tuple[str, Any]]:
    """Yield the identity of every registered space."""
    for name in SPACES.names():
        yield name, named_space(name).fingerprint()


def views() -> Iterator[tuple[str, Any]]:
    """Yield digests of what every registered space says of the same sampled rows."""
    for name in SPACES.names():
        space = named_space(name)
        archs = space.sample(VIEWED, rng=np.random.default_rng(0))
        others = space.mutate(archs, rng=np.random.default_rng(1))
        arrays: dict[str, NDArray[Any]] = {
            "sample": archs,
            "mutate": others,
            "mutate at rate 0.3": space.mutate(archs, rng=np.random.default_rng(2), rate=0.3),
            "crossover": space.crossover(archs, archs[::-1], rng=np.random.default_rng(3)),
            "active": space.active(archs),
            "canonical": space.canonical(archs),
            "features": space.features(archs),
            "tokens": space.tokens(archs),
        }
        graph = {f"graph/{key}": array for key, array in graph_arrays(space, archs).items()}
        cost = {f"cost/{key}": array for key, array in space.cost(archs).items()}
        for key, array in {**arrays, **graph, **cost}.items():
            yield f"{name}/{key}", digest(array)
        yield f"{name}/size", str(space.size)  # a string: beyond what a float holds
        yield f"{name}/n_tokens", space.n_tokens
        yield f"{name}/feature names", digest_of_text(space.feature_names)
        yield f"{name}/strings", digest_of_text(space.format(archs))


PARTS: dict[str, Callable[[], Iterator[tuple[str, Any]]]] = {
    "proposals": proposals,
    "predictions": predictions,
    "tables": tables,
    "fingerprints": fingerprints,
    "views": views,
}


# ---- Records and their comparison --------------------------------------------------------------


def rounded(values: Floats) -> list[float]:
    """Keep the first :data:`DIGITS` significant digits of each of ``values: (n,)``."""
    return [float(f"{value:.{DIGITS}g}") for value in values.tolist()]


def digest(array: NDArray[Any]) -> str:
    """Name an array's type, shape and content."""
    content = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]
    return f"{array.dtype} {array.shape} {content}"


def digest_of_text(lines: Sequence[str]) -> str:
    """Name the content of lines, with the first of them for the reader."""
    content = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
    return f"{len(lines)} {content} {lines[0][:60]}"


def record(parts: Sequence[str]) -> Values:
    """Compute the named parts: ``{"part/...": value}``."""
    values: Values = {}
    for part in parts:
        start, before = time.process_time(), len(values)
        for name, value in PARTS[part]():
            values[f"{part}/{name}"] = value
        seconds = time.process_time() - start
        print(f"{part}: {len(values) - before} values, {seconds:.0f} CPU-seconds", file=sys.stderr)
    as_stored: Values = json.loads(json.dumps(values))
    return as_stored


def environment() -> dict[str, str]:
    """Versions and processor type that values may depend on."""
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cpu features": torch.backends.cpu.get_cpu_capability(),
        **{library: version(library) for library in LIBRARIES},
    }


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """One line for each name whose value changed, is gone, or is new."""
    lines = []
    for name in [*before, *(name for name in after if name not in before)]:
        if name not in after:
            lines.append(f"{name}: gone")
        elif name not in before:
            lines.append(f"{name}: new")
        elif not equal(before[name], after[name], tolerance_of(name)):
            lines.append(f"{name}: {change(before[name], after[name])}")
    return lines


def tolerance_of(name: str) -> float:
    """Predictions may change in their last digits, nothing else may."""
    return TOLERANCE if name.startswith("predictions/") else 0.0


def equal(a: Any, b: Any, tolerance: float = 0.0) -> bool:
    """Compare values; numbers may differ by ``tolerance`` times the largest of their list."""
    xs, ys = (value if isinstance(value, list) else [value] for value in (a, b))
    if len(xs) != len(ys) or not all(isinstance(value, float) for value in [*xs, *ys]):
        return bool(a == b)
    scale = max((abs(value) for value in [*xs, *ys] if math.isfinite(value)), default=0.0)
    return np.allclose(xs, ys, rtol=0, atol=tolerance * scale, equal_nan=True)


def change(a: Any, b: Any) -> str:
    """Describe a change: the first places of a list that differ, or both values."""
    if not (isinstance(a, list) and isinstance(b, list) and len(a) == len(b)):
        return f"{a!r} became {b!r}"
    places = [i for i, (x, y) in enumerate(zip(a, b, strict=True)) if x != y]
    shown = "; ".join(f"[{i}] {a[i]!r} became {b[i]!r}" for i in places[:SHOWN])
    return f"{len(places)} of {len(a)} differ: {shown}"


def compare(file: Path, parts: Sequence[str]) -> bool:
    """Compute again and print what differs from the file; True if nothing does."""
    stored = json.loads(file.read_text())
    now = environment()
    for name, value in stored["environment"].items():
        if now.get(name) != value:
            print(f"note: {name} is {now.get(name)}, was {value}: values may differ by this alone")
    before = {k: v for k, v in stored["values"].items() if k.partition("/")[0] in parts}
    lines = differences(before, record(parts))
    print(*lines, sep="\n", end="\n" if lines else "")
    print(f"{len(lines)} differences from {len(before)} values" if lines else "equal")
    return not lines


def main() -> None:
    """Write or compare, as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("action", choices=["write", "compare"])
    parser.add_argument("file", type=Path)
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS))
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.action == "compare":
        sys.exit(0 if compare(args.file, args.only) else 1)
    stored = {"environment": environment(), "values": record(args.only)}
    args.file.write_text(json.dumps(stored, indent=1) + "\n")


if __name__ == "__main__":
    main()
