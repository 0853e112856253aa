"""The contract check of evaluators catches what it promises to catch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from archrank.errors import EvaluationError
from archrank.evaluators import Cost, Evaluations, Evaluator, Metric
from archrank.spaces import CustomSpace, Space
from archrank.tasks import Digits
from archrank.testing import check_evaluator
from archrank.types import Archs
from tests.testing.helpers import build, make


class Width(Evaluator):
    metrics = (Metric("width"),)

    def evaluate(self, archs: Archs) -> Evaluations:
        return Evaluations({"width": self.space.validate(archs)[:, 1].astype(np.float64)})

    def describe(self) -> dict[str, Any]:
        return {"evaluator": "width"}


class Silent(Width):
    def evaluate(self, archs: Archs) -> Evaluations:
        return Evaluations({"width": np.where(archs[:, 1] == 0, np.nan, 1.0)})


class Relative(Width):
    def evaluate(self, archs: Archs) -> Evaluations:
        values = archs[:, 1].astype(np.float64)
        return Evaluations({"width": values - values.mean() if len(values) else values})


class Misnamed(Width):
    metrics = (Metric("depth"),)


class BindsItself(Width):
    def bind(self, space: Space, *, seed: int = 0) -> Any:
        self._space = space
        return self


class Opaque(Width):
    def describe(self) -> dict[str, Any]:
        return {"metrics": {"width"}}


class Hidden(Width):
    def available(self, archs: Archs) -> Any:
        return archs[:, 0] > 0


class Counted(Width):
    def available(self, archs: Archs) -> Any:
        return (archs[:, 0] > 0).astype(int)


class TooFew(Width):
    @property
    def capacity(self) -> int:
        return 1


class OddName(Width):
    metrics = (Metric("width:px"),)


class NoGroup(Width):
    group_size = 0


class Partless(Width):
    def parts(self) -> tuple[Evaluator, ...]:
        return ()


class Strangers(Width):
    """Gives parts that measure something else."""

    def parts(self) -> tuple[Evaluator, ...]:
        return (Cost().bind(self.space, task=Digits()),)


class UnboundParts(Width):
    """Gives parts that belong to another space."""

    def parts(self) -> tuple[Evaluator, ...]:
        return (Width().bind(CustomSpace({"depth": [1, 2], "width": [1, 2, 3]}, build)),)


class OtherValues(Width):
    """Gives parts that measure other values."""

    def evaluate(self, archs: Archs) -> Evaluations:
        return Evaluations({"width": super().evaluate(archs)["width"] + 1})

    def parts(self) -> tuple[Evaluator, ...]:
        return (Width().bind(self.space),)


class FalselyCheap(Width):
    cheap = True

    def parts(self) -> tuple[Evaluator, ...]:
        return (Width().bind(self.space),)


class Nested(Width):
    """Gives parts that have other parts in turn."""

    def parts(self) -> tuple[Evaluator, ...]:
        return (OtherValues().bind(self.space),)


class ChangingConditions(Width):
    def conditions(self) -> dict[str, str]:
        return {"device": "cpu" if self._space is None else "cuda"}


class NumberedConditions(Width):
    def conditions(self) -> Any:
        return {"device": 0}


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (Hidden, "not available, so it must be NaN"),
        (Counted, "available must give bool"),
        (TooFew, "available, but capacity is 1"),
        (OddName, r"without : < > ="),
        (NoGroup, "group_size must be a number from 1, got 0"),
        (Partless, "one evaluator or more"),
        (Strangers, r"its parts measure \['macs', 'params'\], but its metrics are \['width'\]"),
        (UnboundParts, "Width is bound to another space"),
        (OtherValues, "Width measures another 'width'"),
        (FalselyCheap, "cheap exactly if all of its parts are"),
        (Nested, "must be flat"),
        (ChangingConditions, "must not change when it is bound"),
        (NumberedConditions, "must map strings to strings"),
        (Silent, "NaN exactly if it has a reason"),
        (Relative, "depends on what else"),
        (Misnamed, r"its metrics \['depth'\]"),
        (BindsItself, "must return a bound copy"),
        (Opaque, "JSON values only"),
    ],
)
def test_broken_evaluators(broken: type[Evaluator], message: str) -> None:
    check_evaluator(Width(), make())
    with pytest.raises(AssertionError, match=message):
        check_evaluator(broken(), make())


def test_unbound_evaluators_say_so() -> None:
    with pytest.raises(EvaluationError, match="bind"):
        Width().evaluate(make().enumerate())
