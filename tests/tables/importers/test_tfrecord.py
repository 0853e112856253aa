from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archrank.errors import TableError
from archrank.tables.importers import tfrecord
from archrank.tables.importers.crc32c import crc32c
from archrank.tables.importers.tfrecord import read_records
from tests.tables.importers import files

PAYLOADS = [b"first", b"x" * 40, b"\x00", b"last one"]
WHOLE = b"".join(map(files.frame, PAYLOADS))
ENDS = np.cumsum([len(files.frame(p)) for p in PAYLOADS]).tolist()


def read(path: Path) -> list[bytes]:
    return [payload for batch in read_records(path) for payload in batch]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "some.tfrecord"
    path.write_bytes(WHOLE)
    return path


@pytest.mark.parametrize(
    ("data", "expected"),  # RFC 3720, B.4
    [
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
    ],
)
def test_published_checksums(data: bytes, expected: int) -> None:
    found = crc32c(np.frombuffer(data, dtype=np.uint8), np.array([0]), np.array([len(data)]))
    assert found.tolist() == [expected] == [files.crc32c(data)]


@settings(max_examples=50)
@given(st.lists(st.binary(min_size=1, max_size=70), min_size=1, max_size=6), st.binary(max_size=5))
def test_checksums_of_slices(slices: list[bytes], gap: bytes) -> None:
    data = np.frombuffer(gap + gap.join(slices), dtype=np.uint8)
    lengths = np.array([len(s) for s in slices])
    starts = np.cumsum(lengths + len(gap)) - lengths
    assert crc32c(data, starts, lengths).tolist() == [files.crc32c(s) for s in slices]


@pytest.mark.parametrize("block", [1, 7, 60, 1 << 20])
def test_records_whatever_the_blocks(
    path: Path, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tfrecord, "BLOCK", block)
    assert read(path) == PAYLOADS


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(min_size=1, max_size=100), min_size=1, max_size=8), st.integers(1, 300))
def test_any_records(tmp_path: Path, payloads: list[bytes], block: int) -> None:
    path = tmp_path / "any.tfrecord"
    path.write_bytes(b"".join(map(files.frame, payloads)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tfrecord, "BLOCK", block)
        assert read(path) == payloads


def test_every_flipped_byte_is_found(path: Path) -> None:
    for at in range(len(WHOLE)):
        broken = bytearray(WHOLE)
        broken[at] ^= 1 << at % 8
        path.write_bytes(broken)
        record = int(np.searchsorted(ENDS, at, side="right"))
        expected = rf"record {record}: damaged|not a TFRecord file" if record == 0 else (
            rf"record {record}: damaged"
        )  # fmt: skip
        with pytest.raises(TableError, match=expected):
            read(path)


def test_every_cut_is_found(path: Path) -> None:
    for cut in range(len(WHOLE)):
        path.write_bytes(WHOLE[:cut])
        if cut in ENDS:
            assert read(path) == PAYLOADS[: ENDS.index(cut) + 1]
            continue
        record = int(np.searchsorted(ENDS, cut, side="right"))
        expected = "empty" if cut == 0 else (
            rf"record {record}: the file ends within it; download it again|not a TFRecord file"
        )  # fmt: skip
        with pytest.raises(TableError, match=expected):
            read(path)


def test_the_longest_record(path: Path) -> None:
    longest = bytes(tfrecord.LONGEST)
    path.write_bytes(files.frame(b"one") + files.frame(longest))
    assert read(path) == [b"one", longest]


@pytest.mark.parametrize("length", [0, tfrecord.LONGEST + 1, 1 << 63])
def test_lengths_that_no_record_has(path: Path, length: int) -> None:
    header = length.to_bytes(8, "little")
    path.write_bytes(files.frame(b"one") + header + files.masked(header) + bytes(20))
    with pytest.raises(TableError, match=rf"record 1: {length} bytes, expected 1 to 8192"):
        read(path)


@pytest.mark.parametrize("data", [b"arch,accuracy\n1,2\n", b"\x1f\x8b" + bytes(100), b"short"])
def test_other_files(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    with pytest.raises(TableError, match="is not a TFRecord file"):
        read(path)


def test_progress(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tfrecord, "BLOCK", 60)
    progress: list[tuple[int, int]] = []
    list(read_records(path, progress=lambda done, of: progress.append((done, of))))
    assert progress[0] == (0, len(WHOLE))
    assert progress[-1] == (len(WHOLE), len(WHOLE))
    assert progress == sorted(progress)
