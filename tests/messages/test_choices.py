"""Messages for mistakes with the choices of users' spaces: every argument wrong once."""

from __future__ import annotations

from typing import Any

import archrank as ar
from tests.messages.golden import Cases, compare, message_of

made: Any = ar.spaces.from_choices
Int: Any = ar.Int
Float: Any = ar.Float
Ordered: Any = ar.Ordered
Categorical: Any = ar.Categorical
Subset: Any = ar.Subset
Repeat: Any = ar.Repeat

NUMBERS: Cases = {
    "Int: low that is a text": lambda: Int("a", 3),
    "Int: high that is a float": lambda: Int(1, 3.5),
    "Int: high that no float can hold": lambda: Int(1, 10**30),
    "Int: ends the wrong way round": lambda: Int(8, 3),
    "Int: one number": lambda: Int(3, 3),
    "Int: logarithmic from 0": lambda: Int(0, 8, log=True),
    "Int: log that is a text": lambda: Int(1, 8, log="yes"),
    "Int: step of 0": lambda: Int(1, 8, step=0),
    "Int: step beyond the end": lambda: Int(1, 8, step=20),
    "Int: step that makes too many": lambda: Int(0, 1000, step=1),
    "Int: step beside log": lambda: Int(1, 8, step=2, log=True),
    "Int: one point": lambda: Int(1, 8, points=1),
    "Int: too many points": lambda: Int(1, 1000, points=300),
    "Float: low that is a text": lambda: Float("a", 1),
    "Float: high that is infinite": lambda: Float(0, float("inf")),
    "Float: ends the wrong way round": lambda: Float(1, 0),
    "Float: logarithmic from below 0": lambda: Float(-1, 1, log=True),
    "Float: step below 0": lambda: Float(0, 1, step=-0.1),
    "Float: step that makes too many": lambda: Float(0, 1, step=1e-5),
    "Float: points that are no whole number": lambda: Float(0, 1, points=2.5),
}

LISTS: Cases = {
    "Bool: the class": lambda: made({"bias": ar.Bool}),
    "Ordered: a text": lambda: Ordered("abc"),
    "Ordered: a number": lambda: Ordered(3),
    "Ordered: nothing": lambda: made({"norm": Ordered([])}),
    "Ordered: an option twice": lambda: made({"norm": Ordered([1, 1])}),
    "Categorical: a text": lambda: Categorical("abc"),
    "Categorical: a class": lambda: made({"act": Categorical([dict, list])}),
    "a kind of choice in a list": lambda: made({"width": [Int(1, 8)]}),
    "a name of a space that is a number": lambda: made({"width": [1, 8]}, name=3),
    "networks without build": lambda: made({"width": [1, 8]}).networks(ar.tasks.digits()),
}

SETS: Cases = {
    "Subset: members that are a text": lambda: Subset("abc", 1),
    "Subset: members without an order": lambda: Subset({"a"}, 1),
    "Subset: no members": lambda: Subset([], 1),
    "Subset: too many members": lambda: Subset(300, 2),
    "Subset: a member twice": lambda: Subset(["a", "a"], 1),
    "Subset: a member with a plus sign": lambda: Subset(["a+b", "c"], 1),
    "Subset: a member that is a class": lambda: Subset([dict, "c"], 1),
    "Subset: more than there are": lambda: Subset(4, 5),
    "Subset: fewer than none": lambda: Subset(4, -1),
    "Subset: count that is a float": lambda: Subset(4, 1.5),
    "Subset: ends the wrong way round": lambda: Subset(4, (3, 1)),
    "Subset: three counts": lambda: Subset(4, (1, 2, 3)),
    "Subset: the class": lambda: made({"attention": Subset}),
    "Repeat: no choices": lambda: Repeat({}, 2),
    "Repeat: choices that are a text": lambda: Repeat("width", 2),
    "Repeat: no copies": lambda: Repeat({"width": [1, 2]}, 0),
    "Repeat: fewer than none": lambda: Repeat({"width": [1, 2]}, -1),
    "Repeat: times that is a float": lambda: Repeat({"width": [1, 2]}, 1.5),
    "Repeat: times that is a list": lambda: Repeat({"width": [1, 2]}, [2, 4]),
    "Repeat: ends the wrong way round": lambda: Repeat({"width": [1, 2]}, (3, 1)),
    "Repeat: too many copies": lambda: Repeat({"width": [1, 2]}, 1000),
    "Repeat: numbers that are texts": lambda: Repeat({"width": [1, 2]}, Ordered(["x"])),
    "Repeat: a choice without options": lambda: made({"blocks": Repeat({"width": []}, 2)}),
    "Repeat: a condition on an unknown choice": lambda: made(
        {"blocks": Repeat({"width": [1, 2]}, 2, active_if={"kernel": ("width", 1)})}
    ),
    "a condition on no member": lambda: made(
        {"attention": Subset(3, 1), "window": [8, 16]}, active_if={"window": ("attention", 7)}
    ),
    "a condition on copies that are always there": lambda: made(
        {"blocks": Repeat({"width": [1, 2]}, 2), "window": [8, 16]},
        active_if={"window": ("blocks", 2)},
    ),
    "a condition on a choice of a block": lambda: made(
        {"blocks": Repeat({"width": [1, 2]}, (1, 2)), "window": [8, 16]},
        active_if={"window": ("blocks.0.width", 2)},
    ),
}

SPACE = made({"attention": Subset(4, 2), "blocks": Repeat({"width": [8, 16]}, (1, 2))})

ARCHITECTURES: Cases = {
    "string with too few members": lambda: SPACE.parse(["attention=1,blocks=1,blocks.0.width=8"]),
    "string with an unknown member": lambda: SPACE.parse(["attention=1+9,blocks=1"]),
    "string with a member twice": lambda: SPACE.parse(["attention=1+1,blocks=1"]),
    "string with a copy that does not exist": lambda: SPACE.parse(
        ["attention=1+2,blocks=1,blocks.0.width=8,blocks.1.width=8"]
    ),
    "string without a choice of a block": lambda: SPACE.parse(["attention=1+2,blocks=1"]),
    "configuration with too few members": lambda: SPACE.from_config(
        {"attention": [1], "blocks": [{"width": 8}]}
    ),
    "configuration with an unknown member": lambda: SPACE.from_config(
        {"attention": [1, 9], "blocks": [{"width": 8}]}
    ),
    "configuration without copies": lambda: SPACE.from_config({"attention": [1, 2], "blocks": []}),
    "configuration with an unknown choice": lambda: SPACE.from_config(
        {"attention": [1, 2], "blocks": [{"kernel": 8}]}
    ),
    "configuration that is a number": lambda: SPACE.from_config(3),
    "restriction to an unknown member": lambda: SPACE.restrict({"attention": [9]}),
    "restriction to too few members": lambda: SPACE.restrict({"attention": [1]}),
    "restriction of an unknown decision": lambda: SPACE.restrict({"blocks.5.width": 8}),
    "samples of given latency": lambda: ar.spaces.LinearLatency(SPACE, [[0.0, 1.0]] * SPACE.d),
}

CASES: Cases = {**NUMBERS, **LISTS, **SETS, **ARCHITECTURES}


def test_messages(update_golden: bool) -> None:
    messages = {mistake: message_of(make) for mistake, make in CASES.items()}
    compare("choices", messages, update=update_golden)
