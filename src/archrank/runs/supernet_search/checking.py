"""Checks of a search in a supernet, made before anything is measured."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from archrank.differences import differences, told
from archrank.errors import ResumeError, SettingsError
from archrank.files import read_json, write_json
from archrank.runs.supernet_search.settings import Limits, SubnetSettings
from archrank.spaces.extremes import Cost, extremes

if TYPE_CHECKING:
    from archrank.spaces.networks import Networks

SETTINGS = "search.json"


def check_search(networks: Networks, settings: SubnetSettings, *, loose: bool = False) -> Limits:
    """Refuse what no search can do; return the limits.

    Args:
        networks: of a space and a task.
        settings: of the search.
        loose: accept limits that every architecture keeps.

    Raises:
        SettingsError: a limit of what is counted that the space does not reach, a number that is
            too small, or there is no task.
        ObjectiveError: a limit that cannot be read.
        UnknownNameError: the task has no such metric.
    """
    settings.check()
    if networks.task is None:
        raise SettingsError("a supernet is searched for a task: space.networks(task)")
    settings.metric_of(networks.task)
    limits = Limits.parse(settings.limit)
    timed = "latency_ms" in limits.costs and settings.latency_table is None
    if settings.pruning is not None and timed:
        settings.pruning.require_labels(settings.timed, "--timed")
    _require_costs(networks, limits, loose)
    return limits


def same_search(folder: Path, identity: dict[str, Any]) -> None:
    """Write what measurements depend on, or refuse to go on with others.

    Args:
        folder: of the search.
        identity: what measurements depend on, as JSON values.

    Raises:
        ResumeError: the folder holds measurements of another search.
        StorageError: it cannot be read or written.
    """
    path = folder / SETTINGS
    if not path.exists():
        write_json(path, identity)
        return
    changes = differences(read_json(path, "the settings of a search"), identity)
    if changes:
        raise ResumeError(
            f"{folder} holds measurements of another search (stored -> now): {told(changes)}. Name "
            "another folder with --out DIR, or repeat the first settings to use them"
        )


def _require_costs(networks: Networks, limits: Limits, loose: bool) -> None:
    """Refuse limits on MACs and parameters that the space does not reach."""
    counted: dict[str, Cost] = {"macs": "macs", "params": "params"}
    for bound in limits.all:
        if bound.cost in counted:
            ends = extremes(networks, counted[bound.cost])
            low, high = networks.cost(ends)[bound.cost].tolist()
            names = networks.space.format(ends)
            bound.require_reachable((low, high), names, networks.space.name, loose=loose)
