"""Bounded reading of compressed files: a small file may unpack to more than any memory holds.

A limit leaves room for real files, which shrink to a tenth or so: :data:`ALWAYS` bytes are always
read, beyond these :data:`RATIO` times the size of the compressed file.
"""

from __future__ import annotations

import io
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

ALWAYS = 1 << 26  # bytes: 64 MiB
RATIO = 100
DAMAGES = (  # errors by which zipfile and NumPy answer damaged files
    *(ValueError, TypeError, LookupError, EOFError, OverflowError, SyntaxError, MemoryError),
    *(zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, tokenize.TokenError),
    OSError,  # a seek to a negative place
)


def unpacked_limit(packed: int) -> int:
    """Return the bytes that a compressed file of ``packed`` bytes may unpack to.

    >>> unpacked_limit(100) == 2**26, unpacked_limit(10**9)
    (True, 100000000000)
    """
    return max(ALWAYS, RATIO * packed)


class Unpacked(io.RawIOBase):
    """A decompressed stream that ends with an error at the limit.

    Args:
        stream: yields decompressed bytes.
        packed: size of the compressed file in bytes.
    """

    def __init__(self, stream: IO[bytes], packed: int) -> None:
        self._stream = stream
        self._packed = packed
        self._left = unpacked_limit(packed)

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read into ``buffer``, and return the number of bytes.

        Raises:
            ValueError: the limit is reached.
        """
        data = self._stream.read(len(buffer))
        self._left -= len(data)
        if self._left < 0:
            raise ValueError(
                f"its {self._packed:,} bytes unpack to more than {unpacked_limit(self._packed):,}"
            )
        buffer[: len(data)] = data
        return len(data)


def check_members(archive: zipfile.ZipFile, packed: int) -> None:
    """Check that an archive of ``packed`` bytes does not claim to hold more than the limit.

    A member that is larger than it claims is cut off there, and fails its checksum.

    Raises:
        ValueError: it does.
    """
    claimed = sum(member.file_size for member in archive.infolist())
    if claimed > unpacked_limit(packed):
        raise ValueError(
            f"its {packed:,} bytes claim to unpack to {claimed:,}, more than the "
            f"{unpacked_limit(packed):,} that are read"
        )


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """Read all arrays of an npz file; nothing is unpickled.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is damaged, or no npz file.
    """
    with path.open("rb") as stream:  # np.load leaves a damaged file open
        try:
            with zipfile.ZipFile(stream) as archive:
                check_members(archive, path.stat().st_size)
            stream.seek(0)
            with np.load(stream, allow_pickle=False) as file:
                found = {name: file[name] for name in file.files}  # zip checks each one's CRC
        except DAMAGES as error:
            raise ValueError(str(error) or type(error).__name__) from None
    for name, array in found.items():
        if not isinstance(array, np.ndarray):
            raise ValueError(f"{name} is no array")
    return found
