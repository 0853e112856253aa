"""A small space whose networks are never built."""

from __future__ import annotations

from archrank.spaces import CustomSpace

CHOICES = {"depth": [1, 2, 3, 4], "width": [8, 16, 32], "kernel": [3, 5, 7], "act": ["a", "b"]}


def build(config: object, task: object) -> None:
    return None


def make(cls: type[CustomSpace] = CustomSpace) -> CustomSpace:
    return cls(CHOICES, build)
