"""Several processes on one study in PostgreSQL: their pace, overhead, and what they survive.

    OMP_NUM_THREADS=1 python benchmarks/many_processes.py pace       # 1 process and 4
    OMP_NUM_THREADS=1 python benchmarks/many_processes.py overhead   # beside Optuna's TPE
    OMP_NUM_THREADS=1 python benchmarks/many_processes.py kills      # 10 kills, two restarts

A PostgreSQL server is started for the time of the command (Debian's package ``postgresql``), with
its usual settings: every commit reaches the disk. ``pace`` evaluates by sleeping; time counts from
the moment at which all processes have started. ``overhead`` goes on from 2,000 stored evaluations,
with an evaluation that is free, so all time is for proposing and storing. ``kills`` kills one of
four processes ten times, by SIGKILL, starts another in its place, and restarts the server twice,
once as by a crash; then it compares the history with that of one process without a database.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import optuna

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from overhead import SPACES, Free  # noqa: E402
from tests.postgres import PostgresServer, postgres_server  # noqa: E402

import archrank as ar  # noqa: E402
from archrank.evaluators import Evaluations  # noqa: E402
from archrank.strategies import Guided, Random, RegularizedEvolution, Strategy  # noqa: E402
from archrank.study.places import ROUND, Batch  # noqa: E402
from archrank.study.record import Record  # noqa: E402
from archrank.study.storage import STUDY_NAME, TrialStore  # noqa: E402
from archrank.types import Archs  # noqa: E402

STRATEGIES: dict[str, Callable[[], Strategy]] = {
    "random": lambda: Random(batch_size=40),
    "evolution": lambda: RegularizedEvolution(40, 10, 40),
    "guided": lambda: Guided(batch_size=40),
}


class Sleeping(Free):
    """Sleeps, then gives the score of :class:`Free`."""

    seconds = 0.0

    def evaluate(self, archs: Archs) -> Evaluations:
        time.sleep(self.seconds * len(archs))
        return super().evaluate(archs)


def study_of(strategy: str, seconds: float, storage: str | None) -> ar.Study:
    """Return the study that every process of this benchmark runs."""
    evaluator = Sleeping()
    evaluator.seconds = seconds
    return ar.Study(SPACES["layers"](), evaluator, STRATEGIES[strategy](), storage=storage)


# ---- processes -----------------------------------------------------------------------------------


def work(strategy: str, seconds: float, budget: int, url: str, folder: Path, wanted: int) -> None:
    """Wait until ``wanted`` processes have started, then run; the whole life of a process."""
    study = study_of(strategy, seconds, url).open()
    study.space.format(study.space.sample(2, rng=np.random.default_rng(0)))
    (folder / str(os.getpid())).touch()
    while len(list(folder.iterdir())) < wanted:
        time.sleep(0.01)
    study.run(budget)


def start(strategy: str, seconds: float, budget: int, url: str, folder: Path, wanted: int) -> Any:
    """Start a process that runs :func:`work`."""
    call = (
        f"import many_processes as m, pathlib; m.work({strategy!r}, {seconds}, {budget}, {url!r}, "
        f"pathlib.Path({str(folder)!r}), {wanted})"
    )
    return subprocess.Popen([sys.executable, "-c", call], cwd=ROOT / "benchmarks")


def pace(server: PostgresServer, seconds: float, each: int, strategies: list[str]) -> None:
    """Print evaluations an hour of one process and of four."""
    for strategy in strategies:
        alone = 0.0
        for n in (1, 4):
            with tempfile.TemporaryDirectory() as name:
                folder, url = Path(name), server.new_database()
                budget = each * n
                study_of(strategy, seconds, url).open()
                processes = [start(strategy, seconds, budget, url, folder, n) for _ in range(n)]
                while len(list(folder.iterdir())) < n:
                    time.sleep(0.005)
                begin = time.perf_counter()
                for process in processes:
                    assert process.wait() == 0
                took = time.perf_counter() - begin
            hourly = 3600 * budget / took
            alone = alone or hourly
            print(
                f"{strategy:10} {n} processes  {budget:4} evaluations of {seconds:g} s in "
                f"{took:6.1f} s  {hourly:7.0f} an hour, {hourly / alone:4.2f} x",
                flush=True,
            )


def kills(server: PostgresServer, budget: int, seconds: float) -> None:
    """Kill processes and restart the server while a study runs; print what became of it."""
    strategy, rng = "evolution", random.Random(0)
    expected = study_of(strategy, 0.0, None).run(budget)
    url = server.new_database()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        processes = [start(strategy, seconds, budget, url, folder, 4) for _ in range(4)]
        while len(list(folder.iterdir())) < 4:
            time.sleep(0.05)
        reader, killed, restarts = study_of(strategy, 0.0, url)._store, 0, 0
        begin = time.perf_counter()
        while any(process.poll() is None for process in processes):
            done = len(reader._trials)
            if killed < 10 and done >= (killed + 1) * budget // 13:
                at = rng.randrange(4)
                if processes[at].poll() is None:
                    processes[at].kill()
                    processes[at].wait()
                    processes[at] = start(strategy, seconds, budget, url, folder, 4)
                    killed += 1
            for at, process in enumerate(processes):
                if process.poll():  # it was started while the server was away
                    processes[at] = start(strategy, seconds, budget, url, folder, 4)
            if restarts < 2 and done >= (2 * restarts + 1) * budget // 4:
                server.restart("immediate" if restarts else "fast")
                restarts += 1
            time.sleep(0.1)
        took = time.perf_counter() - begin
        assert [process.returncode for process in processes] == [0] * 4
    found = TrialStore(url).records()
    places = Counter(record.key for record in found)
    trials = len(reader._trials)
    same = [(r.key, r.string, r.values) for r in found] == [
        (r.key, r.string, r.values) for r in expected.records
    ]
    deaths = sum(
        place.deaths
        for number in {key[0] for key in places}
        for place in reader.places.places(Batch(ROUND, number)).values()  # type: ignore[union-attr]
    )
    print(
        f"{budget:,} evaluations of {seconds:g} s by 4 processes in {took:.0f} s: {killed} killed, "
        f"{restarts} restarts of the server; {trials:,} trials, {len(places):,} places, "
        f"{deaths} of them taken over from the dead; history "
        f"{'the same as' if same else 'OTHER THAN'} that of one process",
        flush=True,
    )


# ---- overhead ------------------------------------------------------------------------------------


def with_history(strategy: Strategy, storage: str | Path, n: int) -> ar.Study:
    """Return a study whose first round, of ``n`` random architectures, is stored."""
    space = SPACES["layers"]()
    study = ar.Study(space, Free(), strategy, storage=storage)
    rng = np.random.default_rng(1)
    archs = np.unique(space.sample(2 * n, rng=rng), axis=0)
    archs = archs[rng.permutation(len(archs))[:n]]
    scores = study.evaluator.evaluate(archs)["score"].tolist()
    names = space.format(archs)
    for i, (arch, string) in enumerate(zip(archs, names, strict=True)):
        record = Record(
            round=0,
            slot=i,
            round_size=n,
            arch=arch,
            string=string,
            canonical=string,
            config=space.config(arch),
            values={"score": scores[i]},
            reason=None,
            seconds=0.0,
            elapsed=0.0,
        )
        study._store.append(record, study.description)
    return ar.Study(space, Free(), strategy, storage=storage)


def tpe_on(storage: str | Path) -> Callable[[int], None]:
    """Return a function that makes k more evaluations by Optuna's TPE, in a stored study."""
    space, evaluator = SPACES["layers"](), Free().bind(SPACES["layers"]())
    url = f"sqlite:///{storage}" if isinstance(storage, Path) else storage
    sampler = optuna.samplers.TPESampler(seed=0)
    study = optuna.load_study(study_name=STUDY_NAME, storage=url, sampler=sampler)

    def objective(trial: optuna.Trial) -> float:
        picks = [trial.suggest_categorical(c.name, c.options) for c in space.choices]
        arch = [c.options.index(p) for c, p in zip(space.choices, picks, strict=True)]
        return float(evaluator.evaluate(np.array([arch], dtype=np.uint8))["score"][0])

    return lambda k: study.optimize(objective, n_trials=k)


