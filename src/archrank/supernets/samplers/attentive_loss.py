"""Attentive sampling by mini-batch loss: BestUp-k (loss) and WorstUp-k (loss)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from archrank.checks import whole
from archrank.errors import SettingsError
from archrank.supernets.samplers.flops_prior import FlopsPrior
from archrank.types import Archs, Floats

if TYPE_CHECKING:
    from archrank.spaces.networks import Networks

Front = Literal["best", "worst"]


@dataclass(frozen=True)
class AttentiveLoss(FlopsPrior):
    """Trains, of k candidates with the same FLOPs, the one with the lowest or highest loss.

    AttentiveNAS (Wang et al., CVPR 2021, Algorithm 1) with the loss on the batch as its estimate of
    performance, which its authors found to work best: BestUp-3 (loss) and WorstUp-3 (loss). Losses
    are those of the labels, on the batch that is trained on, without gradients and dropout.

    Of several processes that train together, all draw the same candidates. Their losses are summed
    over the processes, so that all train the same winners, chosen by the whole batch. In the
    released code each process chooses by its own part of the batch, so that processes may train
    different architectures; ``per_process`` brings that back.

    Attributes:
        m: architectures that are trained per update, each with a target of its own.
        mflops: lowest and highest target, in millions of MACs; ``None``: all there are.
        front: ``"best"`` trains the candidate with the lowest loss (BestUp), ``"worst"`` the one
            with the highest (WorstUp).
        k: candidates of each.
        per_process: every process chooses for itself.

    Raises:
        SettingsError: a setting is out of its range.
    """

    front: Front = "best"
    k: int = 3
    per_process: bool = False
    shares_draws = True

    def __post_init__(self) -> None:
        super().__post_init__()
        require_choice(self, self.front, self.k)

    @property
    def candidates(self) -> int:  # type: ignore[override]
        """Rows that are drawn for each architecture: k."""
        return self.k

    @property
    def shares_losses(self) -> bool:  # type: ignore[override]
        """Losses are those of all processes, unless each chooses for itself."""
        return not self.per_process

    def sample(self, networks: Networks, *, rng: np.random.Generator) -> Archs:
        """Draw the candidates, those of one target together: ``(m k, d)``.

        Raises:
            SettingsError: no network of the space has such FLOPs.
        """
        return self.groups(networks, self.k, rng=rng)

    def choose(self, rows: Archs, losses: Floats) -> Archs:
        """Return the winner of each target: ``(m, d)``, from ``rows: (m k, d)``."""
        return chosen(rows, -losses, self.k, self.front)


def require_choice(who: object, front: object, k: object) -> None:
    """Check the settings of a choice among candidates.

    Raises:
        SettingsError: no such front, or a number of candidates below 1.
    """
    name = type(who).__name__
    whole(k, f"{name}: k", at_least=1, error=SettingsError)
    if front not in get_args(Front):
        raise SettingsError(f"{name}: front is {front!r}, expected 'best' or 'worst'")


def chosen(rows: Archs, scores: Floats, k: int, front: Front) -> Archs:
    """Return of every ``k`` rows the one with the best or worst score: ``(m k, d)`` -> ``(m, d)``.

    Scores that are not a number count as the worst.
    """
    groups = np.where(np.isnan(scores), -np.inf, scores).reshape(-1, k)  # (m, k)
    winners = groups.argmax(axis=1) if front == "best" else groups.argmin(axis=1)
    found: Archs = rows.reshape(-1, k, rows.shape[1])[np.arange(len(groups)), winners]
    return found
