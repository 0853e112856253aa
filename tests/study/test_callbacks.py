"""Callbacks of a run: told of everything, and never able to stop it."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

from archrank.errors import ArgumentError, CallbackWarning
from tests.study.helpers import BUDGET, make, told


class Counts:
    """Counts what it is told, and fails at a call."""

    def __init__(self, fails_at: str = "", error: BaseException | None = None) -> None:
        self.calls: list[str] = []
        self.fails_at = fails_at
        self.error = error or OSError("No space left on device")

    def _count(self, name: str) -> None:
        self.calls.append(name)
        if name == self.fails_at:
            raise self.error

    def started(self, *arguments: Any) -> None:
        self._count("started")

    def finished_one(self, *arguments: Any) -> None:
        self._count("finished_one")

    def ended(self, *arguments: Any) -> None:
        self._count("ended")


class OnlyEnd:
    """A callback with one method."""

    def __init__(self) -> None:
        self.ends = 0

    def ended(self, study: object) -> None:
        self.ends += 1


def test_callbacks_are_told() -> None:
    counts, end = Counts(), OnlyEnd()
    make().run(BUDGET, callbacks=[counts, end])
    assert counts.calls == ["started", *["finished_one"] * BUDGET, "ended"]
    assert end.ends == 1


@pytest.mark.parametrize("method", ["started", "finished_one", "ended"])
@pytest.mark.parametrize("error", [OSError("No space left on device"), SystemExit(1)])
def test_a_failure_is_told_once_and_stops_nothing(
    method: str, error: BaseException, uninterrupted: list[tuple[Any, ...]]
) -> None:
    failing, other = Counts(method, error), Counts()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        study = make().run(BUDGET, callbacks=[failing, other])
    assert told(study) == uninterrupted
    assert [w.category for w in caught] == [CallbackWarning]
    message = str(caught[0].message)
    assert message.startswith("Counts failed and gets no further evaluation: ")
    assert message.endswith(". The run goes on, and every evaluation is stored")
    assert failing.calls[-1] == method
    assert failing.calls.count(method) == 1
    assert len(other.calls) == BUDGET + 2


def test_what_is_no_callback_is_refused() -> None:
    for wrong in (print, "tensorboard", Counts):
        with pytest.raises(ArgumentError, match="expected an object with a method started or"):
            make().run(BUDGET, callbacks=[wrong])
