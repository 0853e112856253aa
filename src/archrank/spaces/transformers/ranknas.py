"""RankNAS's own spaces: high-accuracy translation and language modelling.

Hu et al., "RankNAS: Efficient Neural Architecture Search by Pairwise Ranking", EMNLP 2021, section
4 and Tables 5 and 6. Its hardware-aware translation space is :class:`~archrank.spaces.HAT`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from archrank.errors import SpaceError
from archrank.spaces.base import Choice
from archrank.spaces.transformers.base import (
    TRANSFORMER_OPTIONS,
    LayeredSpace,
    TokenSizes,
    token_sizes,
)
from archrank.spaces.transformers.layers import Stack
from archrank.spaces.transformers.translation import CORPORA, TranslationSpace
from archrank.types import Archs, Floats

if TYPE_CHECKING:
    from archrank.networks.blueprint import Blueprint
    from archrank.networks.language_models import LanguageModel
    from archrank.networks.transformer_layers import StackSpec
    from archrank.supernets.base import Supernet
    from archrank.tasks.base import Task


class Options(NamedTuple):
    """Options of both sides of a translation space, and the number of layers of each side."""

    embed: tuple[int, ...]
    ffn: tuple[int, ...]
    heads: tuple[int, ...]
    relative: tuple[int, ...] = (8, 12, 16)
    encoder: int = 6
    decoder: tuple[int, ...] = (1, 2, 3, 4, 5, 6)


OPTIONS = {  # Table 5, Table 6, and sizes for CPUs
    "iwslt": Options((512, 640, 768), (768, 1024, 1536, 2048), (2, 4, 8)),
    "wmt": Options((640, 768, 1024), (2048, 3072, 4096, 5120), (4, 8, 16)),
    "small": Options((32, 48, 64), (32, 64, 96, 192), (1, 2, 4), (2, 4, 8), 3, (1, 2, 3, 4)),
}
RECIPES = {"iwslt": "hat_iwslt14", "wmt": "hat_wmt14", "small": "transformer_small"}


LAYER = ("embed", "ffn", "heads")  # decisions of each layer of a language model


class LanguageOptions(NamedTuple):
    """Options of a language-model space, and the sizes of its networks."""

    layers: tuple[int, ...]
    embed: tuple[int, ...]
    ffn: tuple[int, ...]
    heads: tuple[int, ...]
    head_dim: int
    sizes: TokenSizes
    recipe: str


LANGUAGE = {
    "wikitext103": LanguageOptions(
        (10, 12, 14),
        (768, 1024),
        (3072, 4096, 5120),
        (8, 12, 16),
        64,
        TokenSizes(length=512, vocabulary=267_735),
        "ranknas_wikitext103",
    ),
    "small": LanguageOptions(
        (3, 4, 5),
        (32, 48, 64),
        (32, 96, 192),
        (1, 2, 4),
        16,
        TokenSizes(length=64, vocabulary=128),
        "transformer_small",
    ),
}


class RankNASTranslation(TranslationSpace):
    """RankNAS's high-accuracy translation space, Tables 5 and 6: 1.26e23 networks, 48 genes.

    The paper does not say which decisions are made per layer. Read here: feed-forward width, heads,
    clipping distance of relative positions and encoder layers attended to are per layer; width
    and place of the norm one per stack; one number of heads serves a decoder layer's self- and
    cross-attention. Of the readings tried it is the one whose size matches the printed 1e23 (norms
    per layer: 1.3e26; separate cross heads: 9e25): plausible, not proven.

    Attention has HAT's 512 channels (64 in ``small``). Relative positions (Shaw et al. 2018, keys
    and values) are in all self-attentions and stand in for sinusoidal ones, as in Shaw; the paper
    is silent on both.

    Args:
        task: ``iwslt`` (Table 5; separate embeddings), ``wmt`` (Table 6; one for all), or
            ``small``: this structure with sizes for CPUs, three encoder layers and up to four
            decoder layers of at most 64 channels.
        embeddings: count embeddings and output layer, as RankNAS reports sizes.
        redraw: mutation may redraw the same value, as in HAT's evolution, which RankNAS uses.

    Example:
        >>> f"{RankNASTranslation('wmt').size:.3g}"
        '1.26e+23'
    """

    def __init__(
        self,
        task: Literal["iwslt", "wmt", "small"] = "iwslt",
        *,
        embeddings: bool = True,
        redraw: bool = False,
    ) -> None:
        if not isinstance(task, str) or task not in OPTIONS:
            known = ", ".join(OPTIONS)
            raise SpaceError(f"RankNASTranslation has the spaces {known}; got {task!r}")
        embed, ffn, heads, relative, deep, shallow_to_deep = OPTIONS[task]

        def stack(side: str, depths: tuple[int, ...], *more: Choice) -> Stack:
            layers = (
                Choice(f"{side}_ffn", ffn),
                Choice(f"{side}_heads", heads),
                Choice(f"{side}_rpr", relative),
            )
            shared = (Choice(f"{side}_embed", embed), Choice(f"{side}_norm", ("pre", "post")))
            return Stack(shared, Choice(f"{side}_layers", depths), layers + more)

        encoder = stack("enc", (deep,))
        decoder = stack("dec", shallow_to_deep, Choice("dec_arbitrary", (1, 2, 3)))
        self.name = f"ranknas_{task}"
        self.supernet_recipe = RECIPES[task]
        super().__init__((encoder, decoder), CORPORA[task], embeddings=embeddings, redraw=redraw)


class RankNASLanguageModel(LayeredSpace):
    """RankNAS's language-model space: 10, 12 or 14 layers, each with its own width and heads.

    Unequal neighbours are joined by a linear projection without bias, as published. The paper's
    widths and heads do not all divide (1,024 by 12), so heads have 64 channels here, whatever the
    width. Departures: one full softmax tied to the embedding at the first layer's width stands in
    for the adaptive ones of Baevski & Auli (2019), on which the baseline builds.

    MACs count every matrix product of one window, attention over its full square. Networks are of
    :class:`~archrank.networks.language_models.LanguageModel`, on windows ``(b, length)`` of tokens.

    Args:
        task: ``wikitext103``, as published, or ``small``: this structure with sizes for CPUs, 3 to
            5 layers of at most 64 channels and heads of 16.
        redraw: mutation may redraw the same value, as in HAT's evolution.

    Raises:
        SpaceError: there is no such task.
    """

    drawing = "language_model"
    supernet_options = TRANSFORMER_OPTIONS

    def __init__(
        self, task: Literal["wikitext103", "small"] = "wikitext103", *, redraw: bool = False
    ) -> None:
        if not isinstance(task, str) or task not in LANGUAGE:
            known = ", ".join(LANGUAGE)
            raise SpaceError(f"RankNASLanguageModel has the spaces {known}; got {task!r}")
        self.options = LANGUAGE[task]
        self.name = "ranknas_lm" if task == "wikitext103" else f"ranknas_lm_{task}"
        self.supernet_recipe = self.options.recipe
        layers = tuple(Choice(name, getattr(self.options, name)) for name in LAYER)
        super().__init__((Stack((), Choice("layers", self.options.layers), layers),), redraw=redraw)

    def fingerprint(self) -> str:
        """Return choices, and how mutation works."""
        return f"{super().fingerprint()}{(self.redraw,)}"

    def _sizes(self, task: Task | None) -> TokenSizes:
        return token_sizes(task, self.name, self.options.sizes)

    def _cost(self, archs: Archs, sizes: TokenSizes) -> dict[str, Floats]:
        t, exists = sizes.length, self.active(archs)[:, self._columns["ffn"]]  # (n, layers)
        dim, ffn = self.values(archs, "embed"), self.values(archs, "ffn")
        inside = self.options.head_dim * self.values(archs, "heads")
        weights = 4 * dim * inside + 2 * dim * ffn
        biases = 3 * inside + dim + ffn + dim + 4 * dim  # with two norms
        macs = ((t * weights + 2 * t**2 * inside) * exists).sum(axis=1)
        params = ((weights + biases) * exists).sum(axis=1)
        last = np.take_along_axis(dim, exists.sum(axis=1, keepdims=True) - 1, axis=1)  # (n, 1)
        first = dim[:, :1]
        after = np.where(exists[:, 1:], dim[:, 1:], 0)  # widths of layers with one before
        bridges = np.where(after != dim[:, :-1], after * dim[:, :-1], 0).sum(axis=1)
        bridges = bridges + np.where(last != first, last * first, 0)[:, 0]
        output = first[:, 0] * sizes.vocabulary
        return {
            "macs": macs + t * (bridges + output),
            "params": params + bridges + output + 2 * first[:, 0],
        }

    def _build(self, arch: NDArray[np.uint8], sizes: TokenSizes) -> LanguageModel:
        return self._blueprint(arch, sizes).build()

    def _blueprint(self, arch: NDArray[np.uint8], sizes: TokenSizes) -> Blueprint[LanguageModel]:
        from archrank.networks.blueprint import Blueprint
        from archrank.networks.language_models import LanguageModel

        return Blueprint(LanguageModel, (self._stack_of(arch), sizes.vocabulary))

    def _supernet(self, sizes: TokenSizes, **options: Any) -> Supernet:
        from archrank.networks.language_models import LanguageModel
        from archrank.supernets.transformers import TransformerSupernet, join_all

        dim, ffn, heads = (max(getattr(self.options, name)) for name in LAYER)
        widest = self._stack([(dim, ffn, heads)] * max(self.options.layers))
        network = LanguageModel(widest, sizes.vocabulary)
        if len(self.options.embed) > 1:
            join_all(network)
        return TransformerSupernet(
            self,
            network,
            stacks=lambda arch: (self._stack_of(arch),),
            build=lambda stacks: LanguageModel(stacks[0], sizes.vocabulary),
            **options,
        )

    def _stack_of(self, arch: NDArray[np.uint8]) -> StackSpec:
        """Return the settings of the layers of ``arch: (d,)``."""
        archs = arch[None]
        depth = int(self.values(archs, "layers")[0, 0])
        genes = [self.values(archs, name)[0, :depth].astype(int).tolist() for name in LAYER]
        return self._stack(list(zip(*genes, strict=True)))

    def _stack(self, layers: Sequence[tuple[int, int, int]]) -> StackSpec:
        """Return the settings of layers of given widths, feed-forward widths and heads."""
        from archrank.networks.transformer_layers import LayerSpec, StackSpec

        qkv = self.options.head_dim
        return StackSpec(
            tuple(LayerSpec(dim, ffn, h, qkv_dim=qkv * h, pre=True) for dim, ffn, h in layers)
        )
