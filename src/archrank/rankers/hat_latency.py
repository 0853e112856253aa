"""Latency predictor of HAT: a multi-layer perceptron on a summary of the architecture.

Wang et al., "HAT: Hardware-Aware Transformers for Efficient Natural Language Processing", ACL
2020, section 3.2, and its released code: four hidden layers of 400, squared error on normalised
latencies.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from archrank.errors import SpaceError
from archrank.losses import mse
from archrank.rankers.kit.neural import Fitting, Inputs, NeuralRanker
from archrank.rankers.mlp import perceptron
from archrank.types import Archs, Floats

if TYPE_CHECKING:
    from archrank.spaces.base import Space

Summary = Callable[[Archs], NDArray[np.generic]]


class HATLatency(NeuralRanker):
    """Multi-layer perceptron that predicts the latency of architectures on a device.

    **Scores are higher for better architectures**: fit it to ``-latency_ms``; predictions are
    ``-latency_ms`` too, in the units of the labels.

    Differences from the paper: 500 steps at a learning rate of 3e-4 rank HAT's own measurements as
    well as the published ``lr=1e-5, steps=5_000``, in a tenth of the time; squared errors are a
    little larger. Features and labels are standardised by the mean and standard deviation of the
    labelled architectures, where the released code divides by constants of its space. The weights
    of the last step are kept, as published.

    Args:
        space: The space of the architectures.
        summary: Function ``(n, d) -> (n, f)`` of architectures that returns the inputs of the
            network. ``None`` takes HAT's ten averages over layers where the space has them (its
            method ``summary``), otherwise the space's features. A function must be importable if
            the ranker is to be pickled.
        hidden: Width of each hidden layer.
        steps: Steps of the optimizer, rounded up to whole passes over the labels.
        batch_size: Labels per step.
        lr: Learning rate of Adam, constant.
        device: Device of torch to compute on, such as ``"cpu"`` or ``"cuda"``.
        seed: Seed of weights and batches.

    Example:
        >>> import numpy as np
        >>> from archrank.spaces import NASBench201
        >>> space = NASBench201()
        >>> archs = space.sample(20, rng=np.random.default_rng(0))
        >>> latency_ms = 2 + space.cost(archs)["macs"] / 1e8
        >>> ranker = HATLatency(space, steps=50).fit(archs, -latency_ms)
        >>> bool((ranker.predict(archs) < 0).all())
        True
    """

    def __init__(
        self,
        space: Space,
        summary: Summary | None = None,
        *,
        hidden: Sequence[int] = (400, 400, 400, 400),
        steps: int = 500,
        batch_size: int = 128,
        lr: float = 3e-4,
        device: str = "cpu",
        seed: int = 0,
    ) -> None:
        self.space = space
        self.summary = summary
        self.hidden = hidden
        self.steps = steps
        self.batch_size = batch_size
        self.lr = lr
        self.device = device
        self.seed = seed

    def _summary(self, archs: Archs) -> NDArray[np.float64]:
        """Return the inputs of the network before standardisation: ``(n, f)``."""
        if self.summary is None:
            whole = self.space.origin  # of a restricted space, too
            averages = getattr(whole, "summary", None)
            if averages is None:
                return np.asarray(self.space.features(archs), dtype=np.float64)
            return np.asarray(averages(self.space.to_origin(archs)), dtype=np.float64)
        x = np.asarray(self.summary(archs), dtype=np.float64)
        if x.ndim != 2 or len(x) != len(archs) or not np.isfinite(x).all():
            raise SpaceError(
                f"summary must turn {len(archs)} architectures into finite numbers "
                f"({len(archs)}, f), got shape {x.shape}"
            )
        return x

    def _fit(self, archs: Archs, scores: Floats) -> None:
        x = self._summary(archs)
        spread = x.std(0)
        self.mean_, self.sd_ = x.mean(0), np.where(spread > 0, spread, 1.0)  # (f,)
        self.centre_, self.spread_ = float(scores.mean()), float(scores.std())
        self.epochs_ = -(-self.steps // -(-len(archs) // self.batch_size))
        super()._fit(archs, scores)

    def _inputs(self, archs: Archs) -> Inputs:
        x = (self._summary(archs) - self.mean_) / self.sd_
        return (torch.from_numpy(x.astype(np.float32)),)  # (n, f)

    def _network(self) -> nn.Module:
        return perceptron(len(self.mean_), self.hidden)

    def _fitting(self) -> Fitting:
        return Fitting(self.epochs_, self.batch_size, self.lr)

    def _loss(self, outputs: Tensor, targets: Tensor, generator: torch.Generator) -> Tensor:
        return mse(outputs, targets)

    def _predict(self, archs: Archs, return_std: bool) -> tuple[Floats, Floats | None]:
        standardised, _ = super()._predict(archs, return_std)
        return standardised * self.spread_ + self.centre_, None
