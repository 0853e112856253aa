"""Computation of proxies for many architectures of a space."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from archrank.errors import FAILURES, describe
from archrank.jobs import gather
from archrank.proxies.base import BATCH, Measured, measure, metric_names, require_batch
from archrank.proxies.names import DEFAULT
from archrank.torch_state import seeded, torch_threads
from archrank.training.loop import initialise
from archrank.types import Archs, Floats

if TYPE_CHECKING:
    from archrank.spaces.base import Space
    from archrank.spaces.networks import Networks
    from archrank.tasks.base import Split, Task

CHUNK = 64  # architectures per job of an executor: a few seconds


def scores(
    space: Space,
    archs: NDArray[np.generic],
    task: Task,
    proxies: Sequence[str] = DEFAULT,
    *,
    seed: int = 0,
    batch_size: int = BATCH,
    executor: Executor | None = None,
) -> dict[str, Floats]:
    """Score architectures by zero-cost proxies: weak labels for ``ranker.pretrain(archs, ...)``.

    Args:
        space: The space of the architectures.
        archs: ``(n, d)``.
        task: Task that gives the batch of training examples and the loss.
        proxies: Names, see :func:`~archrank.proxies.measure`.
        seed: Seed of the batch and, together with an architecture, of its initial weights.
        batch_size: Examples in the batch.
        executor: Executor to compute with; results do not depend on it.

    Returns:
        ``{name: (n,)}``, higher is better; NaN where a proxy is not defined.

    Raises:
        UnknownNameError: No proxy has that name.
        ArchitectureError: ``archs`` are not of ``space``.
        SettingsError: No proxies, the same one twice, or a batch of fewer than two examples.

    Example:
        >>> from archrank.spaces import NASBench201
        >>> from archrank.tasks import Digits
        >>> space = NASBench201()
        >>> skip = np.ones((1, 6), dtype=np.uint8)
        >>> sorted(scores(space, skip, Digits(), ("synflow", "snip")))
        ['snip', 'synflow']
    """
    rows = space.validate(archs)
    names = metric_names(proxies)
    parts = [rows[at : at + CHUNK] for at in range(0, len(rows), CHUNK)]
    jobs = [(space, part, task, tuple(proxies), seed, batch_size) for part in parts]
    found = gather(score, jobs, executor)
    values = np.concatenate([part for part, _ in found]) if found else np.empty((0, len(names)))
    return dict(zip(names, values.T.copy(), strict=True))


def score(
    space: Space,
    archs: Archs,
    task: Task,
    proxies: Sequence[str] = DEFAULT,
    seed: int = 0,
    batch_size: int = BATCH,
) -> tuple[Floats, list[str | None]]:
    """Compute values ``(n, len(proxies))`` on one thread, and reasons for rows with a NaN.

    Raises:
        SettingsError: A batch of fewer than two examples.
        ImportError, OSError: The installation or the data is at fault, not an architecture.
    """
    metric_names(proxies)  # before any work is done
    networks = space.networks(task)
    batch = draw_batch(task, seed=seed, batch_size=batch_size)
    values = np.full((len(archs), len(proxies)), np.nan)
    reasons: list[str | None] = []
    with torch_threads(1):
        for i, arch in enumerate(archs):
            found = _score_one(networks, arch, task, batch, proxies, seed)
            if isinstance(found, str):
                reasons.append(found)
                continue
            values[i] = list(found.values.values())
            reasons.append("; ".join(found.reasons.values()) or None)
    return values, reasons


def draw_batch(task: Task, *, seed: int = 0, batch_size: int = BATCH) -> Split:
    """Draw random training examples of ``task``, the same for the same seed.

    Returns all examples if the task has fewer than ``batch_size``.

    Raises:
        SettingsError: Fewer than two examples: proxies compare examples or normalise over them.
    """
    require_batch(batch_size)
    data = task.load().train
    n = len(data.y)
    index = np.random.default_rng(seed).choice(n, min(batch_size, n), replace=False)
    rows = torch.from_numpy(index)
    return data.take(rows)


def _score_one(
    networks: Networks,
    arch: NDArray[np.uint8],
    task: Task,
    batch: Split,
    proxies: Sequence[str],
    seed: int,
) -> Measured | str:
    """Compute one architecture's proxies, or the reasons why they are not defined."""
    # the weights from which training run 0 starts
    words = np.random.SeedSequence([seed, 0, *arch.tolist()]).generate_state(2)

    try:
        network = initialise(lambda: networks.build(arch), int(words[0]))
    except (ImportError, OSError):
        raise
    except FAILURES as error:
        return describe(error)
    with seeded(int(words[1])):
        return measure(network, batch.x, batch.y, task.loss, proxies)
