"""Reading of pickles of plain data, without executing their content.

A pickle is a program that can call any function by name. Here, only containers and the replacements
defined below can be called; other names are refused with an error. NumPy scalars become Python
numbers, arrays become flat lists, and tensors (in PyTorch files) become ``None``: weights are not
needed, and their bytes are never read.
"""

from __future__ import annotations

import bz2
import gc
import io
import pickle
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from archrank.checks import quoted
from archrank.errors import TableError
from archrank.tables.importers.pickle_guard import GuardedFile
from archrank.unpacking import ALWAYS, Unpacked

_CODE = re.compile("[<>=][biufSU][0-9]{1,7}")  # of numbers and strings
SIZED = (str, bytes, list, tuple, dict, set, frozenset)
TORCH_MAGIC = 0x1950A86A20F9469CFC6C  # first pickle of torch.save's older format
DAMAGES = (
    *(pickle.UnpicklingError, EOFError, OSError, zlib.error, zipfile.BadZipFile),
    *(ValueError, TypeError, LookupError, AttributeError, OverflowError, RuntimeError),
)


class _Dtype:
    """Replacement of ``numpy.dtype``: a code such as ``f8`` and a byte order."""

    def __init__(self, code: str, align: Any = False, copy: Any = True) -> None:
        self.code = code
        self.order = "<"

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = "<" if state[1] == "|" else state[1]

    def numbers(self, raw: Any) -> list[Any]:
        code = f"{self.order}{self.code}"
        if not _CODE.fullmatch(code) or not isinstance(raw, bytes):  # NumPy would parse any text
            raise pickle.UnpicklingError(f"an array of {quoted(self.code)}")
        values: list[Any] = np.frombuffer(raw, dtype=np.dtype(code)).tolist()
        return values


class _Array(list[Any]):
    """Replacement of ``numpy.ndarray``: a flat list of its numbers.

    Args:
        count: Called with the number of bytes before they become numbers.
    """

    def __init__(self, count: Callable[[int], None]) -> None:
        super().__init__()
        self._count: Callable[[int], None] | None = count

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if self._count is None:
            raise pickle.UnpicklingError("an array that is filled twice")
        self._count(len(state[4]))
        self._count = None
        self[:] = state[2].numbers(state[4])


class _Ordered(dict[Any, Any]):
    """Replacement of ``OrderedDict``: its items, without attributes, which could hide methods."""

    def __setstate__(self, state: Any) -> None:
        """Leave out the attributes, such as ``_metadata`` of weights."""


def _nothing(*unused: Any) -> None:
    """Replacement of what makes tensors, and of classes that are only named; returns ``None``."""


