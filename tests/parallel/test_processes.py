from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from concurrent.futures import Executor
from pathlib import Path

import numpy as np
import pytest

from archrank.errors import BudgetError, EvaluationError
from archrank.evaluators import Function
from archrank.parallel import process_pool
from archrank.parallel.worker import evaluate_one
from tests.study.helpers import score, small_space

ARCH = np.array([[0, 1, 0]], dtype=np.uint8)


def test_numbers_of_workers() -> None:
    assert process_pool(1) is None
    for workers in (0, -2):
        with pytest.raises(BudgetError, match=f"workers must be at least 1, got {workers}"):
            process_pool(workers)


def test_worker_processes_use_one_thread(pool: Executor) -> None:
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    assert [pool.submit(os.getenv, name).result() for name in names] == ["1"] * 3


def test_outcomes_and_evaluators_travel(pool: Executor) -> None:
    evaluator = Function(score).bind(small_space())
    outcome = pool.submit(evaluate_one, evaluator, ARCH).result()
    assert outcome.values == {"score": 16.0}
    assert pickle.loads(pickle.dumps(outcome)) == outcome


def test_what_cannot_be_sent_is_told_at_once(pool: Executor) -> None:
    with pytest.raises(EvaluationError, match=r"cannot be sent to worker processes: .*lambda"):
        pool.submit(map, lambda x: x)
    assert pool.submit(abs, -3).result() == 3


class Homely:
    """Can be sent, but not received."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return _only_at_home, (str(os.getpid()),)


def _only_at_home(pid: str) -> Homely:
    if str(os.getpid()) != pid:
        raise ModuleNotFoundError("No module named 'home'")
    return Homely()


def test_what_cannot_be_received_breaks_nothing(pool: Executor) -> None:
    with pytest.raises(ModuleNotFoundError, match="home"):
        pool.submit(repr, Homely()).result()
    assert pool.submit(abs, -3).result() == 3


def test_workers_end_with_a_killed_parent(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import os, signal\n"
        "from archrank.parallel import process_pool\n"
        "if __name__ == '__main__':\n"
        "    print(process_pool(2).submit(os.getpid).result(), flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    # the workers hold the other end of the pipe, so it closes when the last of them has ended
    done = subprocess.run(
        [sys.executable, program], env=environment, stdout=subprocess.PIPE, timeout=600, check=False
    )
    assert done.returncode == -signal.SIGKILL
    assert int(done.stdout) > 0
