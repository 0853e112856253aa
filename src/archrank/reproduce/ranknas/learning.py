"""RankNAS's ranker of a supernet's losses over a whole space, and how well it ranks others."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from archrank.rankers.base import Ranker
from archrank.reproduce.ranknas.fits import MAKERS, RANKNAS
from archrank.reproduce.ranknas.scratch import agreement
from archrank.reproduce.ranknas.trainings import Trainings, drawn


@dataclass(frozen=True, eq=False)
class Learnt:
    """A fitted ranker.

    Attributes:
        ranker: RankNAS's, higher scores are better.
        tau: Of its scores with the final supernet's losses of architectures that it has not seen.
        cpu_seconds: Training of the supernet up to the checkpoint, scoring of the labels, and fit.
    """

    ranker: Ranker
    tau: float
    cpu_seconds: float


def learn(trainings: Trainings, n: int, *, early: bool = False) -> Learnt:
    """Fit RankNAS's ranker to losses of random architectures.

    Args:
        trainings: The supernet.
        n: Number of labels, at most those of the extent; fewer are the first of more.
        early: Labels are losses of the early checkpoint.
    """
    networks, seed, most = trainings.networks, trainings.seed, trainings.extent.labels
    every = drawn(networks, most + most // 2, rng=np.random.default_rng([seed, 2]))
    archs, others = every[:n], every[most:]
    labels = trainings.scored(archs, "labels", early=early)
    truth = trainings.losses(others, "others")
    losses = np.array(labels["loss"], dtype=np.float64)
    finite = np.isfinite(losses)
    start = time.process_time()
    ranker = MAKERS[RANKNAS](networks.space, seed).fit(archs[finite], -losses[finite])
    spent = time.process_time() - start
    trained = trainings.trained()["early_cpu_seconds" if early else "cpu_seconds"]
    tau = agreement("tau", ranker.predict(others), -truth)
    return Learnt(ranker, tau, trained + labels["cpu_seconds"] + spent)
