"""Supernets of the Surgery study: the shortest run, beside the paper's numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from archrank.errors import SettingsError
from archrank.reproduce import reproduce
from archrank.reproduce.base import Plan
from archrank.reproduce.catalogue import find
from archrank.reproduce.journal import RunJournal
from archrank.reproduce.surgery import supernets
from archrank.supernets.training import SupernetTraining


def test_the_published_tables_have_no_networks() -> None:
    with pytest.raises(SettingsError, match="surgery-supernets trains supernets"):
        reproduce("surgery-supernets")


def test_a_run_tells_the_paper_beside_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    item = find("surgery-supernets")
    monkeypatch.setattr(supernets, "PARTS", ("spread", "sampling", "subsets"))
    journal = RunJournal(tmp_path / "x.runs", {})
    plan = Plan(quick=True, seeds=1, epochs=2, journal=journal)
    found = item.run(None, plan)  # type: ignore[arg-type]  # it brings its own tables
    rows = {row.what: row for row in found.rows}
    assert len(rows) == len(found.rows)
    assert all(row.why for row in found.rows)
    deiso = "digits201 Table 3: de-isomorphic sampling, epoch 2 (1,000 epochs)"
    assert rows[f"{deiso}, tau"].paper == 0.701
    assert rows[f"{deiso}, BR@1 %"].paper == 0.015
    assert rows["digits201 Table 2: uniform sampling, epoch 1 (600 epochs), std of ranks, % of all"]
    subset = "trained on random architectures, judged on random architectures"
    assert rows[f"digits201 A.3: {subset} (78 of 15,625), tau"].paper == 0.628
    assert {claim.text.rpartition(", ")[2] for claim in found.claims} == {"digits201"}
    assert any("CIFAR-10" in note for note in found.notes)

    def trained_again(*arguments: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(SupernetTraining, "run_epoch", trained_again)
    again = Plan(quick=True, seeds=1, epochs=2, journal=RunJournal(tmp_path / "y.runs", {}))
    repeated = item.run(None, again).rows  # type: ignore[arg-type]
    assert [row.what for row in repeated] == [row.what for row in found.rows]
    assert np.array_equal([r.ours for r in repeated], [r.ours for r in found.rows], equal_nan=True)
