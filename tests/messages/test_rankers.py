"""Messages for mistakes with rankers, criteria and losses."""

from __future__ import annotations

import numpy as np

from archrank import criteria
from archrank.importance import permutation_importance, prune
from archrank.rankers import (
    GATES,
    GBDT,
    LSTM,
    MLP,
    NASGBDT,
    RANKERS,
    AceNAS,
    DecoderLayers,
    Ensemble,
    GaussianProcess,
    Linear,
    NeuralPredictor,
    RandomForest,
    RankNAS,
    Recursive,
)
from archrank.rankers.base import Ranker
from archrank.spaces import NASBench201, ProxylessNAS
from archrank.strategies import Exhaustive, Guided, Pruned, Random, RegularizedEvolution
from archrank.types import Archs, Floats
from tests.messages.golden import Cases, compare, message_of

SPACE = NASBench201()
ARCHS = SPACE.sample(8, rng=np.random.default_rng(0))
SCORES = np.arange(8) / 8.0


def fit(ranker: Ranker, scores: object = SCORES) -> Ranker:
    """Fit a ranker to eight architectures."""
    return ranker.fit(ARCHS, scores)  # type: ignore[arg-type]


def with_value(value: float) -> np.ndarray:
    """Return eight scores, one of which is ``value``."""
    return np.where(np.arange(8) == 3, value, SCORES)


class Unable(Linear):
    """Fails when it is asked."""

    def _predict(self, archs: Archs, return_std: bool) -> tuple[Floats, Floats | None]:
        raise KeyError("weights")


IMPORTANCE = permutation_importance(Linear(SPACE).fit(ARCHS, SCORES), ARCHS, SCORES, repeats=2)

