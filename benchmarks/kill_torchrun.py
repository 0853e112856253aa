"""Kill a training of two processes in mid-epoch, twice, and check that nothing changes by it.

    OMP_NUM_THREADS=1 python benchmarks/kill_torchrun.py [--folder DIR] [--epochs 2] [NAME ...]

``torchrun`` trains ``attentive_small`` on digits by the sandwich rule with two processes, under
each sampling that is named. All its processes are ended with SIGKILL, some seconds after the start
and again after the first checkpoint, and the command is repeated until it finishes. The last
checkpoint is compared, byte by byte, with that of a training that nobody killed. Samplings by a
ranker learn after the first epoch.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SAMPLINGS = ("bestup-3-loss", "bestup-50-ranker", "worstup-1m")
BEGIN = 14.0  # seconds in which torchrun and both processes have begun to train, at least
LATER = 6.0  # seconds after the first checkpoint


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def start(folder: Path, sampling: str, epochs: int) -> subprocess.Popen[bytes]:
    """Start a training of two processes."""
    launch = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port"]
    launch += [str(free_port()), "-m", "--", "archrank", "supernet", "train", "--run", str(folder)]
    names = ["--space", "attentive_small", "--task", "digits", "--sampling", sampling]
    learns = [] if sampling.endswith("-loss") else ["--learn-after", "1"]
    command = [sys.executable, *launch, *names, "--epochs", str(epochs), *learns]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL)


def with_children(pid: int) -> list[int]:
    """Return a process and all below it."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(below for child in children for below in with_children(int(child)))]


def kill(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        raise SystemExit("the training ended before it could be killed: give it more epochs")
    for pid in with_children(process.pid):
        os.kill(pid, signal.SIGKILL)
    process.wait()


def checkpoints(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("epoch-*"))


def check(folder: Path, sampling: str, epochs: int) -> bool:
    """Train with and without kills; tell whether the ends are equal."""
    killed, whole = folder / f"{sampling}-killed", folder / f"{sampling}-whole"
    process = start(killed, sampling, epochs)
    time.sleep(BEGIN)
    kill(process)
    print(
        f"{sampling}: killed, {', '.join(checkpoints(killed)) or 'no checkpoint yet'}", flush=True
    )
    process = start(killed, sampling, epochs)
    while process.poll() is None and not checkpoints(killed):
        time.sleep(0.05)
    time.sleep(LATER)
    kill(process)
    print(f"{sampling}: killed, {', '.join(checkpoints(killed))}", flush=True)
    for place in (killed, whole):
        if start(place, sampling, epochs).wait():
            raise SystemExit(f"{sampling}: the training failed")
    names = checkpoints(whole)
    equal = names == checkpoints(killed) and all(
        (killed / name).read_bytes() == (whole / name).read_bytes() for name in names
    )
    print(f"{sampling}: {', '.join(names)}, equal to a training that nobody killed: {equal}")
    return equal


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("samplings", nargs="*", default=SAMPLINGS)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = arguments.folder or Path(name)
        equal = [check(folder, each, arguments.epochs) for each in arguments.samplings]
    if not all(equal):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
