"""One tiny made-up task of each family, and networks for them; worker processes import this."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor, nn

from archrank.tasks import (
    Classification,
    LanguageModel,
    Recipe,
    Regression,
    Split,
    Splits,
    Translation,
)
from archrank.tasks.text.language_model import windows
from archrank.tasks.text.translation import pairs

QUICK = Recipe(epochs=15, batch_size=16, optimizer="adamw", lr=0.02, weight_decay=0.0)
PAD, BEGIN, END = 0, 1, 2


def cut(split: Split) -> Splits:
    """Half to train with, a quarter each to validate and to test."""
    n = len(split.y)
    rows = slice(0, n // 2), slice(n // 2, 3 * n // 4), slice(3 * n // 4, n)
    return Splits(*(split.take(r) for r in rows))


@dataclass(frozen=True)
class Parity(Classification):
    """Tell the sign of the sum of three numbers."""

    recipe: Recipe = QUICK
    input_shape: tuple[int, ...] = (3,)
    n_classes: int = 2

    name = "parity"

    def load(self) -> Splits:
        x = torch.randn(160, 3, generator=torch.Generator().manual_seed(0))
        return cut(Split(x, (x.sum(1) > 0).long()))


@dataclass(frozen=True)
class Sums(Regression):
    """Predict the sum and the difference of two numbers."""

    recipe: Recipe = QUICK
    input_shape: tuple[int, ...] = (2,)
    n_targets: int = 2

    name = "sums"

    def load(self) -> Splits:
        x = torch.randn(160, 2, generator=torch.Generator().manual_seed(0))
        return cut(Split(x, torch.stack([x.sum(1), x[:, 0] - x[:, 1]], dim=1)))


@dataclass(frozen=True)
class Counting(LanguageModel):
    """Go on counting in steps of one to three, modulo ten."""

    recipe: Recipe = QUICK
    vocabulary: int = 13
    padding: int | None = PAD
    input_shape: tuple[int, ...] = (9,)

    name = "counting"

    def load(self) -> Splits:
        return _counting(self.input_shape[0])


@lru_cache(maxsize=2)
def _counting(length: int) -> Splits:
    g = torch.Generator().manual_seed(0)
    starts = torch.randint(10, (80, 1), generator=g)
    steps = torch.randint(1, 4, (80, 1), generator=g)
    text = 3 + (starts + steps * torch.arange(8)) % 10  # (80, 8)
    return cut(windows(text.flatten(), length, PAD))


@dataclass(frozen=True)
class Reversal(Translation):
    """Write short sentences backwards, in other tokens."""

    recipe: Recipe = QUICK
    vocabulary: int = 9
    source_vocabulary: int = 8
    padding: int | None = PAD
    input_shape: tuple[int, ...] = (2, 5)

    name = "reversal"

    def load(self) -> Splits:
        g = torch.Generator().manual_seed(0)
        lengths = torch.randint(1, 5, (120,), generator=g).tolist()
        sources = [torch.randint(3, 8, (k,), generator=g).tolist() for k in lengths]
        targets = [[token + 1 for token in reversed(s)] for s in sources]
        return cut(pairs(sources, targets, begin=BEGIN, end=END, padding=PAD))


class NextToken(nn.Module):
    """A recurrent language model: tokens (b, t) -> (b, vocabulary, t)."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, 16)
        self.memory = nn.GRU(16, 16, batch_first=True)
        self.output = nn.Linear(16, vocabulary)

    def forward(self, tokens: Tensor) -> Tensor:
        states, _ = self.memory(self.embedding(tokens))
        outputs: Tensor = self.output(states)
        return outputs.transpose(1, 2)


class Translator(nn.Module):
    """A recurrent translator of two arguments -> (b, vocabulary, t)."""

    def __init__(self, sources: int, targets: int) -> None:
        super().__init__()
        self.source = nn.Embedding(sources, 16, padding_idx=PAD)
        self.target = nn.Embedding(targets, 16, padding_idx=PAD)
        self.reader = nn.GRU(16, 16, batch_first=True)
        self.writer = nn.GRU(16, 16, batch_first=True)
        self.output = nn.Linear(16, targets)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        _, memory = self.reader(self.source(source))
        states, _ = self.writer(self.target(target), memory)
        outputs: Tensor = self.output(states)
        return outputs.transpose(1, 2)


TASKS = (Parity(), Sums(), Counting(), Reversal())


def network_for(task: object) -> nn.Module:
    """A network that can learn the task."""
    if isinstance(task, Counting):
        return NextToken(task.vocabulary)
    if isinstance(task, Reversal):
        return Translator(task.n_sources, task.vocabulary)
    assert isinstance(task, Parity | Sums)
    hidden = nn.Linear(task.input_shape[0], 16)
    return nn.Sequential(hidden, nn.ReLU(), nn.Linear(16, task.n_outputs))


@dataclass(frozen=True)
class OneSum(Sums):
    """Predict one number per example, targets (b,)."""

    n_targets: int = 1

    def load(self) -> Splits:
        return Splits(*(s._replace(y=s.y[:, 0]) for s in super().load()))
