"""Reading of CSV files, compressed ones too, as text: cells stay as they are written."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import warnings
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable
from typing import IO, TYPE_CHECKING, Any

from archrank.errors import TableError
from archrank.unpacking import Unpacked, check_members

if TYPE_CHECKING:
    from pandas import DataFrame

FORMATS = {  # beginnings of files
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",  # an empty one
    b"(\xb5/\xfd": "Zstandard",
}
SUFFIXES = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zip": "zip", ".zst": "Zstandard"}
UNICODE = {  # other encodings, told by their beginning
    b"\xff\xfe\x00\x00": "UTF-32",
    b"\x00\x00\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
MAX_COLUMNS = 20_000
DAMAGES = (
    *(OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, zipfile.BadZipFile),
    *(RuntimeError, NotImplementedError, LookupError),  # an encrypted zip, an unknown method
)


def read_csv(path: str) -> DataFrame:
    """Read a CSV file, gzip, bzip2, xz or zip too; every cell is a string, or NaN if empty.

    Raises:
        TableError: The file is empty, damaged, no text in UTF-8, or no CSV.
    """
    import pandas as pd

    text = _text(path, _content(path))
    try:
        with warnings.catch_warnings():
            # pandas only warns of rows with too many cells
            warnings.simplefilter("error", pd.errors.ParserWarning)
            first = pd.read_csv(io.StringIO(text), dtype=str, header=None, nrows=1)
            _check_header(path, first.iloc[0])
            return pd.read_csv(io.StringIO(text), dtype=str, index_col=False)
    except TableError:
        raise
    except pd.errors.EmptyDataError:
        raise TableError(f"{path}: the file is empty") from None
    except pd.errors.ParserWarning:
        raise TableError(
            f"{path}: some rows have more cells than there are columns; put texts with commas in "
            'double quotes ("...")'
        ) from None
    except (pd.errors.ParserError, ValueError, OverflowError) as error:
        raise TableError(
            f"{path}: cannot be read as CSV: {str(error).strip()}; is the file complete? Download "
            "it again"
        ) from None


def _content(path: str) -> bytes:
    """Return the bytes of the table, unpacked."""
    try:
        with open(path, "rb") as file:
            start = file.read(512)
            kind = next((k for magic, k in FORMATS.items() if start.startswith(magic)), None)
            _check_kind(path, kind, start)
            size = file.seek(0, io.SEEK_END)
            file.seek(0)
            return file.read() if kind is None else _unpack(path, file, kind, size)
    except TableError:
        raise
    except DAMAGES as error:
        if (reason := getattr(error, "strerror", None)) is not None:  # no fault of its content
            raise TableError(f"{path}: {reason}") from None
        reason = str(error) or type(error).__name__
        raise TableError(
            f"{path}: cannot be read as CSV: {reason}; is the file complete? Download it again"
        ) from None


def _check_kind(path: str, kind: str | None, start: bytes) -> None:
    """Refuse files that are not what their name says, and those that are not read."""
    claimed = next((k for end, k in SUFFIXES.items() if path.lower().endswith(end)), None)
    if claimed is not None and kind != claimed:
        raise TableError(
            f"{path} cannot be read as {claimed}, though its name says so: it begins with "
            f"{start[:8]!r}; is the file complete? Download it again"
        )
    if kind == "Zstandard":
        raise TableError(f"{path}: Zstandard files are not read; unpack it, or pack it with gzip")
    _refuse_tar(path, start)


def _unpack(path: str, file: IO[bytes], kind: str, size: int) -> bytes:
    """Return the content of a compressed file of ``size`` bytes."""
    if kind == "zip":
        with zipfile.ZipFile(file) as archive:
            return _member(path, archive, size)
    opened: dict[str, Any] = {"gzip": gzip.open, "bzip2": bz2.open, "xz": lzma.open}
    with opened[kind](file) as stream:
        content = Unpacked(stream, size).read()
    _refuse_tar(path, content)
    return content


def _refuse_tar(path: str, content: bytes) -> None:
    if content[257:262] == b"ustar":
        raise TableError(f"{path} is a tar archive: unpack it, and name the table that was in it")


def _member(path: str, archive: zipfile.ZipFile, size: int) -> bytes:
    """Return the only member of a zip archive."""
    check_members(archive, size)
    names = [m.filename for m in archive.infolist() if not m.is_dir()]
    if len(names) != 1:
        listed = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
        held = f"has {len(names)} files ({listed}), expected one" if names else "is empty"
        remedy = "unpack it, and name the table in it" if names else "pack the table again"
        raise TableError(f"{path}: the archive {held}; {remedy}")
    return archive.read(names[0])


def _text(path: str, content: bytes) -> str:
    """Return the text of a file, which must be UTF-8; a byte order mark is left out."""
    other = next((name for mark, name in UNICODE.items() if content.startswith(mark)), None)
    if other is None and len(content) > 3 and not any(content[1:200:2]):
        other = "UTF-16"  # ASCII without a mark
    if other is not None:
        raise TableError(f"{path} is {other} text; save it as UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        begin = content.rfind(b"\n", 0, error.start) + 1
        shown = content[max(begin, error.start - 12) : error.start + 8].split(b"\n")[0]
        raise TableError(
            f"{path} is not UTF-8: line {line} has the byte 0x{content[error.start]:02x}; as "
            f"latin-1 it would be {shown.decode('latin-1')!r}. Save it as UTF-8"
        ) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise TableError(f"{path}: line {line} has a zero byte; is it a text file?")
    return text


def _check_header(path: str, names: Iterable[Any]) -> None:
    """Refuse repeated column names, which pandas would rename, and separators other than commas."""
    named = [name for name in names if isinstance(name, str)]
    check_names(path, named)
    for separator, called in ((";", "semicolons"), ("\t", "tabs")):
        if len(named) == 1 and separator in named[0]:
            raise TableError(f"{path}: its columns are separated by {called}; use commas")


def check_names(path: str, names: list[str]) -> None:
    """Refuse repeated names of columns, and too many.

    Raises:
        TableError: There are such.
    """
    if len(names) > MAX_COLUMNS:
        raise TableError(f"{path}: {len(names):,} columns; a table has at most {MAX_COLUMNS:,}")
    name, count = Counter(names).most_common(1)[0] if names else ("", 0)
    if count > 1:
        raise TableError(f"{path}: {count} columns are called {name!r}; rename them")
