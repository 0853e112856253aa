"""Compressed files, and arrays, that claim more than they have."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

from archrank.unpacking import ALWAYS, Unpacked, read_npz
from tests.damage import damaged


def npz(**arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def header(shape: str, dtype: str = "<f8") -> bytes:
    """An npy file that claims a shape and has no data."""
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


@given(damaged(npz(a=np.arange(5), b=np.zeros((2, 3)))))
@settings(max_examples=100, deadline=None)
def test_damaged_arrays(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("npz") / "a.npz"
    path.write_bytes(content)
    try:
        found = read_npz(path)
    except ValueError:
        return
    assert all(isinstance(array, np.ndarray) for array in found.values())


@pytest.mark.parametrize(
    "content",
    [
        header("(1152921504606846976,)"),
        header("(" + "9" * 400 + ",)"),
        header("(3,)", "|O"),
        header("(" * 500),
        b"",
    ],
)
def test_arrays_that_claim_too_much(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", content)
    with pytest.raises(ValueError, match=r"."):
        read_npz(path)
    path.write_bytes(content)  # no archive
    with pytest.raises(ValueError, match="zip"):
        read_npz(path)


def test_an_archive_that_unpacks_to_gigabytes(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(npz(a=np.zeros(ALWAYS + 1, dtype=np.uint8)))
    with pytest.raises(ValueError, match=r"claim to unpack to 67,10\d,\d+, more than the"):
        read_npz(path)


def test_a_stream_up_to_its_limit() -> None:
    assert Unpacked(io.BytesIO(b"abc"), 3).read() == b"abc"
    stream = Unpacked(io.BytesIO(bytes(ALWAYS)), 3)
    assert len(stream.read()) == ALWAYS
    with pytest.raises(ValueError, match=r"its 3 bytes unpack to more than 67,108,864"):
        Unpacked(io.BytesIO(bytes(ALWAYS + 1)), 3).read()
