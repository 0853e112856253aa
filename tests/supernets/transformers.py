"""Small spaces of Transformers of every kind, and tasks of tokens for their supernets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch

from archrank.spaces import GPTS, HAT, Choice, RankNASLanguageModel, RankNASTranslation, Space
from archrank.spaces.transformers.base import LayeredSpace
from archrank.spaces.transformers.layers import Stack
from archrank.spaces.transformers.translation import TranslationSpace
from archrank.supernets.transformers import TransformerSupernet
from archrank.tasks import LanguageModel, Recipe, Split, Splits, Translation
from archrank.tasks.text.language_model import windows
from archrank.tasks.text.translation import pairs
from archrank.training.loop import initialise

RECIPE = Recipe(epochs=2, batch_size=16, optimizer="adamw", lr=3e-3, weight_decay=0.0)
DROPOUT = {"residual_dropout": 0.3, "activation_dropout": 0.2, "attention_dropout": 0.1}


@dataclass(frozen=True)
class Reversal(Translation):
    """Write the source backwards; tokens 0, 1, 2 are padding, begin and end."""

    vocabulary: int = 9
    padding: int | None = 0
    source_vocabulary: int = 9
    recipe: Recipe = RECIPE
    length: int = 5
    examples: int = 96

    name = "reversal"
    input_shape = (2, 6)

    def load(self) -> Splits:
        """96 pairs of 2 to 5 tokens, 32 of each split."""
        generator = torch.Generator().manual_seed(0)
        draw = torch.randint(3, 9, (self.examples, self.length), generator=generator).tolist()
        sources = [row[: 2 + i % (self.length - 1)] for i, row in enumerate(draw)]
        split = pairs(sources, [s[::-1] for s in sources], begin=1, end=2, padding=0)
        return Splits(*(split.take(slice(k, None, 3)) for k in range(3)))


@dataclass(frozen=True)
class Counting(LanguageModel):
    """Count up to 7, again and again, with a few slips."""

    vocabulary: int = 8
    recipe: Recipe = RECIPE

    name = "counting"
    input_shape = (8,)

    def load(self) -> Splits:
        """96 windows of each split."""
        generator = torch.Generator().manual_seed(0)
        text = torch.arange(3 * 8 * 96 + 1) % 8
        slips = torch.rand(text.shape, generator=generator) < 0.05
        text = torch.where(slips, torch.randint(8, text.shape, generator=generator), text)
        split: Split = windows(text, 8)
        return Splits(*(split.take(slice(k, None, 3)) for k in range(3)))


class SharedEmbeddings(TranslationSpace):
    """HAT's small space with one embedding, as on WMT."""

    name = "hat_shared"

    def __init__(self) -> None:
        space = HAT("small")
        super().__init__(space.stacks, replace(space.corpus, shared=True))


class SmallGPT(GPTS):
    """GPT-S with few channels."""

    name = "gpt_small"
    head_dim = 4

    def __init__(self) -> None:
        layers = (Choice("n_head", (1, 3, 4)), Choice("mlp_ratio", (2, 3)))
        shared = (Choice("embed_dim", (8, 12, 20)), Choice("bias", (0, 1)))
        stack = Stack(shared, Choice("n_layer", (1, 2, 4)), layers)
        LayeredSpace.__init__(self, (stack,))


SPACES: dict[str, Space] = {
    "hat": HAT("small"),
    "shared": SharedEmbeddings(),
    "ranknas": RankNASTranslation("small"),
    "language": RankNASLanguageModel("small"),
    "gpt": SmallGPT(),
    "restricted": HAT("small").restrict({"enc_embed": [48], "dec_ffn_1": [96, 32]}),
}
"""One small space of every kind, by name."""


def task_of(space: Space) -> Any:
    """The task that a space builds networks for."""
    return Counting() if space.name.startswith(("ranknas_lm", "gpt")) else Reversal()


def made(space: Space, seed: int = 0, **options: Any) -> Any:
    """A new supernet of the space for its task."""
    networks = space.networks(task_of(space))
    supernet: Any = initialise(lambda: networks.supernet(**options), seed)
    whole = getattr(supernet, "whole", supernet)
    assert isinstance(whole, TransformerSupernet)
    return supernet