MISTAKES: Cases = {
    "unknown ranker": lambda: RANKERS.get("gate"),
    "prediction before fit": lambda: RandomForest(SPACE).predict(ARCHS),
    "uncertainty of a ranker without": lambda: fit(RankNAS(SPACE)).predict(ARCHS, return_std=True),
    "NaN score": lambda: fit(GaussianProcess(SPACE), with_value(np.nan)),
    "equal scores": lambda: fit(GaussianProcess(SPACE), np.full(8, 0.5)),
    "scores cast to integers": lambda: fit(GaussianProcess(SPACE), np.array([0, 1] * 4)),
    "scores as text": lambda: fit(GaussianProcess(SPACE), ["a"] * 8),
    "too few scores": lambda: GaussianProcess(SPACE).fit(ARCHS[:1], SCORES[:1]),
    "scores of other architectures": lambda: fit(GaussianProcess(SPACE), SCORES[:5]),
    "architectures of another space": lambda: GaussianProcess(ProxylessNAS()).fit(ARCHS, SCORES),
    "ensemble without members": lambda: fit(Ensemble([])),
    "ensemble with too few weights": lambda: fit(
        Ensemble([RandomForest(SPACE), RandomForest(SPACE)], weights=[1.0])
    ),
    "unknown encoding": lambda: fit(RandomForest(SPACE, encoding="onehot")),  # type: ignore[arg-type]
    "unknown objective of GBDT": lambda: fit(GBDT(SPACE, "rank")),  # type: ignore[arg-type]
    "unknown objective of MLP": lambda: fit(MLP(SPACE, objective="hing")),
    "unknown objective of LSTM": lambda: fit(LSTM(SPACE, objective="listmle")),
    "unknown objective of AceNAS": lambda: fit(AceNAS(SPACE, objective="l1")),  # type: ignore[arg-type]
    "AceNAS with too small a pool": lambda: fit(AceNAS(SPACE, k=3)),
    "unknown form of GATES": lambda: fit(GATES(SPACE, form="edges")),  # type: ignore[arg-type]
    "unknown variant of NeuralPredictor": lambda: fit(NeuralPredictor(SPACE, variant="x")),  # type: ignore[arg-type]
    "unknown loss of Recursive": lambda: fit(Recursive(SPACE, loss="mae")),  # type: ignore[arg-type]
    "width of Recursive that heads do not divide": lambda: fit(Recursive(SPACE, hidden=30)),
    "percent for the published NAS-GBDT": lambda: fit(NASGBDT(SPACE, published=True), 100 * SCORES),
    "unknown loss of RankNAS": lambda: fit(RankNAS(SPACE, loss="pairs")),  # type: ignore[arg-type]
    "number of layers that a space lacks": lambda: fit(DecoderLayers(SPACE, "depth")),
    "number of layers that is no number": lambda: fit(DecoderLayers(SPACE, "0->1")),
    "importance without labels": lambda: permutation_importance(
        Linear(SPACE), ARCHS[:0], [], folds=5
    ),
    "importance by a ranker that is not fitted": lambda: permutation_importance(
        Linear(SPACE), ARCHS, SCORES
    ),
    "importance by a ranker that cannot predict": lambda: permutation_importance(
        Unable(SPACE).fit(ARCHS, SCORES), ARCHS, SCORES
    ),
    "importance in too many folds": lambda: permutation_importance(
        Linear(SPACE), ARCHS, SCORES, folds=5
    ),
    "unknown way to group decisions": lambda: permutation_importance(
        Linear(SPACE),
        ARCHS,
        SCORES,
        by="layer",  # type: ignore[arg-type]
        folds=2,
    ),
    "pruning threshold below 1": lambda: prune(SPACE, IMPORTANCE, ARCHS[0], 0.9),
    "pruning that leaves nothing": lambda: prune(SPACE, IMPORTANCE, ARCHS[0], 1e6),
    "pruning strategy with a threshold below 1": lambda: Pruned(Random(), threshold=0.9),
    "pruning after too few evaluations": lambda: Pruned(Random(), after=5),
    "no weak labels": lambda: GaussianProcess(SPACE).pretrain(ARCHS, {}),
    "weak label of the wrong length": lambda: GaussianProcess(SPACE).pretrain(
        ARCHS, {"macs": SCORES[:3]}
    ),
    "constant weak label": lambda: GaussianProcess(SPACE).pretrain(ARCHS, {"macs": np.ones(8)}),
    "weak labels for a ranker that cannot use them": lambda: RandomForest(SPACE).pretrain(
        ARCHS, {"macs": SCORES}
    ),
    "unknown acquisition function": lambda: Guided(acquisition="pi"),  # type: ignore[arg-type]
    "batch size of 0": lambda: Random(0),
    "no initial architectures": lambda: Guided(initial=0),
    "negative batch size": lambda: Exhaustive(batch_size=-1),
    "population of 0": lambda: RegularizedEvolution(population=0),
    "criterion of different lengths": lambda: criteria.kendall_tau(SCORES, SCORES[:3]),
    "criterion with NaN": lambda: criteria.kendall_tau(with_value(np.nan), SCORES),
    "criterion of equal scores": lambda: criteria.spearman(np.ones(8), SCORES),
    "criterion of one architecture": lambda: criteria.kendall_tau([0.1], [0.2]),
    "criterion of accuracies cast to integers": lambda: criteria.kendall_tau(
        SCORES, np.array([0, 1] * 4)
    ),
    "top 0": lambda: criteria.precision_at(SCORES, SCORES, 0),
    "top of more than all": lambda: criteria.precision_at(SCORES, SCORES, 9),
    "top as a fraction above 1": lambda: criteria.precision_at(SCORES, SCORES, 5.0),
    "top as a fraction of less than one architecture": lambda: criteria.precision_at(
        SCORES, SCORES, 0.01
    ),
    "top as text": lambda: criteria.precision_at(SCORES, SCORES, "5"),  # type: ignore[arg-type]
    "more draws than values": lambda: criteria.expected_best_of_random(SCORES, [9]),
    "relevance of tied labels": lambda: criteria.relevance([0.1] + [0.9] * 9),
    "unknown reference of the regret": lambda: criteria.regret(
        SCORES,
        SCORES,
        k=1,
        reference="train",  # type: ignore[arg-type]
    ),
    "more groups than architectures": lambda: criteria.group_tau(SCORES, SCORES, SCORES, groups=0),
}


def test_messages(update_golden: bool) -> None:
    messages = {mistake: message_of(make) for mistake, make in MISTAKES.items()}
    compare("rankers", messages, update=update_golden)
