"""German to English: dates, times, numbers, money, units and names from Babel's locale data."""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from itertools import islice
from typing import Any

import numpy as np

from archrank.checks import whole
from archrank.errors import DataError, SettingsError
from archrank.tasks.base import Splits
from archrank.tasks.cache import Arrays, cached
from archrank.tasks.text.base import builtin_recipe
from archrank.tasks.text.phrases import Pair, Phrases, babel_version
from archrank.tasks.text.translation import Translation, pairs
from archrank.tasks.text.vocabulary import BEGIN, END, PAD, Characters, digest_of
from archrank.training.recipe import Recipe

ALPHABET = Characters(
    string.digits + string.ascii_letters + " %&'()+,-./:–" + "$£€¥₹°²" + "äöüÄÖÜßáçéíóúñãåèôõ’"
)
MADE = 1  # version of how the phrases are made, part of the cache's key
TRIES = 40  # phrases that are drawn for each one that is wanted, at most


@dataclass(frozen=True)
class Dates(Translation):
    """Translate German phrases to English: dates, times, numbers, money, units and names.

    The phrases are made from the locale data of Babel (extra ``text``), see
    :mod:`archrank.tasks.text.phrases`: "am 3. März 2027 um 14:05 Uhr" becomes "at 2:05 PM on March
    3, 2027". Days, months, currencies and units change places between the languages, so networks
    must align, copy, translate and reorder. Tokens are characters, one vocabulary for both sides.

    No source and no target occurs twice, so nothing held out was seen in training. Other versions
    of Babel may write other phrases, so a digest of them is part of the identity.

    Attributes:
        input_shape: ``(2, length)``: characters of the longest phrase of either side, and one for
            its begin or end. Longer phrases are left out.
        pairs: Number of pairs to train with.
        held_out: Number of pairs to validate with, and to test with.
        seed: Seed of the phrases.
    """

    recipe: Recipe = field(default_factory=partial(builtin_recipe, 4))
    vocabulary: int = field(default=ALPHABET.size, init=False)
    padding: int | None = field(default=PAD, init=False)
    source_vocabulary: int = field(default=0, init=False)
    input_shape: tuple[int, ...] = (2, 48)
    pairs: int = 20_000
    held_out: int = 1_000
    seed: int = 0

    name = "dates"

    def __post_init__(self) -> None:
        for name in ("pairs", "held_out"):
            whole(getattr(self, name), f"task dates: {name}", at_least=1, error=SettingsError)
        whole(self.seed, "task dates: seed", at_least=0, error=SettingsError)

    def load(self) -> Splits:
        """Return the pairs to train with, to validate with and to test with.

        Raises:
            MissingExtraError: Babel is not installed.
            DataError: There are not so many different phrases of that length.
        """
        return _load(self.input_shape[-1], self.pairs, self.held_out, self.seed)[0]

    def identity(self) -> dict[str, Any]:
        """Return the settings, and a digest of all phrases."""
        digest = _load(self.input_shape[-1], self.pairs, self.held_out, self.seed)[1]
        return super().identity() | {"text": digest}

    def text_of(self, tokens: Sequence[int]) -> str:
        """Return the text of source or target tokens."""
        return ALPHABET.decode(tokens)


@lru_cache(maxsize=4)
def _load(length: int, n: int, held_out: int, seed: int) -> tuple[Splits, str]:
    """Return the pairs, made or read from the cache, and their digest."""
    key = {"made": MADE, "babel": babel_version(), "seed": seed}
    key |= {"length": length, "n": n + 2 * held_out, "alphabet": ALPHABET.digest}
    found = cached("dates", key, lambda: _make(length, n + 2 * held_out, seed))
    lines = found["pairs"].tobytes().decode().split("\n")
    sources, targets = (
        [ALPHABET.encode(line) for line in side] for side in (lines[::2], lines[1::2])
    )
    edges = (slice(0, n), slice(n, n + held_out), slice(n + held_out, None))
    special = {"begin": BEGIN, "end": END, "padding": PAD}
    splits = Splits(*(pairs(sources[part], targets[part], **special) for part in edges))
    return splits, digest_of(found["pairs"].tobytes())


def _make(length: int, n: int, seed: int) -> Arrays:
    """Return different pairs, a line for each side, as UTF-8."""
    known = frozenset(ALPHABET.tokens)
    sources: dict[str, str] = {}
    targets: set[str] = set()
    for pair in islice(Phrases(np.random.default_rng(seed)), TRIES * n):
        source, target = _plain(pair)
        longest = max(len(source), len(target))
        if longest >= length or source in sources or target in targets:
            continue
        if known.issuperset(source) and known.issuperset(target):
            sources[source] = target
            targets.add(target)
        if len(sources) == n:
            text = "\n".join(f"{source}\n{target}" for source, target in sources.items())
            return {"pairs": np.frombuffer(text.encode(), dtype=np.uint8)}
    raise DataError(
        f"task dates: of {TRIES * n:,} phrases only {len(sources):,} are different and have fewer "
        f"than {length} characters, {n:,} are wanted; choose fewer pairs or a longer input_shape"
    )


def _plain(pair: Pair) -> Pair:
    """Return both sides with plain spaces, of which Babel has several kinds."""
    source, target = (" ".join(side.split()) for side in pair)
    return source, target
