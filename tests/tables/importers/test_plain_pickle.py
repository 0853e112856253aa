from __future__ import annotations

import bz2
import io
import os
import pickle
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archrank.errors import TableError
from archrank.tables.importers import plain_pickle
from archrank.tables.importers.plain_pickle import (
    DAMAGES,
    load_plain,
    read_bz2,
    read_pickle,
    read_torch,
)

PLAIN = {
    "text": "a",
    ("key", 777): [1, 2.5, None, True, b"raw"],
    "ordered": OrderedDict([(0, 1.5), (1, -2.0)]),
    "set": {1, 2},
    "frozen": frozenset("ab"),
    "large": 1 << 80,
}


class Evil:
    """Runs a command when unpickled."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.made = (function, arguments)

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.made


def load(value: Any, protocol: int = 4) -> Any:
    return load_plain(io.BytesIO(pickle.dumps(value, protocol=protocol)))


@pytest.mark.parametrize("protocol", range(6))
def test_plain_data_comes_back(protocol: int) -> None:
    found = load(PLAIN, protocol)
    assert found == PLAIN
    for value, expected in zip(found.values(), PLAIN.values(), strict=True):
        kind = dict if isinstance(expected, dict) else type(expected)
        assert isinstance(value, kind)
    assert list(found["ordered"]) == list(PLAIN["ordered"])


@pytest.mark.parametrize("protocol", range(5))
@pytest.mark.parametrize(
    "value", [np.float64(91.61), np.float32(0.1), np.int64(-3), np.bool_(True), np.uint8(7)]
)
def test_numpy_scalars_become_numbers(value: np.generic, protocol: int) -> None:
    found = load(value, protocol)
    assert found == value.item()
    assert type(found) is type(value.item())


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("protocol", [2, 4])
def test_numpy_arrays_become_flat_lists(order: str, protocol: int) -> None:
    array = np.arange(6, dtype=f"{order}f8").reshape(2, 3)
    assert load({"a": array}, protocol)["a"] == array.ravel().tolist()


@pytest.mark.parametrize("write", [pickle.dumps, lambda v: pickle.dumps(v, protocol=0)])
@pytest.mark.parametrize(
    ("function", "name"),
    [(os.system, r"(posix|nt)\.system"), (eval, r"\w+\.eval"), (os.mkdir, r"(posix|nt)\.mkdir")],
)
def test_nothing_is_executed(write: Any, function: Any, name: str, tmp_path: Path) -> None:
    mark = tmp_path / "executed"
    argument = {
        "system": f"echo > {mark}",
        "eval": f"__import__('os').mkdir({str(mark)!r})",
        "mkdir": str(mark),
    }[function.__name__]
    data = write({"12": [1, Evil(function, argument)]})
    path = tmp_path / "000000.pickle.pbz2"
    path.write_bytes(bz2.compress(data))
    with pytest.raises(TableError, match=rf"000000.pickle.pbz2: it asks for {name}.*nothing was"):
        read_bz2(path)
    assert not mark.exists()
    pickle.loads(data)  # the attack is real
    assert mark.exists()


@pytest.mark.parametrize(
    "value",
    [Path("x"), np.array([{}], dtype=object), 1j, Evil(getattr, "", "upper"), bytearray(b"a")],
)
def test_only_containers_numbers_and_strings(value: Any) -> None:
    with pytest.raises((TableError, *DAMAGES)):
        load(value)


def test_codecs_are_not_looked_up() -> None:
    import codecs

    data = pickle.dumps(Evil(codecs.encode, "a", "rot13"), protocol=2)
    assert b"_codecs" in data
    with pytest.raises(pickle.UnpicklingError, match="rot13"):
        load_plain(io.BytesIO(data))


@settings(max_examples=40)
@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text() | st.integers(), inner, max_size=4)
    | st.tuples(inner, inner),
    max_leaves=12,
), st.integers(0, 5))  # fmt: skip
def test_any_plain_data(value: Any, protocol: int) -> None:
    assert load(value, protocol) == value


@settings(max_examples=50)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        load_plain(io.BytesIO(data))
    except (TableError, MemoryError, *DAMAGES):  # a length may be beyond any memory
        pass


@pytest.mark.parametrize("cut", [0, 1, 10, 60, -1])
def test_truncated_bz2(cut: int, tmp_path: Path) -> None:
    path = tmp_path / "000000.pickle.pbz2"
    path.write_bytes(bz2.compress(pickle.dumps(PLAIN))[:cut])
    with pytest.raises(TableError, match=r"000000.*bz2-compressed pickle.*Download it again"):
        read_bz2(path)


# ---- PyTorch's formats --------------------------------------------------------------------------


@pytest.mark.parametrize("zipped", [True, False])
def test_torch_files(zipped: bool, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    path = tmp_path / "file.pth"
    weights = OrderedDict(w=torch.arange(6.0).reshape(2, 3), n=torch.tensor(3))
    saved = {**PLAIN, "params": np.float64(0.25), "net_state_dict": weights}
    torch.save(saved, path, _use_new_zipfile_serialization=zipped)
    found = read_torch(path)
    assert found.pop("net_state_dict") == {"w": None, "n": None}
    assert found == {**PLAIN, "params": 0.25}


def by_hand(*values: Any) -> bytes:
    """PyTorch's older format: a magic number, a version, the machine, then the data."""
    machine = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"int": 4}}
    parts = (0x1950A86A20F9469CFC6C, 1001, machine, *values)
    return b"".join(pickle.dumps(part, protocol=2) for part in parts)


def test_old_format_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "file.pth"
    path.write_bytes(by_hand(PLAIN, ["0"]) + struct.pack("<q4f", 4, 1, 2, 3, 4))
    assert read_torch(path) == PLAIN


