"""RankNAS, Fig. 5: importance of decisions to a ranker of latencies, by device.

The paper's devices are a Xeon and a GTX 1080 Ti on IWSLT'14; ours are the four pairs of task and
hardware of HAT's published measurements, as averages over layers.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from archrank.importance import THRESHOLDS, Importance, decision_groups, permutation_importance
from archrank.report.importance import figure
from archrank.reproduce.base import PICTURE, Claim, Comparison, Found, Plan, Row, summary
from archrank.reproduce.bench import find_table
from archrank.reproduce.ranknas.fits import DEFAULT, MAKERS, RANKNAS
from archrank.reproduce.ranknas.latency import COLUMN, FILE, load_pairs
from archrank.tables.base import BenchTable

JUDGES = (RANKNAS, DEFAULT)
ARCHS, THRESHOLD = THRESHOLDS["hardware_aware"]
FOLDS = 5
WIDTHS = ("dec_ffn", "enc_ffn", "dec_embed", "enc_embed")
ATTENTION = ("dec_arbitrary", "dec_self_heads", "dec_cross_heads")
DEPTH = "dec_layers"
ABOUT = 2.0  # two importances are about the same if what exceeds 1 differs by this factor at most
NOTES = (
    f"importance of {ARCHS} random architectures, drawn anew by every seed; the ranker is fitted "
    "to four fifths of them and judged on the rest, five times",
    "decisions are HAT's ten averages over layers; its spaces have six encoder layers, so that "
    "number has no importance; relative positions and norms are not among the measured decisions",
    "a decision does not matter at 1; intervals are of 95 % over seeds (Student's t)",
)
Cells = Mapping[tuple[str, str], Importance]
"""Importance by pair of task and hardware, and ranker: a value of I(f) per seed."""


@dataclass(frozen=True, eq=False)
class Sample:
    """Architectures of one pair of task and hardware, drawn by a seed, and a ranker's name."""

    table: BenchTable
    judge: str
    seed: int


def figure_5(bench: None, plan: Plan) -> Comparison:
    """Measure importance on every pair of the file, by RankNAS's ranker and the default."""
    tables = load_pairs(find_table(FILE, plan.data))
    cells = [(pair, judge) for pair in tables for judge in JUDGES]
    jobs = [
        Sample(tables[pair], judge, seed) for pair, judge in cells for seed in range(plan.seeds)
    ]
    results = iter(plan.map(measure, jobs))
    rows: list[Row] = []
    found: dict[tuple[str, str], Importance] = {}
    for pair, judge in cells:
        runs = [next(results) for _ in range(plan.seeds)]
        found[pair, judge] = one = _together(tables[pair], runs)
        rows += [
            summary(f"{pair}, {judge}: {name}", runs, name, why=PICTURE, decimals=2)
            for name in one.names
        ]
    figures = tuple(
        figure(f"{pair}, {judge}", one, THRESHOLD, over="seeds")
        for (pair, judge), one in found.items()
    )
    return Comparison(rows, _claims(found), NOTES, figures)


def measure(sample: Sample) -> Found:
    """Return the importance of every decision by its name, and the loss they are divided by."""
    start = time.process_time()
    table, seed = sample.table, sample.seed
    n = min(ARCHS, len(table))
    rows = np.random.default_rng([seed, 0]).permutation(len(table))[:n]
    found = permutation_importance(
        MAKERS[sample.judge](table.space, seed),
        table.archs[rows],
        -table.column(COLUMN)[rows],
        folds=FOLDS,
        seed=seed,
    )
    importances = dict(zip(found.names, found.mean.tolist(), strict=True))
    about = {"loss": found.loss, "measure": found.measure, "n": n}
    return importances | about | {"seconds": time.process_time() - start}


