"""Messages for mistakes with spaces and architecture strings."""

from __future__ import annotations

import numpy as np
import pytest

from archrank.registry import Registry
from archrank.spaces import (
    HAT,
    AttentiveNAS,
    AttentiveSmall,
    CustomCells,
    CustomSpace,
    NASBench101,
    NASBench201,
    ProxylessNAS,
    RankNASTranslation,
    TransNAS101Micro,
)
from archrank.spaces import SPACES as NAMES
from tests.messages.golden import Cases, compare, message_of

CELLS = NASBench201()
CELL = "|nor_conv_3x3~0|+|none~0|none~1|+|none~0|none~1|none~2|"


def declared(choices: object, **options: object) -> CustomSpace:
    """Declare a space whose networks are not needed."""
    return CustomSpace(choices, build=lambda config, task: None, **options)  # type: ignore[arg-type]


LAYERS = declared(
    {"depth": [1, 2], "width": ["narrow", "wide"], "second": [8, 16]},
    active_if={"second": ("depth", [2])},
)

SPACES: Cases = {
    "unknown space": lambda: NAMES.get("nasbench202"),
    "unknown space, nothing similar": lambda: NAMES.get("xyz"),
    "space file without a name": lambda: NAMES.get("mine.py"),
    "space file that does not exist": lambda: NAMES.get("mine.py:space"),
    "space module that does not exist": lambda: NAMES.get("no_such_module.inner:space"),
    "space name that a module lacks": lambda: NAMES.get("archrank.types:Arch"),
    "unknown name of a registry without entries": lambda: Registry("thing", {}).get("any"),
    "one architecture without the first dimension": lambda: CELLS.validate(np.zeros(6, np.uint8)),
    "architectures of another space": lambda: CELLS.validate(np.zeros((2, 7), np.uint8)),
    "architectures as floats": lambda: CELLS.validate(np.zeros((2, 6))),
    "option out of range": lambda: CELLS.validate(np.full((2, 6), 5, np.uint8)),
    "NAS-Bench-201 string of another form": lambda: CELLS.parse(["conv-conv-conv"]),
    "NAS-Bench-201 string with an unknown operation": lambda: CELLS.parse(
        [CELL, CELL.replace("nor_conv_3x3", "conv_3x3")]
    ),
    "NAS-Bench-101 string of another form": lambda: NASBench101().parse(["conv3x3"]),
    "NAS-Bench-101 string of the wrong length": lambda: NASBench101().parse(["1101:02"]),
    "NAS-Bench-101 string with an unknown operation": lambda: NASBench101().parse(["111:7"]),
    "TransNAS string of another form": lambda: TransNAS101Micro().parse(["1033"]),
    "TransNAS string with an unknown operation": lambda: TransNAS101Micro().parse(["102339"]),
    "AttentiveNAS string of another form": lambda: AttentiveNAS().parse(["A7"]),
    "small AttentiveNAS string with a resolution that is no option": lambda: AttentiveSmall().parse(
        ["14:8,8,16,24,40,48,128:11111:33333:12224"]
    ),
    "AttentiveNAS without a resolution": lambda: AttentiveSmall(resolutions=()),
    "HAT string of another form": lambda: HAT().parse(["six layers"]),
    "unknown task of HAT": lambda: HAT("en-de"),  # type: ignore[arg-type]
    "unknown task of RankNAS": lambda: RankNASTranslation("en-de"),  # type: ignore[arg-type]
    "unknown canonical form": lambda: CELLS.classes(
        np.zeros((1, 6), np.uint8),
        "offical",  # type: ignore[arg-type]
    ),
    "list of a space that is too large": lambda: ProxylessNAS().enumerate(),
    "graph of a space without graphs": lambda: LAYERS.graph(LAYERS.enumerate()),
    "no choices": lambda: declared({}),
    "choices as text": lambda: declared("depth"),
    "choice without options": lambda: declared({"depth": []}),
    "choice with one number instead of options": lambda: declared({"depth": 3}),
    "choice with repeated options": lambda: declared({"depth": [1, 1]}),
    "option that is an object": lambda: declared({"depth": [object]}),
    "option that is not finite": lambda: declared({"rate": [0.1, float("nan")]}),
    "option with a comma": lambda: declared({"op": ["conv,pool", "none"]}),
    "options that are written alike": lambda: declared({"op": ["1", 1]}),
    "choice name that is no identifier": lambda: declared({"my depth": [1, 2]}),
    "choice that is declared twice": lambda: declared([("depth", [1]), ("depth", [2])]),
    "build that is no function": lambda: CustomSpace({"depth": [1]}, build="net"),  # type: ignore[arg-type]
    "condition on an unknown choice": lambda: declared(
        {"depth": [1, 2], "second": [8, 16]}, active_if={"second": ("dept", [2])}
    ),
    "condition on an unknown option": lambda: declared(
        {"depth": [1, 2], "second": [8, 16]}, active_if={"second": ("depth", [3])}
    ),
    "condition on a later choice": lambda: declared(
        {"second": [8, 16], "depth": [1, 2]}, active_if={"second": ("depth", [2])}
    ),
    "condition on no option": lambda: declared(
        {"depth": [1, 2], "second": [8, 16]}, active_if={"second": ("depth", [])}
    ),
    "condition in another form": lambda: declared(
        {"depth": [1, 2], "second": [8, 16]}, active_if={"second": "depth=2"}
    ),
    "string with an unknown choice": lambda: LAYERS.parse(["depht=1,width=wide"]),
    "string with an unknown option": lambda: LAYERS.parse(["depth=1,width=medium"]),
    "string with an inactive choice": lambda: LAYERS.parse(["depth=1,width=wide,second=8"]),
    "string without a choice": lambda: LAYERS.parse(["depth=1"]),
    "cells of one operation": lambda: CustomCells(["none"], nodes=4),
    "cells with an unknown operation": lambda: CustomCells(["none", "conv"], nodes=4),
    "cells with too many nodes": lambda: CustomCells(["none", "skip_connect"], nodes=99),
}


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_messages(update_golden: bool) -> None:
    messages = {mistake: message_of(make) for mistake, make in SPACES.items()}
    compare("spaces", messages, update=update_golden)
