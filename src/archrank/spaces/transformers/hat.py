"""HAT's translation Transformers.

Wang et al., "HAT: Hardware-Aware Transformers for Efficient Natural Language Processing", ACL
2020, section 3.1, and its released code. Its released evolution has quirks that archrank does not
inherit: children of the last generation are never scored, parents are scored again each time, and
a mutation may change nothing (``redraw=True`` gives the last one). Its latency features are
divided by 6 heads and 2,048 channels although values reach 8 and 3,072; the ``mean:`` features
keep these divisors, which predictors trained on them need. "The last two encoder layers" are
indexed by full depth there, by the network's own depth here: the same, as encoders have six.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from archrank.errors import SpaceError
from archrank.spaces.base import Choice
from archrank.spaces.transformers.layers import Stack
from archrank.spaces.transformers.translation import CORPORA, TranslationSpace
from archrank.types import Archs, Floats


class Options(NamedTuple):
    """Options of both sides, in published order, and the number of layers of each side."""

    embed: tuple[int, ...]
    ffn: tuple[int, ...]
    heads: tuple[int, ...]
    encoder: int = 6
    decoder: tuple[int, ...] = (6, 5, 4, 3, 2, 1)


# the union is what latencies were measured on
OPTIONS = {
    "iwslt": Options((640, 512), (2048, 1024, 512), (4, 2)),
    "wmt": Options((640, 512), (3072, 2048, 1024), (8, 4)),
    "union": Options((640, 512), (3072, 2048, 1024, 512), (8, 4, 2)),
    "small": Options((64, 48, 32), (192, 96, 32), (4, 2, 1), 3, (4, 3, 2, 1)),
}
RECIPES = {"iwslt": "hat_iwslt14", "wmt": "hat_wmt14", "union": "hat_wmt14"}
SCALES = (640.0, 6.0, 2048.0, 6.0, 640.0, 6.0, 2048.0, 6.0, 6.0, 2.0)  # of the ten averages


class HAT(TranslationSpace):
    """HAT's space: 40 genes, 4.18e14 networks.

    Genes: ``enc_embed``, ``enc_layers`` (always 6), ``enc_ffn_0..5``, ``enc_heads_0..5``,
    ``dec_embed``, ``dec_layers``, and six each of ``dec_ffn``, ``dec_self_heads``,
    ``dec_cross_heads``, ``dec_arbitrary``. The last says how many of the last encoder layers a
    decoder layer attends to, 1, 2, 3 (stored as -1, 1, 2 in released files). Networks are post-norm
    with ReLU and sinusoidal positions, 512 channels in every attention (64 in ``small``).

    Args:
        task: ``iwslt`` ('14 De-En; separate embeddings), ``wmt`` ('14, '19; one embedding for all),
            or ``union``: the larger space that the released latencies are drawn from, counted with
            WMT's vocabulary. Published networks have its vocabularies, and the sentence lengths
            23 and 30 that HAT measures latency with. ``small`` has this structure with sizes for
            CPUs: three encoder layers and up to four decoder layers of at most 64 channels.
        embeddings: count embeddings and output layer; ``False`` as HAT reports sizes.
        redraw: mutation may redraw the same value, as published.

    Example:
        >>> space = HAT("wmt")
        >>> space.d, f"{space.size:.3g}"
        (40, '4.18e+14')
        >>> arch = space.sample(1, rng=np.random.default_rng(0))
        >>> space.means(arch).shape
        (1, 10)
    """

    def __init__(
        self,
        task: Literal["iwslt", "wmt", "union", "small"] = "iwslt",
        *,
        embeddings: bool = True,
        redraw: bool = False,
    ) -> None:
        if not isinstance(task, str) or task not in OPTIONS:
            raise SpaceError(f"HAT has the spaces {', '.join(OPTIONS)}; got {task!r}")
        embed, ffn, heads, deep, depths = OPTIONS[task]
        encoder = Stack(
            (Choice("enc_embed", embed),),
            Choice("enc_layers", (deep,)),
            (Choice("enc_ffn", ffn), Choice("enc_heads", heads)),
        )
        decoder = Stack(
            (Choice("dec_embed", embed),),
            Choice("dec_layers", depths),
            (
                Choice("dec_ffn", ffn),
                Choice("dec_self_heads", heads),
                Choice("dec_cross_heads", heads),
                Choice("dec_arbitrary", (1, 2, 3)),
            ),
        )
        self.name = f"hat_{task}"
        self.supernet_recipe = RECIPES.get(task, "transformer_small")
        corpus = CORPORA["wmt" if task == "union" else task]
        super().__init__((encoder, decoder), corpus, embeddings=embeddings, redraw=redraw)

    @property
    def mean_scales(self) -> tuple[float, ...]:
        """Divisors of the ten averages, equal for all published tasks."""
        return super().mean_scales if self.name == "hat_small" else SCALES

    def summary(self, archs: Archs) -> Floats:
        """The ten numbers that HAT's latency predictor reads: ``(n, 10)``.

        Encoder width, layers, mean feed-forward width, mean heads; decoder width, layers, means
        of feed-forward width, self heads, cross heads, encoder layers attended to; each divided by
        its published constant, in ``small`` by the largest option. Means are over the layers of the
        network.
        """
        numbers: Floats = self.means(archs) / np.array(self.mean_scales)
        return numbers