_TORCH_TYPES = ("Float", "Double", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte")
ADMITTED: dict[str, Any] = {
    "numpy.dtype": _Dtype,
    "numpy.ndarray": _nothing,  # an argument of _reconstruct
    **{f"torch._utils.{name}": _nothing for name in ("_rebuild_tensor", "_rebuild_tensor_v2")},
    **{f"torch.{kind}Storage": _nothing for kind in (*_TORCH_TYPES, "Bool")},
}
COPYING: dict[str, Callable[..., Any]] = {  # what they return is as large as an argument
    "collections.OrderedDict": _Ordered,
    "builtins.set": set,
    "builtins.frozenset": frozenset,
    "__builtin__.set": set,  # its name in protocols before 3
    "__builtin__.frozenset": frozenset,
    "torch.Size": tuple,
}
SCALARS = tuple(f"numpy.{core}.multiarray.scalar" for core in ("core", "_core"))
LONG = 64  # bytes; numbers are shorter, and there are millions of them
ARRAYS = tuple(f"numpy.{core}.multiarray._reconstruct" for core in ("core", "_core"))


class _PlainUnpickler(pickle.Unpickler):
    """Unpickler that only finds the admitted names.

    A few bytes can ask for another copy of a large object that was read before. So what is copied
    is counted, and may not be more than was read, beside :data:`~archrank.unpacking.ALWAYS`.
    """

    def __init__(self, file: GuardedFile) -> None:
        super().__init__(file)
        self._file = file
        self._copied = 0
        arrays = dict.fromkeys(ARRAYS, lambda *unused: _Array(self._count))
        copying = {name: self._counting(make) for name, make in COPYING.items()}
        scalars = dict.fromkeys(SCALARS, self._scalar)
        self._names = ADMITTED | arrays | copying | scalars | {"_codecs.encode": self._encode}

    def _count(self, size: int) -> None:
        self._copied += size
        if self._copied > ALWAYS + self._file.passed_on:
            raise pickle.UnpicklingError(
                f"it copies {self._copied:,} elements, and {self._file.passed_on:,} bytes were read"
            )

    def _scalar(self, dtype: _Dtype, raw: bytes) -> Any:
        """Replace NumPy's function that makes a scalar."""
        if len(raw) > LONG:
            self._count(len(raw))
        (value,) = dtype.numbers(raw)
        return value

    def _encode(self, text: str, encoding: str) -> bytes:
        """Replace ``codecs.encode``, by which protocols before 3 write bytes; only latin-1."""
        if encoding != "latin1":
            raise pickle.UnpicklingError(f"bytes in {encoding!r}")
        if len(text) > LONG:
            self._count(len(text))
        return text.encode("latin1")

    def _counting(self, make: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            for each in args:
                if isinstance(each, SIZED):
                    self._count(len(each))
            return make(*args)

        return call

    def find_class(self, module: str, name: str) -> Any:
        try:
            return self._names[f"{module}.{name}"]
        except KeyError:
            raise TableError(
                f"it asks for {module}.{name}, and official files hold only containers, numbers "
                "and strings; nothing was executed. Use the official file"
            ) from None

    def persistent_load(self, pid: Any) -> None:
        """Return ``None`` for a tensor's storage, which is not read."""


def load_plain(file: io.RawIOBase | io.BufferedIOBase) -> Any:
    """Read one pickle of plain data from an open file.

    What it asks memory for is bounded before it gets any, see
    :mod:`~archrank.tables.importers.pickle_guard`.

    Raises:
        TableError: The pickle uses a name that is not admitted; the message has the name.
        MemoryError: The pickle does not fit memory.
        Exception: The pickle is damaged; one of :data:`DAMAGES`.
    """
    buffered = file if isinstance(file, io.BufferedReader) else io.BufferedReader(file)
    with _no_collection():
        return _PlainUnpickler(GuardedFile(buffered)).load()


def read_bz2(path: Path) -> Any:
    """Read a bz2-compressed pickle (``*.pickle.pbz2``) of plain data.

    Raises:
        OSError: The file cannot be opened.
        TableError: The file is damaged, or holds other things than plain data.
    """
    what = "a bz2-compressed pickle"
    with open(path, "rb") as packed, _explained(path, what), bz2.open(packed) as file:
        return load_plain(Unpacked(file, path.stat().st_size))


def read_pickle(path: Path) -> Any:
    """Read a pickle (``*.pickle``, ``*.pkl``) of plain data.

    Raises:
        OSError: The file cannot be opened.
        TableError: The file is damaged, or holds other things than plain data.
    """
    with open(path, "rb") as file, _explained(path, "a pickle"):
        return load_plain(file)


def read_torch(path: Path) -> Any:
    """Read a file of ``torch.save``, in either of its two formats, without tensors.

    Raises:
        OSError: The file cannot be opened.
        TableError: The file is damaged, or holds other things than plain data and tensors.
    """
    with open(path, "rb") as file, _explained(path, "a PyTorch file"):
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as archive:
                names = [n for n in archive.namelist() if n.split("/")[1:] == ["data.pkl"]]
                if len(names) != 1:
                    raise pickle.UnpicklingError("it has no file data.pkl")
                with archive.open(names[0]) as member:
                    return load_plain(Unpacked(member, path.stat().st_size))
        file.seek(0)
        if load_plain(file) != TORCH_MAGIC:
            raise pickle.UnpicklingError("it has no PyTorch header")
        for _ in ("protocol", "byte order"):
            load_plain(file)
        return load_plain(file)


@contextmanager
def _explained(path: Path, what: str) -> Iterator[None]:
    try:
        yield
    except TableError as error:
        raise TableError(f"{path}: {error}") from None
    except MemoryError:
        raise TableError(
            f"{path}: not enough memory to hold it whole; import the folder that has one file per "
            "architecture"
        ) from None
    except DAMAGES as error:
        reason = str(error) or type(error).__name__
        raise TableError(
            f"{path}: cannot be read as {what}: {reason}; is it of this kind, and complete? "
            "Download it again"
        ) from None


@contextmanager
def _no_collection() -> Iterator[None]:
    """Pause the cyclic garbage collector, which millions of new containers would start often."""
    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if on:
            gc.enable()
