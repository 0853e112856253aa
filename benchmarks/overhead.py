"""What one more evaluation costs beside the evaluation: our strategies against Optuna's TPE.

    OMP_NUM_THREADS=1 python benchmarks/overhead.py
    OMP_NUM_THREADS=1 python benchmarks/overhead.py --sizes 1000 --methods tpe guided
    OMP_NUM_THREADS=1 python benchmarks/overhead.py --soak 10000 --methods random evolution guided

Evaluations are free: a sum of effects of options and of pairs. A history of n finished random
evaluations is stored first. Then an eighth as many more are made (20 to 128), over which guided
search fits its ranker now and then, and the processor time of this process is divided by their
number, storage included. Every method goes on from a copy of the same SQLite file, so TPE sees the
same trials and the same categorical parameters. The first round reads the file and fits from
nothing; it is shown apart, as ``resume``. Prints milliseconds and the ratio
to TPE. ``--soak`` prints the memory of a run from nothing to that many evaluations instead.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import optuna

import archrank as ar
from archrank.metrics import Metric
from archrank.spaces import NASBench201, Space, from_choices
from archrank.strategies import Guided, Random, RegularizedEvolution, Strategy
from archrank.study.record import Record
from archrank.study.storage import MARK, STUDY_NAME, TrialStore
from archrank.types import Archs, Floats

STRATEGIES: dict[str, Callable[[], Strategy]] = {
    "random": Random,
    "evolution": RegularizedEvolution,
    "guided": Guided,
}
METHODS = ("tpe", *STRATEGIES)


def no_network(config: dict[str, Any], task: Any) -> Any:
    """Refuse to build: nothing here trains."""
    raise NotImplementedError


def layers() -> Space:
    """Nine decisions of ten options, numbers and names: 10^9 architectures."""
    numbers: dict[str, Sequence[Any]] = {
        f"width{i}": [8 * k for k in range(1, 11)] for i in range(5)
    }
    names: dict[str, Sequence[Any]] = {
        f"operation{i}": [f"op{k}" for k in range(10)] for i in range(4)
    }
    return from_choices({**numbers, **names}, build=no_network, name="layers")


SPACES: dict[str, Callable[[], Space]] = {"nasbench201": NASBench201, "layers": layers}


class Free(ar.evaluators.Evaluator):
    """Sums effects of single options, saturating, and of pairs of neighbouring decisions."""

    metrics = (Metric("score"),)

    def bind(self, space: Space, **settings: Any) -> Free:
        bound = super().bind(space, **settings)
        rng = np.random.default_rng(0)
        most = int(space.radices.max())
        bound.single = rng.normal(size=(space.d, most))
        bound.pair = rng.normal(size=(space.d - 1, most, most))
        return bound

    def evaluate(self, archs: Archs) -> ar.evaluators.Evaluations:
        columns = np.arange(self.space.d)
        single = self.single[columns, archs].mean(axis=1)
        pair = self.pair[columns[1:] - 1, archs[:, :-1], archs[:, 1:]].mean(axis=1)
        score: Floats = np.tanh(2 * single) + 0.5 * pair
        return ar.evaluators.Evaluations({"score": score})

    def describe(self) -> dict[str, Any]:
        return {"evaluator": "free"}


# ---- one method on one history -----------------------------------------------------------------


def history_file(space: Space, n: int, path: Path) -> None:
    """Store a run whose first round is ``n`` random architectures."""
    study = ar.Study(space, Free(), Random())
    archs = np.unique(space.sample(2 * n, rng=np.random.default_rng(1)), axis=0)
    archs = archs[np.random.default_rng(2).permutation(len(archs))[:n]]
    scores = study.evaluator.evaluate(archs)["score"].tolist()
    canonical = space.format(space.canonical(archs))
    store = TrialStore(path, create=study.description)
    for i, string in enumerate(space.format(archs)):
        record = Record(
            round=0,
            slot=i,
            round_size=n,
            arch=archs[i],
            string=string,
            values={"score": scores[i]},
            reason=None,
            seconds=0.0,
            elapsed=0.0,
            cpu_seconds=0.0,
            canonical=canonical[i],
            config=space.config(archs[i]),
        )
        store.append(record, study.description)


def ours(space: Space, make: Callable[[], Strategy], file: Path) -> Callable[[int], None]:
    """Return a function that makes k more evaluations."""
    study = ar.Study(space, Free(), make(), storage=file)
    if file.exists():  # the history of another strategy
        known = optuna.load_study(study_name=STUDY_NAME, storage=f"sqlite:///{file}")
        known.set_user_attr(MARK, json.dumps(study.description.identity))

    def more(k: int) -> None:
        study.run(len(study.records) + k)

    return more


def tpe(space: Space, file: Path) -> Callable[[int], None]:
    """Return a function that makes k more evaluations by Optuna's TPE."""
    evaluator = Free().bind(space)
    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=0),
        storage=f"sqlite:///{file}",
        study_name=STUDY_NAME,
        load_if_exists=True,
    )

    def objective(trial: optuna.Trial) -> float:
        picks = [trial.suggest_categorical(c.name, c.options) for c in space.choices]
        arch = [c.options.index(p) for c, p in zip(space.choices, picks, strict=True)]
        return float(evaluator.evaluate(np.array([arch], dtype=np.uint8))["score"][0])

    def more(k: int) -> None:
        study.optimize(objective, n_trials=k)

    return more


