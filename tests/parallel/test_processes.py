from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import time
from concurrent.futures import Executor
from pathlib import Path

import numpy as np
import pytest

from archrank.errors import (
    BudgetError,
    EvaluationError,
    UnknownNameError,
    UnstartedError,
    WorkerError,
)
from archrank.evaluators import Function
from archrank.parallel import Processes, lifeline, process_pool
from archrank.parallel.lifeline import KilledAtStartError, Worker
from archrank.parallel.worker import evaluate_one
from tests.study.deadly import die, score, small_space

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


def _pid_after(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


@pytest.mark.parametrize(
    ("how", "told"),
    [
        (signal.SIGSEGV, r"the worker process crashed \(SIGSEGV, Segmentation fault\)"),
        (signal.SIGABRT, r"the worker process crashed \(SIGABRT, Aborted\)"),
        (signal.SIGKILL, r"the worker process was killed \(SIGKILL\)"),
        (3, "the worker process ended itself with exit status 3"),
        (0, "the worker process ended itself with exit status 0"),
    ],
)
def test_a_death_fails_its_own_call_alone(how: signal.Signals | int, told: str) -> None:
    with Processes(2) as executor:
        others = [executor.submit(_pid_after, 0.2) for _ in range(3)]
        deadly = executor.submit(die, how)
        others += [executor.submit(abs, -i) for i in range(3)]
        with pytest.raises(WorkerError, match=rf"{told}$") as raised:
            deadly.result()
        assert raised.value.seconds > 0
        assert [f.result() for f in others[3:]] == [0, 1, 2]


def test_the_out_of_memory_killer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = iter([4, 4, 5])  # start, call, death
    monkeypatch.setattr(lifeline, "oom_kills", lambda: next(counts))
    with Processes(1) as executor, pytest.raises(WorkerError, match="memory ran out: use fewer"):
        executor.submit(die, signal.SIGKILL).result()
    assert lifeline.death(-signal.SIGSEGV).startswith("crashed (SIGSEGV")
    assert lifeline.death(-64).startswith("crashed (SIGRTMAX")
    assert lifeline.death(-50).startswith("crashed (signal 50")


def test_kills_for_memory_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert lifeline.oom_kills() >= 0
    (tmp_path / "vmstat").write_text("pgfault 7\noom_kill 12\noom_kill_other 3\n")
    monkeypatch.setattr(lifeline, "VMSTAT", tmp_path / "vmstat")
    assert lifeline.oom_kills() == 12
    monkeypatch.setattr(lifeline, "VMSTAT", tmp_path / "missing")
    assert lifeline.oom_kills() == 0


def test_a_worker_that_is_killed_while_idle_is_replaced() -> None:
    with Processes(1) as executor:
        pid = executor.submit(os.getpid).result()
        (child,) = [c for c in multiprocessing.active_children() if c.pid == pid]
        os.kill(pid, signal.SIGKILL)
        child.join()
        assert executor.submit(os.getpid).result() != pid


def test_a_death_is_noticed_though_a_child_lives_on(tmp_path: Path) -> None:
    with Processes(1) as executor, pytest.raises(WorkerError, match="SIGKILL"):
        executor.submit(_die_with_a_child, tmp_path / "child").result()
    os.kill(int((tmp_path / "child").read_text()), signal.SIGKILL)


def _die_with_a_child(file: Path) -> None:
    """Die, but leave a process behind that holds this one's end of the line open."""
    child = subprocess.Popen(["sleep", "600"], close_fds=False)
    file.write_text(str(child.pid))
    os.kill(os.getpid(), signal.SIGKILL)


class Particular(Exception):  # noqa: N818
    """Cannot be unpickled."""

    def __init__(self, a: int, b: int) -> None:
        super().__init__(f"{a} and {b}")


def _fail(kind: str) -> None:
    if kind == "particular":
        raise Particular(1, 2)
    if kind == "unknown name":
        raise UnknownNameError("space", "nb102", ["nb101"])
    if kind == "exit":
        sys.exit(0)
    raise ValueError("as it is")


@pytest.mark.parametrize(
    ("kind", "error", "told"),
    [
        ("particular", EvaluationError, "Particular: 1 and 2"),
        ("unknown name", EvaluationError, "unknown space 'nb102'"),
        ("exit", EvaluationError, r"sys\.exit\(0\)"),
        ("plain", ValueError, "as it is"),
    ],
)
def test_errors_travel(pool: Executor, kind: str, error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told) as raised:
        pool.submit(_fail, kind).result()
    assert "in _fail" in str(raised.value.__cause__)  # where it happened
    with pytest.raises(Exception, match="pickle"):
        pool.submit(_unsendable).result()
    assert pool.submit(abs, -3).result() == 3


def _unsendable() -> object:
    return lambda: None


def run_program(path: Path, text: str) -> subprocess.CompletedProcess[str]:
    """Run a script of a user."""
    path.write_text(text)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    return subprocess.run(
        [sys.executable, path], env=environment, capture_output=True, text=True, check=False
    )


def test_a_script_without_guard_is_named_as_the_cause(tmp_path: Path) -> None:
    program = tmp_path / "mine.py"
    done = run_program(
        program,
        "from archrank.parallel import process_pool\n"
        "print(process_pool(2).submit(abs, -3).result())\n",
    )
    assert done.returncode == 1
    assert done.stderr.count("Traceback") == 1
    assert done.stderr.splitlines()[-1] == (
        f"archrank.errors.UnstartedError: worker processes import the script that starts them, "
        f"and {program} starts workers when it is imported: put what it runs under "
        'if __name__ == "__main__":'
    )


def test_a_script_that_workers_cannot_import(tmp_path: Path) -> None:
    done = run_program(
        tmp_path / "mine.py",
        "from archrank.parallel import process_pool\n"
        "if __name__ != '__main__':\n"
        "    raise ValueError('only once')\n"
        "print(process_pool(2).submit(abs, -3).result())\n",
    )
    assert "ValueError: only once" in done.stderr
    assert "a worker process ended itself with exit status 1 before it could start" in done.stderr


@pytest.mark.parametrize("what", ["mine", "Mine()", "Mine", "functools.partial(mine, 1)"])
def test_functions_of_a_notebook(what: str) -> None:
    program = (
        "import functools\n"
        "from archrank.parallel import process_pool\n"
        "def mine(*args): return 3\n"
        "class Mine:\n"
        "    def __call__(self): return 3\n"
        f"process_pool(2).submit({what})\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    for arguments, given in ((["-c", program], ""), (["-"], program)):  # neither has a file
        done = subprocess.run(
            [sys.executable, *arguments],
            input=given,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        last = done.stderr.splitlines()[-1]
        assert "ine is defined in a notebook or at a prompt" in last
        assert "write it to a file, such as mine.py" in last


def test_a_program_ends_that_never_shuts_its_pool_down(tmp_path: Path) -> None:
    done = run_program(
        tmp_path / "mine.py",
        "from archrank.parallel import process_pool\n"
        "if __name__ == '__main__':\n"
        "    pool = process_pool(2)\n"
        "    print([pool.submit(abs, -i).result() for i in range(3)])\n",
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "[0, 1, 2]\n", "")


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


class _KilledTwice:
    """Stands for a worker that a stranger kills twice while it starts."""

    tries = 0

    def __new__(cls, real: type = Worker) -> Worker:
        cls.tries += 1
        if cls.tries < 3:
            raise KilledAtStartError("killed")
        return real()


def test_a_worker_that_is_killed_while_it_starts_is_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_KilledTwice, "tries", 0)
    monkeypatch.setattr("archrank.parallel.processes.Worker", _KilledTwice)
    with Processes(1) as pool:
        assert pool.submit(abs, -3).result() == 3
        assert _KilledTwice.tries == 3
    monkeypatch.setattr(_KilledTwice, "tries", -1)
    with Processes(1) as pool, pytest.raises(UnstartedError, match="killed"):
        pool.submit(abs, -3).result()
