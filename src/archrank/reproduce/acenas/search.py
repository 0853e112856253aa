"""AceNAS's iterative sampling on a table, and the searches it is compared with.

Zhang et al., "AceNAS: Learning to Rank Ace Neural Architectures", 2021, section 4.1, appendix B.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from sklearn.base import clone

from archrank import criteria
from archrank.rankers.base import Ranker
from archrank.rankers.graphs.acenas import AceNAS
from archrank.reproduce.base import Found, Plan
from archrank.reproduce.bench import Bench
from archrank.strategies.base import Strategy
from archrank.strategies.history import History
from archrank.types import Floats, Ints

ROUNDS = 5  # section 4.1
TOP = 10  # architectures of the last ranking that are trained too
GREEDY = 0.5  # alpha: share of a round that the ranker chooses
QUICK_PRETRAINING = 60  # epochs instead of 300


@dataclass(frozen=True, eq=False)
class Search:
    """One iterative search.

    Attributes:
        method: its name.
        seed: draws everything.
        bench: the table.
        data: ``c10`` or ``c100``: which columns.
        ranker: unfitted, perhaps pretrained.
        budget: labels, without the top ones at the end.
        greedy: share that the ranker chooses; 0 is one random sample that grows.
        epochs_per_round: round ``t`` trains ``t`` times as many epochs (BRP-NAS's code: 50).
    """

    method: str
    seed: int
    bench: Bench
    data: str
    ranker: Ranker
    budget: int = 100
    greedy: float = GREEDY
    epochs_per_round: int | None = None


def run_search(search: Search) -> Found:
    """Rounds with their criteria, what is found at the end, and the incumbent after each label."""
    bench = search.bench
    val, test = columns(bench, search.data)
    rng = np.random.default_rng([search.seed, search.budget])
    trained: Ints = np.empty(0, dtype=np.int64)
    scores: Floats | None = None
    rounds: list[Found] = []
    for t in range(1, ROUNDS + 1):
        count = search.budget * t // ROUNDS - len(trained)
        new = _sample(len(bench), scores, trained, count, search.greedy, rng)
        trained = np.concatenate([trained, new])
        start = time.perf_counter()
        ranker = clone(search.ranker).set_params(seed=int(rng.integers(2**31)))
        if search.epochs_per_round is not None:
            ranker.set_params(epochs=t * search.epochs_per_round)
        # departure: the released code goes on from the previous round's weights
        scores = ranker.fit(bench.archs[trained], val[trained]).predict(bench.archs)
        seconds = time.perf_counter() - start
        rounds.append(judged(scores, val, test) | {"labels": len(trained), "seconds": seconds})
    assert scores is not None  # ROUNDS is not 0
    order = np.concatenate([trained, np.argsort(-scores, kind="stable")[:TOP]])
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
    """The best predicted that are not trained yet, and random ones: ``(count,)`` rows."""
    best: Ints = trained[:0]
    if scores is not None:
        order = np.argsort(-scores, kind="stable")
        best = order[~np.isin(order, trained)][: int(greedy * count)]
    taken = np.concatenate([trained, best])
    rest = rng.permutation(n)
    random = rest[~np.isin(rest, taken)][: count - len(best)]
    return np.concatenate([best, random])


def judged(scores: Floats, val: Floats, test: Floats) -> Found:
    """Tau, NDCG (full length, relevance within all cells), and what the top ten would give."""
    top = criteria.top_k_accuracy(scores, test, TOP, validation=val)
    return {
        "tau": criteria.kendall_tau(scores, test),
        "ndcg": criteria.ndcg(scores, test),
        "top10": top,
        "regret10": float(test.max()) - top,
    }


def search_result(order: Ints, val: Floats, test: Floats) -> Found:
    """The cell of best validation accuracy among ``order``, and the incumbent on the way."""
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
    """A search by one of archrank's strategies, one label after the other."""

    method: str
    seed: int
    bench: Bench
    data: str
    strategy: Strategy
    budget: int = 100


def run_walk(walk: Walk) -> Found:
    """What a strategy finds."""
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
            allowed=lambda archs: bench.rows_of(archs) >= 0,
        )
        rng = np.random.default_rng([walk.seed, len(order)])
        count = min(walk.strategy.batch(history), walk.budget - len(order))
        new = bench.rows_of(walk.strategy.propose(history, count, rng=rng))
        order = np.concatenate([order, new])
        if len(new) == 0:
            break  # the table holds no more
    return search_result(order, val, test) | {"seconds": time.perf_counter() - start}


def published(bench: Bench, plan: Plan, objective: str = "lambdarank") -> AceNAS:
    """AceNAS with the released code's LambdaRank: positions by true relevance, ascending."""
    ranker = AceNAS(bench.space, objective=objective, rank_by="true_asc")  # type: ignore[arg-type]
    plan.shortened(ranker)
    return ranker


def pretrained(bench: Bench, plan: Plan, *, one_shot: bool = True) -> AceNAS:
    """AceNAS that has learnt weak labels of 4,000 cells (section 3.3): one for all searches.

    Departure: one-shot accuracies are those of CIFAR-10 for both data sets; the paper trained a
    supernet on each.
    """
    ranker = published(bench, plan)
    if plan.quick and plan.epochs is None:
        ranker.set_params(pretrain_epochs=QUICK_PRETRAINING)
    weak = {"macs": bench.macs, "params": bench.params}
    if one_shot:
        weak = {"oneshot_acc": bench["oneshot_acc"], **weak}
    return ranker.pretrain(bench.archs, weak)
