"""Claims on pages of papers are those that were recorded."""

from __future__ import annotations

from pathlib import Path

import pytest
from claims import PLACE, claims, filled

PAPERS = sorted((Path(__file__).parents[2] / "docs" / "papers").glob("*.md"))


def test_a_claim_is_read_whole() -> None:
    claim, verdict, measured = claims()["surgery-fig5"][1]
    assert claim == "the gap between LSTM and GATES shrinks with more data"
    assert (verdict, measured) == ("holds", "N=78: 40.0 -> 13.3 points of P@0.1 %")


@pytest.mark.parametrize("page", PAPERS, ids=lambda page: page.stem)
def test_each_page_has_all_claims_of_its_reproductions(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = [name for place in PLACE.findall(text) for name in place.split()]
    assert page.stem == "index" or named
    rows = [line for line in filled(text).splitlines() if line.startswith("| [")]
    judged = sum(len(claims()[name]) for name in named)
    assert len(rows) == (6 if page.stem == "index" else judged)
    assert all(claims()[name] for name in named)


def test_a_reproduction_that_was_not_recorded_is_an_error() -> None:
    with pytest.raises(KeyError, match="ranknas-fig99"):
        filled("<!-- claims: ranknas-fig99 -->")