def overhead(server: PostgresServer, n: int, more: int) -> None:
    """Print what an evaluation costs after ``n``: seconds on the clock, and of this process."""
    methods: dict[str, Callable[[], Strategy]] = {
        "tpe": Random,
        "random": Random,
        "evolution": RegularizedEvolution,
        "guided": Guided,
    }
    for kind in ("sqlite", "postgresql"):
        for name, make in methods.items():
            with tempfile.TemporaryDirectory() as folder:
                where = Path(folder, "s.db") if kind == "sqlite" else server.new_database()
                study = with_history(make(), where, n)
                by_tpe = tpe_on(where) if name == "tpe" else None

                def go_on(k: int, study: Any = study, by_tpe: Any = by_tpe) -> None:
                    by_tpe(k) if by_tpe else study.run(len(study.records) + k)

                go_on(2)  # reads the history, fits from nothing
                wall, cpu = time.perf_counter(), time.process_time()
                go_on(more)
                wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            print(
                f"{kind:10} n {n:,}  {name:10} {1e3 * wall / more:7.1f} ms each on the clock, "
                f"{1e3 * cpu / more:7.1f} ms of this process",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("part", choices=["pace", "overhead", "kills"])
    parser.add_argument("--seconds", type=float, help="that an evaluation sleeps")
    parser.add_argument("--evaluations", type=int)
    parser.add_argument("--history", type=int, default=2000)
    parser.add_argument(
        "--strategies", nargs="+", choices=STRATEGIES, default=list(STRATEGIES), help="for pace"
    )
    args = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with postgres_server("max_connections=200") as server:
        if args.part == "pace":
            pace(server, args.seconds or 0.5, args.evaluations or 40, args.strategies)
        elif args.part == "kills":
            kills(server, args.evaluations or 1000, args.seconds or 0.1)
        else:
            overhead(server, args.history, args.evaluations or 64)


if __name__ == "__main__":
    import many_processes

    many_processes.main()  # classes of one name here and in the processes that are started
