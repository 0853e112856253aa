"""Differences between nested settings, as messages print them."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archrank.differences import MOST, NOT_SET, Difference, differences, told

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=12,
)
RUN = {
    "space": "cells(" + "edge=none|skip|conv;" * 20 + ")",
    "evaluator": {"evaluator": "training", "task": {"class": "Digits", "noise": 0.5, "seed": 3}},
    "strategy": {"strategy": "guided", "ranker": {"class": "GATES", "epochs": 200}, "kappa": 3.0},
    "constraints": ["params<=1000000"],
    "seed": 0,
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """Return ``RUN`` with another value at ``path``, whose parts are joined by dots."""
    run: dict[str, Any] = copy.deepcopy(RUN)
    *outer, last = path.split(".")
    place = run
    for key in outer:
        place = place[key]
    place[last] = value
    return run


@pytest.mark.parametrize(
    ("path", "value", "text"),
    [
        ("seed", 1, "seed: 0 -> 1"),
        ("strategy.ranker.epochs", 3, "strategy.ranker.epochs: 200 -> 3"),
        ("evaluator.task.noise", None, "evaluator.task.noise: 0.5 -> not set"),
        ("evaluator.task.copies", 2, "evaluator.task.copies: not set -> 2"),
        ("evaluator.task", {"class": "Glyphs", "copies": 9}, "evaluator.task: Digits -> Glyphs"),
        ("strategy.ranker", "default", "strategy.ranker: GATES -> default"),
        (
            "constraints",
            ["params<=1000000.4"],
            "constraints: params<=1000000 -> params<=1000000.4",
        ),
        ("constraints", [], "constraints: params<=1000000 -> none"),
        ("constraints", ["a<=1", "b<=2"], "constraints: params<=1000000 -> a<=1, b<=2"),
        ("strategy", "", "strategy: guided -> ''"),
    ],
)
def test_one_value_differs(path: str, value: Any, text: str) -> None:
    assert told(differences(RUN, changed(path, value))) == text


def test_long_texts_are_cut_to_what_differs() -> None:
    wider = RUN["space"].replace("skip|conv;)", "skip|conv_3x3;)")  # type: ignore[attr-defined]
    text = told(differences(RUN, {**RUN, "space": wider}))
    assert text == "space: …conv… -> …conv_3x3…"
    other = told(differences({"a": "x" * 999}, {"a": "y" * 998}))
    assert len(other) < 140


def test_a_text_that_goes_on() -> None:
    text = f"cells({'a' * 30}, {'b' * 40})"
    assert told(differences([0, text], [0, f"{text}; c"])) == "[1]: … -> …; c"


@given(JSON, JSON)
def test_nothing_differs_exactly_where_values_are_equal(stored: Any, now: Any) -> None:
    assert differences(stored, copy.deepcopy(stored)) == []
    assert bool(differences(stored, now)) == (stored != now)


@given(st.dictionaries(st.text("abc", min_size=1), JSON, min_size=1), st.data())
def test_what_is_taken_away_is_named(stored: dict[str, Any], data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(sorted(stored)))
    now = {k: v for k, v in stored.items() if k != key}
    assert differences(stored, now) == [Difference(key, stored[key], NOT_SET)]
    assert differences(now, stored) == [Difference(key, NOT_SET, stored[key])]


def test_a_message_has_an_end() -> None:
    text = told(differences(dict.fromkeys(range(20), 0), dict.fromkeys(range(20), 1)))
    assert text.count("->") == MOST
    assert text.endswith(f"; and {20 - MOST} more")


def test_a_setting_of_nothing_is_told_from_none() -> None:
    assert str(differences({"a": {}}, {"a": {"forms": None}})[0]) == "a.forms: new setting"
    assert str(differences({"a": {"forms": None}}, {"a": {}})[0]) == "a.forms: no longer a setting"
