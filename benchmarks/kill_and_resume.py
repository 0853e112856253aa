"""Kill a search at random moments and check that the resumed run loses and changes nothing.

    python benchmarks/kill_and_resume.py [--kills 20] [--seed 0] [--budget 36]

Each trial starts ``archrank search`` (real training, one epoch per network; every other trial with
two worker processes), ends it with SIGKILL after a time drawn uniformly from the length of a whole
run, and repeats the command until it finishes. Checked: (a) every evaluation committed before the
kill is there afterwards, with the same numbers; (b) the run holds what an uninterrupted one holds,
row for row; (c) no worker process outlives its search.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

TASK = """
from archrank.tasks import Digits, Recipe

task = Digits(recipe=Recipe(epochs=1), copies=1)
"""
QUERY = """
SELECT trial_id, key, value_json FROM trial_user_attributes
WHERE key IN ('arch', 'archrank', 'metrics')
"""
Rows = dict[tuple[int, int], tuple[str, str]]  # (round, slot) -> architecture, metrics


def command(folder: str, budget: int, workers: int) -> list[str]:
    return [
        *(sys.executable, "-m", "archrank", "search", "--task", "cheap:task", "--ranker", "gbdt"),
        *("--budget", str(budget), "--workers", str(workers), "--run", folder),
    ]


def committed(database: Path) -> Rows:
    """Read the evaluations in the database, in proposal order."""
    if not database.exists():
        return {}
    connection = sqlite3.connect(database)
    try:
        found = connection.execute(QUERY).fetchall()
    except sqlite3.OperationalError:  # killed before the tables were made
        found = []
    finally:
        connection.close()
    trials: dict[int, dict[str, str]] = {}
    for trial, key, value in found:
        trials.setdefault(trial, {})[key] = value
    rows: Rows = {}
    for attributes in trials.values():
        place = json.loads(attributes["archrank"])  # a KeyError: half a trial was committed
        key = place["round"], place["slot"]
        if key in rows:
            raise SystemExit(f"evaluation {key} was stored twice")
        rows[key] = attributes["arch"], attributes["metrics"]
    return dict(sorted(rows.items()))


def orphans(folder: Path) -> int:
    """Live worker processes of searches in ``folder`` whose parent is gone (Linux only)."""
    count = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            here = (process / "cwd").resolve() == folder
            spawned = b"spawn_main" in (process / "cmdline").read_bytes()
        except OSError:
            continue
        count += here and spawned
    return count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--budget", type=int, default=36)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name).resolve()
        (root / "cheap.py").write_text(TASK)

        def start(folder: str, workers: int) -> subprocess.Popen[bytes]:
            return subprocess.Popen(
                command(folder, arguments.budget, workers),
                cwd=root,
                stdout=subprocess.DEVNULL,
                stderr=(root / "errors").open("wb"),
                env={**os.environ, "COLUMNS": "200"},
            )

        lengths, whole = {}, []
        for workers in (1, 2):
            begun = time.monotonic()
            if start(f"whole{workers}", workers).wait() != 0:
                raise SystemExit((root / "errors").read_text())
            lengths[workers] = time.monotonic() - begun
            whole.append(committed(root / f"whole{workers}" / "study.db"))
        if not len(whole[0]) == len(whole[1]) == arguments.budget or whole[0] != whole[1]:
            raise SystemExit("uninterrupted runs with 1 and 2 workers differ")
        print(f"a whole run: {lengths[1]:.1f} s with 1 worker, {lengths[2]:.1f} s with 2")

        lost = changed = left = 0
        kept = []
        for trial in range(arguments.kills):
            workers = 1 + trial % 2
            while True:
                folder = f"trial{trial}-{lengths[workers]:.3f}"
                moment, begun = rng.uniform(0, lengths[workers]), time.monotonic()
                process = start(folder, workers)
                try:
                    process.wait(moment)
                except subprocess.TimeoutExpired:
                    break
                lengths[workers] = time.monotonic() - begun  # it was faster: try again
            process.kill()
            process.wait()
            before = committed(root / folder / "study.db")
            time.sleep(0.5)  # for workers to notice
            left += (alive := orphans(root))
            attempts = 1
            while start(folder, workers).wait() != 0:
                attempts += 1
                if attempts > 3:
                    raise SystemExit((root / "errors").read_text())
            after = committed(root / folder / "study.db")
            lost += sum(after.get(key) != row for key, row in before.items())
            changed += after != whole[0]
            kept.append(len(before))
            print(
                f"kill {trial + 1:2d} after {moment:4.1f} s, {workers} worker(s): "
                f"{len(before):2d} of {arguments.budget} committed, {alive} orphans, "
                f"{'identical' if after == whole[0] else 'DIFFERENT'} in the end",
                flush=True,
            )
    print(
        f"{arguments.kills} kills, {sum(kept)} evaluations committed before them "
        f"({min(kept)} to {max(kept)} each): {lost} lost or altered, {changed} runs that differ "
        f"from an uninterrupted one, {left} workers left behind"
    )
    sys.exit(1 if lost or changed or left else 0)


if __name__ == "__main__":
    main()
