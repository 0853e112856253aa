"""Iterative sampling of AceNAS on a table, and the searches that it is compared with.

Zhang et al., "AceNAS: Learning to Rank Ace Neural Architectures", 2021, section 4.1, appendix B.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from sklearn.base import clone

from archrank import criteria
from archrank.rankers.base import Ranker
from archrank.rankers.graphs.acenas import AceNAS
from archrank.reproduce.base import Found, Plan, announced
from archrank.reproduce.bench import Bench
from archrank.strategies.base import Strategy
from archrank.strategies.history import History
from archrank.strategies.region import Region
from archrank.types import Floats, Ints

ROUNDS = 5  # section 4.1
TOP = 10  # architectures of the last ranking that are also trained
GREEDY = 0.5  # alpha: share of a round that the ranker chooses
PUBLISHED = {"pretrain_batch_size": 20, "pretrain_lr": 1e-3}  # appendix B.1.1
QUICK_PRETRAINING = 60  # epochs instead of 300
Kind: TypeAlias = Literal["all", "oneshot", "costs"]


@dataclass(frozen=True, eq=False)
class Search:
    """Settings of one iterative search.

    Attributes:
        method: Name of the method.
        seed: Seed of all random choices.
        bench: The table.
        data: ``c10`` or ``c100``, the prefix of the columns.
        ranker: Unfitted ranker, with or without pretraining.
        budget: Number of labels, without the best-ranked architectures trained at the end.
        greedy: Share of each round that the ranker chooses; with 0, all labels are random.
        epochs_per_round: Round ``t`` trains ``t`` times as many epochs (BRP-NAS's code: 50).
        top: Best-ranked architectures that are trained at the end.
        carry_over: Start every round from the weights of the round before.
    """

    method: str
    seed: int
    bench: Bench
    data: str
    ranker: Ranker
    budget: int = 100
    greedy: float = GREEDY
    epochs_per_round: int | None = None
    top: int = TOP
    carry_over: bool = False


def run_search(search: Search) -> Found:
    """Run a search: criteria of each round, the result, and the best cell after each label."""
    bench = search.bench
    val, test = columns(bench, search.data)
    rng = np.random.default_rng([search.seed, search.budget])
    trained: Ints = np.empty(0, dtype=np.int64)
    scores: Floats | None = None
    ranker: Ranker | None = None
    rounds: list[Found] = []
    for t in range(1, ROUNDS + 1):
        count = search.budget * t // ROUNDS - len(trained)
        new = _sample(len(bench), scores, trained, count, search.greedy, rng)
        trained = np.concatenate([trained, new])
        start = time.perf_counter()
        seed = int(rng.integers(2**31))
        again = ranker.continued() if search.carry_over and isinstance(ranker, AceNAS) else None
        ranker = (again or clone(search.ranker)).set_params(seed=seed)
        if search.epochs_per_round is not None:
            ranker.set_params(epochs=t * search.epochs_per_round)
        scores = ranker.fit(bench.archs[trained], val[trained]).predict(bench.archs)
        seconds = time.perf_counter() - start
        rounds.append(judged(scores, val, test) | {"labels": len(trained), "seconds": seconds})
    assert scores is not None  # ROUNDS is not 0
    order = np.concatenate([trained, np.argsort(-scores, kind="stable")[: search.top]])
    total = sum(r["seconds"] for r in rounds)
    return {"rounds": rounds, "seconds": total} | search_result(order, val, test)


def columns(bench: Bench, data: str) -> tuple[Floats, Floats]:
    """Validation and test accuracy of a data set, percent."""
    return bench[f"{data}_val"], bench[f"{data}_test"]


def _sample(
    n: int,
    scores: Floats | None,
    trained: Ints,
    count: int,
    greedy: float,
    rng: np.random.Generator,
) -> Ints:
    """Choose the best predicted untrained rows, and random ones: ``(count,)``."""
    best: Ints = trained[:0]
    if scores is not None:
        order = np.argsort(-scores, kind="stable")
        best = order[~np.isin(order, trained)][: int(greedy * count)]
    taken = np.concatenate([trained, best])
    rest = rng.permutation(n)
    random = rest[~np.isin(rest, taken)][: count - len(best)]
    return np.concatenate([best, random])


def judged(scores: Floats, val: Floats, test: Floats) -> Found:
    """Compute tau, NDCG (full length, relevance within all cells), and the top ten's accuracy."""
    top = criteria.top_k_accuracy(scores, test, TOP, validation=val)
    return {
        "tau": criteria.kendall_tau(scores, test),
        "ndcg": criteria.ndcg(scores, test),
        "top10": top,
        "regret10": float(test.max()) - top,
    }


def search_result(order: Ints, val: Floats, test: Floats) -> Found:
    """Find the cell with the best validation accuracy in ``order``, and the best after each row."""
    rising = np.maximum.accumulate(val[order])
    first = np.searchsorted(rising, rising)  # where each running maximum was reached
    leaders = order[first]
    found = int(leaders[-1])
    best = test[val == val.max()].mean()
    return {
        "test": float(test[found]),
        "regret": float(best - test[found]),  # Table 7: against the best in validation
        "rank": 100 * float((test > test[found]).sum() + 1) / len(test),
        "incumbent": test[leaders].tolist(),
    }


@dataclass(frozen=True, eq=False)
class Walk:
    """Search by one of archrank's strategies, one label at a time."""

    method: str
    seed: int
    bench: Bench
    data: str
    strategy: Strategy
    budget: int = 100


def run_walk(walk: Walk) -> Found:
    """Run a strategy on the table and return its result."""
    bench = walk.bench
    val, test = columns(bench, walk.data)
    start = time.perf_counter()
    order: Ints = np.empty(0, dtype=np.int64)
    while len(order) < walk.budget:
        history = History(
            bench.space,
            bench.archs[order],
            val[order][:, None],
            np.zeros(len(order)),
            Region.of(lambda archs: bench.rows_of(archs) >= 0),
        )
        rng = np.random.default_rng([walk.seed, len(order)])
        count = min(walk.strategy.batch(history), walk.budget - len(order))
        new = bench.rows_of(walk.strategy.propose(history, count, rng=rng))
        order = np.concatenate([order, new])
        if len(new) == 0:
            break  # the table holds no more
    return search_result(order, val, test) | {"seconds": time.perf_counter() - start}


def published(bench: Bench, plan: Plan, objective: str = "lambdarank") -> AceNAS:
    """Make AceNAS with the LambdaRank of the released code: positions by rising true relevance."""
    ranker = AceNAS(bench.space, objective=objective, rank_by="true_asc")  # type: ignore[arg-type]
    plan.shortened(ranker)
    return ranker


def pretrained(bench: Bench, plan: Plan, data: str, *, labels: Kind = "all") -> AceNAS:
    """Pretrain AceNAS on weak labels of 4,000 cells (section 3.3), once for all searches.

    Args:
        bench: The table.
        plan: Extent of the reproduction.
        data: Data set of the one-shot accuracies. Difference: the published table has those of
            CIFAR-10 only; the paper trained a supernet on each data set.
        labels: One-shot accuracies, costs (FLOPs and parameters) or all of them.
    """
    ranker = published(bench, plan)
    if plan.quick and plan.epochs is None:
        ranker.set_params(pretrain_epochs=QUICK_PRETRAINING)
    elif plan.published and plan.epochs is None:
        ranker.set_params(**PUBLISHED)
    weak = {} if labels == "costs" else {"oneshot_acc": one_shot(bench, data)}
    if labels != "oneshot":
        weak |= {"macs": bench.macs, "params": bench.params}
    cells = min(len(bench), ranker.pretrain_samples)
    with announced(plan.announce, f"pretraining AceNAS on weak labels of {cells:,} cells"):
        return ranker.pretrain(bench.archs, weak)


def pretrained_each(
    bench: Bench, plan: Plan, datasets: Iterable[str], *, labels: Kind = "all"
) -> dict[str, AceNAS]:
    """Return the pretrained ranker of each data set; one for all that share their weak labels."""
    done: dict[str, AceNAS] = {}
    for data in datasets:
        same = [d for d in done if labels == "costs" or one_shot(bench, d) is one_shot(bench, data)]
        done[data] = done[same[0]] if same else pretrained(bench, plan, data, labels=labels)
    return done


def one_shot(bench: Bench, data: str) -> Floats:
    """Return the one-shot accuracies of a data set, or of the only supernet there is: ``(n,)``."""
    own = f"{data}_oneshot"
    return bench[own if own in bench.columns else "oneshot_acc"]
