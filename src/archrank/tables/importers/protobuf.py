"""Protocol buffer wire format, limited to what records of measurements use.

A message is a sequence of fields; a field is a key (number and wire type, one varint) and a value:
a varint, 8 bytes, a length and that many bytes, or 4 bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

VARINT, DOUBLE, BYTES, FLOAT = 0, 1, 2, 5  # wire types; the fixed ones are read as floats
_DOUBLE, _FLOAT = struct.Struct("<d"), struct.Struct("<f")
LONGEST_VARINT = 10  # bytes, for 64 bits

Value = int | float | bytes


def fields(message: bytes) -> Iterator[tuple[int, Value]]:
    """Yield numbers and values of a message's fields, in stored order.

    Raises:
        ValueError: The message ends within a field, or has a field of an unknown type.

    Example:
        >>> list(fields(bytes([0x08, 0x96, 0x01, 0x12, 0x02, 0x68, 0x69])))
        [(1, 150), (2, b'hi')]
    """
    at, end = 0, len(message)
    while at < end:
        key, at = varint(message, at)
        number, wire = key >> 3, key & 7
        value: Value
        if wire == VARINT:
            value, at = varint(message, at)
        elif wire in (DOUBLE, FLOAT):
            fixed = _DOUBLE if wire == DOUBLE else _FLOAT
            _check_end(at + fixed.size, end, number)
            (value,) = fixed.unpack_from(message, at)
            at += fixed.size
        elif wire == BYTES:
            length, at = varint(message, at)
            _check_end(at + length, end, number)
            value = message[at : at + length]
            at += length
        else:
            raise ValueError(f"field {number} has the unknown wire type {wire}")
        if number == 0:
            raise ValueError("a field has number 0")
        yield number, value


def varint(message: bytes, at: int) -> tuple[int, int]:
    """Read the number that starts at byte ``at``, seven bits per byte, lowest first.

    Returns:
        The number, and the position after its last byte.

    Raises:
        ValueError: The message ends before the number, or it has more than 64 bits.
    """
    value = 0
    for k, byte in enumerate(message[at : at + LONGEST_VARINT]):
        value |= (byte & 0x7F) << 7 * k
        if byte < 0x80:
            if value >= 1 << 64:
                break
            return value, at + k + 1
    raise ValueError(f"the number at byte {at} does not end within 64 bits")


def _check_end(stop: int, end: int, number: int) -> None:
    if stop > end:
        raise ValueError(f"field {number} runs {stop - end} bytes past the end")
