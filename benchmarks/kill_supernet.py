"""Kill the training of a supernet at random moments and check that nothing changes by it.

    python benchmarks/kill_supernet.py [--kills 15] [--seed 0] [--epochs 80]

``archrank supernet train`` (FairNAS, a momentum per option, a learning rate that falls at plateaus,
dropout) is ended with SIGKILL, again and again, at a moment up to ``--longest`` seconds after its
first line, and repeated until it has been killed that often and finishes. Its last checkpoint is
compared, byte by byte, with that of a training that nobody killed; no half file may be left.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

SETTINGS = (
    *("--recipe", "surgery", "--sampling", "fairnas", "--batch-size", "128"),
    *("--plateau-patience", "1", "--decay-exponents", "1.5", "0.5", "--momentum-decision", "0"),
)


def start(folder: Path, epochs: int) -> subprocess.Popen[str]:
    """Start a training and wait for its first line."""
    command = [sys.executable, "-m", "archrank", "supernet", "train", *SETTINGS]
    command += ["--epochs", str(epochs), "--run", str(folder)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    first = process.stderr.readline()
    if not first.startswith("supernet of"):
        raise SystemExit(first + process.stderr.read())
    return process


def finish(process: subprocess.Popen[str]) -> None:
    """Wait for the end of a training."""
    _, told = process.communicate()
    if process.returncode:
        raise SystemExit(told)


def checkpoints(folder: Path) -> list[str]:
    """Names of the files that trainings write."""
    return sorted(p.name for p in folder.iterdir() if p.name.endswith((".safetensors", ".tmp")))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=15)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=80)
    parser.add_argument("--longest", type=float, default=12.0)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    with tempfile.TemporaryDirectory() as name:
        killed, whole = Path(name, "killed"), Path(name, "whole")
        kills = 0
        while kills < arguments.kills:
            process = start(killed, arguments.epochs)
            time.sleep(rng.uniform(0, arguments.longest))
            if process.poll() is not None:
                print("the training finished before it was killed that often")
                break
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
            print(f"kill {kills}: {', '.join(checkpoints(killed)) or 'no checkpoint yet'}")
        finish(start(killed, arguments.epochs))
        finish(start(whole, arguments.epochs))
        left = checkpoints(killed)
        equal = left == checkpoints(whole) and all(
            (killed / file).read_bytes() == (whole / file).read_bytes() for file in left
        )
    print(f"{kills} kills; {left}; equal to a training that nobody killed: {equal}")
    if not equal:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
