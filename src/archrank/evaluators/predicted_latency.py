"""Predicted latency: what keeps networks that are too slow from being trained."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from archrank.checks import instance
from archrank.errors import EvaluationError
from archrank.evaluators.base import Evaluations, Evaluator
from archrank.metrics import Metric
from archrank.types import Archs

if TYPE_CHECKING:
    from typing_extensions import Self

    from archrank.hardware.measured import MeasuredLatencies
    from archrank.rankers.calibrated_latency import CalibratedLatency
    from archrank.spaces.base import Space
    from archrank.tasks.base import Task

DIGITS = 9  # of logarithms, that are kept
_FITTED: dict[tuple[object, ...], CalibratedLatency] = {}  # a worker unpickles one per task


class PredictedLatency(Evaluator):
    """Predicts latencies from a table of measured ones, with a margin that most networks keep.

    It is cheap, so a limit on ``predicted_latency_ms`` keeps architectures that would not be
    sure to keep it from being evaluated. The prediction is that of the default ranker, calibrated
    (:class:`~archrank.rankers.CalibratedLatency`). Measure what is found, with
    :class:`~archrank.evaluators.Latency`.

    Args:
        table: file that ``archrank tables latency`` wrote.
        coverage: share of architectures that are not slower than is said.

    Raises:
        TableError: ``bind``: the file is no such table, or not of the space.
        LabelError: ``bind``: it holds too few latencies.
    """

    metrics = (Metric("predicted_latency_ms", "minimize", "ms"),)
    cheap = True

    def __init__(self, table: str | Path, coverage: float = 0.9) -> None:
        if not isinstance(table, Path):
            instance(table, str, "PredictedLatency: table", "the path of a table of latencies")
        self.path = str(table)
        self.coverage = coverage
        self._read: MeasuredLatencies | None = None

    @property
    def latencies(self) -> MeasuredLatencies:
        """The table.

        Raises:
            EvaluationError: not bound to a space yet.
        """
        if self._read is None:
            from archrank.hardware.measured import MeasuredLatencies

            self._read = MeasuredLatencies.read(self.path, self.space)
        return self._read

    @property
    def model(self) -> CalibratedLatency:
        """The calibrated ranker, fitted once per process."""
        key = (*self.contents().values(), self.space.fingerprint(), self.coverage)
        if key not in _FITTED:
            from archrank.rankers import CalibratedLatency, GaussianProcess

            known = self.latencies
            model = CalibratedLatency(GaussianProcess(self.space), self.coverage)
            _FITTED[key] = model.fit(known.archs, known.ms)
        return _FITTED[key]

    def bind(self, space: Space, *, task: Task | None = None, seed: int = 0) -> Self:
        """Return a copy for ``space``, its table read and learnt."""
        bound = super().bind(space, task=task, seed=seed)
        bound._read = None
        bound.model  # noqa: B018  # refuses a table that cannot be used
        return bound

    def evaluate(self, archs: Archs) -> Evaluations:
        """Predict ``archs: (n, d)``, with the margin."""
        ms = self.model.upper_ms(self.space.validate(archs))
        ms = np.exp(np.round(np.log(ms), DIGITS))  # last bits depend on what is predicted together
        return Evaluations({self.metrics[0].name: ms})

    def describe(self) -> dict[str, Any]:
        """Return the coverage; what the table holds is told by :meth:`contents`."""
        return {"evaluator": "predicted_latency", "coverage": self.coverage}

    def contents(self) -> dict[str, str]:
        """Return a digest of the latencies."""
        if self._space is None:
            raise EvaluationError("PredictedLatency does not know its space yet; use bind(space)")
        known = self.latencies
        digest = hashlib.sha256(known.archs.tobytes() + known.ms.tobytes()).hexdigest()[:16]
        return {"table of latencies": digest}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_read": None}  # workers read the file themselves
