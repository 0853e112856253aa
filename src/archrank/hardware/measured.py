"""Tables of measured latencies: under what they were measured, and whether that is so here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from archrank.differences import Difference, differences, told
from archrank.environment import environment
from archrank.errors import ArchrankError, TableError
from archrank.files import shorten
from archrank.hardware.protocol import LatencyProtocol
from archrank.tables.base import BenchTable, load_table
from archrank.types import Archs, Bools, Floats

if TYPE_CHECKING:
    from archrank.spaces.base import Space
    from archrank.tasks.base import Task

LATENCY = "latency_ms"
VERSIONS = ("archrank", "torch")


def processor(device: str) -> str:
    """Return the name of the processor that computes on ``device``."""
    if device != "cpu":
        import torch

        if torch.device(device).type == "cuda":
            return torch.cuda.get_device_name(device)
    return environment()["processor"]


def circumstances(protocol: LatencyProtocol, device: str) -> dict[str, Any]:
    """Return what latencies that are to be compared must share, as JSON values.

    Device and its name, threads, type, batch and lengths, numbers of runs, and the versions of
    archrank and torch.
    """
    versions = {name: environment().get(name, "none") for name in VERSIONS}
    return {
        "device": device,
        "processor": processor(device),
        "protocol": protocol.describe(),
        "versions": versions,
    }


def described(task: Task, protocol: LatencyProtocol, device: str) -> dict[str, Any]:
    """Return what a table of latencies says about itself beside its space.

    The task is told without its recipe: how networks are trained changes no latency.
    """
    return of_networks({"task": task.identity(), "latency": circumstances(protocol, device)})


def of_networks(about: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a table says about itself without the recipe, which older tables tell, too."""
    task = about.get("task")
    if isinstance(task, dict):
        task = {name: value for name, value in task.items() if name != "recipe"}
    return {**about, "task": task}


@dataclass(frozen=True, eq=False)
class MeasuredLatencies:
    """Table of latencies, as ``archrank tables latency`` writes it.

    Attributes:
        table: Has a column ``latency_ms``.
        protocol: Latencies were measured so.
        device: Latencies were measured there.
    """

    table: BenchTable
    protocol: LatencyProtocol
    device: str

    @classmethod
    def read(cls, path: str | Path, space: Space) -> MeasuredLatencies:
        """Read a table of latencies of ``space``.

        Raises:
            TableError: It cannot be read, or does not say under what it was measured.
        """
        table = load_table(path, space)
        about = table.raw.about.get("latency")
        if not isinstance(about, dict) or LATENCY not in table.metrics:
            raise TableError(
                f"{table.raw.label} is no table of measured latencies, which says where and how "
                "they were measured: archrank tables latency writes one"
            )
        try:
            protocol = TypeAdapter(LatencyProtocol).validate_python(about["protocol"])
            return cls(table, protocol, str(about["device"]))
        except (ValidationError, LookupError, ArchrankError) as error:
            raise TableError(
                f"{table.raw.label}: how latencies were measured is damaged: {shorten(error)}"
            ) from None

    @property
    def archs(self) -> Archs:
        """Architectures whose latency is known: ``(n, d)``."""
        archs: Archs = self.table.archs[self._known]
        return archs

    @property
    def ms(self) -> Floats:
        """Their latencies: ``(n,)``."""
        ms: Floats = self.table.column(LATENCY)[self._known]
        return ms

    @property
    def _known(self) -> Bools:
        return np.isfinite(self.table.column(LATENCY))

    @property
    def circumstances(self) -> dict[str, Any]:
        """Device and protocol as JSON values."""
        return {"device": self.device, "protocol": self.protocol.describe()}

    def changes(self, task: Task, protocol: LatencyProtocol, device: str) -> list[Difference]:
        """List what differs between the table and a measurement of ``task`` here and now."""
        about = {key: self.table.raw.about.get(key) for key in ("task", "latency")}
        return differences(of_networks(about), described(task, protocol, device))

    def require_here(self, task: Task) -> None:
        """Refuse a table whose latencies cannot be measured again by this process.

        Raises:
            TableError: It is of another task or device, or of other versions; names them.
        """
        from archrank.torch_state import require_device

        if self.device != "cpu":
            require_device(
                self.device,
                TableError,
                instead=f"{self.table.raw.label} was measured on it: search where it is",
            )
        changes = self.changes(task, self.protocol, self.device)
        if changes:
            raise TableError(
                f"{self.table.raw.label} holds latencies that do not compare with those of here "
                f"(table -> here): {told(changes)}. Measure another: archrank tables latency "
                "--out FILE"
            )
