"""RankNAS, Tables 1 to 3, at small size: models under a limit of the latency, and without."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from archrank.reproduce.base import Claim, Comparison, Plan, Row
from archrank.reproduce.bench import Bench
from archrank.reproduce.ranknas.extent import Extent, extent_of, told, workplace
from archrank.reproduce.ranknas.models import (
    HAT,
    NAMES,
    RANDOM,
    RANKNAS,
    TRANSFORMER,
    Repetition,
    Runs,
    column,
    compare,
    costs_of,
    devices,
    no_worse,
)
from archrank.reproduce.ranknas.rows import (
    BLEU,
    EXTRAPOLATED,
    LATENCY,
    LOSS,
    MACS,
    PARAMS,
    PERPLEXITY,
    model_rows,
    row_of,
)
from archrank.reproduce.ranknas.searching import LIMIT
from archrank.types import Floats


class Published(NamedTuple):
    """Ratios of the paper for one device: Table 1 on IWSLT'14, and on WMT'14 behind it."""

    speed: float
    wmt_speed: float
    cost: float
    wmt_cost: float


TABLE_1 = {
    "cpu": Published(353.5 / 197.4, 1031.4 / 384.2, 31.7 / 7.2, 335.1 / 31.8),
    "cuda": Published(200.9 / 148.2, 249.6 / 201.7, 24.5 / 5.8, 302.1 / 30.2),
}
TABLE_2 = {"cpu": 12.49 / 4.83, "cuda": 0.53 / 0.29}
BASE_PERPLEXITY, FOUND_PERPLEXITY = 18.70, 18.13
PAPER_1 = (
    "paper, Xeon Silver 4114, IWSLT'14 / WMT'14: Transformer 353.5 / 1031.4 ms, BLEU 34.4 / 28.4; "
    "HAT 190.5 / 396.8 ms, 34.5 / 28.5, 31.7 / 335.1 hours of search; RankNAS 197.4 / 384.2 ms, "
    "34.6 / 28.6, 7.2 / 31.8 hours",
    "paper, GTX 1080 Ti: Transformer 200.9 / 249.6 ms, BLEU 34.4 / 28.4; HAT 159.4 / 214.8 ms, "
    "34.7 / 28.5, 24.5 / 302.1 hours; RankNAS 148.2 / 201.7 ms, 34.7 / 28.4, 5.8 / 30.2 hours",
)
PAPER_2 = (
    "paper: Baevski and Auli 12.49 s on a CPU, .53 s on a GPU, perplexity 18.70; RankNAS 4.83 s, "
    ".29 s, 18.13; the baseline here is the largest model of the space",
    "a sentence is a window of text that is read at once, as the paper's figures suggest",
)
PAPER_3 = (
    "paper, IWSLT'14: Transformer 35M parameters, BLEU 34.4; relative positions (Shaw) 37M, 35.4; "
    "RankNAS 34M, 36.2, 2.3 hours of search. WMT'14: 213M, 28.4; 213M, 29.2; RankNAS 202M, 29.9, "
    "36.9 hours",
    "the Transformer has the largest options, norms after the residual sums, attends to the "
    "encoder's last layer, and has relative positions, as all of the space",
)


def table_1(bench: Bench | None, plan: Plan) -> Comparison:
    """Compare the Transformer, HAT and RankNAS on translation, for every device that is here."""
    methods = (TRANSFORMER, HAT, RANKNAS)
    found, where = _run(plan, "hat_small", methods)
    rows, claims = [], []
    for device in where:
        runs = [run[device] for run in found]
        rows.append(row_of(f"{NAMES[device]}: limit, ms", _limits(runs), runs, decimals=2))
        rows += model_rows(runs, methods, (LATENCY, PARAMS, MACS, BLEU, LOSS), NAMES[device])
        rows += _ratios_1(runs, device)
        claims += _claims_1(runs, device)
    notes = (
        *PAPER_1,
        *_notes(found, extent_of(plan), where),
        "the Transformer has the largest options, and attends to the encoder's last layer",
        "HAT scores nothing twice, unlike its script, and its predictor learns the latencies that "
        "RankNAS's ranker has",
        *told(plan),
    )
    return Comparison(rows, claims, notes)


def table_2(bench: Bench | None, plan: Plan) -> Comparison:
    """Compare the largest language model with RankNAS's, for every device that is here."""
    methods = (TRANSFORMER, RANKNAS)
    found, where = _run(plan, "ranknas_lm_small", methods)
    rows, claims = [], []
    for device in where:
        runs = [run[device] for run in found]
        rows.append(row_of(f"{NAMES[device]}: limit, ms", _limits(runs), runs, decimals=3))
        sentence = LATENCY._replace(what="latency of a sentence, ms", decimals=3)
        rows += model_rows(runs, methods, (sentence, PARAMS, PERPLEXITY, LOSS), NAMES[device])
        ratio = column(runs, RANKNAS, PERPLEXITY.key) / column(runs, TRANSFORMER, PERPLEXITY.key)
        rows += [
            _speed(runs, device, TABLE_2[device], "paper: about 250M parameters, WikiText-103"),
            row_of(
                f"{NAMES[device]}: perplexity of RankNAS over the Transformer's",
                ratio,
                runs,
                paper=FOUND_PERPLEXITY / BASE_PERPLEXITY,
                why="paper: words of WikiText-103; ours: characters, whose perplexities are small",
            ),
        ]
        claims += [
            _keeps(runs, device),
            _faster(runs, device),
            no_worse(
                runs,
                TRANSFORMER,
                PERPLEXITY.key,
                f"{NAMES[device]}: the perplexity is no worse than the baseline's",
            ),
        ]
    notes = (*PAPER_2, *_notes(found, extent_of(plan), where), *told(plan))
    return Comparison(rows, claims, notes)


