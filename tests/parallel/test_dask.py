"""A study on a Dask cluster: the same as in one process, whatever happens to the cluster."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archrank.errors import BudgetError, EvaluationError, MissingExtraError, SettingsError
from archrank.evaluators import Function
from archrank.parallel import Processes
from archrank.parallel.dask import Cluster
from archrank.parallel.worker import evaluate_one
from archrank.registry import Registry
from tests.study.helpers import BUDGET, Dying, SetUpWrongly, make, score, small_space, told

pytestmark = pytest.mark.filterwarnings("default")  # dask's and tornado's are not ours


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Address of a scheduler with two worker processes, each of which would use two threads."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2, threads_per_worker=2, processes=True, dashboard_address=None
    ) as local:
        yield local.scheduler_address


@pytest.fixture
def cluster(address: str) -> Iterator[Cluster]:
    with Cluster(address) as executor:
        yield executor


def test_a_cluster_changes_nothing(cluster: Cluster, uninterrupted: list[tuple[Any, ...]]) -> None:
    assert told(make(executor=cluster).run(BUDGET)) == uninterrupted


def test_it_is_other_processes_that_evaluate(cluster: Cluster) -> None:
    where = {cluster.submit(os.getpid).result() for _ in range(4)}  # nothing is remembered
    assert where
    assert os.getpid() not in where


def test_a_worker_does_one_thing_at_a_time(cluster: Cluster) -> None:
    jobs = [cluster.submit(_who_and_when, 0.05) for _ in range(8)]
    by_process: dict[int, list[tuple[float, float]]] = {}
    for job in jobs:
        pid, begin, end = job.result()
        by_process.setdefault(pid, []).append((begin, end))
    for spans in by_process.values():
        spans.sort()
        assert all(a[1] <= b[0] for a, b in pairwise(spans))


def _who_and_when(seconds: float) -> tuple[int, float, float]:
    begin = time.monotonic()
    time.sleep(seconds)
    return os.getpid(), begin, time.monotonic()


def test_files_of_the_user_travel(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "beside_it.py").write_text("FACTOR = 7\n")
    (tmp_path / "mine.py").write_text(
        "import beside_it\n\n\ndef scored(config):\n    return beside_it.FACTOR * config['depth']\n"
    )
    function = Registry("function", {}).get(f"{tmp_path / 'mine.py'}:scored")
    evaluator = Function(function).bind(small_space())
    arch = np.array([[1, 1, 0]], dtype=np.uint8)
    outcome = cluster.submit(evaluate_one, evaluator, arch).result()
    assert outcome.values == {"score": 14.0}


def test_what_archrank_raises_stays_what_it_is(cluster: Cluster) -> None:
    with pytest.raises(EvaluationError, match="there is no such device"):
        make(SetUpWrongly(score), executor=cluster).run(BUDGET)
    with pytest.raises(BudgetError, match="far away"):
        cluster.submit(_fail).result()


def _fail() -> None:
    raise BudgetError("far away")


def test_work_that_is_not_waited_for_is_dropped(address: str) -> None:
    cluster = Cluster(address)
    jobs = [cluster.submit(_who_and_when, 20.0) for _ in range(12)]
    cluster.shutdown(wait=False, cancel_futures=True)
    assert sum(job.cancelled() for job in jobs) >= 8


def test_clusters_that_are_not_there() -> None:
    for address in ("here", "tcp://here", "tcp://here:port"):
        with pytest.raises(SettingsError, match=rf"cluster '{address}' is no address.*tcp://host"):
            Cluster(address)


def test_a_scheduler_that_does_not_answer() -> None:
    import dask

    with (
        dask.config.set({"distributed.comm.timeouts.connect": "200ms"}),
        pytest.raises(SettingsError, match=r"cluster 'tcp://127\.0\.0\.1:9' cannot be used"),
    ):
        Cluster("tcp://127.0.0.1:9")


WITHOUT_ARCHRANK = """
import sys

class Nothing:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] == "archrank":
            raise ModuleNotFoundError("No module named 'archrank'", name="archrank")

