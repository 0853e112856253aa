from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from typing import Any

import pytest

from archrank.study import process_pool

from .helpers import BUDGET, make, told


@pytest.fixture(scope="session")
def pool() -> Iterator[Executor]:
    """Two worker processes, shared by all tests because starting them takes a second."""
    executor = process_pool(2)
    assert executor is not None
    yield executor
    executor.shutdown()


@pytest.fixture(scope="session")
def uninterrupted() -> list[tuple[Any, ...]]:
    """The default study of the helpers, run at once."""
    return told(make().run(BUDGET))
