"""Metrics: names of measured quantities, each with its direction and unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from archrank.errors import ObjectiveError, UnknownNameError


@dataclass(frozen=True)
class Metric:
    """A measured quantity: its name, its direction and its unit.

    A name may begin with a scope, which tells it from the same quantity measured elsewhere:
    ``digits/valid_accuracy`` and ``glyphs/valid_accuracy``, ``cpu/latency_ms`` and
    ``cuda/latency_ms``.
    """

    name: str
    direction: Literal["maximize", "minimize"] = "maximize"
    unit: str = ""  # "fraction", "percent", "ms", "s"; empty for counts

    @classmethod
    def parse(cls, text: str) -> Metric:
        """Read ``name``, which is maximised, or ``name:maximize`` or ``name:minimize``.

        Raises:
            ObjectiveError: no such direction.
        """
        name, _, direction = text.partition(":")
        if direction not in ("", "maximize", "minimize"):
            raise ObjectiveError(
                f"metric {text!r}: the direction is maximize or minimize, not {direction!r}"
            )
        return cls(name, direction or "maximize")  # type: ignore[arg-type]

    @property
    def scope(self) -> str:
        """The part of the name before its last ``/``; empty without one."""
        return self.name.rpartition("/")[0]

    @property
    def short_name(self) -> str:
        """The name without its scope."""
        return self.name.rpartition("/")[2]

    def scoped(self, scope: str) -> Metric:
        """Return this metric named ``scope/name``."""
        return replace(self, name=f"{scope}/{self.name}")


def find_metric(name: str, metrics: Sequence[Metric], hint: str = "") -> Metric:
    """Return the metric called ``name``; the scope may be left out where that is unambiguous.

    Raises:
        UnknownNameError: no such metric; ``hint`` ends the message.
        ObjectiveError: several scopes have a metric of this name.
    """
    found = [m for m in metrics if m.name == name] or [m for m in metrics if m.short_name == name]
    if not found:
        raise UnknownNameError("metric", name, [m.name for m in metrics], hint)
    if len(found) > 1:
        options = " or ".join(m.name for m in found)
        raise ObjectiveError(f"metric {name!r} is measured more than once: name {options}")
    return found[0]
