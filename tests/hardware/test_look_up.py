from __future__ import annotations

from pathlib import Path

import pytest

from archrank.errors import TableError
from archrank.hardware import pixel1_latency
from archrank.spaces import ProxylessNAS

SPACE = ProxylessNAS()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("s1b1_sepconv,k3,1.0\n", "no latency of operation 'k3e3' of block s2b1"),
        ("s2b1,k3e3,1.0\n", "no latency of operation 'k3' of block s1b1_sepconv"),
        ("s2b1,k3e3,1.0\ns2b1,k3e3,2.0\n", "occurs twice"),
        ("s2b1,k3e3,\n", "empty|not finite|names architectures"),
        ("s2b1,k3e3,x\n", "latency_delta_ms"),
    ],
)
def test_damaged_files(tmp_path: Path, rows: str, message: str) -> None:
    path = tmp_path / "weights.csv"
    path.write_text("name,op,latency_delta_ms\n" + rows)
    with pytest.raises(TableError, match=message):
        pixel1_latency(SPACE, path)


def test_missing_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ARCHRANK_DATA", raising=False)
    with pytest.raises(TableError, match="ARCHRANK_DATA"):
        pixel1_latency(SPACE)
    monkeypatch.setenv("ARCHRANK_DATA", str(tmp_path))
    with pytest.raises(TableError, match="no such file"):
        pixel1_latency(SPACE)
