"""A table of cells of tiny networks, with truths by formula."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from archrank.assess import StudySettings
from archrank.spaces import NASBench201, Scale
from archrank.tables.writing import write_table
from archrank.tasks import Digits

CLASSES = 60
SPACE = NASBench201(Scale(channels=2, cells=2, reduction="pool"))
TASK = Digits(copies=1)
TINY = replace(
    StudySettings("test_accuracy", changes={"batch_size": 450}, checkpoints=()).quick(),
    epochs=2,
    archs=24,
    images=40,
    labels=10,
    predictor_epochs=1,
)


@pytest.fixture(scope="session")
def truth_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some isomorphism classes, with costs and two runs, as built-in tables have them."""
    rng = np.random.default_rng(5)
    classes = np.unique(SPACE.canonical(SPACE.enumerate()), axis=0)
    archs = rng.permutation(classes)[:CLASSES]
    cost = SPACE.networks(TASK).cost(archs)
    worth = np.array([0.0, 0.2, 0.5, 1.0, 0.3])[archs].sum(axis=1) / 6
    runs = {f"test_accuracy_seed{s}": worth + rng.normal(0, 0.02, CLASSES) for s in (0, 1)}
    columns = {"test_accuracy": np.mean(list(runs.values()), axis=0), **runs, **cost}
    about = {"rows": "isomorphism classes", "task": "Digits(copies=1)"}
    path = tmp_path_factory.mktemp("truth") / "tiny.parquet"
    return write_table(path, SPACE.format(archs), columns, about=about)
