"""Fixtures that many tests share."""

from __future__ import annotations

import atexit
import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from archrank.data import data_folder
from archrank.parallel import process_pool
from archrank.spaces import EdgeCellSpace, NASBench201
from tests.postgres import NoServerError, PostgresServer, collect_connections, postgres_server
from tests.study.helpers import BUDGET, make, told

# trainings of another process of the tests keep no measurement of this one waiting
LOCKS = os.environ["ARCHRANK_LOCKS"] = tempfile.mkdtemp(prefix="archrank-locks-")
atexit.register(shutil.rmtree, LOCKS, ignore_errors=True)
for name in ("FORCE_COLOR", "PYTHON_COLORS"):  # what is printed is compared as plain text
    os.environ.pop(name, None)
settings.register_profile("archrank", deadline=None)  # a busy machine fails no test
settings.load_profile("archrank")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="replace the golden error messages of tests/messages by the present ones",
    )


def pytest_collection_finish() -> None:
    """Keep what was imported and collected out of every later search for garbage: much faster."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-golden"))


class Cells(EdgeCellSpace):
    """Cells with costs, but without networks."""

    def _sizes(self, task: Any) -> Any:
        return None

    def _cost(self, archs: Any, sizes: Any) -> Any:
        sums = archs.sum(axis=1, dtype=float)
        return {"macs": sums, "params": sums}

    def _build(self, arch: Any, sizes: Any) -> Any:
        raise NotImplementedError


@pytest.fixture(scope="session")
def space() -> NASBench201:
    return NASBench201()


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Published measurements, which are not part of the project."""
    folder = data_folder() or Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no published tables in {folder}; set ARCHRANK_DATA to their folder")
    return folder


@pytest.fixture(scope="session")
def nb201_csv(data_dir: Path) -> Path:
    path = data_dir / "nb201.csv.gz"
    if not path.is_file():
        pytest.skip(f"no {path}")
    return path


@pytest.fixture(scope="session")
def cells() -> Cells:
    return Cells(("none", "skip_connect", "conv", "pool"), nodes=3)


@pytest.fixture(scope="session")
def pool() -> Iterator[Executor]:
    """Two worker processes, shared by all tests because starting them takes a second."""
    executor = process_pool(2)
    assert executor is not None
    yield executor
    executor.shutdown()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server of this process of the tests."""
    try:
        starting = postgres_server("fsync=off", "full_page_writes=off")  # it lives a minute
        server = starting.__enter__()
    except NoServerError as error:
        pytest.skip(f"no PostgreSQL server: {error}")
    yield server
    starting.__exit__(None, None, None)


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[str]:
    """URL of a new database, for its owner."""
    yield postgres.new_database()
    collect_connections()


@pytest.fixture(scope="session")
def uninterrupted() -> list[tuple[Any, ...]]:
    """The default study of the helpers, run at once."""
    return told(make().run(BUDGET))
