from __future__ import annotations

import bz2
import io
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archrank.errors import TableError
from archrank.tables.importers.pickle_guard import GuardedFile, Opcodes
from archrank.tables.importers.plain_pickle import load_plain, read_bz2, read_torch
from archrank.unpacking import ALWAYS, unpacked_limit

VALUES = st.recursive(
    st.one_of(
        *(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text()),
        st.binary(max_size=300),
    ),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=30,
)
GREEDY = {
    "place in the memo": b"\x80\x02Nr\xff\xff\xff\x7f.",
    "place in letters": b"Np2147483647\n.",
    "place in many digits": b"Np" + b"9" * 400 + b"\n.",
    "negative place": b"Np-1\n.",
    "long bytes": b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x00abc.",
    "long bytearray": b"\x80\x05\x96\xff\xff\xff\xff\xff\x00\x00\x00abc.",
    "long text": b"\x80\x04\x8d\x00\x00\x00\x00\x01\x00\x00\x00abc.",
    "long number": b"\x80\x02\x8b\xff\xff\xff\x7fabc.",
    "endless line": b"I" + b"1" * (1 << 21),
}
SNIPPET = """
import resource, sys
from archrank.errors import TableError
from archrank.tables.importers.plain_pickle import read_bz2
from pathlib import Path
limit = 2 << 30
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
try:
    read_bz2(Path(sys.argv[1]))
except TableError as error:
    print(error)
"""


@pytest.mark.parametrize("name", GREEDY)
def test_greedy_pickles_are_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "p.pickle.pbz2"
    path.write_bytes(bz2.compress(GREEDY[name]))
    with pytest.raises(TableError, match="cannot be read as a bz2-compressed pickle") as raised:
        read_bz2(path)
    assert "memory" not in str(raised.value)


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory as Linux has them")
def test_nine_bytes_take_no_gigabytes(tmp_path: Path) -> None:
    path = tmp_path / "p.pickle.pbz2"
    path.write_bytes(bz2.compress(GREEDY["place in the memo"]))
    done = subprocess.run(
        [sys.executable, "-c", SNIPPET, str(path)], capture_output=True, text=True, check=True
    )
    assert "its memo has a place 2147483647 after 3 bytes" in done.stdout, done.stderr


def python_pickler(value: Any, protocol: int) -> bytes:
    """Pickle with Python's own pickler, whose frames and memo differ from the C one's."""
    file = io.BytesIO()
    pickle._Pickler(file, protocol).dump(value)  # type: ignore[attr-defined]
    return file.getvalue()


@given(VALUES, st.integers(0, 5), st.lists(st.integers(1, 40), min_size=1), st.booleans())
@settings(max_examples=80, deadline=None)
def test_opcodes_are_followed_in_any_pieces(
    value: Any, protocol: int, sizes: list[int], pure: bool
) -> None:
    data = (python_pickler if pure else pickle.dumps)(value, protocol)  # type: ignore[operator]
    opcodes, at = Opcodes(), 0
    while at < len(data):
        assert not opcodes.stopped
        size = sizes[at % len(sizes)]
        opcodes.feed(data[at : at + size])
        at += size
    assert opcodes.stopped


@given(VALUES, st.integers(0, 5), st.integers(1, 50))
@settings(max_examples=60, deadline=None)
def test_what_is_read_is_the_same(value: Any, protocol: int, size: int) -> None:
    data = pickle.dumps(value, protocol) + b"more"
    file = io.BufferedReader(io.BytesIO(data), size)  # type: ignore[arg-type]
    assert pickle.Unpickler(GuardedFile(file)).load() == value  # type: ignore[arg-type]
    assert file.read() == b"more"  # what follows is left


def test_many_places_in_the_memo() -> None:
    value = [str(k) for k in range(70_000)]  # places of four bytes
    for protocol in range(5):
        assert load_plain(io.BytesIO(pickle.dumps(value, protocol))) == value


def test_a_small_file_that_unpacks_to_gigabytes(tmp_path: Path) -> None:
    path = tmp_path / "p.pickle.pbz2"
    piece = bz2.compress(b"N" * (1 << 24))
    path.write_bytes(bz2.compress(b"(") + piece * 6 + bz2.compress(b"t."))
    with pytest.raises(TableError, match=r"bytes unpack to more than 67,108,864"):
        read_bz2(path)
    archive = tmp_path / "p.pth"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("p/data.pkl", b"(" + b"N" * (ALWAYS + 1) + b"t.")
    with pytest.raises(TableError, match=r"bytes unpack to more than"):
        read_torch(archive)


def test_large_files_may_unpack_to_more() -> None:
    assert unpacked_limit(10**9) > 10**10
