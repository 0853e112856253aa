"""Text files of users: read line by line, checked where they enter."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from archrank.errors import DataError
from archrank.files import user_path

MARKS = (b"\xff\xfe", b"\xfe\xff")  # beginnings of UTF-16


def lines_of(path: str) -> Iterator[str]:
    """Yield the lines of a UTF-8 file without their ends.

    Raises:
        DataError: The file cannot be read, or a line is in another encoding; names both.
    """
    number = 0
    try:
        with user_path(path).open("rb") as file:
            for number, line in enumerate(file, 1):
                text = line.decode("utf-8").rstrip("\r\n")
                yield text.removeprefix("\ufeff") if number == 1 else text  # Windows' mark
    except UnicodeDecodeError as error:
        start = bytes(error.object[:2])
        likely = "utf-16" if number == 1 and start in MARKS else "latin1"
        raise DataError(
            f"{path}, line {number}: byte {error.start + 1} is {error.object[error.start]:#x}, "
            f"which is no UTF-8; write the file in UTF-8 (iconv -f {likely} -t utf-8)"
        ) from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from None


def parallel_lines(paths: Sequence[str]) -> list[list[str]]:
    """Return the lines of files that must have as many of them, the first of each side by side.

    Raises:
        DataError: A file cannot be read, is empty, or the numbers of lines differ.
    """
    found = [list(lines_of(path)) for path in paths]
    for path, lines in zip(paths, found, strict=True):
        if not any(line.strip() for line in lines):
            raise DataError(f"{path} has no text (lines: {len(lines):,})")
    counts = [len(lines) for lines in found]
    if len(set(counts)) > 1:
        told = ", ".join(f"{path} has {n:,} lines" for path, n in zip(paths, counts, strict=True))
        raise DataError(f"{told}; line by line, one must be the translation of the other")
    return found


def digest_of_files(paths: Sequence[str]) -> str:
    """Return a digest of the contents of files.

    Raises:
        DataError: A file cannot be read.
    """
    whole = hashlib.sha256()
    for path in paths:
        one = hashlib.sha256()
        try:
            with user_path(path).open("rb") as file:
                while part := file.read(1 << 20):
                    one.update(part)
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror or error}") from None
        whole.update(one.digest())
    return whole.hexdigest()[:16]


def absolute(path: object) -> str:
    """Return the path that a user typed as text that means the same in every folder.

    Raises:
        DataError: It is no path.
    """
    try:
        return str(user_path(path).absolute())  # type: ignore[arg-type]
    except TypeError:
        raise DataError(f"{path!r} is no path of a file") from None
