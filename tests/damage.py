"""Damaged bytes and texts, for tests of parsers; ``benchmarks/fuzz.py`` is the long campaign."""

from __future__ import annotations

from hypothesis import strategies as st

EXTREMES = (
    *(b"\x00", b"\xff" * 4, b"\xff\xff\xff\x7f", b"\xff" * 8, b"nan", b"1e400", b"9" * 400, b"-1"),
    *(b"null", b"[" * 3000, b"\xc3\x28", b"\xed\xa0\x80", b'"', b"\n", b",", b"\xef\xbb\xbf"),
)


@st.composite
def damaged(draw: st.DrawFn, valid: bytes) -> bytes:
    """``valid`` with one to three damages: changed, cut off, left out, doubled, replaced."""
    data = bytearray(valid)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(data)))
        to = min(len(data), at + draw(st.integers(1, 40)))
        kind = draw(st.sampled_from(("bit", "byte", "out", "cut", "double", "insert", "replace")))
        if kind == "bit" and at < len(data):
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif kind == "byte" and at < len(data):
            data[at] = draw(st.integers(0, 255))
        elif kind == "out":
            del data[at:to]
        elif kind == "cut":
            del data[at:]
        elif kind == "double":
            data[at:at] = data[at:to]
        elif kind in ("insert", "replace"):
            data[at : to if kind == "replace" else at] = draw(st.sampled_from(EXTREMES))
    return bytes(data)


def damaged_text(valid: str) -> st.SearchStrategy[str]:
    """``valid`` with damages, as a shell passes text on: any bytes, no NUL."""
    return damaged(valid.encode()).map(
        lambda data: data.replace(b"\0", b"").decode("utf-8", "surrogateescape")
    )
