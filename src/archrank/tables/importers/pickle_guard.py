"""Bounds on what a pickle may ask memory for, checked before the unpickler sees the bytes.

Python's unpickler believes sizes: nine bytes that name place 2^31 of its memo make it allocate 32
gigabytes. :class:`GuardedFile` reads along: it finds the opcodes in whatever the unpickler reads,
and raises an error at the first one that asks for more than the bytes before it can justify. (A
``ValueError``: the unpickler calls its own kind of error an early end of the file.)
"""

from __future__ import annotations

import io
import pickletools
import re

LONGEST = 1 << 30  # bytes of one string; official files have none beyond some kilobytes
LONGEST_LINE = 1 << 20  # bytes of a number or a name in digits and letters
PIECE = 1 << 20  # bytes read at once, so that memory grows with what there is
CHUNK = 1 << 16  # bytes looked at once
LINES = {"i": 2, "c": 2}  # opcodes whose argument is two lines; one line for others


def _sizes() -> tuple[dict[int, int], dict[int, int], dict[int, int]]:
    """Return bytes after each opcode: fixed, of a length that follows, or a number of lines."""
    fixed, lengths, lines = {}, {}, {}
    for op in pickletools.opcodes:
        code = ord(op.code)
        n = 0 if op.arg is None else op.arg.n
        if n >= 0:
            fixed[code] = n
        elif n == pickletools.UP_TO_NEWLINE:
            lines[code] = LINES.get(op.code, 1)
        else:
            lengths[code] = {
                pickletools.TAKEN_FROM_ARGUMENT1: 1,
                pickletools.TAKEN_FROM_ARGUMENT4: 4,
                pickletools.TAKEN_FROM_ARGUMENT4U: 4,
                pickletools.TAKEN_FROM_ARGUMENT8U: 8,
            }[n]
    return fixed, lengths, lines


FIXED, LENGTHS, LINED = _sizes()
STOP, LONG_BINPUT, PUT = ord("."), ord("r"), ord("p")


def _pattern() -> re.Pattern[bytes]:
    """Return a pattern of any number of opcodes that need no look: most of any pickle.

    Memo places below 2^22 are among them; their memo takes 64 megabytes at most.
    """
    by_size: dict[int, bytes] = {}
    for code, n in FIXED.items():
        if code not in (STOP, LONG_BINPUT):
            by_size[n] = by_size.get(n, b"") + re.escape(bytes([code]))
    kinds = [b"[" + codes + b"]" + b"." * n for n, codes in sorted(by_size.items())]
    return re.compile(b"(?:" + b"|".join([*kinds, rb"r..[\x00-\x3f]\x00"]) + b")*", re.DOTALL)


UNSUSPICIOUS = _pattern()


class Opcodes:
    """Follows the opcodes of one pickle through its bytes, piece by piece."""

    def __init__(self) -> None:
        self.stopped = False
        self._seen = 0
        self._skip = 0  # bytes of an argument that are still to come
        self._rest = b""  # beginning of an opcode whose argument is still to come

    def feed(self, data: bytes) -> None:
        """Check the next bytes.

        Raises:
            ValueError: an opcode asks for too much.
        """
        for start in range(0, len(data), CHUNK):
            if self.stopped:
                return
            self._feed(self._rest + data[start : start + CHUNK])

    def _feed(self, data: bytes) -> None:
        self._rest = b""
        at = min(self._skip, len(data))
        self._skip -= at
        while at < len(data):
            match = UNSUSPICIOUS.match(data, at)
            at = match.end() if match else at
            if at >= len(data):
                break
            after = self._after(data, at)
            if self.stopped:
                return
            if after is None:
                self._rest = data[at:]
                if len(self._rest) > LONGEST_LINE:
                    raise ValueError(f"a line of more than {LONGEST_LINE:,} bytes")
                break
            self._skip = max(0, after - len(data))
            at = after
        self._seen += len(data) - len(self._rest)

    def _after(self, data: bytes, at: int) -> int | None:
        """Return the end of the opcode at ``at``; ``None`` if its argument is not there yet."""
        code = data[at]
        if code == STOP or not (code in FIXED or code in LENGTHS or code in LINED):
            self.stopped = True  # the unpickler ends here, or refuses the opcode
            return None
        if code in LINED:
            end = at
            for _ in range(LINED[code]):
                end = data.find(b"\n", end + 1)
                if end < 0:
                    return None
            if code == PUT:
                self._check_place(data[at + 1 : end], at)
            return end + 1
        size = LENGTHS.get(code, FIXED.get(code, 0))
        argument = data[at + 1 : at + 1 + size]
        if code in FIXED and code != LONG_BINPUT:
            return at + 1 + size
        if len(argument) < size:
            return None
        number = int.from_bytes(argument, "little")
        if code == LONG_BINPUT:
            self._check_place(str(number).encode(), at)
            return at + 1 + size
        if number > LONGEST:
            raise ValueError(f"a value of {number:,} bytes")
        return at + 1 + size + number

    def _check_place(self, digits: bytes, at: int) -> None:
        """Refuse a place of the memo that lies beyond the bytes so far: each place takes some."""
        seen = self._seen + at
        if not digits.isdigit() or len(digits) > 18 or int(digits) > seen:
            shown = digits[:20].decode("latin-1")
            raise ValueError(f"its memo has a place {shown} after {seen:,} bytes")


class GuardedFile:
    """Passes a pickle on to the unpickler, after it was checked.

    Args:
        file: a buffered file at the beginning of a pickle.
    """

    def __init__(self, file: io.BufferedReader) -> None:
        self._file = file
        self._opcodes = Opcodes()
        self._at = 0  # bytes passed on
        self._checked = 0

    @property
    def passed_on(self) -> int:
        """Number of bytes that were passed on."""
        return self._at

    def peek(self, size: int) -> bytes:
        """Look at the next bytes."""
        data = self._file.peek(size)
        self._check(data)
        return data

    def read(self, size: int) -> bytes:
        """Read ``size`` bytes, fewer at the end of the file."""
        pieces = []
        while size > 0 and (piece := self._file.read(min(size, PIECE))):
            self._pass_on(piece)
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)

    def readline(self) -> bytes:
        """Read up to the end of a line."""
        line = self._file.readline(LONGEST_LINE + 1)
        self._pass_on(line)
        return line

    def _pass_on(self, data: bytes) -> None:
        self._check(data)
        self._at += len(data)

    def _check(self, data: bytes) -> None:
        """Check what is new of ``data``, which begins at the place up to which was passed on."""
        new = self._at + len(data) - self._checked
        if new > 0:
            self._checked += new
            self._opcodes.feed(data[-new:])