def cpu_seconds(call: Callable[[], object]) -> float:
    """Return the processor time of a call."""
    start = time.process_time()
    call()
    return time.process_time() - start


def measure(method: str, space: Space, file: Path, evaluations: int) -> tuple[float, float]:
    """Return the seconds of the first two evaluations, and of each of the following ones."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "study.db")
        shutil.copy(file, copy)
        start = time.process_time()
        more = tpe(space, copy) if method == "tpe" else ours(space, STRATEGIES[method], copy)
        more(2)
        resume = time.process_time() - start
        return resume, cpu_seconds(lambda: more(evaluations)) / evaluations


# ---- command -----------------------------------------------------------------------------------


def table_of(
    space_name: str, sizes: Sequence[int], methods: Sequence[str], evaluations: int | None
) -> None:
    """Print a row per size and method."""
    space = SPACES[space_name]()
    with tempfile.TemporaryDirectory() as folder:
        for n in sizes:
            file = Path(folder, f"{n}.db")
            history_file(space, n, file)
            by_tpe = float("nan")
            for method in methods:
                resume, each = measure(
                    method, space, file, evaluations or min(max(n // 8, 20), 128)
                )
                by_tpe = each if method == "tpe" else by_tpe
                print(
                    f"{space_name:12} n {n:6,}  {method:10} {1e3 * each:8.1f} ms each, "
                    f"{each / by_tpe:5.2f} x TPE   resume {resume:6.2f} s",
                    flush=True,
                )


def resident_mb() -> float:
    """Return the resident memory of this process in MB (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


def soak(space_name: str, method: str, evaluations: int) -> None:
    """Print the memory of one run as its history grows."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "study.db")
        space = SPACES[space_name]()
        more = tpe(space, file) if method == "tpe" else ours(space, STRATEGIES[method], file)
        for stop in range(1, 11):
            seconds = cpu_seconds(lambda: more(evaluations // 10))
            print(
                f"{space_name:12} {method:10} {stop * evaluations // 10:7,} evaluations "
                f"{resident_mb():7.1f} MB, {1e4 * seconds / evaluations:7.1f} ms each",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[200, 1000, 5000])
    parser.add_argument("--spaces", nargs="+", default=list(SPACES), choices=list(SPACES))
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    parser.add_argument("--evaluations", type=int, help="how many more to make")
    parser.add_argument("--soak", type=int)
    args = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    for space_name in args.spaces:
        if args.soak is None:
            table_of(space_name, args.sizes, args.methods, args.evaluations)
            continue
        for method in args.methods:  # each in a process of its own
            call = f"import overhead; overhead.soak({space_name!r}, {method!r}, {args.soak})"
            folder = str(Path(__file__).parent)
            subprocess.run([sys.executable, "-c", call], cwd=folder, check=True)


if __name__ == "__main__":
    main()