def _together(table: BenchTable, runs: Sequence[Found]) -> Importance:
    """Put runs side by side: an importance per seed, most important first."""
    groups = decision_groups(table.space)
    ratios = np.array([[run[name] for run in runs] for name in groups])  # (m, seeds)
    order = np.argsort(-ratios.mean(axis=1), kind="stable").tolist()
    names, columns = list(groups), list(groups.values())
    return Importance(
        tuple(names[k] for k in order),
        tuple(columns[k] for k in order),
        ratios[order],
        float(np.mean([run["loss"] for run in runs])),
        str(runs[0]["measure"]),
        int(runs[0]["n"]),
    )


def _claims(cells: Cells) -> list[Claim]:
    """Judge the statements of section 5.2 on every pair and by every ranker."""
    claims = []
    for (pair, judge), found in cells.items():
        where = f"{pair}, {judge}"
        claims += _on_cpu(where, found) if "cpu" in pair else _on_gpu(where, found)
    return claims + _across(cells)


def _on_cpu(where: str, found: Importance) -> list[Claim]:
    top = ", ".join(_told(found, name) for name in found.names[:3])
    width, depth = (_excess(found, name) for name in ("dec_embed", DEPTH))
    return [
        Claim(
            "CPU: the decoder's feed-forward width is the most important",
            found.names[0] == "dec_ffn",
            f"{where}: {top}",
        ),
        Claim(
            "CPU: arbitrary attention and the encoder's feed-forward width follow it",
            found.names[:3] == ("dec_ffn", "dec_arbitrary", "enc_ffn"),
            f"{where}: {_told(found, 'dec_arbitrary')}, {_told(found, 'enc_ffn')}",
        ),
        Claim(
            "CPU: the decoder's width is about as important as its number of layers",
            width > 0 and depth > 0 and 1 / ABOUT <= width / depth <= ABOUT,
            f"{where}: {_told(found, 'dec_embed')}, {_told(found, DEPTH)}",
        ),
    ]


def _on_gpu(where: str, found: Importance) -> list[Claim]:
    attention = max(ATTENTION, key=lambda name: _excess(found, name))
    largest = max(WIDTHS, key=lambda name: _excess(found, name))
    return [
        Claim(
            f"GPU: feed-forward and embedding widths are below the threshold, {THRESHOLD:g}",
            1 + _excess(found, largest) < THRESHOLD,
            f"{where}: at most {_told(found, largest)}",
        ),
        Claim(
            "GPU: the number of decoder layers is more important than any width",
            _excess(found, DEPTH) > _excess(found, largest),
            f"{where}: {_told(found, DEPTH)}",
        ),
        Claim(
            f"GPU: the decoder's attention matters, {THRESHOLD:g} or more",
            1 + _excess(found, attention) >= THRESHOLD,
            f"{where}: at most {_told(found, attention)}",
        ),
    ]


def _across(cells: Cells) -> list[Claim]:
    """Compare the devices of the same task: the share of decoder layers in all importance."""
    pairs = dict.fromkeys(pair for pair, _ in cells)
    claims = []
    for cpu in (pair for pair in pairs if "/cpu" in pair):
        for gpu in (p for p in pairs if "/gpu" in p and p.split("/")[0] == cpu.split("/")[0]):
            for judge in JUDGES:
                one, other = _share(cells[gpu, judge]), _share(cells[cpu, judge])
                claims.append(
                    Claim(
                        "the number of decoder layers matters more on the GPU than on the CPU, as "
                        "a share of all importance above 1",
                        one > other,
                        f"{gpu} {one:.0%}, {cpu} {other:.0%}, {judge}",
                    )
                )
    return claims


def _share(found: Importance) -> float:
    excess = np.maximum(found.mean - 1, 0)
    return float(max(_excess(found, DEPTH), 0) / max(excess.sum(), 1e-9))


def _excess(found: Importance, name: str) -> float:
    """Return the part of an importance that is above 1."""
    return float(found.mean[found.names.index(name)]) - 1


def _told(found: Importance, name: str) -> str:
    half = float(found.half_width[found.names.index(name)])
    spread = "" if np.isnan(half) else f" ± {half:.2f}"
    return f"{name} {1 + _excess(found, name):.2f}{spread}"
