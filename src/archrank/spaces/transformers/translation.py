"""Costs and networks that the spaces of encoder-decoder Transformers share.

MACs count every matrix product of one forward pass over a source of ``source_length`` and a target
of ``target_length`` tokens (teacher forcing, attention over the full square although half of it is
masked), with relative positions and the output layer; not embeddings' look-ups, norms, softmax.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from archrank.errors import SpaceError
from archrank.spaces.transformers.base import (
    TRANSFORMER_OPTIONS,
    LayeredSpace,
    sequence_length,
)
from archrank.spaces.transformers.layers import Stack
from archrank.types import Archs, Bools, Floats

if TYPE_CHECKING:
    from archrank.networks.blueprint import Blueprint
    from archrank.networks.transformer import EncoderDecoder
    from archrank.networks.transformer_layers import StackSpec
    from archrank.supernets.base import Supernet
    from archrank.tasks.base import Task


@dataclass(frozen=True)
class Corpus:
    """Vocabularies and sentence lengths that networks are built and counted for.

    Attributes:
        source_vocabulary: source tokens.
        target_vocabulary: target tokens.
        source_length: tokens of the sentence whose MACs are counted.
        target_length: tokens of its translation.
        shared: one embedding for source, target and output.
        qkv_dim: channels that the heads of every attention share, whatever the embedding width.
        padding: source token that nothing attends to; ``None``: there is none.
    """

    source_vocabulary: int
    target_vocabulary: int
    source_length: int
    target_length: int
    shared: bool
    qkv_dim: int = 512
    padding: int | None = field(default=None, repr=False)  # told by the task's own identity


# vocabularies of the standard preparations; lengths that HAT measures latency with; sizes for CPUs
CORPORA = {
    "iwslt": Corpus(8848, 6632, 23, 23, shared=False),
    "wmt": Corpus(32768, 32768, 30, 30, shared=True),
    "small": Corpus(64, 64, 24, 24, shared=False, qkv_dim=64),
}


class TranslationSpace(LayeredSpace):
    """Encoder-decoders; decisions ``enc_*`` and ``dec_*`` as :class:`~archrank.spaces.HAT` has.

    Networks are of :class:`~archrank.networks.transformer.EncoderDecoder`. Their input is the pair
    ``(b, 2, length)`` of source and shifted target, or both apart.

    Args:
        stacks: encoder and decoder; ``*_norm`` and ``*_rpr`` are optional, and ``dec_heads`` may
            stand for both ``dec_self_heads`` and ``dec_cross_heads``.
        corpus: vocabularies and sentence lengths of the published networks.
        embeddings: count embeddings and output layer too; without, as HAT's figures.
        redraw: mutate as HAT does, see :class:`~archrank.spaces.transformers.base.LayeredSpace`.
    """

    drawing = "translation"
    supernet_options = TRANSFORMER_OPTIONS

    def __init__(
        self,
        stacks: Sequence[Stack],
        corpus: Corpus,
        *,
        embeddings: bool = True,
        redraw: bool = False,
    ) -> None:
        super().__init__(stacks, redraw=redraw)
        self.corpus = corpus
        self.embeddings = embeddings

    def fingerprint(self) -> str:
        """Return choices, whether embeddings are shared and counted, and how mutation works."""
        return f"{super().fingerprint()}{self.corpus.shared, self.embeddings, self.redraw}"

    # ---- costs ---------------------------------------------------------------------------------

    def _sizes(self, task: Task | None) -> Corpus:
        """Read ``input_shape`` (2, length) and ``n_outputs`` tokens of a task.

        A task whose source has other tokens tells their number as ``n_sources``.
        """
        if task is None:
            return self.corpus
        length = sequence_length(task, self.name, pair=True)
        source = int(getattr(task, "n_sources", task.n_outputs))
        if self.corpus.shared and source != task.n_outputs:
            raise SpaceError(
                f"{self.name} shares embeddings between source and target; task {task.name!r} has "
                f"{source} and {task.n_outputs} tokens: give it one vocabulary"
            )
        return replace(
            self.corpus,
            source_vocabulary=source,
            target_vocabulary=task.n_outputs,
            source_length=length,
            target_length=length,
            padding=getattr(task, "padding", None),
        )

    def _cost(self, archs: Archs, sizes: Corpus) -> dict[str, Floats]:
        corpus, active = sizes, self.active(archs)
        macs, params = np.zeros(len(archs)), np.zeros(len(archs))
        for side, length in (("enc", corpus.source_length), ("dec", corpus.target_length)):
            exists = active[:, self._columns[f"{side}_ffn"]]  # (n, layers)
            parts = [self._feedforward(archs, side, length)]
            parts.append(self._self_attention(archs, side, length, corpus.qkv_dim))
            if side == "dec":
                parts.append(self._cross_attention(archs, corpus))
            for layer_macs, layer_params in parts:  # (n, layers) each
                macs += (layer_macs * exists).sum(axis=1)
                params += (layer_params * exists).sum(axis=1)
            final_norm = 2 * self.values(archs, f"{side}_embed")[:, 0]
            params += self._pre(archs, side) * final_norm
        if self.embeddings:
            e, d = (self.values(archs, f"{side}_embed")[:, 0] for side in ("enc", "dec"))
            macs += corpus.target_length * d * corpus.target_vocabulary
            if corpus.shared:
                params += corpus.target_vocabulary * np.maximum(e, d)
            else:
                params += corpus.source_vocabulary * e + 2 * corpus.target_vocabulary * d
        return {"macs": macs, "params": params}

    def _feedforward(self, archs: Archs, side: str, length: int) -> tuple[Floats, Floats]:
        """MACs and parameters ``(n, layers)`` of the feed-forward networks, with norm."""
        dim, ffn = self.values(archs, f"{side}_embed"), self.values(archs, f"{side}_ffn")
        weights = 2 * dim * ffn
        return length * weights, weights + ffn + dim + 2 * dim

    def _self_attention(
        self, archs: Archs, side: str, length: int, q: int
    ) -> tuple[Floats, Floats]:
        """MACs and parameters ``(n, 1 or layers)`` of self-attention, with norm."""
        dim = self.values(archs, f"{side}_embed")
        macs = length * 4 * dim * q + 2 * length**2 * q
        params = 4 * dim * q + 3 * q + dim + 2 * dim
        if f"{side}_rpr" in self._columns:  # keys and values of every distance, one set for heads
            distances = 2 * self.values(archs, f"{side}_rpr") + 1
            macs = macs + 2 * length * distances * q
            params = params + 2 * distances * (q / self.values(archs, f"{side}_heads"))
        return macs, params

    def _cross_attention(self, archs: Archs, sizes: Corpus) -> tuple[Floats, Floats]:
        """MACs and parameters ``(n, layers)`` of attention to the encoder, with norm."""
        e, d = self.values(archs, "enc_embed"), self.values(archs, "dec_embed")
        length, q = sizes.target_length, sizes.qkv_dim
        memory = sizes.source_length * self.values(archs, "dec_arbitrary")  # (n, layers)
        macs = length * 2 * d * q + memory * 2 * e * q + 2 * length * memory * q
        return macs, 2 * (d + e) * q + 3 * q + d + 2 * d

    def _pre(self, archs: Archs, side: str) -> Bools:
        """Mark the stacks that are pre-norm, option 0 of the decision: ``(n,)``."""
        if f"{side}_norm" not in self._columns:
            return np.zeros(len(archs), dtype=bool)
        pre: Bools = self.values(archs, f"{side}_norm")[:, 0] == 0
        return pre

    # ---- networks ------------------------------------------------------------------------------

    def _build(self, arch: NDArray[np.uint8], sizes: Corpus) -> EncoderDecoder:
        return self._blueprint(arch, sizes).build()

    def _blueprint(self, arch: NDArray[np.uint8], sizes: Corpus) -> Blueprint[EncoderDecoder]:
        return self._network(self._stacks(arch, sizes), sizes)

    def _network(self, stacks: tuple[StackSpec, ...], sizes: Corpus) -> Blueprint[EncoderDecoder]:
        """Make a network of these stacks, encoder and decoder."""
        from archrank.networks.blueprint import Blueprint
        from archrank.networks.transformer import EncoderDecoder

        options = {
            "shared": sizes.shared,
            "sinusoidal": "enc_rpr" not in self._columns,  # relative positions replace these
            "pad": sizes.padding,
        }
        vocabularies = sizes.source_vocabulary, sizes.target_vocabulary
        return Blueprint(EncoderDecoder, (*stacks, *vocabularies), options)

    def _supernet(self, sizes: Corpus, **options: Any) -> Supernet:
        from archrank.supernets.transformers import TransformerSupernet

        return TransformerSupernet(
            self,
            self._network((self._widest("enc", sizes), self._widest("dec", sizes)), sizes).build(),
            stacks=lambda arch: self._stacks(arch, sizes),
            build=lambda stacks: self._network(stacks, sizes).build(),
            **options,
        )

    def _stacks(self, arch: NDArray[np.uint8], sizes: Corpus) -> tuple[StackSpec, ...]:
        """Return the settings of encoder and decoder of ``arch: (d,)``."""
        return tuple(self._stack(arch[None], side, sizes) for side in ("enc", "dec"))

    def _stack(self, archs: Archs, side: str, sizes: Corpus) -> StackSpec:
        from archrank.networks.transformer_layers import LayerSpec, StackSpec

        def per_layer(name: str, otherwise: int = 0) -> list[int]:
            if name not in self._columns:
                return [otherwise] * depth
            return [int(value) for value in self.values(archs, name)[0]]

        dim, depth = (int(self.values(archs, f"{side}_{x}")[0, 0]) for x in ("embed", "layers"))
        ffn, relative = per_layer(f"{side}_ffn"), per_layer(f"{side}_rpr")
        heads, cross = (per_layer(name) for name in self._heads(side))
        sources, pre = per_layer(f"{side}_arbitrary", 1), bool(self._pre(archs, side)[0])
        layers = [
            LayerSpec(dim, ffn[i], heads[i], cross[i], sources[i], relative[i], sizes.qkv_dim, pre)
            for i in range(depth)
        ]
        return StackSpec(tuple(layers))

    def _heads(self, side: str) -> tuple[str, str]:
        """Name the decisions on the heads of self-attention and of attention to the encoder."""
        one = f"{side}_heads"
        if one in self._columns:
            return one, one if side == "dec" else ""
        return f"{side}_self_heads", f"{side}_cross_heads"

    def _widest(self, side: str, sizes: Corpus) -> StackSpec:
        """Return settings whose weights hold those of every option: the fewest heads are widest."""
        from archrank.networks.transformer_layers import LayerSpec, StackSpec

        def options(name: str) -> list[int]:
            known = name in self._columns
            return [int(o) for o in self.choices[self.starts[name]].options] if known else [0]

        heads, cross = (min(options(name)) for name in self._heads(side))
        dim, ffn, relative = (max(options(f"{side}_{x}")) for x in ("embed", "ffn", "rpr"))
        pre = f"{side}_norm" in self._columns
        layer = LayerSpec(dim, ffn, heads, cross, 1, relative, sizes.qkv_dim, pre)
        return StackSpec((layer,) * max(options(f"{side}_layers")))
