"""RankNAS's own spaces: high-accuracy translation and language modelling.

Hu et al., "RankNAS: Efficient Neural Architecture Search by Pairwise Ranking", EMNLP 2021, section
4 and Tables 5 and 6. Its hardware-aware translation space is :class:`~archrank.spaces.HAT`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from archrank.errors import SpaceError
from archrank.spaces.base import Choice
from archrank.spaces.transformers.base import LayeredSpace, TokenSizes, token_sizes
from archrank.spaces.transformers.layers import Stack
from archrank.spaces.transformers.translation import CORPORA, TranslationSpace
from archrank.types import Archs, Floats

if TYPE_CHECKING:
    from torch import nn

    from archrank.tasks.base import Task

# embedding widths, feed-forward widths, heads: Table 5, Table 6
WIDTHS = {
    "iwslt": ((512, 640, 768), (768, 1024, 1536, 2048), (2, 4, 8)),
    "wmt": ((640, 768, 1024), (2048, 3072, 4096, 5120), (4, 8, 16)),
}
WIKITEXT103 = TokenSizes(length=512, vocabulary=267_735)
HEAD_DIM = 64  # of the language model, see RankNASLanguageModel


class RankNASTranslation(TranslationSpace):
    """RankNAS's high-accuracy translation space, Tables 5 and 6: 1.26e23 networks, 48 genes.

    The paper does not say which decisions are made per layer. Read here: feed-forward width, heads,
    clipping distance of relative positions and encoder layers attended to are per layer; width
    and place of the norm one per stack; one number of heads serves a decoder layer's self- and
    cross-attention. Of the readings tried it is the one whose size matches the printed 1e23 (norms
    per layer: 1.3e26; separate cross heads: 9e25): plausible, not proven.

    Attention has HAT's 512 channels. Relative positions (Shaw et al. 2018, keys and values) are in
    all self-attentions and stand in for sinusoidal ones, as in Shaw; the paper is silent on both.

    Args:
        task: ``iwslt`` (Table 5; separate embeddings) or ``wmt`` (Table 6; one for all).
        embeddings: count embeddings and output layer, as RankNAS reports sizes.
        redraw: mutation may redraw the same value, as in HAT's evolution, which RankNAS uses.

    Example:
        >>> f"{RankNASTranslation('wmt').size:.3g}"
        '1.26e+23'
    """

    def __init__(
        self,
        task: Literal["iwslt", "wmt"] = "iwslt",
        *,
        embeddings: bool = True,
        redraw: bool = False,
    ) -> None:
        if not isinstance(task, str) or task not in WIDTHS:
            raise SpaceError(f"RankNASTranslation has the spaces iwslt, wmt; got {task!r}")
        embed, ffn, heads = WIDTHS[task]

        def stack(side: str, depths: tuple[int, ...], *more: Choice) -> Stack:
            layers = (
                Choice(f"{side}_ffn", ffn),
                Choice(f"{side}_heads", heads),
                Choice(f"{side}_rpr", (8, 12, 16)),
            )
            shared = (Choice(f"{side}_embed", embed), Choice(f"{side}_norm", ("pre", "post")))
            return Stack(shared, Choice(f"{side}_layers", depths), layers + more)

        encoder = stack("enc", (6,))
        decoder = stack("dec", (1, 2, 3, 4, 5, 6), Choice("dec_arbitrary", (1, 2, 3)))
        self.name = f"ranknas_{task}"
        super().__init__((encoder, decoder), CORPORA[task], embeddings=embeddings, redraw=redraw)


class RankNASLanguageModel(LayeredSpace):
    """RankNAS's language-model space: 10, 12 or 14 layers, each with its own width and heads.

    Unequal neighbours are joined by a linear projection without bias, as published. The paper's
    widths and heads do not all divide (1,024 by 12), so heads have 64 channels here, whatever the
    width. Departures: one full softmax tied to the embedding at the first layer's width stands in
    for the adaptive ones of Baevski & Auli (2019), on which the baseline builds.

    MACs count every matrix product of one window, attention over its full square. Networks are of
    :class:`~archrank.networks.transformer.LanguageModel`, on windows ``(b, length)`` of tokens.

    Args:
        redraw: mutation may redraw the same value, as in HAT's evolution.
    """

    name = "ranknas_lm"
    drawing = "language_model"

    def __init__(self, *, redraw: bool = False) -> None:
        layers = (
            Choice("embed", (768, 1024)),
            Choice("ffn", (3072, 4096, 5120)),
            Choice("heads", (8, 12, 16)),
        )
        super().__init__((Stack((), Choice("layers", (10, 12, 14)), layers),), redraw=redraw)

    def fingerprint(self) -> str:
        """Return choices, and how mutation works."""
        return f"{super().fingerprint()}{(self.redraw,)}"

    def _sizes(self, task: Task | None) -> TokenSizes:
        return token_sizes(task, self.name, WIKITEXT103)

    def _cost(self, archs: Archs, sizes: TokenSizes) -> dict[str, Floats]:
        t, exists = sizes.length, self.active(archs)[:, self._columns["ffn"]]  # (n, layers)
        dim, ffn = self.values(archs, "embed"), self.values(archs, "ffn")
        inside = HEAD_DIM * self.values(archs, "heads")
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

    def _build(self, arch: NDArray[np.uint8], sizes: TokenSizes) -> nn.Module:
        from archrank.networks.transformer import LanguageModel, LayerSpec

        archs = arch[None]
        depth = int(self.values(archs, "layers")[0, 0])
        genes = [
            self.values(archs, c)[0, :depth].astype(int).tolist() for c in ("embed", "ffn", "heads")
        ]
        layers = [
            LayerSpec(dim, ffn, heads, qkv_dim=HEAD_DIM * heads)
            for dim, ffn, heads in zip(*genes, strict=True)
        ]
        return LanguageModel(layers, sizes.vocabulary)
