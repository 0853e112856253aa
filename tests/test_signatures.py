"""Signatures of functions that are annotated with names for type checkers alone."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from archrank.runs.own_functions import kind_of
from archrank.signatures import signature

SOURCE = """
def measure(config: Config, seed: int = 0) -> "Score": ...

class Measure:
    def __call__(self, config: Config) -> Score: ...
"""


@pytest.mark.skipif(sys.version_info < (3, 14), reason="annotations are evaluated by definitions")
def test_names_that_do_not_exist() -> None:
    made: dict[str, Any] = {}
    exec(compile(SOURCE, "mine.py", "exec", dont_inherit=True), made)
    assert list(signature(made["measure"]).parameters) == ["config", "seed"]
    assert list(signature(made["Measure"]()).parameters) == ["config"]
    assert kind_of(made["measure"]) == "measures"


def test_what_has_none() -> None:
    with pytest.raises(TypeError):
        signature(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no signature"):
        signature(min)
