"""CSV files that are damaged, packed, in other encodings, or no CSV."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

from archrank.errors import ArchrankError, TableError
from archrank.spaces import CustomSpace
from archrank.tables import load_table
from archrank.tables.files import read_columns, read_raw
from archrank.unpacking import ALWAYS
from tests.damage import damaged

SPACE = CustomSpace({"depth": list(range(8))}, build=lambda config, task: None)  # type: ignore[arg-type,return-value]
CSV = "arch,accuracy\n" + "".join(f"depth={k},{80 + k}.5\n" for k in range(8))
PACKED: dict[str, Callable[[bytes], bytes]] = {
    "csv": bytes,
    "csv.gz": gzip.compress,
    "csv.bz2": bz2.compress,
    "csv.xz": lzma.compress,
    "csv.zip": lambda data: zipped({"t.csv": data}),
}


def zipped(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def tarred(data: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        member = tarfile.TarInfo("t.csv")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return file.getvalue()


@pytest.mark.parametrize("form", PACKED)
def test_packed_or_not(form: str, tmp_path: Path) -> None:
    path = tmp_path / f"t.{form}"
    path.write_bytes(PACKED[form](CSV.encode()))
    table = load_table(path, SPACE)
    assert table.column("accuracy").tolist() == [80.5 + k for k in range(8)]
    path.write_bytes(PACKED[form](b"\xef\xbb\xbf" + CSV.encode()))  # a byte order mark
    assert len(load_table(path, SPACE)) == 8


def test_files_are_told_by_their_content(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(gzip.compress(CSV[:50].encode()) + gzip.compress(CSV[50:].encode()))
    assert len(load_table(path, SPACE)) == 8


LATIN = "arch,größe\ndepth=1,1\n"
BROKEN = {
    "not xz": ("t.csv.xz", CSV.encode(), r"t.csv.xz cannot be read as xz, though its name says so"),
    "cut off gz": ("t.csv.gz", gzip.compress(CSV.encode())[:-9], "is the file complete"),
    "cut off bz2": ("t.csv.bz2", bz2.compress(CSV.encode())[:-9], "is the file complete"),
    "cut off xz": ("t.csv.xz", lzma.compress(CSV.encode())[:-9], "is the file complete"),
    "cut off zip": ("t.csv.zip", zipped({"t": CSV.encode()})[:-9], "is the file complete"),
    "two files": ("t.csv.zip", zipped({"a": b"", "b": b""}), r"has 2 files \(a, b\)"),
    "no file": ("t.csv.zip", zipped({}), "the archive is empty"),
    "only a folder": ("t.csv.zip", zipped({"d/": b""}), "the archive is empty"),
    "tar": ("t.csv", tarred(CSV.encode()), "is a tar archive: unpack it"),
    "tar.gz": ("t.csv.tar.gz", gzip.compress(tarred(CSV.encode())), "is a tar archive"),
    "zst": ("t.csv.zst", b"(\xb5/\xfd\x00", "Zstandard files are not read"),
    "bomb": ("t.csv.gz", gzip.compress(bytes(ALWAYS + 1)), "unpack to more than 67,108,864"),
    "UTF-16": ("t.csv", CSV.encode("utf-16"), "is UTF-16 text; save it as UTF-8"),
    "UTF-16 bare": ("t.csv", CSV.encode("utf-16-le"), "is UTF-16 text"),
    "UTF-32": ("t.csv", CSV.encode("utf-32"), "is UTF-32 text"),
    "latin-1": ("t.csv", LATIN.encode("latin-1"), r"line 1 has the byte 0xf6; .* 'arch,größe'"),
    "zero byte": ("t.csv", CSV.replace("=3", "=\0").encode(), "line 5 has a zero byte"),
    "quote": ("t.csv", (CSV + '"depth').encode(), "cannot be read as CSV"),
    "columns": ("t.csv", ",".join(map(str, range(20_001))).encode() + b"\n1", "20,001 columns"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files(name: str, tmp_path: Path) -> None:
    file, content, message = BROKEN[name]
    path = tmp_path / file
    path.write_bytes(content)
    with pytest.raises(TableError, match=message):
        load_table(path, SPACE)


@pytest.mark.parametrize("typed", ["~nouser/t.csv", "a\0b.csv", "x" * 5000, "", "/dev/null/x.csv"])
def test_paths_that_are_none(typed: str) -> None:
    with pytest.raises(TableError):
        read_raw(typed)


def test_numbers_beyond_any_float(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(CSV.replace("80.5", "9" * 400))
    table = load_table(path, SPACE)
    assert np.isinf(table.column("accuracy")[0])
    with pytest.raises(TableError, match=r"row 0 \(line 2\) is infinite"):
        table.objective("accuracy")


@pytest.mark.parametrize("form", PACKED)
def test_any_damage_is_told(form: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("damaged")

    @given(damaged(PACKED[form](CSV.encode())))
    @settings(max_examples=40, deadline=None)
    def read(content: bytes) -> None:
        path = folder / f"t{len(list(folder.iterdir()))}.{form}"
        path.write_bytes(content)
        with contextlib.suppress(ArchrankError):
            load_table(path, SPACE)

    read()


def test_files_that_cannot_be_opened() -> None:
    """The file's fault, not its content's: there is nothing to download again."""
    name = "x" * 300
    with pytest.raises(TableError, match=f"^{name}: File name too long$"):
        read_columns(name)