def table_3(bench: Bench | None, plan: Plan) -> Comparison:
    """Compare the Transformer, random search and RankNAS where latency does not count."""
    methods = (TRANSFORMER, RANDOM, RANKNAS)
    found, _ = _run(plan, "ranknas_small", methods, hardware_aware=False)
    runs = [run["accuracy"] for run in found]
    rows = model_rows(runs, methods, (PARAMS, BLEU, LOSS))
    bleu, params = ({m: column(runs, m, c.key) for m in methods} for c in (BLEU, PARAMS))
    rows += [
        row_of(
            "BLEU, RankNAS minus Transformer",
            bleu[RANKNAS] - bleu[TRANSFORMER],
            runs,
            paper=36.2 - 34.4,
            decimals=1,
            why="paper: IWSLT'14; on WMT'14 it is +1.5",
        ),
        row_of(
            "parameters, RankNAS over Transformer",
            params[RANKNAS] / params[TRANSFORMER],
            runs,
            paper=34 / 35,
            why="paper: IWSLT'14; on WMT'14 it is .948; our baseline is the largest of the space",
        ),
        row_of("BLEU, RankNAS minus random search", bleu[RANKNAS] - bleu[RANDOM], runs, decimals=1),
    ]
    extent = extent_of(plan)
    notes = (
        *PAPER_3,
        "random search takes the best by the supernet's loss of as many architectures as cost what "
        f"RankNAS's search does; RankNAS learns from {extent.accurate}",
        _pruned(found, "accuracy"),
        *_costs(extent),
        *told(plan),
    )
    return Comparison(rows, _claims_3(runs), notes)


def _claims_3(runs: Runs) -> list[Claim]:
    gain = column(runs, RANKNAS, BLEU.key) - column(runs, TRANSFORMER, BLEU.key)
    size = column(runs, RANKNAS, PARAMS.key) / column(runs, TRANSFORMER, PARAMS.key)
    return [
        Claim("BLEU is above the Transformer's", bool(gain.mean() > 0), f"{gain.mean():+.1f}"),
        Claim(
            "it has fewer parameters than the Transformer",
            bool(size.mean() < 1),
            f"{size.mean():.3f} of them",
        ),
        no_worse(
            runs,
            RANDOM,
            LOSS.key,
            "the loss is no worse than that of random search at the same cost",
            published=False,
        ),
    ]


def _run(
    plan: Plan, space: str, methods: tuple[str, ...], *, hardware_aware: bool = True
) -> tuple[Runs, tuple[str, ...]]:
    """Run all repetitions; return their results, and the devices that were searched for."""
    where = devices() if hardware_aware else ()
    extent = extent_of(plan)
    with workplace(plan) as folder:
        jobs = [
            Repetition(space, number, extent, folder, methods, where, plan.announce)
            for number in range(plan.seeds)
        ]
        found = plan.map(compare, jobs)
    for run in found:
        for key in where or ("accuracy",):
            run[key]["seconds"] = run["seconds"]
    return found, where


