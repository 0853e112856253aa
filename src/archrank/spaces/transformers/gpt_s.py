"""HW-GPT-Bench's spaces (Sukthanker et al., NeurIPS 2024): causal language models on OpenWebText.

GPT-S, and below it GPT-M and GPT-L, which differ in widths, depths and heads alone. The network
follows from the benchmark's published parameter and MAC counts, which it meets exactly for all
10,000 published architectures of GPT-S: heads of 64 channels, a gated feed-forward network (three
matrices), two biased layer norms per block and one at the end, 50,254 tokens, separate input and
output matrices, the bias switch on the blocks' linear layers alone. What no count shows follows the
benchmark's published configuration: rotary positions on half of each head, attention and
feed-forward network side by side. Disagreement: that configuration names a plain two-matrix network
and shared embeddings, which the published counts exclude; the counts decide here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from archrank.errors import ArchitectureError
from archrank.spaces.base import Choice
from archrank.spaces.transformers.base import DROPOUTS, LayeredSpace, TokenSizes, token_sizes
from archrank.spaces.transformers.layers import Stack
from archrank.types import Archs, Floats

if TYPE_CHECKING:
    from archrank.networks.blueprint import Blueprint
    from archrank.networks.language_models import GPT
    from archrank.networks.transformer_layers import StackSpec
    from archrank.supernets.base import Supernet
    from archrank.tasks.base import Task

PUBLISHED = TokenSizes(length=1024, vocabulary=50_254)
TABLE_TOKENS = 8 * 1024  # of the published MACs: 8 sequences


class GPTS(LayeredSpace):
    """The GPT-S space: 1.9e12 networks, 27 genes.

    Networks are of :class:`~archrank.networks.language_models.GPT`, on sequences ``(b, length)`` of
    tokens. The string form, for the ``arch`` column of a table, is
    ``embed_dim=384,bias=0,n_layer=10,n_head=4-4-12-...,mlp_ratio=2-2-3-...`` with one value per
    layer; :meth:`from_columns` reads the published table's columns.

    MACs count every matrix product of one sequence, attention over its full square; the published
    column is :meth:`published_macs`.

    Args:
        redraw: mutation may redraw the same value, as in HAT's evolution.

    Example:
        >>> space = GPTS()
        >>> arch = space.from_columns(
        ...     ["384"], ["10"], ["4-4-12-8-12-4-4-12-4-4"], ["2-2-3-2-4-3-4-3-4-4"], ["0"]
        ... )
        >>> int(space.cost(arch)["params"][0])
        59009280
        >>> space.format(arch)[0][:30]
        'embed_dim=384,bias=0,n_layer=1'
    """

    name = "gpt_s"
    drawing = "gpt_s"
    supernet_options = DROPOUTS
    supernet_recipe = "transformer_small"
    head_dim = 64
    widths: tuple[int, ...] = (192, 384, 768)
    depths: tuple[int, ...] = (10, 11, 12)
    heads: tuple[int, ...] = (4, 8, 12)

    def __init__(self, *, redraw: bool = False) -> None:
        stack = Stack(
            (Choice("embed_dim", self.widths), Choice("bias", (0, 1))),
            Choice("n_layer", self.depths),
            (Choice("n_head", self.heads), Choice("mlp_ratio", (2, 3, 4))),
        )
        super().__init__((stack,), redraw=redraw)

    def from_columns(
        self,
        embed_dim: Sequence[object],
        n_layer: Sequence[object],
        n_head: Sequence[object],
        mlp_ratio: Sequence[object],
        bias: Sequence[object],
    ) -> Archs:
        """Rows ``(n, 27)`` of the published columns, one entry per architecture.

        Args:
            embed_dim: widths.
            n_layer: depths.
            n_head: heads per layer, joined by ``-``: strings.
            mlp_ratio: feed-forward width over ``embed_dim`` per layer, likewise.
            bias: 0 or 1.

        Raises:
            ArchitectureError: columns of different lengths, or an entry that is none of the space.
        """
        columns = (embed_dim, bias, n_layer, n_head, mlp_ratio)
        counts = [len(column) for column in columns]
        if len(set(counts)) != 1:
            raise ArchitectureError(
                "columns must have one entry per architecture; embed_dim, bias, n_layer, n_head, "
                f"mlp_ratio have {', '.join(map(str, counts))}"
            )
        return self.parse(
            [
                f"embed_dim={e},bias={b},n_layer={depth},n_head={heads},mlp_ratio={ratios}"
                for e, b, depth, heads, ratios in zip(*columns, strict=True)
            ]
        )

    def fingerprint(self) -> str:
        """Return choices, and how mutation works."""
        return f"{super().fingerprint()}{(self.redraw,)}"

    # ---- costs ---------------------------------------------------------------------------------

    def _sizes(self, task: Task | None) -> TokenSizes:
        return token_sizes(task, self.name, PUBLISHED)

    def _cost(self, archs: Archs, sizes: TokenSizes) -> dict[str, Floats]:
        dim, bias, depth, heads, ratios = self._totals(archs)
        inside = self.head_dim * heads  # channels of all heads of all layers
        norms = 4 * dim * depth + 2 * dim
        biases = bias * (3 * inside + 2 * ratios * dim + 2 * dim * depth)
        weights = self._weights(archs, sizes.vocabulary)
        return {
            "macs": sizes.length * weights + 2 * sizes.length**2 * inside,
            "params": weights + sizes.vocabulary * dim + norms + biases,
        }

    def published_macs(self, archs: Archs) -> Floats:
        """The published ``macs`` column, ``(n,)``: 8 x 1,024 tokens, without attention's products.

        The benchmark's counter does not see the products of queries, keys and values.
        """
        return TABLE_TOKENS * self._weights(archs, PUBLISHED.vocabulary)

    def _totals(self, archs: Archs) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        """Width, bias, depth, and heads and ratios summed over layers: five ``(n,)``."""
        exists = self.active(archs)[:, self._columns["n_head"]]  # (n, layers)
        dim, bias, depth = (self.values(archs, c)[:, 0] for c in ("embed_dim", "bias", "n_layer"))
        heads, ratios = (
            (self.values(archs, c) * exists).sum(axis=1) for c in ("n_head", "mlp_ratio")
        )
        return dim, bias, depth, heads, ratios

    def _weights(self, archs: Archs, vocabulary: int) -> Floats:
        """Entries of all matrices that multiply tokens, output included: ``(n,)``."""
        dim, _, _, heads, ratios = self._totals(archs)
        return 4 * dim * self.head_dim * heads + 3 * dim**2 * ratios + vocabulary * dim

    # ---- networks ------------------------------------------------------------------------------

    def _build(self, arch: NDArray[np.uint8], sizes: TokenSizes) -> GPT:
        return self._blueprint(arch, sizes).build()

    def _blueprint(self, arch: NDArray[np.uint8], sizes: TokenSizes) -> Blueprint[GPT]:
        from archrank.networks.blueprint import Blueprint
        from archrank.networks.language_models import GPT

        return Blueprint(GPT, (self._stack_of(arch), sizes.vocabulary))

    def _supernet(self, sizes: TokenSizes, **options: Any) -> Supernet:
        from archrank.networks.language_models import GPT
        from archrank.supernets.transformers import TransformerSupernet

        (stack,) = self.stacks
        dim = max(map(int, stack.shared[0].options))
        heads, ratio = (max(map(int, choice.options)) for choice in stack.layers)
        widest = self._stack(dim, [(heads, ratio)] * stack.deepest, bias=True)
        return TransformerSupernet(
            self,
            GPT(widest, sizes.vocabulary),
            stacks=lambda arch: (self._stack_of(arch),),
            build=lambda stacks: GPT(stacks[0], sizes.vocabulary),
            **options,
        )

    def _stack_of(self, arch: NDArray[np.uint8]) -> StackSpec:
        """Return the settings of the layers of ``arch: (d,)``."""
        archs = arch[None]
        dim, bias, depth = (
            int(self.values(archs, c)[0, 0]) for c in ("embed_dim", "bias", "n_layer")
        )
        heads, ratios = (
            self.values(archs, c)[0, :depth].astype(int).tolist() for c in ("n_head", "mlp_ratio")
        )
        return self._stack(dim, list(zip(heads, ratios, strict=True)), bias=bool(bias))

    def _stack(self, dim: int, layers: Sequence[tuple[int, int]], *, bias: bool) -> StackSpec:
        """Return the settings of layers of given heads and feed-forward ratios."""
        from archrank.networks.transformer_layers import LayerSpec, StackSpec

        head_dim = self.head_dim
        specs = [
            LayerSpec(
                dim,
                ratio * dim,
                heads,
                qkv_dim=heads * head_dim,
                pre=True,
                rotary=head_dim // 2,  # half of the channels, as published
                bias=bias,
            )
            for heads, ratio in layers
        ]
        return StackSpec(tuple(specs), scale=1.0)


class GPTM(GPTS):
    """The GPT-M space: 5.4e23 networks of 22 to 24 layers, 51 genes; else as :class:`GPTS`.

    Example:
        >>> GPTM().d, f"{GPTM().size:.1e}"
        (51, '5.4e+23')
    """

    name = "gpt_m"
    widths = (256, 512, 1024)
    depths = (22, 23, 24)
    heads = (8, 12, 16)


class GPTL(GPTS):
    """The GPT-L space: 1.5e35 networks of 34 to 36 layers, 75 genes; else as :class:`GPTS`.

    Example:
        >>> GPTL().d, f"{GPTL().size:.1e}"
        (75, '1.5e+35')
    """

    name = "gpt_l"
    widths = (320, 640, 1280)
    depths = (34, 35, 36)
    heads = (8, 16, 20)
