"""The page of an assessment."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from archrank.assess.assessment import Assessment


def render(found: Assessment) -> str:
    """The page as text."""
    return "<!doctype html>"
