"""Supernets (weight sharing): one network that contains all architectures of a space."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archrank.supernets.base import Supernet

__all__ = ["Supernet"]


def __getattr__(name: str) -> Any:
    if name == "Supernet":  # torch loads with it
        from archrank.supernets.base import Supernet

        return Supernet
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