@pytest.mark.parametrize("zipped", [True, False])
def test_torch_files_execute_nothing(zipped: bool, tmp_path: Path) -> None:
    mark, path = tmp_path / "executed", tmp_path / "file.pth"
    evil = {"a": Evil(os.system, f"echo > {mark}")}
    if zipped:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("file/data.pkl", pickle.dumps(evil, protocol=2))
    else:
        path.write_bytes(by_hand(evil))
    with pytest.raises(TableError, match=r"file.pth: it asks for (posix|nt)\.system"):
        read_torch(path)
    assert not mark.exists()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no pickle",
        pickle.dumps(PLAIN),
        by_hand(PLAIN)[:-9],
        by_hand(),
        b"PK\x05\x06" + bytes(18),
    ],
    # Names, because the bytes of a set depend on the process, and workers must agree on names.
    ids=["empty", "text", "plain pickle", "cut off", "header alone", "empty archive"],
)
def test_no_torch_file(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file.pth"
    path.write_bytes(data)
    with pytest.raises(TableError, match=r"file.pth: cannot be read as a PyTorch file"):
        read_torch(path)


def test_an_archive_that_no_reader_unpacks(tmp_path: Path) -> None:
    path = tmp_path / "file.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"a": 1}))
    data = bytearray(path.read_bytes())
    for header, method in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        at = data.index(header) + method
        data[at : at + 2] = (99).to_bytes(2, "little")
    path.write_bytes(data)
    with pytest.raises(TableError, match=r"file.pth: cannot be read as a PyTorch file"):
        read_torch(path)


# ---- memory and files ---------------------------------------------------------------------------


def copies(large: bytes, call: bytes, times: int) -> bytes:
    """Return a pickle that reads something large once and makes ``times`` objects of it."""
    return b"\x80\x02]q\x00(" + large + b"q\x010" + call * times + b"e."


NUMBERS = b"B" + struct.pack("<I", 1 << 20) + bytes(1 << 20)  # a mebibyte
ITEMS = b"(" + b"N" * (1 << 20) + b"l"
ARRAY = (
    b"cnumpy.core.multiarray\n_reconstruct\n(tR(K\x01Ncnumpy\ndtype\n(X\x02\x00\x00\x00u1tRNh\x01tb"
)
SCALAR = b"cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\n(X\x08\x00\x00\x00S1048576tRh\x01tR"


@pytest.mark.parametrize(
    ("large", "call"),
    [
        (ITEMS, b"ctorch\nSize\n(h\x01tR"),
        (ITEMS, b"c__builtin__\nset\n(h\x01tR"),
        (b"X" + NUMBERS[1:], b"c_codecs\nencode\n(h\x01X\x06\x00\x00\x00latin1tR"),
        (NUMBERS, ARRAY),
        (NUMBERS, SCALAR),
    ],
    ids=["tuple", "set", "bytes", "array", "scalar"],
)
def test_copies_of_large_objects_are_bounded(
    large: bytes, call: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plain_pickle, "ALWAYS", 3 << 20)
    assert len(load_plain(io.BytesIO(copies(large, call, 4)))) == 4  # one that was read, and three
    with pytest.raises(pickle.UnpicklingError, match=r"it copies 5,\d{3},\d{3} elements"):
        load_plain(io.BytesIO(copies(large, call, 5)))


@pytest.mark.parametrize("code", ["(,f8", "f8,f8", "(2,3)f8", "O8", "V8", "f", "", "f8]", "M8"])
def test_types_are_numbers_and_strings(code: str) -> None:
    """Of other texts NumPy makes types of records, or an error of Python's own."""
    named = b"X" + struct.pack("<I", len(code)) + code.encode()
    array = ARRAY.replace(b"X\x02\x00\x00\x00u1", named)
    with pytest.raises(pickle.UnpicklingError, match="an array of "):
        load_plain(io.BytesIO(copies(NUMBERS, array, 1)))


def test_attributes_of_dictionaries_are_left_out() -> None:
    """They could stand before the methods; weights have some, ``_metadata``."""
    hostile = OrderedDict(a=1)
    hostile.get = hostile._metadata = [3]  # type: ignore[method-assign,assignment,attr-defined]
    assert load(hostile).get("a") == 1
    assert vars(load(hostile)) == {}


def test_arrays_are_counted_however_they_are_made() -> None:
    array = ARRAY.replace(
        b"cnumpy.core.multiarray\n_reconstruct\n(tR",
        b"cnumpy\nndarray\n(ctorch\nFloatStorage\ntR",
    )
    assert array != ARRAY
    with pytest.raises((pickle.UnpicklingError, AttributeError, TypeError)):
        load_plain(io.BytesIO(copies(NUMBERS, array, 1)))


def test_an_array_is_filled_once() -> None:
    twice = ARRAY + b"(K\x01Ncnumpy\ndtype\n(X\x02\x00\x00\x00u1tRNh\x01tb"
    with pytest.raises(pickle.UnpicklingError, match="filled twice"):
        load_plain(io.BytesIO(copies(NUMBERS, twice, 1)))


def test_an_archive_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "file.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("notes/a.txt", "hello")
    with pytest.raises(TableError, match="cannot be read as a PyTorch file: it has no file data"):
        read_torch(path)


@pytest.mark.parametrize("read", [read_bz2, read_pickle, read_torch])
def test_files_that_cannot_be_opened(read: Any, tmp_path: Path) -> None:
    """The file's fault, not its content's: there is nothing to download again."""
    with pytest.raises(IsADirectoryError):
        read(tmp_path)
