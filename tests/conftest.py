"""Fixtures that many tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from archrank.spaces import NASBench201


@pytest.fixture(scope="session")
def space() -> NASBench201:
    return NASBench201()


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Published measurements, which are not part of the project."""
    given = os.environ.get("ARCHRANK_DATA")
    folder = Path(given) if given else Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no published tables in {folder}; set ARCHRANK_DATA to their folder")
    return folder


@pytest.fixture(scope="session")
def nb201_csv(data_dir: Path) -> Path:
    path = data_dir / "nb201.csv.gz"
    if not path.is_file():
        pytest.skip(f"no {path}")
    return path
