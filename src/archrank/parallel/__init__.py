"""Executors that run evaluations: processes of this machine, or the machines of a Dask cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archrank.lazy import lazy

if TYPE_CHECKING:
    from archrank.parallel.dask import Cluster as Cluster
    from archrank.parallel.processes import Processes as Processes
    from archrank.parallel.processes import process_pool as process_pool

_HOMES = {"Cluster": "dask", "Processes": "processes", "process_pool": "processes"}

__all__, __getattr__, __dir__ = lazy(__name__, _HOMES)
