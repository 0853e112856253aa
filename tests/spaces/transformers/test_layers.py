from __future__ import annotations

import pytest

from archrank.errors import ArchitectureError
from archrank.spaces import Choice
from archrank.spaces.transformers.layers import Stack, format_stacks, parse_stacks

STACK = Stack((Choice("width", (8, 16)),), Choice("depth", (1, 3)), (Choice("heads", (1, 2, 4)),))
STARTS = {"width": 0, "depth": 1, "heads": 2}


def parse(text: str) -> list[int]:
    return parse_stacks([STACK], STARTS, 5, [text])[0].tolist()  # type: ignore[no-any-return]


def test_strings_hold_active_layers_only() -> None:
    assert parse("width=16,depth=3,heads=4-1-2") == [1, 1, 2, 0, 1]
    assert parse(" heads = 4 , depth=1, width=8 ") == [0, 0, 2, 0, 0]
    rows = parse_stacks(
        [STACK], STARTS, 5, ["width=16,depth=3,heads=4-1-2", "width=8,depth=1,heads=2"]
    )
    assert format_stacks([STACK], STARTS, rows) == [
        "width=16,depth=3,heads=4-1-2",
        "width=8,depth=1,heads=2",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("width=16,depth=3", "lacks heads"),
        ("width=16,depth=3,heads=4-1", "heads has 2 values, expected 3"),
        ("width=16,depth=1,heads=4-1", "heads has 2 values, expected 1"),
        ("width=16,depth=2,heads=4-1", "depth is one of 1, 3, not '2'"),
        ("width=16,depth=1,heads=5", "heads is one of 1, 2, 4, not '5'"),
        ("width=16,depth=1-3,heads=1", "depth is one of 1, 3, not|depth has 2 values"),
        ("width=16,width=8,depth=1,heads=1", "'width' twice"),
        ("width=16,depth=1,heads=1,norm=pre", "unknown decision 'norm'"),
        ("nonsense", "unknown decision 'nonsense'; expected width=..., *depth=..., *heads="),
        ("", "unknown decision ''"),
    ],
)
def test_malformed_strings_say_why(text: str, message: str) -> None:
    with pytest.raises(ArchitectureError, match=message):
        parse(text)
