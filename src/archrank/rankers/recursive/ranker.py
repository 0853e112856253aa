"""Tiny recursive ranker: one small shared network, applied several times to its own output.

The blog "Learning to Rank Architectures: A Small Model That Guides Neural Architecture Search" puts
a regression head on TinyRecursiveReasoningModel_ACTV1 (see
:mod:`archrank.rankers.recursive.network`). Its loss is half squared error, half margin ranking on
64 sampled pairs. It publishes a width of 256, two layers and the margin 0.01, but no code and no
other settings.
"""

from __future__ import annotations

from functools import partial
from math import cos, pi
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  # PyTorch's own name for it
from torch import Tensor, nn

from archrank.errors import SpaceError, UnknownNameError
from archrank.losses import blog_mixed, mse
from archrank.rankers.kit.neural import BATCH, BatchLoss, Fitting, Inputs, NeuralRanker
from archrank.rankers.recursive.halting import Slots, Stream
from archrank.rankers.recursive.network import Outputs, Positions, RecursiveNetwork
from archrank.types import Archs, Floats

if TYPE_CHECKING:
    from archrank.spaces.base import Space

LOSSES = ("mixed", "mse")
POSITIONS = ("both", "learned", "rotary")
HALT_WEIGHT = 0.5  # of the halting loss, published
BETAS = (0.9, 0.95)  # of the optimizer, published