sys.meta_path.insert(0, Nothing)
"""


@contextmanager
def real_cluster(folder: Path, worker_path: Sequence[str] = ()) -> Iterator[tuple[str, int]]:
    """Start a scheduler and a worker as programs; yield its address and process."""
    file = folder / "scheduler.json"
    options = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", file]
    worker = ["--nthreads", "1", "--no-dashboard", "--scheduler-file", file]
    here = [p for p in sys.path if p]
    with (
        _program("scheduler", *options, path=here) as scheduler,
        _program("worker", *worker, path=[*worker_path, *here]) as helper,
    ):
        try:
            while not file.exists() or not file.read_text().endswith("}"):
                time.sleep(0.05)
                assert scheduler.poll() is None
            yield json.loads(file.read_text())["address"], scheduler.pid
        finally:
            scheduler.kill()
            helper.terminate()


def _program(*arguments: Any, path: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start a program of Dask's with an import path of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "dask", *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def test_a_deadly_architecture_fails_alone(
    tmp_path: Path, uninterrupted: list[tuple[Any, ...]]
) -> None:
    deadly = tuple(uninterrupted[6][2])  # the last of the second round
    with real_cluster(tmp_path) as (address, _), Cluster(address) as cluster:
        found = told(make(Dying(score, {deadly: 1}), executor=cluster).run(BUDGET))
    assert found[:6] == uninterrupted[:6]
    assert found[6][:4] == uninterrupted[6][:4]
    assert found[6][-1] == "the worker process in the cluster died, 4 times in a row"
    assert [row[-1] for row in found[7:]] == [None] * 5
    with Processes(2) as processes:  # the same run
        other = told(make(Dying(score, {deadly: 1}), executor=processes).run(BUDGET))
    assert [row[:-1] for row in other] == [row[:-1] for row in found]


def test_a_worker_without_archrank(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_ARCHRANK)
    with real_cluster(tmp_path, [str(tmp_path)]) as (address, _), Cluster(address) as cluster:
        told = rf"a worker of the cluster {address} cannot import archrank.*Install the same"
        with pytest.raises(EvaluationError, match=told):
            make(executor=cluster).run(BUDGET)


def test_waiting_for_workers_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from distributed import LocalCluster

    def told() -> list[str]:
        return [r.getMessage() for r in caplog.records if r.name == "archrank"]

    monkeypatch.setattr("archrank.parallel.dask.CHECK", 0.05)
    with LocalCluster(n_workers=0, dashboard_address=None) as local:
        address = local.scheduler_address
        with Cluster(address) as cluster:
            future = cluster.submit(abs, -3)
            while not told():
                time.sleep(0.01)
            local.scale(1)
            assert future.result() == 3
    assert told() == [f"cluster {address} has no workers; evaluations wait for them"]


class Killing(Function):
    """Kills the scheduler at one architecture."""

    def __init__(self, fn: Any, deadly: list[int], scheduler: int) -> None:
        super().__init__(fn)
        self.deadly, self.scheduler = deadly, scheduler

    def evaluate(self, archs: Any) -> Any:
        if archs[0].tolist() == self.deadly:
            os.kill(self.scheduler, signal.SIGKILL)
        return super().evaluate(archs)


def test_a_killed_scheduler(tmp_path: Path, uninterrupted: list[tuple[Any, ...]]) -> None:
    path = tmp_path / "study.db"
    with real_cluster(tmp_path) as (address, scheduler), Cluster(address) as cluster:
        evaluator = Killing(score, uninterrupted[6][2], scheduler)
        study = make(evaluator, path=path, executor=cluster)
        with pytest.raises(EvaluationError, match=rf"scheduler {address} is gone.* are kept"):
            study.run(BUDGET)
    stored = make(path=path)
    assert told(stored)[:4] == uninterrupted[:4]
    assert told(stored.run(BUDGET)) == uninterrupted


class Once(Function):
    """Cannot be made the first time, as on a worker that lacks a file."""

    def __init__(self, fn: Any, once: Path) -> None:
        super().__init__(fn)
        self.once, self.home = once, os.getpid()

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if os.getpid() != self.home and not self.once.exists():
            self.once.touch()
            raise FileNotFoundError("data.csv")


def test_what_a_worker_cannot_make_is_made_again(
    address: str, tmp_path: Path, uninterrupted: list[tuple[Any, ...]]
) -> None:
    for retries in (0, 1):
        with Cluster(address, retries=retries) as cluster:
            study = make(Once(score, tmp_path / str(retries)), executor=cluster)
            if retries:
                assert told(study.run(BUDGET)) == uninterrupted
            else:
                with pytest.raises(EvaluationError, match=r"FileNotFoundError: data\.csv"):
                    study.run(BUDGET)


def _device() -> tuple[int, str | None]:
    time.sleep(0.2)
    return os.getpid(), os.environ.get("CUDA_VISIBLE_DEVICES")


def test_a_local_cluster(uninterrupted: list[tuple[Any, ...]]) -> None:
    with Cluster("local", workers=2) as cluster:
        assert cluster.workers == 2
        assert told(make(executor=cluster).run(BUDGET)) == uninterrupted
        assert all(job.result()[0] != os.getpid() for job in [cluster.submit(_device)])


def test_each_local_worker_has_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,7")
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    with pytest.raises(
        SettingsError, match=r"--resources GPU=1: this machine has 2 GPUs, fewer than 3 x 1"
    ):
        Cluster("local", workers=3, resources={"GPU": 1})
    with Cluster("local", resources={"GPU": 1}) as cluster:
        jobs = [cluster.submit(_device) for _ in range(6)]
        found = {job.result() for job in jobs}
    assert sorted(device for _, device in found) == ["5", "7"]


def test_calls_go_where_their_resources_are(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from distributed import Nanny, Scheduler, SpecCluster

    monkeypatch.setattr("archrank.parallel.dask.CHECK", 0.05)
    quiet: dict[str, Any] = {"dashboard": False, "dashboard_address": ":0", "host": "127.0.0.1"}
    plain = {"cls": Nanny, "options": {"nthreads": 1, **quiet}}
    scheduler = {"cls": Scheduler, "options": {"port": 0, **quiet}}
    with SpecCluster(scheduler=scheduler, workers={"plain": plain}) as local:
        address = local.scheduler_address
        with Cluster(address, resources={"GPU": 1}) as cluster:
            future = cluster.submit(_device)
            while not (said := [r for r in caplog.records if r.name == "archrank"]):
                time.sleep(0.01)
            assert cluster.workers == 0
            local.worker_spec["gpu"] = {
                "cls": Nanny,
                "options": {
                    "nthreads": 1,
                    "resources": {"GPU": 1},
                    "env": {"CUDA_VISIBLE_DEVICES": "3"},
                    **quiet,
                },
            }
            local.sync(local._correct_state)
            assert future.result()[1] == "3"
            assert cluster.workers == 1
    expected = f"cluster {address} has no workers with GPU=1 (dask worker --resources); evaluations"
    assert said[0].getMessage().startswith(expected)


def test_it_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingExtraError, match=r"--cluster tcp://x:1 needs distributed.*\[dask\]"):
        Cluster("tcp://x:1")
