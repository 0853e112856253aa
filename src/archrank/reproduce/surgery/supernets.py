"""Supernets of the Surgery study on the built-in tasks: Tables 2, 3 and 4, Figs. 2 and 3, A.3.

The supernets are trained here, so the numbers beside the paper's are of another task.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from archrank.assess.supernets.base import FORMATS
from archrank.assess.supernets.base import Row as Number
from archrank.assess.supernets.engine import study_supernets
from archrank.assess.supernets.parts import KINDS
from archrank.assess.supernets.settings import StudySettings
from archrank.assess.supernets.study import SupernetStudy
from archrank.reproduce.base import (
    Announce,
    Claim,
    Comparison,
    Found,
    Plan,
    Row,
    announced,
    nobody,
)
from archrank.reproduce.bench import Bench
from archrank.tables.builtin import builtin_names

TABLES = ("digits201", "glyphs201")
PARTS = ("checkpoints", "spread", "sampling", "samples", "proxies", "groups", "subsets", "labels")
PICTURES = {  # what to tell of figures, of which the paper prints no numbers
    "checkpoints": ("tau", "p_at_5", "br_at_5"),
    "proxies": ("tau",),
    "groups": ("group_tau", "group_difference"),
}
PICTURE = "the paper prints a picture"
OTHER = "theirs: CIFAR-10, 17 layers, 1,000 epochs; ours: another task, networks and schedule"


def tables(bench: Bench, plan: Plan) -> Comparison:
    """Study supernets against the built-in tables of two tasks, of one if ``plan.quick``."""
    names = [name for name in TABLES if name in builtin_names()]
    jobs = names[:1] if plan.quick else names
    folder = None if plan.journal is None else plan.journal.folder
    found = plan.map(partial(run, settings(plan), folder, announce=plan.announce), jobs)
    rows = [row for one in found for row in one["rows"]]
    claims = [claim for one in found for claim in one["claims"]]
    return Comparison(
        [Row(**row) for row in rows],
        [Claim(**claim) for claim in claims],
        (
            "the paper's numbers are of CIFAR-10, ours of the table that a line names; criteria "
            "compare, times and epochs do not",
            *(note for one in found for note in one["notes"]),
        ),
    )


def settings(plan: Plan) -> StudySettings:
    """Return the settings of the study."""
    made = StudySettings("test_accuracy", parts=PARTS, seeds=plan.seeds)
    if plan.quick:
        made = replace(made.quick(), seeds=plan.seeds)
    if plan.epochs is not None:
        made = replace(made, epochs=plan.epochs, predictor_epochs=plan.epochs)
    return made


def run(
    chosen: StudySettings, folder: Path | None, table: str, announce: Announce = nobody
) -> Found:
    """Run one study; what is finished stays in ``folder``, if there is one."""
    with ExitStack() as stack:
        stack.enter_context(announced(announce, f"study of supernets on {table}"))
        if folder is None:
            out = Path(stack.enter_context(TemporaryDirectory()))
        else:
            out = folder / f"surgery-supernets-{table}"
        study = study_supernets(
            table,
            chosen,
            out=out,
            announce=lambda outline: [announce(line) for line in outline.lines()],
            progress=_tenths(announce, table),
        )
        return told(study, table)


def _tenths(announce: Announce, table: str) -> Callable[[float, float], None]:
    """Return what is told the progress of a study, and announces every tenth of it."""
    last = 0

    def progress(done: float, of: float) -> None:
        nonlocal last
        now = int(10 * done / of) if of > 0 else 0
        if last < now < 10:
            announce(f"study of supernets on {table}: {10 * now} %")
        last = max(last, now)

    return progress


def told(study: SupernetStudy, table: str) -> Found:
    """Convert a study to rows, claims and notes as JSON values."""
    return {
        "rows": [line(row, table) for row in study.rows if _wanted(row)],
        "claims": [
            {
                "text": f"{f.text}, {table}",
                "holds": f.verdict == "reproduced",
                "measured": f.measured,
            }
            for f in study.findings
            if f.verdict != "not asked here"
        ],
        "notes": [
            f"{table}: {f.text}: not asked, {f.measured}"
            for f in study.findings
            if f.verdict == "not asked here" and f.number <= 5
        ],
        "seconds": 0.0,
    }


def _wanted(row: Number) -> bool:
    return row.paper is not None or row.criterion in PICTURES.get(row.part, ())


def line(row: Number, table: str) -> dict[str, Any]:
    """Convert a number to a row beside the paper's, in the unit that is printed."""
    measure = FORMATS[row.criterion]
    factor = 100.0 if measure.unit else 1.0
    title = measure.title if measure.unit in measure.title else f"{measure.title}, %"
    place = "" if row.at != row.at else f", {KINDS[row.part].axis} {row.at:g}"
    where = f" ({row.where})" if row.where else ""
    return {
        "what": f"{table} {KINDS[row.part].source.removeprefix('Surgery, ')}: {row.subject}"
        f"{place}{where}, {title}",
        "ours": factor * row.mean,
        "paper": None if row.paper is None else round(factor * row.paper, measure.decimals),
        "spread": factor * row.sd,
        "seeds": len(row.values),
        "why": OTHER if row.paper is not None else PICTURE,
        "decimals": measure.decimals,
    }
