"""Architecture numbers of TuNAS (Bender et al., CVPR 2020) for the ProxylessNAS space.

TuNAS numbers the operations of a block by expansion first: 0, 1, 2 are kernels 3, 5, 7 at expansion
3, then 3, 4, 5 at expansion 6, and 6 skips. Its *flat* strings hold one such number per block
(``1:0:6:6:...``); its *collapsed* strings hold every choice of the model, of which AceNAS reads a
triple (kernel, expansion, skip) per block.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from archrank.errors import ArchitectureError

TRIPLES = (3, 6, 9, 12, 16, 19, 22, 25, 29, 32, 35, 38, 42, 45, 48, 51, 55, 58, 61, 64, 68)
"""Where the triples of the 21 blocks start in a collapsed string."""
COLLAPSED = TRIPLES[-1] + 3  # numbers that must be there; those behind them are not read
SKIP = 6

NAMED = {  # flat numbers of published networks (TuNAS model archive; AceNAS, Table 8)
    "ProxylessNAS-mobile": "1:0:6:6:2:0:1:1:5:1:1:1:4:1:1:1:5:5:2:2:5",
    "AceNAS-M1": "3:0:6:6:1:0:6:1:3:6:1:6:5:3:3:2:5:5:2:2:5",
}


def checked_numbers(ids: NDArray[Any]) -> NDArray[np.intp]:
    """Flat numbers ``(n, 21)``, checked.

    Raises:
        ArchitectureError: wrong shape, no integers, a number out of range.
    """
    if ids.ndim != 2 or ids.shape[1] != len(TRIPLES) or not np.issubdtype(ids.dtype, np.integer):
        raise ArchitectureError(
            f"TuNAS numbers are integers of shape (n, {len(TRIPLES)}), got {ids.dtype} {ids.shape}"
        )
    if ((ids < 0) | (ids > SKIP)).any():
        raise ArchitectureError(f"TuNAS numbers are 0..{SKIP}, got {ids.min()}..{ids.max()}")
    return ids.astype(np.intp)


def flat_numbers(text: str, n: int) -> list[int]:
    """The 21 flat numbers of an index string, flat or collapsed.

    Args:
        text: numbers separated by ``:``.
        n: which architecture it is, for messages.

    Raises:
        ArchitectureError: another number of parts, something else than a number, out of range.
    """
    parts = [part.strip() for part in text.split(":")]
    known = len(parts) == len(TRIPLES) or len(parts) >= COLLAPSED
    if not known or not all(part.isdecimal() for part in parts):
        raise ArchitectureError(
            f"architecture {n}: an index string has {len(TRIPLES)} flat or at least {COLLAPSED} "
            f"collapsed numbers, got {len(parts)} parts in {text!r}"
        )
    numbers = [int(part) for part in parts]
    if len(parts) == len(TRIPLES):
        if max(numbers) > SKIP:
            raise ArchitectureError(
                f"architecture {n}: flat numbers are 0..{SKIP}, got {max(numbers)} in {text!r}"
            )
        return numbers
    flat = []
    for start in TRIPLES:
        kernel, expand, skip = numbers[start : start + 3]
        if kernel > 2 or expand > 1 or skip > 1:
            raise ArchitectureError(
                f"architecture {n}: kernel 0..2, expansion 0..1 and skip 0..1 are expected at "
                f"numbers {start}..{start + 2}, got {kernel}, {expand}, {skip} in {text!r}"
            )
        flat.append(SKIP if skip else 3 * expand + kernel)
    return flat
