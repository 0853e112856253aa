"""Surgery study, section A.3: predictors that learn from noisy one-shot labels."""

from __future__ import annotations

from archrank.assess.fitting import measures, run_fit
from archrank.assess.surgery_rankers import RANKING
from archrank.reproduce.base import Claim, Comparison, Found, Plan, Row, summary
from archrank.reproduce.bench import Bench
from archrank.reproduce.surgery.predictors import TRUTH, fits, mean, sizes

ONE_SHOT = ("oneshot_acc", "fewshot_acc")  # the built-in tables have the first only
SUPERNET = "their labels: mean of three supernets; ours: one of another training (few-shot NAS)"
PREDICTOR = f"{SUPERNET}; the paper does not say if 78 labels or more trained its predictor"


def section_a3(bench: Bench, plan: Plan) -> Comparison:
    """Train GATES on one-shot accuracies of random cells, and judge it on true accuracies."""
    rows, claims = [], []
    for column in (name for name in ONE_SHOT if name in bench.columns):
        itself = measures(bench[column], bench[TRUTH], bench) | {"seconds": 0.0}
        rows += _rows(column, "the one-shot labels themselves", [itself], SUPERNET, 0.719, 2.5)
        for size in sizes(bench, (78,) if plan.quick else (78, 781)):
            jobs = fits(bench, plan, {"GATES": RANKING["GATES"]}, size, labels=column)
            found = plan.map(run_fit, jobs)
            rows += _rows(column, f"GATES from {size} of them", found, PREDICTOR, 0.718, 12.1)
            claims += _claims(column, size, itself, found)
    theirs = " (tau .657, .628, .701, .670)" if plan.published else ""
    note = (
        f"supernets trained on subsets{theirs}: archrank reproduce surgery-supernets --tables "
        "builtin"
    )
    return Comparison(rows, claims, (note,))


def _rows(
    column: str, what: str, found: list[Found], why: str, tau: float, best: float
) -> list[Row]:
    """Make the rows; only the plain one-shot column has numbers in the paper."""
    same = column == ONE_SHOT[0]
    head = f"{column}: {what}"
    return [
        summary(f"{head}, tau", found, "tau", tau if same else None, why=why if same else ""),
        summary(
            f"{head}, BR@1 %",
            found,
            "br1",
            best if same else None,
            why=why if same else "",
            decimals=2,
            scale=100.0,
        ),
    ]


def _claims(column: str, size: int, itself: Found, found: list[Found]) -> list[Claim]:
    taus = itself["tau"], mean(found, "tau")
    best = 100 * itself["br1"], 100 * mean(found, "br1")
    where = f"{column}, {size} labels"
    return [
        Claim(
            "training on one-shot labels does not raise tau above theirs",
            taus[1] <= taus[0],
            f"{where}: {taus[0]:.3f} -> {taus[1]:.3f}",
        ),
        Claim(
            "BR@1 % degrades",
            best[1] > best[0],
            f"{where}: {best[0]:.2f} -> {best[1]:.2f} %",
        ),
    ]
