"""CRC-32C of many byte strings at once (Castagnoli polynomial, RFC 3720, section 12.1).

A CRC is linear over GF(2): the register after a message is the exclusive or of the contributions of
its bytes, and a contribution depends only on the byte and on the number of bytes that follow it.
The checksums of thousands of records therefore need one look-up per byte and one reduction per
record.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from archrank.types import Ints

POLYNOMIAL = 0x82F63B78  # reflected
ONES = 0xFFFFFFFF
MASK_DELTA = 0xA282EAD8  # of TFRecord

Words = NDArray[np.uint32]


def crc32c(data: NDArray[np.uint8], starts: Ints, lengths: Ints) -> Words:
    """Compute the checksums of slices ``data[start : start + length]``: ``(n,)``.

    Args:
        data: Bytes, ``(m,)``.
        starts: ``(n,)``.
        lengths: ``(n,)``, each at least 1.

    Example:
        >>> import numpy as np
        >>> text = np.frombuffer(b"123456789", dtype=np.uint8)
        >>> hex(crc32c(text, np.array([0]), np.array([9]))[0])
        '0xe3069283'
    """
    if not len(starts):
        return np.empty(0, dtype=np.uint32)
    effects, ones = _tables(1 << int(lengths.max() - 1).bit_length())
    ends = np.cumsum(lengths)
    begins = ends - lengths
    each = np.arange(ends[-1])
    following = np.repeat(ends - 1, lengths) - each  # bytes after this one in its slice
    found = data[np.repeat(starts - begins, lengths) + each]
    registers: Words = np.bitwise_xor.reduceat(effects[following, found], begins)
    return registers ^ ones[lengths] ^ np.uint32(ONES)


def masked(checksums: Words) -> Words:
    """Convert checksums to the form stored in TFRecord files: rotated, plus a constant."""
    turned = (checksums >> np.uint32(15)) | (checksums << np.uint32(17))
    return turned + np.uint32(MASK_DELTA)


@lru_cache(maxsize=16)
def _tables(length: int) -> tuple[Words, Words]:
    """Tabulate the contributions of bytes, and of the register's initial value.

    Returns:
        ``(length, 256)``: contribution of each byte that is followed by ``k`` others; and
        ``(length + 1,)``: the register, initially all ones, after ``k`` zero bytes.
    """
    step = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        step = np.where(step & 1, (step >> 1) ^ np.uint32(POLYNOMIAL), step >> 1)
    effects = np.empty((length, 256), dtype=np.uint32)
    ones = np.empty(length + 1, dtype=np.uint32)
    effects[0], ones[0] = step, ONES
    for k in range(1, length):
        effects[k] = (effects[k - 1] >> 8) ^ step[effects[k - 1] & 0xFF]
    for k in range(length):
        ones[k + 1] = (ones[k] >> 8) ^ step[ones[k] & 0xFF]
    return effects, ones
