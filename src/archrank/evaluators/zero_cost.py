"""Zero-cost proxies: scores of untrained networks from one batch of training data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from archrank.checks import instance
from archrank.evaluators.base import Evaluations, Evaluator
from archrank.metrics import Metric
from archrank.proxies import DEFAULT
from archrank.types import Archs

if TYPE_CHECKING:
    from typing_extensions import Self

    from archrank.spaces.base import Space
    from archrank.tasks.base import Task


class ZeroCost(Evaluator):
    """Scores untrained networks by zero-cost proxies, one metric each, all maximised.

    The batch depends on the seed alone, initial weights on the seed and the architecture: the
    weights that :class:`~archrank.evaluators.Training` starts its first run from. A proxy that is
    not defined for a network is NaN with the reason.

    Args:
        task: training data and loss.
        proxies: names, see :func:`archrank.proxies.measure`.
        batch_size: training examples.
        seed: of the batch and the weights; ``None`` takes the study's.

    Raises:
        UnknownNameError: no such proxy.
        SettingsError: no proxy, one twice, or a batch of fewer than two examples.

    Example:
        >>> import numpy as np
        >>> from archrank.spaces import NASBench201
        >>> from archrank.tasks import Digits
        >>> evaluator = ZeroCost(Digits(), ("synflow", "naswot")).bind(NASBench201())
        >>> result = evaluator.evaluate(np.array([[3, 1, 3, 1, 1, 3]], dtype=np.uint8))
        >>> sorted(result), result.reasons
        (['naswot', 'synflow'], [None])
    """

    stage = 1
    task: Task

    def __init__(
        self,
        task: Task,
        proxies: Sequence[str] = DEFAULT,
        *,
        batch_size: int = 64,
        seed: int | None = None,
    ) -> None:
        from archrank.proxies.base import metric_names, require_batch
        from archrank.tasks.base import Task

        instance(task, Task, "ZeroCost: task", "such as tasks.Digits()")
        require_batch(batch_size)
        self.metrics = tuple(Metric(name, "maximize") for name in metric_names(proxies))
        self.task = task
        self.proxies = tuple(proxies)
        self.batch_size = batch_size
        self.seed = seed

    def bind(self, space: Space, *, task: Task | None = None, seed: int = 0) -> Self:
        """Return a copy for ``space``, seeded with ``seed``."""
        bound = super().bind(space, task=self.task, seed=seed)
        bound._networks = space.networks(self.task)  # refuses a task that does not suit
        bound.seed = seed if self.seed is None else self.seed
        return bound

    def evaluate(self, archs: Archs) -> Evaluations:
        """Score each of ``archs: (n, d)``, one after the other, on one thread."""
        from archrank.proxies.scoring import score

        rows = self.space.validate(archs)
        values, reasons = score(
            self.space, rows, self.task, self.proxies, self.seed or 0, self.batch_size
        )
        return Evaluations({m.name: values[:, j] for j, m in enumerate(self.metrics)}, reasons)

    def conditions(self) -> dict[str, str]:
        """Return the task's name."""
        return {"task": self.task.name}

    def describe(self) -> dict[str, Any]:
        """Return the task, the proxies and the size of the batch."""
        return {
            "evaluator": "zero_cost",
            "task": self.task.identity(),
            "proxies": list(self.proxies),
            "batch_size": self.batch_size,
        }