def _claims_1(runs: Runs, device: str) -> list[Claim]:
    cost = costs_of(runs, HAT) / costs_of(runs, RANKNAS)
    name = NAMES[device]
    return [
        _keeps(runs, device),
        _faster(runs, device),
        Claim(
            f"{name}: the search costs less than HAT's",
            bool((cost > 1).all()),
            f"{cost.mean():.2f} times",
        ),
        no_worse(
            runs,
            HAT,
            LOSS.key,
            f"{name}: the loss is no worse than HAT's (the paper: the same or better BLEU)",
        ),
    ]


def _ratios_1(runs: Runs, device: str) -> list[Row]:
    """Make the rows of Table 1 that compare with the paper's."""
    name, paper = NAMES[device], TABLE_1[device]
    bleu = {method: column(runs, method, BLEU.key) for method in (TRANSFORMER, HAT, RANKNAS)}
    cost = costs_of(runs, HAT) / costs_of(runs, RANKNAS)
    published = {"cpu": (0.2, 0.1, 0.2, 0.1), "cuda": (0.3, 0.0, 0.0, -0.1)}[device]
    return [
        _speed(runs, device, paper.speed, f"paper: IWSLT'14; on WMT'14 {paper.wmt_speed:.2f}"),
        row_of(
            f"{name}: search cost, HAT over RankNAS",
            cost,
            runs,
            paper=paper.cost,
            why=f"paper: IWSLT'14; on WMT'14 {paper.wmt_cost:.2f}; HAT's {EXTRAPOLATED}",
            decimals=2,
        ),
        *(
            row_of(
                f"{name}: BLEU, RankNAS minus {rival}",
                bleu[RANKNAS] - bleu[rival],
                runs,
                paper=published[i],
                why=f"paper: IWSLT'14; on WMT'14 {published[i + 2]:+.1f}",
                decimals=1,
            )
            for i, rival in enumerate((TRANSFORMER, HAT))
        ),
    ]


def _speed(runs: Runs, device: str, paper: float, why: str) -> Row:
    what = f"{NAMES[device]}: speed-up of RankNAS over Transformer"
    return row_of(what, _speeds(runs), runs, paper=paper, why=why, decimals=2)


def _speeds(runs: Runs) -> Floats:
    faster: Floats = column(runs, TRANSFORMER, LATENCY.key) / column(runs, RANKNAS, LATENCY.key)
    return faster


def _limits(runs: Runs) -> Floats:
    return np.array([run["limit"] for run in runs], dtype=np.float64)


def _keeps(runs: Runs, device: str) -> Claim:
    limits = _limits(runs)
    ms = column(runs, RANKNAS, LATENCY.key)
    kept = int((ms <= limits).sum())
    listed = ", ".join(f"{a:.2f} of {b:.2f} ms" for a, b in zip(ms, limits, strict=True))
    measured = f"{kept} of {len(runs)}: {listed}"
    if HAT in runs[0]:
        theirs = int((column(runs, HAT, LATENCY.key) <= limits).sum())
        measured += f"; HAT's network {theirs} of {len(runs)}"
    text = f"{NAMES[device]}: RankNAS's network keeps the limit when it is measured again"
    return Claim(text, kept == len(runs), measured, published=False)


def _faster(runs: Runs, device: str) -> Claim:
    speeds = _speeds(runs)
    text = f"{NAMES[device]}: RankNAS's network is faster than the Transformer"
    return Claim(text, bool((speeds > 1).all()), f"{speeds.mean():.2f} times")


def _pruned(found: Runs, key: str) -> str:
    """Tell what RankNAS searched in each repetition."""
    each = [", ".join(run[key][RANKNAS]["search"]["kept"]) or "all decisions" for run in found]
    return f"searched after pruning, by repetition: {'; '.join(each)}"


def _notes(found: Runs, extent: Extent, where: tuple[str, ...]) -> tuple[str, ...]:
    """Return notes on hardware-aware searches."""
    notes = [
        f"limit: the {LIMIT} quantile of the latencies of {extent.labels} random architectures, "
        f"{extent.calls} calls each; networks are timed again by {extent.confirmed} calls, one "
        "after the other, without trainings beside",
        *(f"{NAMES[device]}, {_pruned(found, device)}" for device in where),
        *_costs(extent),
    ]
    if "cuda" not in where:
        notes.append("there is no CUDA device here, so the paper's rows of GPUs are left out")
    return tuple(notes)


def _costs(extent: Extent) -> tuple[str, ...]:
    """Return notes on costs and noise."""
    return (
        "search costs are CPU seconds without the supernet's training, which all share; losses "
        f"of searches are of {extent.searched} validation examples, those of finalists of all",
        "noise is the standard error of a difference of two means, from trainings of the "
        "Transformer",
    )
