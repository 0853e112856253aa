"""Prediction of tokens: what language models and translation share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archrank.metrics import Metric
from archrank.tasks.base import Task
from archrank.tasks.meters import Meter
from archrank.training.recipe import Recipe

if TYPE_CHECKING:
    import torch
    from torch import Tensor

_AT_ONCE = 65_536  # sequences whose lengths are counted together; bounds the memory
_NO_PADDING = -100  # what cross_entropy ignores where nothing is told; no token


def builtin_recipe(epochs: int) -> Recipe:
    """Return the recipe of a built-in task of text: small networks on a CPU."""
    return Recipe(
        epochs=epochs,
        batch_tokens=512,
        optimizer="adamw",
        lr=6e-3,
        weight_decay=1e-4,
        warmup_epochs=1.5,  # shorter, and some networks learn half as well
        grad_clip=1.0,
    )


@dataclass(frozen=True)
class TokenPrediction(Task):
    """Prediction of the token at every position.

    Targets are tokens ``(b, t)``, int64. Networks return one number per token of the vocabulary,
    ``(b, vocabulary, t)``. The loss is a mean over tokens, not over sequences: padding counts for
    nothing, so neither batches nor lengths change what a token weighs.

    Attributes:
        vocabulary: Number of different target tokens.
        padding: Token that fills up short sequences; ``None``: there is none.
    """

    vocabulary: int = 0
    padding: int | None = None

    metrics = (Metric("perplexity", "minimize"), Metric("accuracy", "maximize", "fraction"))

    @property
    def n_outputs(self) -> int:
        """The size of the target vocabulary."""
        return self.vocabulary

    def real(self, tokens: Tensor) -> Tensor:
        """Tell which of ``tokens`` are no padding: a mask of the same shape."""
        return tokens != self._ignored

    def loss(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Return the mean cross entropy per token: ``outputs`` (b, vocabulary, t), ``y`` (b, t)."""
        from torch.nn.functional import cross_entropy

        smoothing = self.recipe.label_smoothing
        return cross_entropy(outputs, y, ignore_index=self._ignored, label_smoothing=smoothing)

    @property
    def takes_soft_labels(self) -> bool:
        """True unless a subclass has a loss of its own."""
        return type(self).loss is TokenPrediction.loss

    def soft_loss(self, outputs: Tensor, soft: Tensor, y: Tensor) -> Tensor:
        """Return the mean cross entropy per token with soft labels; padding counts for nothing.

        Args:
            outputs: Logits ``(b, vocabulary, t)``.
            soft: Probabilities, of the same shape; no gradient goes to them.
            y: Target tokens ``(b, t)``.
        """
        from torch.nn.functional import cross_entropy

        real = self.real(y)
        return cross_entropy(outputs, soft.detach(), reduction="none")[real].mean()

    def count(self, y: Tensor) -> Tensor:
        """Return the number of tokens in ``y`` (b, t) that are no padding."""
        return self.real(y).sum()

    def meter(self) -> Meter:
        """Return a meter of the loss, the perplexity and the share of tokens predicted."""
        return TokenMeter(self)

    def _length(self, *tokens: Tensor) -> Tensor:
        """Return the length ``(b,)`` of the longest of some sequences ``(b, t)``, at least 1."""
        import torch

        if self.padding is None:
            shape = tokens[0].shape
            return torch.full(shape[:1], shape[1], device=tokens[0].device)
        places = torch.arange(1, tokens[0].shape[1] + 1, device=tokens[0].device)
        parts = zip(*(torch.split(each, _AT_ONCE) for each in tokens), strict=True)
        ends = [
            torch.stack([(self.real(each) * places).amax(1) for each in part]).amax(0)
            for part in parts
        ]
        return torch.cat(ends).clamp(min=1) if ends else places.new_zeros(0)

    @property
    def _ignored(self) -> int:
        return _NO_PADDING if self.padding is None else self.padding

    def _tokens(self, shape: tuple[int, ...], vocabulary: int, g: torch.Generator) -> Tensor:
        """Return random tokens that are no padding."""
        import torch

        if self.padding is None or self.padding >= vocabulary:
            return torch.randint(vocabulary, shape, generator=g)
        drawn = torch.randint(vocabulary - 1, shape, generator=g)
        return drawn + (drawn >= self.padding)


class TokenMeter(Meter):
    """Loss, perplexity and accuracy per token.

    The perplexity is ``exp`` of the mean negative log likelihood of all tokens of the split,
    without label smoothing. Sums are float64; outputs are not kept.
    """

    def __init__(self, task: TokenPrediction) -> None:
        self.task = task
        self._sums: Tensor | None = None  # of loss, negative log likelihood, hits, tokens

    def update(self, outputs: Tensor, y: Tensor) -> None:
        """Add a batch: ``outputs`` (b, vocabulary, t), ``y`` (b, t)."""
        import torch
        from torch.nn.functional import cross_entropy

        real = self.task.real(y)
        count = real.sum().double()
        loss = self.task.loss(outputs, y).detach().double() * count
        losses = cross_entropy(
            outputs, y.masked_fill(~real, _NO_PADDING), reduction="none"
        )  # (b, t), 0 at padding
        hits = (outputs.argmax(1) == y) & real
        batch = torch.stack([loss, losses.detach().double().sum(), hits.sum().double(), count])
        batch = torch.where(count > 0, batch, 0.0)  # the mean over no tokens is NaN
        self._sums = batch if self._sums is None else self._sums + batch

    def compute(self) -> dict[str, float]:
        """Return ``loss``, ``perplexity`` and ``accuracy``."""
        if self._sums is None or not self._sums[3]:
            return dict.fromkeys(("loss", "perplexity", "accuracy"), math.nan)
        loss, likelihood, hits, count = self._sums.tolist()
        mean = likelihood / count
        perplexity = math.exp(mean) if mean < 700 else math.inf  # beyond any float64
        if math.isnan(mean):
            perplexity = math.nan
        return {"loss": loss / count, "perplexity": perplexity, "accuracy": hits / count}
