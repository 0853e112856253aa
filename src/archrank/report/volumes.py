"""Hypervolumes of fronts, as they grow during a run."""

from __future__ import annotations

import numpy as np

from archrank.types import Bools, Floats

BEYOND = 1.1  # the reference point: 10 % beyond the worst of each objective


def scaled_losses(points: Floats, ok: Bools) -> Floats:
    """Scale objectives ``points: (n, m)``, higher is better, to losses from 0, best, to 1, worst.

    Args:
        points: of evaluations.
        ok: ``(n,)`` those that succeeded, whose range is the scale; one at least.
    """
    good = points[ok]
    low, spread = good.min(axis=0), np.ptp(good, axis=0)
    losses: Floats = 1.0 - (points - low) / np.where(spread > 0, spread, 1.0)
    return losses


def running_volumes(losses: Floats, feasible: Bools) -> Floats:
    """Compute the hypervolume of the feasible front after each evaluation: ``(n,)``.

    Args:
        losses: ``(n, m)``, as of :func:`scaled_losses`.
        feasible: ``(n,)`` those that count.
    """
    import moocore

    reference = np.full(losses.shape[1], BEYOND)
    volumes, kept = np.zeros(len(losses)), np.empty((0, losses.shape[1]))
    for i in range(len(losses)):
        volumes[i] = volumes[i - 1] if i else 0.0
        if feasible[i] and not (kept <= losses[i]).all(axis=1).any():
            kept = kept[~(losses[i] <= kept).all(axis=1)]
            kept = np.concatenate([kept, losses[i : i + 1]])
            volumes[i] = moocore.hypervolume(np.ascontiguousarray(kept), ref=reference)
    return volumes
