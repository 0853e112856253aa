"""Spaces of sets, blocks and numbers on grids, for tests of whatever works in spaces."""

from __future__ import annotations

from typing import Any

import archrank as ar
from archrank.spaces import CustomSpace, from_choices


def nothing(config: dict[str, Any], task: object) -> Any:
    """Stand for a build function that is never called."""
    raise AssertionError("nothing is to be built")


def four_of_24() -> CustomSpace:
    """Make the space of 4 layers out of 24."""
    return from_choices({"attention": ar.Subset(24, 4)}, nothing, name="four_of_24")


def mixed() -> CustomSpace:
    """Make a space of 40 decisions, of all kinds."""
    block = {
        "skip": ar.Bool(),
        "kernel": [3, 5, 7],
        "heads": ar.Subset(4, 2),
    }
    return from_choices(
        {
            "width": ar.Int(8, 256, log=True),
            "rate": ar.Float(1e-4, 1e-1, log=True),
            "dropout": ar.Float(0, 0.5, step=0.1),
            "act": ["relu", "gelu", "silu"],
            "norm": ar.Ordered(["none", "first", "all"]),
            "version": ar.Categorical([1, 2, 3]),
            "mixer": ["conv", "attention"],
            "attention": ar.Subset(10, (1, 4)),
            "window": [8, 16],
            "quantised": ar.Subset(["embed", "mlp", "head"], 1),
            "layers": ar.Repeat(block, times=(1, 3), active_if={"kernel": ("skip", False)}),
        },
        nothing,
        active_if={"attention": ("mixer", "attention"), "window": ("attention", 3)},
        name="mixed",
    )


def small() -> CustomSpace:
    """Make a space of sets and blocks that can be listed by hand."""
    block = {"k": [1, 2], "q": ar.Subset(3, 1), "z": ["u", "v"]}
    return from_choices(
        {
            "a": [1, 2],
            "set": ar.Subset(["x", "y", "w"], (0, 2)),
            "b": [3, 4],
            "blocks": ar.Repeat(block, times=(0, 2), active_if={"z": ("q", 1)}),
            "c": [7, 8, 9],
        },
        nothing,
        active_if={"set": ("a", 2), "b": ("set", "y"), "c": ("blocks", [1, 2])},
        name="small",
    )
