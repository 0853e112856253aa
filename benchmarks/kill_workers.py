"""Kill worker processes during a search and check that the run goes on and changes nothing.

    python benchmarks/kill_workers.py [--kills 10] [--budget 1000] [--workers 2] [--seed 0]

Two searches of the same settings, with worker processes, over a space of one's own: one in peace,
and one of which a random worker is ended by SIGKILL at ``--kills`` random moments. Checked: the
disturbed run reaches its budget in one command, no architecture is marked as failed (each is
evaluated again when its worker is lost), every evaluation is the same as in peace, and no worker
outlives its search. Linux only.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from kill_and_resume import committed, orphans

MINE = """
import time
import archrank as ar

choices = {f"k{i}": list(range(4)) for i in range(12)}
space = ar.spaces.from_choices(choices, build=lambda config, task: None, name="mine")

def total(config):
    time.sleep(0.02)
    return {"total": float(sum(config.values()))}

measure = ar.evaluators.Function(total, (ar.evaluators.Metric("total", "minimize"),))
"""


def workers_of(process: subprocess.Popen[bytes]) -> list[int]:
    """Process numbers of the workers of a search that are alive."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            spawned = b"spawn_main" in (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if parent == process.pid and spawned:
            found.append(int(folder.name))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--budget", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name).resolve()
        (root / "mine.py").write_text(MINE)

        def start(folder: str) -> subprocess.Popen[bytes]:
            command = [
                *(sys.executable, "-m", "archrank", "search", "--space", "mine.py:space"),
                *("--evaluate", "mine.py:measure", "--strategy", "evolution"),
                *("--budget", str(arguments.budget), "--workers", str(arguments.workers)),
                *("--run", folder),
            ]
            errors = (root / f"{folder}.errors").open("wb")
            return subprocess.Popen(command, cwd=root, stdout=subprocess.DEVNULL, stderr=errors)

        begun = time.monotonic()
        if start("peace").wait() != 0:
            raise SystemExit((root / "peace.errors").read_text())
        length = time.monotonic() - begun
        whole = committed(root / "peace" / "study.db")
        process, begun = start("war"), time.monotonic()
        killed = 0
        for moment in sorted(rng.uniform(0.1 * length, 0.9 * length, arguments.kills)):
            time.sleep(max(0.0, begun + moment - time.monotonic()))
            while process.poll() is None and not (alive := workers_of(process)):
                time.sleep(0.05)
            if process.poll() is not None:
                break
            os.kill(int(rng.choice(alive)), signal.SIGKILL)
            killed += 1
        status = process.wait()
        time.sleep(0.5)  # for workers to notice
        left = orphans(root)
        after = committed(root / "war" / "study.db")
        changed = sum(after.get(key) != row for key, row in whole.items())
        print((root / "war.errors").read_text()[-2000:], end="")
    print(
        f"{killed} workers killed during {len(after)} of {arguments.budget} evaluations: status "
        f"{status}, {changed} evaluations lost or altered, {left} workers left behind"
    )
    sys.exit(1 if status or changed or left or killed < arguments.kills else 0)


if __name__ == "__main__":
    main()
