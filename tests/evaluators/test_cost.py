from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from archrank.errors import SpaceError
from archrank.evaluators import Combined, Cost, Training
from archrank.spaces import CustomSpace, NASBench201
from archrank.tasks import Digits
from archrank.testing import check_evaluator


def build(config: dict[str, Any], task: object) -> Any:
    from torch import nn

    if config["width"] == 13:
        raise ValueError("unlucky")
    width = config["width"]
    hidden, head = nn.Linear(64, width, bias=False), nn.Linear(width, 10, bias=False)
    return nn.Sequential(nn.Flatten(), hidden, head)


def test_contract(space: NASBench201) -> None:
    check_evaluator(Cost(), space)
    assert Cost().cheap


def test_a_failing_build_is_one_architectures_failure() -> None:
    space = CustomSpace({"width": [4, 13, 8]}, build)
    result = Cost().bind(space, task=Digits()).evaluate(space.enumerate())
    assert np.array_equal(result["params"], [74 * 4, np.nan, 74 * 8], equal_nan=True)
    reason = "BuildError: custom: build({'width': 13}) failed: ValueError: unlucky (test_cost.py, l"
    assert [str(each)[: len(reason)] for each in result.reasons] == ["None", reason, "None"]


def test_a_missing_task_is_said_at_once() -> None:
    space = CustomSpace({"width": [4, 8]}, build)
    with pytest.raises(SpaceError, match=r"costs depend on the task; use space\.networks\(task\)"):
        Cost().bind(space)


class Wide(Digits):
    """Digits with twice the classes, so that networks have a larger head."""

    name = "wide"
    n_classes = 20


def sized(config: dict[str, Any], task: Any) -> Any:
    from torch import nn

    return nn.Sequential(nn.Flatten(), nn.Linear(64, task.n_classes, bias=False))


def test_its_own_task_comes_first() -> None:
    space = CustomSpace({"width": [4, 8]}, sized)
    both = Combined(Training(Wide()), own=Cost(Digits()), inherited=Cost()).bind(space)
    own, inherited = both.parts()[1:]
    assert own.evaluate(space.enumerate())["own/params"].tolist() == [640, 640]
    assert inherited.evaluate(space.enumerate())["inherited/params"].tolist() == [1280, 1280]
    assert Cost(Digits()).conditions() == {"task": "digits"}
    assert len({str(c.describe()) for c in (Cost(), Cost(Digits()), Cost(Wide()))}) == 3
    assert [m.name for m in Combined(Cost(Digits()), Cost(Wide())).metrics] == [
        *("digits/macs", "digits/params"),
        *("wide/macs", "wide/params"),
    ]
