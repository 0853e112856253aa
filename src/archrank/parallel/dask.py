"""Evaluations on the machines of a Dask cluster."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, Executor, Future, wait
from contextlib import suppress
from functools import partial
from typing import Any

from archrank.checks import whole
from archrank.errors import (
    ArchrankError,
    BudgetError,
    EvaluationError,
    MissingExtraError,
    SettingsError,
    WorkerError,
)
from archrank.parallel.local_cluster import start_local
from archrank.parallel.processes import MOST_WORKERS

_ADDRESS = re.compile(r"(\w+://)?[^\s/]+:\d+")
_CALL = "__import__('archrank.parallel.dask', fromlist=['run']).run(packed, path)"
"""The call that is sent. A function of archrank would end a worker that cannot import it, unheard;
so its name is looked up there, and a worker without archrank says so."""
LOCAL = "local"  # in place of an address: a cluster of this machine
MOST_RETRIES = 100
RETRIES = 2  # of a call that a worker cannot make
CHECK = 10.0  # seconds between looks at whether there are workers
_LOG = logging.getLogger("archrank")
_ONE_AT_A_TIME = threading.Lock()  # held by the evaluation that this worker process runs


class Cluster(Executor):
    """Executor over a running Dask cluster.

    Workers need the same archrank, torch and Python as this process, and see its files under the
    same paths where a space, a task or a data set comes from one. Each worker process evaluates one
    architecture at a time, as torch's generator and number of threads are the whole process's:
    start workers with ``--nthreads 1``, one process per core.

    Args:
        address: address of the scheduler, ``tcp://host:port``; ``"local"`` starts one here, with
            workers, for as long as this executor is open.
        workers: of a local cluster; ``None`` is one per core, or per GPU where calls need GPUs.
        resources: what each call needs, such as ``{"GPU": 1}``; workers say what they have when
            they are started (``dask worker --resources GPU=1``).
        retries: how often a call that a worker cannot make is made again, there or elsewhere. Calls
            of workers that died are made again in any case.

    Raises:
        MissingExtraError: ``distributed`` is not installed.
        SettingsError: no scheduler answers at ``address``, or there are too few GPUs here.
        BudgetError: ``workers`` or ``retries`` out of bounds.
    """

    def __init__(
        self,
        address: str,
        *,
        workers: int | None = None,
        resources: Mapping[str, float] | None = None,
        retries: int = RETRIES,
    ) -> None:
        try:
            from distributed import Client
        except ImportError as error:
            raise MissingExtraError("distributed", "dask", f"--cluster {address}") from error
        remedy = (
            "give the address of a running Dask scheduler, tcp://host:port, which it prints; or "
            f"{LOCAL}, for workers of this machine"
        )
        if workers is not None:
            whole(workers, "workers", at_least=1, at_most=MOST_WORKERS, error=BudgetError)
        whole(retries, "retries", at_least=0, at_most=MOST_RETRIES, error=BudgetError)
        self._resources = dict(resources or {})
        self._retries = retries
        self._local = start_local(workers, self._resources) if address == LOCAL else None
        address = self._local.scheduler_address if self._local is not None else address
        if not _ADDRESS.fullmatch(address):  # a client would only tell after a minute
            raise SettingsError(f"cluster {address!r} is no address; {remedy}")
        try:
            self._client = Client(address, set_as_default=False)
        except (OSError, ValueError) as error:
            raise SettingsError(f"cluster {address!r} cannot be used: {error}; {remedy}") from None
        self.address = address
        self._running: set[Future[Any]] = set()
        self._closed = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        """Say when calls wait for workers and there are none; runs in a thread of its own."""
        told = False
        while True:
            with suppress(Exception):  # the connection is lost, of which the futures tell
                deserted = bool(self._running) and not self._count()
                if deserted and not told:
                    _LOG.warning(
                        "cluster %s has no workers%s; evaluations wait for them",
                        self.address,
                        _with(self._resources),
                    )
                told = deserted
            if self._closed.wait(CHECK):
                return

    @property
    def workers(self) -> int:
        """Number of workers that have what a call needs, as far as the scheduler can be asked."""
        with suppress(Exception):
            return self._count()
        return 1

    def _count(self) -> int:
        known = self._client.scheduler_info(n_workers=-1)["workers"].values()
        return sum(_has(worker.get("resources", {}), self._resources) for worker in known)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call ``fn`` on a worker.

        The future raises an :class:`EvaluationError` if the cluster fails, a :class:`WorkerError`
        if every worker that makes the call dies; an :class:`ArchrankError` that ``fn`` raises is
        passed on.

        Raises:
            EvaluationError: ``fn`` or an argument cannot be pickled.
        """
        from distributed.protocol.pickle import dumps

        try:  # packed here, so that the worker knows where to import from before it unpacks
            packed = dumps((fn, args, kwargs))
        except ArchrankError:
            raise
        except Exception as error:  # pickle's are of many kinds
            raise EvaluationError(
                f"the evaluation cannot be sent to the cluster: {error}"
            ) from error
        names = {"packed": packed, "path": _own_path()}
        remote = self._client.submit(
            eval,
            _CALL,
            names,
            pure=False,  # pure results are stored
            resources=self._resources or None,
            retries=self._retries,
        )
        future: Future[Any] = Future()
        self._running.add(future)
        future.add_done_callback(partial(self._settled, remote))
        remote.add_done_callback(partial(_pass_on, future, self.address))
        return future

    def _settled(self, remote: Any, future: Future[Any]) -> None:
        self._running.discard(future)
        if future.cancelled():
            remote.cancel()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Leave the cluster, which goes on unless it is local.

        Calls that still run are dropped unless ``wait``.
        """
        if cancel_futures:
            for future in tuple(self._running):
                future.cancel()
        if wait:
            _wait(tuple(self._running))
        self._closed.set()
        self._client.close()
        if self._local is not None:
            self._local.close()


_wait = wait  # shutdown's argument has the same name


def _has(worker: Mapping[str, float], needed: Mapping[str, float]) -> bool:
    """Tell whether a worker has what a call needs."""
    return all(worker.get(name, 0) >= number for name, number in needed.items())


def _with(resources: Mapping[str, float]) -> str:
    texts = [f"{name}={number:g}" for name, number in resources.items()]
    return f" with {', '.join(texts)} (dask worker --resources)" if texts else ""


def _own_path() -> list[str]:
    """Return the folders that Python imports from here, without those of the installation."""
    folders = [folder or os.getcwd() for folder in sys.path]
    installed = tuple({sys.prefix, sys.base_prefix, sys.exec_prefix})
    return [folder for folder in folders if not folder.startswith(installed)]


def run(packed: bytes, path: Sequence[str]) -> Any:
    """Unpickle a call with the sender's import path, and make it; runs in a worker."""
    from distributed.protocol.pickle import loads

    import archrank.user_files  # noqa: F401  # finds users' files that are named by their paths

    sys.path += [folder for folder in path if folder not in sys.path]
    with _ONE_AT_A_TIME:
        fn, args, kwargs = loads(packed)
        return fn(*args, **kwargs)


