from __future__ import annotations

import math

import numpy as np
import pytest

from archrank.errors import EvaluationError
from archrank.evaluators import Function
from archrank.parallel import worker
from archrank.parallel.worker import evaluate_group, evaluate_one
from tests.study.helpers import PlainDict, SetUpWrongly, score, small_space, sometimes

ARCH = np.array([[0, 1, 0]], dtype=np.uint8)
OTHER = np.array([[1, 1, 0]], dtype=np.uint8)


def test_an_evaluation() -> None:
    outcome = evaluate_one(Function(score).bind(small_space()), ARCH)
    assert outcome.values == {"score": 16.0}
    assert outcome.reason is None
    assert outcome.seconds >= 0


def test_an_exception_is_nan_with_a_reason() -> None:
    outcome = evaluate_one(PlainDict(score).bind(small_space()), ARCH)
    assert math.isnan(outcome.values["score"])
    assert outcome.reason is not None
    assert outcome.reason.startswith("AttributeError: ")
    outcome = evaluate_one(Function(sometimes).bind(small_space()), OTHER)
    assert str(outcome.reason).startswith("RuntimeError: out of luck (helpers.py, line ")


def test_an_evaluator_that_is_set_up_wrongly_stops_the_run() -> None:
    with pytest.raises(EvaluationError, match="no such device"):
        evaluate_one(SetUpWrongly(score).bind(small_space()), ARCH)


def test_a_group_is_evaluated_in_one_call() -> None:
    evaluator = Function(sometimes).bind(small_space())
    archs = np.concatenate([ARCH, OTHER])
    together = evaluate_group(evaluator, archs)
    alone = [evaluate_one(evaluator, arch[None]) for arch in archs]
    assert [repr(e.values) for e in together] == [repr(e.values) for e in alone]
    assert together[0].reason is None
    assert str(together[1].reason).startswith("RuntimeError: out of luck (helpers.py, line ")
    assert together[0].seconds == together[1].seconds  # shared out evenly


def test_a_group_that_fails_is_evaluated_one_by_one() -> None:
    evaluator = PlainDict(score).bind(small_space())
    found = evaluate_group(evaluator, np.concatenate([ARCH, OTHER]))
    assert [str(e.reason).split(":")[0] for e in found] == ["AttributeError"] * 2
    with pytest.raises(EvaluationError, match="no such device"):
        evaluate_group(SetUpWrongly(score).bind(small_space()), np.concatenate([ARCH, OTHER]))


@pytest.mark.parametrize("end", [EOFError, ConnectionResetError, BrokenPipeError])
def test_a_worker_ends_quietly_with_its_parent(
    end: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A parent that was killed has closed its end, or has left a message unread."""

    class Line:
        def send_bytes(self, data: bytes) -> None:
            pass

        def recv_bytes(self) -> bytes:
            raise end

    monkeypatch.setattr(worker, "start_worker", lambda: None)
    worker.serve(Line())  # type: ignore[arg-type]