class Recursive(NeuralRanker):
    """Tiny recursive network that reads the space's tokens.

    Differences from the blog and the recursive model:

    * Smaller: ``hidden`` is 32 rather than the blog's 256, with 1 cycle, 2 updates and 2 steps
      rather than the recursive model's 3, 6 and 16. That ranks better than the blog reports, in
      seconds on a CPU (``benchmarks/recursive_ranker.py``). Cycles without gradient cost time and
      did not help. The published sizes can be set, and need a smaller learning rate.
    * AdamW rather than AdamATan2, which exists as a compiled CUDA extension only; the two differ
      in how they bound a step. Weight decay 0.3 rather than 0.1: with less, at the higher learning
      rate of a short training, the states sometimes stop depending on the input.
    * The warm-up takes a tenth of the steps rather than 2,000, which is more than there are, and
      the learning rate falls to 0 (cosine) rather than staying constant.
    * Labels are standardised, so that accuracies in percent, latencies and losses are treated
      alike. The margin, 0.01 of an accuracy in the blog, is 0.1 standard deviations, about the
      same on NAS-Bench-201. ``standardise=False, margin=0.01`` is the published form, for labels
      that are fractions in [0, 1].
    * The halting head learns to predict that the score is within ``tolerance`` of the label; the
      published criterion (every token is right) only fits classification. Heads read the mean
      over tokens; the recursive model's halting head reads position 0, which is a learnt prefix
      there but an ordinary choice here.

    Args:
        space: The space of the architectures; must have tokens.
        loss: ``mixed`` (squared error and margin ranking), or ``mse`` (squared error).
        margin: Score difference that the ranking loss asks of a pair, in units of the targets.
        pairs: Pairs sampled per step for the ranking half of ``mixed``.
        standardise: Learn standardised labels.
        hidden: Width of the states; a multiple of ``2 heads``.
        heads: Number of attention heads.
        layers: Blocks of the shared stack.
        expansion: Expansion of SwiGLU, see :class:`~.network.RecursiveNetwork`.
        h_cycles: Updates of the answer per step; gradients flow through the last one.
        l_cycles: Updates of the latent per update of the answer.
        max_steps: Largest number of steps of deep supervision; prediction always takes all.
        exploration: Probability that a slot may not halt before a random step.
        tolerance: Largest error that counts as right for halting, in units of the targets.
        positions: ``rotary``, ``learned`` or ``both``.
        variance_head: Also learn a variance, so that ``return_std`` works: a small perceptron on
            the answer, trained by the likelihood of a normal error. No gradient flows from it into
            the rest, so scores are the same as without it.
        steps: Steps of the optimizer; each runs the network one step further on every slot.
        batch_size: Number of slots, that is, of labels in progress.
        lr: Learning rate after the warm-up; published: 1e-4.
        weight_decay: Decoupled weight decay; published: 0.1.
        device: Device of torch to compute on, such as ``"cpu"`` or ``"cuda"``.
        seed: Seed of weights, batches, pairs and exploration.

    Example:
        >>> import numpy as np
        >>> from archrank.spaces import NASBench201
        >>> space = NASBench201()
        >>> archs = space.sample(20, rng=np.random.default_rng(0))
        >>> ranker = Recursive(space, hidden=16, heads=2, steps=5, variance_head=True)
        >>> mean, std = ranker.fit(archs, space.cost(archs)["macs"]).predict(archs, return_std=True)
        >>> mean.shape, bool((std > 0).all())
        ((20,), True)
    """

    def __init__(
        self,
        space: Space,
        loss: Literal["mixed", "mse"] = "mixed",
        *,
        margin: float = 0.1,
        pairs: int = 64,
        standardise: bool = True,
        hidden: int = 32,
        heads: int = 2,
        layers: int = 2,
        expansion: float = 4.0,
        h_cycles: int = 1,
        l_cycles: int = 2,
        max_steps: int = 2,
        exploration: float = 0.1,
        tolerance: float = 0.1,
        positions: Positions = "both",
        variance_head: bool = False,
        steps: int = 1_000,
        batch_size: int = 64,
        lr: float = 3e-3,
        weight_decay: float = 0.3,
        device: str = "cpu",
        seed: int = 0,
    ) -> None:
        self.space = space
        self.loss = loss
        self.margin = margin
        self.pairs = pairs
        self.standardise = standardise
        self.hidden = hidden
        self.heads = heads
        self.layers = layers
        self.expansion = expansion
        self.h_cycles = h_cycles
        self.l_cycles = l_cycles
        self.max_steps = max_steps
        self.exploration = exploration
        self.tolerance = tolerance
        self.positions = positions
        self.variance_head = variance_head
        self.steps = steps
        self.batch_size = batch_size
        self.lr = lr
        self.weight_decay = weight_decay
        self.device = device
        self.seed = seed

    @property
    def has_std(self) -> bool:  # type: ignore[override]  # decided by an argument
        """True if ``predict(..., return_std=True)`` works, that is, with ``variance_head``."""
        return self.variance_head

    def _inputs(self, archs: Archs) -> Inputs:
        return (torch.from_numpy(np.ascontiguousarray(self.space.tokens(archs))),)  # (n, l)

    def _network(self) -> nn.Module:
        if self.loss not in LOSSES:
            raise UnknownNameError("loss", self.loss, LOSSES)
        if self.positions not in POSITIONS:
            raise UnknownNameError("positions", self.positions, POSITIONS)
        if self.hidden % (2 * self.heads):
            raise SpaceError(
                f"hidden must be a multiple of 2 x heads = {2 * self.heads}, got "
                f"hidden={self.hidden} and heads={self.heads}"
            )
        length = self.space.tokens(np.zeros((1, self.space.d), dtype=np.uint8)).shape[1]
        return RecursiveNetwork(
            self.space.n_tokens,
            length,
            hidden=self.hidden,
            heads=self.heads,
            expansion=self.expansion,
            layers=self.layers,
            h_cycles=self.h_cycles,
            l_cycles=self.l_cycles,
            positions=self.positions,
            variance=self.variance_head,
            steps=self.max_steps,
        )

    def _fitting(self) -> Fitting:
        return Fitting(self.steps, self.batch_size, self.lr, self.weight_decay, "adamw", "cosine")

    def _targets(self, scores: Floats) -> Floats:
        self.centre_, self.spread_ = 0.0, 1.0
        if self.standardise:
            self.centre_, self.spread_ = float(scores.mean()), float(scores.std())
        targets: Floats = (scores - self.centre_) / self.spread_
        return targets

    def _loss(self, outputs: Tensor, targets: Tensor, generator: torch.Generator) -> Tensor:
        if self.loss == "mse":
            return mse(outputs, targets)
        return blog_mixed(
            outputs, targets, pairs=self.pairs, margin=self.margin, generator=generator
        )

    def _side_loss(self, outputs: Outputs, targets: Tensor) -> Tensor:
        """Compute the losses of the other heads: halting, and the likelihood of a normal error."""
        error = outputs.score.detach() - targets  # (b,)
        right = (error.abs() < self.tolerance).float()  # (b,)
        loss = HALT_WEIGHT * F.binary_cross_entropy_with_logits(outputs.halt, right)
        if outputs.log_variance is not None:
            v = outputs.log_variance  # (b,)
            loss = loss + 0.5 * (v + error**2 / v.exp()).mean()
        return loss

    def _train(
        self,
        network: nn.Module,
        inputs: Inputs,
        targets: Tensor,
        fitting: Fitting,
        loss: BatchLoss | None = None,
    ) -> nn.Module:
        """Train with deep supervision: each optimizer step runs the network one step further."""
        assert isinstance(network, RecursiveNetwork)  # _network made it
        loss = self._loss if loss is None else loss
        device = torch.device(self.device)
        network.to(device).train()
        tokens, targets = inputs[0].to(device), targets.to(device)  # (n, l), (n,)
        generator = torch.Generator().manual_seed(self.seed)
        optimizer = torch.optim.AdamW(
            network.parameters(), fitting.lr, BETAS, weight_decay=fitting.weight_decay, fused=True
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, partial(_share_of_lr, steps=fitting.epochs)
        )
        stream = Stream(len(targets), generator)
        slots = Slots.empty(min(fitting.batch_size, len(targets)), tokens.shape[1], network)
        for _ in range(fitting.epochs):
            slots.refill(stream.take(int(slots.halted.sum())), network)
            x = network.embed(tokens[slots.rows])  # (b, l, hidden)
            state, outputs = network.step(slots.state, x)
            y = targets[slots.rows]  # (b,)
            total = loss(outputs.score, y, generator) + self._side_loss(outputs, y)
            optimizer.zero_grad(set_to_none=True)
            total.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            halt = outputs.halt.detach()
            slots.advance(state, halt, self.max_steps, self.exploration, generator)
        return network.eval()

    @torch.no_grad()
    def _predict(self, archs: Archs, return_std: bool) -> tuple[Floats, Floats | None]:
        scores, log_variances = np.empty(len(archs)), np.empty(len(archs))
        for start in range(0, len(archs), BATCH):
            part = slice(start, start + BATCH)
            outputs = self.network_(*(x.to(self.device) for x in self._inputs(archs[part])))
            scores[part] = outputs.score.double().cpu().numpy()
            if return_std:
                log_variances[part] = outputs.log_variance.double().cpu().numpy()
        std = np.exp(log_variances / 2) * self.spread_ if return_std else None
        return scores * self.spread_ + self.centre_, std


def _share_of_lr(step: int, steps: int) -> float:
    """Return the factor of the learning rate: warm-up over a tenth of the steps, then a cosine."""
    warm = max(1, steps // 10)
    if step < warm:
        return (step + 1) / warm
    return (1 + cos(pi * (step - warm) / max(1, steps - warm))) / 2
