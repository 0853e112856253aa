"""HAT's ten averages over layers as a space of numbers: what its latencies are published for.

Wang et al., "HAT: Hardware-Aware Transformers for Efficient Natural Language Processing", ACL
2020, released latency data: ten numbers of each sub-transformer in place of its 40 genes. Several
architectures share ten averages, and these cost the same: multiply-accumulates and parameters
depend on nothing else.

The published data say little of what runs: it is the decoder, step by step, that takes the time. So
features add four totals over layers to the ten averages, which the default ranker adds linearly.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from archrank.errors import ArchitectureError
from archrank.spaces.base import Choice, Space
from archrank.spaces.moves import redraw
from archrank.spaces.numbers import ORDERED
from archrank.spaces.transformers.hat import HAT, OPTIONS, SCALES
from archrank.spaces.transformers.translation import CORPORA, Corpus
from archrank.types import Archs, Bools, Floats

if TYPE_CHECKING:
    from archrank.networks.blueprint import Blueprint
    from archrank.networks.transformer import EncoderDecoder
    from archrank.tasks.base import Task

DIGITS = 6  # decimals of the published averages
NAMES = (
    *("enc_embed", "enc_layers", "enc_ffn", "enc_heads", "dec_embed", "dec_layers"),
    *("dec_ffn", "dec_self_heads", "dec_cross_heads", "dec_arbitrary"),
)
DEPTH = 5  # column of the number of decoder layers
PER_DECODER = (6, 7, 8, 9)  # columns that are averaged over the decoder's layers


class HATAverages(Space):
    """Ten numbers per architecture of ``HAT("union")``: widths, depths and averages over layers.

    Decisions are ``enc_embed``, ``enc_layers``, ``enc_ffn``, ``enc_heads``, ``dec_embed``,
    ``dec_layers``, ``dec_ffn``, ``dec_self_heads``, ``dec_cross_heads``, ``dec_arbitrary``, in the
    published order; options are all averages that occur. An average is valid if as many layers as
    the architecture has can have it. Features are the ten numbers divided by HAT's constants
    (``ordered``), and four totals (``total``): decoder layers, their feed-forward weights and
    attended encoder layers, and all multiply-accumulates.

    :meth:`of` gives the averages of architectures of HAT's spaces, so a ranker that learnt
    published latencies ranks these. Networks are those of :meth:`member`, one architecture of
    ``HAT("union")`` with these averages.

    Example:
        >>> space, whole = HATAverages(), HAT("union")
        >>> archs = whole.sample(2, rng=np.random.default_rng(0))
        >>> rows = space.of(whole, archs)
        >>> bool((space.cost(rows)["macs"] == whole.cost(archs)["macs"]).all())
        True
    """

    name = "hat_averages"

    def __init__(self) -> None:
        embed, ffn, heads, deep, depths = OPTIONS["union"]
        per_layer = (ffn, heads, heads, (1, 2, 3))  # of the decoder
        self._layers = {  # per averaged decision: {depth: {average: options of the layers}}
            2: {deep: _averages(ffn, deep)},
            3: {deep: _averages(heads, deep)},
            **{
                column: {depth: _averages(options, depth) for depth in depths}
                for column, options in zip(PER_DECODER, per_layer, strict=True)
            },
        }
        plain = {0: embed, 1: (deep,), 4: embed, DEPTH: depths}
        self.choices = tuple(
            Choice(name, tuple(sorted(set().union(*self._layers[j].values()))))
            if j in self._layers
            else Choice(name, tuple(sorted(plain[j])))
            for j, name in enumerate(NAMES)
        )
        self._possible = [  # per decoder average: (depths, options)
            np.stack(
                [
                    np.isin(self.choices[column].options, list(self._layers[column][int(depth)]))
                    for depth in self.choices[DEPTH].options
                ]
            )
            for column in PER_DECODER
        ]

    # ---- rows ----------------------------------------------------------------------------------

    def of(self, space: HAT, archs: Archs) -> Archs:
        """Return the averages of architectures: ``(n, d) -> (n, 10)``.

        Args:
            space: ``HAT("iwslt")``, ``HAT("wmt")`` or ``HAT("union")``.
            archs: architectures of ``space``: ``(n, d)``.

        Raises:
            ArchitectureError: The space has other sizes, such as ``HAT("small")``.
        """
        return self._rows(space.means(space.validate(archs)), space.name)

    def member(self, arch: NDArray[np.uint8]) -> Archs:
        """Return an architecture of ``HAT("union")`` with the averages of ``arch: (10,)``: (40,).

        Raises:
            ArchitectureError: The number of layers cannot have one of the averages.
        """
        values = [
            c.options[k] for c, k in zip(self.choices, self.validate(arch[None])[0], strict=True)
        ]
        parts = []
        for j, (name, value) in enumerate(zip(NAMES, values, strict=True)):
            depth = int(values[1 if j < 4 else DEPTH])
            layers = self._layers[j][depth][float(value)] if j in self._layers else (int(value),)
            parts.append(f"{name}={'-'.join(map(str, layers))}")
        found: Archs = self._whole.parse([",".join(parts)])[0]
        return found

    def _rows(self, numbers: Floats, space: str) -> Archs:
        """Return the options that are ``numbers: (n, 10)``, to 6 decimals."""
        rows = np.zeros(numbers.shape, dtype=np.uint8)
        for j, choice in enumerate(self.choices):
            options = np.array(choice.options, dtype=np.float64)
            rows[:, j] = np.abs(numbers[:, j, None] - options).argmin(axis=1)
            bad = np.abs(numbers[:, j] - options[rows[:, j]]) > 10.0**-DIGITS
            if bad.any():
                row = int(np.argmax(bad))
                raise ArchitectureError(
                    f"architecture {row} of {space}: {choice.name} is {numbers[row, j]:g}, which "
                    "is no average over layers of the options of hat_union"
                )
        return rows

    def valid(self, archs: Archs) -> Bools:
        """Mark rows whose decoder averages are possible with their number of layers: ``(n,)``."""
        possible = [
            table[archs[:, DEPTH], archs[:, column]]
            for column, table in zip(PER_DECODER, self._possible, strict=True)
        ]
        found: Bools = np.all(possible, axis=0)
        return found

    def validate(self, archs: NDArray[np.generic]) -> Archs:
        """Return ``archs`` as ``(n, 10)`` uint8.

        Raises:
            ArchitectureError: Wrong shape, a choice out of range, or an average that the number of
                layers cannot have.
        """
        rows = super().validate(archs)
        valid = self.valid(rows)
        if not valid.all():
            row = int(np.argmin(valid))
            for column, table in zip(PER_DECODER, self._possible, strict=True):
                if not table[rows[row, DEPTH], rows[row, column]]:
                    break
            raise ArchitectureError(
                f"architecture {row}: {self.choices[DEPTH].options[rows[row, DEPTH]]} decoder "
                f"layers cannot have an average {self.choices[column].name} of "
                f"{self.choices[column].options[rows[row, column]]}"
            )
        return rows

    # ---- moving through the space --------------------------------------------------------------

    @cached_property
    def _whole(self) -> HAT:
        return HAT("union")

    def sample(self, n: int, *, rng: np.random.Generator) -> Archs:
        """Draw the averages of ``n`` uniform architectures of ``HAT("union")``: ``(n, 10)``."""
        return self.of(self._whole, self._whole.sample(n, rng=rng))

    def mutate(
        self, archs: Archs, *, rng: np.random.Generator, rate: float | Floats | None = None
    ) -> Archs:
        """Change decisions as every space does, but to valid rows: ``(n, 10)``.

        Invalid mutants are drawn again up to 64 times; then a valid neighbour takes their place.
        """
        rates = None if rate is None else np.broadcast_to(rate, (len(archs), 1))

        def draw(at: NDArray[np.int64]) -> Archs:
            return Space.mutate(self, archs[at], rng=rng, rate=None if rates is None else rates[at])

        mutants = draw(np.arange(len(archs)))
        for i in redraw(mutants, self.valid, draw):
            mutants[i] = rng.choice(self.neighbors(archs[i]))
        return mutants

    def crossover(self, a: Archs, b: Archs, *, rng: np.random.Generator) -> Archs:
        """Take each decision from ``a`` or ``b``; depth and decoder averages from the same one."""
        first = rng.random(a.shape) < 0.5
        first[:, DEPTH + 1 :] = first[:, DEPTH, None]
        return np.where(first, a, b)

    def neighbors(self, arch: NDArray[np.uint8]) -> Archs:
        """All valid rows that differ from ``arch: (d,)`` in exactly one decision."""
        near = super().neighbors(arch)
        return near[self.valid(near)]

    # ---- views ---------------------------------------------------------------------------------

    @cached_property
    def _values(self) -> Floats:
        """The options as numbers: ``(d, most)``."""
        values = np.zeros((self.d, int(self.radices.max())))
        for row, choice in zip(values, self.choices, strict=True):
            row[: len(choice.options)] = choice.options
        return values

    def means(self, archs: Archs) -> Floats:
        """Return the ten numbers: ``(n, 10)``."""
        numbers: Floats = self._values[np.arange(self.d), archs]
        return numbers

    def summary(self, archs: Archs) -> Floats:
        """Return the ten numbers as HAT's latency predictor reads them: ``(n, 10)``."""
        numbers: Floats = self.means(archs) / np.array(SCALES)
        return numbers

    def features(self, archs: Archs) -> NDArray[np.float32]:
        """Return the ten numbers and four totals, each divided by its largest: ``(n, 14)``."""
        numbers = self.summary(archs)
        decoder = numbers[:, DEPTH]
        totals = [
            decoder,
            decoder * numbers[:, 4] * numbers[:, 6],  # layers, width, feed-forward width
            decoder * numbers[:, 0] * numbers[:, 9],  # layers, encoder width, attended layers
            self._cost(archs, CORPORA["wmt"])["macs"] / self._most,
        ]
        return np.column_stack([numbers, *totals]).astype(np.float32)

    @cached_property
    def _most(self) -> float:
        """Multiply-accumulates of the largest architecture."""
        largest = (self.radices - 1).astype(np.uint8)[None]
        return float(self._cost(largest, CORPORA["wmt"])["macs"][0])

    @property
    def feature_names(self) -> tuple[str, ...]:
        """One name per feature, ``group:what``."""
        totals = ("dec_layers", "dec_ffn", "dec_arbitrary", "macs")
        return tuple(f"{ORDERED}:{name}" for name in NAMES) + tuple(f"total:{t}" for t in totals)

    # ---- costs ---------------------------------------------------------------------------------

    def _sizes(self, task: Task | None) -> Corpus:
        return CORPORA["wmt"] if task is None else self._whole._sizes(task)

    def _cost(self, archs: Archs, sizes: Corpus) -> dict[str, Floats]:
        """Costs of ``HAT("union")``, in which every layer adds a linear function of its options."""
        e, enc_layers, enc_ffn, _, d, dec_layers, dec_ffn, _, _, arbitrary = self.means(archs).T
        q, source, target = sizes.qkv_dim, sizes.source_length, sizes.target_length
        macs, params = np.zeros(len(archs)), np.zeros(len(archs))
        stacks = ((e, enc_layers, enc_ffn, source), (d, dec_layers, dec_ffn, target))
        for dim, layers, ffn, length in stacks:
            channels = np.rint(layers * ffn)  # of all layers: a whole number, unlike the average
            macs += length * (2 * dim * channels + layers * (4 * dim * q + 2 * length * q))
            params += (2 * dim + 1) * channels + layers * (4 * dim * q + 3 * q + 6 * dim)
        memory = source * np.rint(dec_layers * arbitrary)  # of all decoder layers
        macs += dec_layers * target * 2 * d * q + memory * (2 * e * q + 2 * target * q)
        params += dec_layers * (2 * (d + e) * q + 3 * q + 3 * d)
        macs += target * d * sizes.target_vocabulary
        params += sizes.target_vocabulary * np.maximum(e, d)
        return {"macs": macs, "params": params}

    def _build(self, arch: NDArray[np.uint8], sizes: Corpus) -> EncoderDecoder:
        return self._blueprint(arch, sizes).build()

    def _blueprint(self, arch: NDArray[np.uint8], sizes: Corpus) -> Blueprint[EncoderDecoder]:
        return self._whole._blueprint(self.member(arch), sizes)


def _averages(options: Sequence[int], depth: int) -> dict[float, tuple[int, ...]]:
    """Return every average of ``depth`` layers, rounded, with options that have it."""
    sums: dict[int, tuple[int, ...]] = {0: ()}
    for _ in range(depth):
        sums = {total + o: (*layers, o) for total, layers in sums.items() for o in options}
    found = {round(total / depth, DIGITS): layers for total, layers in sums.items()}
    return {int(value) if value == int(value) else value: found[value] for value in found}
