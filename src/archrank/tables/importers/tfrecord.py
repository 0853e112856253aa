"""Reading of TFRecord files: byte strings with lengths and checksums, read in blocks.

A record is its length (8 bytes, little-endian), the masked CRC-32C of these 8 bytes, the payload,
and the payload's masked CRC-32C.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from archrank.errors import TableError
from archrank.tables.importers.crc32c import crc32c, masked
from archrank.types import Ints, ProgressCallback

BLOCK = 1 << 21  # bytes read at once
LONGEST = 1 << 13  # bytes; no benchmark of architectures has longer payloads
HEADER, FOOTER = 12, 4
_LENGTH = struct.Struct("<Q")
REMEDY = "download it again"


def read_records(
    path: Path, *, progress: ProgressCallback = lambda done, of: None
) -> Iterator[list[bytes]]:
    """Yield payloads in file order, some thousands at a time, after verifying their checksums.

    Args:
        path: The file.
        progress: Called with the bytes read and the size of the file.

    Raises:
        TableError: The file is not a TFRecord file, damaged or truncated; names the record.
    """
    size, read, number = path.stat().st_size, 0, 0
    if not size:
        raise TableError(f"{path} is empty; {REMEDY}")
    progress(0, size)
    rest = b""
    with open(path, "rb") as file:
        while True:
            more = file.read(BLOCK)
            read += len(more)
            block = rest + more
            starts, lengths, at = _frames(block)
            data = np.frombuffer(block, dtype=np.uint8)
            _verify(path, data, starts, lengths, number)
            number += len(starts)
            rest = block[at:]
            _check_next(path, rest, number, last=not more)
            if len(starts):
                ends = (starts + lengths).tolist()
                yield [block[i:j] for i, j in zip(starts.tolist(), ends, strict=True)]
            progress(read, size)
            if not more:
                return


def _frames(block: bytes) -> tuple[Ints, Ints, int]:
    """Find the starts and lengths of complete payloads, and the start of the next record."""
    starts, lengths = [], []
    at, end = 0, len(block)
    while at + HEADER <= end:
        (length,) = _LENGTH.unpack_from(block, at)
        after = at + HEADER + length + FOOTER
        if not 0 < length <= LONGEST or after > end:
            break
        starts.append(at + HEADER)
        lengths.append(length)
        at = after
    return np.array(starts, dtype=np.int64), np.array(lengths, dtype=np.int64), at


def _verify(path: Path, data: NDArray[np.uint8], starts: Ints, lengths: Ints, number: int) -> None:
    """Verify both checksums of every record; ``number`` is the number of the first record.

    Raises:
        TableError: A checksum is wrong; names the first such record.
    """
    eights = np.full(len(starts), _LENGTH.size)
    of_lengths = _stored(data, starts - FOOTER) == masked(crc32c(data, starts - HEADER, eights))
    _refuse(path, of_lengths, number, "length")
    of_payloads = _stored(data, starts + lengths) == masked(crc32c(data, starts, lengths))
    _refuse(path, of_payloads, number, "contents")


def _refuse(path: Path, right: NDArray[np.bool_], number: int, what: str) -> None:
    if not right.all():
        record = number + int(np.argmin(right))
        if record == 0 and what == "length":
            raise TableError(
                f"{path} is not a TFRecord file: its first checksum is wrong; {REMEDY}"
            )
        raise TableError(
            f"{path}, record {record}: damaged, the checksum of its {what} is wrong; {REMEDY}"
        )


def _stored(data: NDArray[np.uint8], at: Ints) -> NDArray[np.uint32]:
    """Read little-endian 32-bit words at positions ``at: (n,)`` -> ``(n,)``."""
    words: NDArray[np.uint32] = data[at[:, None] + np.arange(4)].view("<u4")[:, 0]
    return words


def _check_next(path: Path, rest: bytes, number: int, *, last: bool) -> None:
    """Refuse an incomplete record at the end of the file, and an impossible length.

    Raises:
        TableError: There is one; names the record.
    """
    if len(rest) >= HEADER:
        header = np.frombuffer(rest[:HEADER], dtype=np.uint8)
        at = np.array([0])
        right = _stored(header, at + _LENGTH.size) == masked(crc32c(header, at, at + _LENGTH.size))
        _refuse(path, right, number, "length")
        (length,) = _LENGTH.unpack_from(rest)
        if not 0 < length <= LONGEST:
            raise TableError(
                f"{path}, record {number}: {length} bytes, expected 1 to {LONGEST}; is it a file "
                "of architectures?"
            )
    if last and rest:
        if number == 0 and len(rest) < HEADER:
            raise TableError(f"{path} is not a TFRecord file: it has {len(rest)} bytes")
        raise TableError(f"{path}, record {number}: the file ends within it; {REMEDY}")