def _pass_on(future: Future[Any], address: str, remote: Any) -> None:
    """Give ``future`` the result, or the error, of a call on the cluster."""
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(remote.result())
    except ArchrankError as error:
        future.set_exception(error)
    except (Exception, asyncio.CancelledError) as error:
        fault = _explained(error, address)
        fault.__cause__ = error
        future.set_exception(fault)


def _explained(error: BaseException, address: str) -> EvaluationError:
    """Return the error that says what went wrong in a cluster, and what the user can do."""
    from distributed import KilledWorker
    from distributed.comm import CommClosedError

    kept = "finished evaluations are kept"
    if isinstance(error, KilledWorker):
        tries = error.allowed_failures + 1
        return WorkerError(f"the worker process in the cluster died, {tries} times in a row")
    if isinstance(error, asyncio.CancelledError | CancelledError | CommClosedError):
        return EvaluationError(
            f"the Dask scheduler {address} is gone, or cannot be reached any more; {kept}. Start a "
            "scheduler and workers, and run again to continue"
        )
    if isinstance(error, ModuleNotFoundError) and error.name == "archrank":
        return EvaluationError(
            f"a worker of the cluster {address} cannot import archrank; {kept}. Install the same "
            "archrank, torch and Python there as here, and run again to continue"
        )
    return EvaluationError(
        f"the cluster could not evaluate: {type(error).__name__}: {str(error).strip(' .')}; "
        f"{kept}. See to the workers, which need the same archrank and Python as here, and run "
        "again to continue"
    )
