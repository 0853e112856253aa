"""The study of losses, on small files of the published form."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from archrank.criteria import n_at, precision_at
from archrank.errors import DataError, SettingsError
from archrank.rankers import GATES
from archrank.reproduce import reproduce
from archrank.reproduce.base import Found, Plan
from archrank.reproduce.pwlnas import losses
from archrank.reproduce.pwlnas.tasks import NB101, TRANSNAS, load_tasks
from archrank.spaces import SPACES
from tests.reproduce.conftest import write_tables


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_tables(tmp_path, rows=130)
    rng = np.random.default_rng(0)
    transnas = SPACES.get("transnas101_micro")()
    rows = transnas.enumerate()[rng.permutation(transnas.size)[:130]]
    quality = transnas.cost(rows)["macs"] / 1e9
    frame = pd.DataFrame({"arch": transnas.format(rows)})
    for name in ("class_scene", "jigsaw", "autoencoder"):
        frame[name] = quality + 0.01 * rng.normal(size=len(rows))
    frame.to_csv(tmp_path / TRANSNAS, index=False)
    space = SPACES.get("nasbench101")()
    cells = space.format(space.sample(130, rng=rng))
    graphs = pd.DataFrame([cell.split(":") for cell in cells], columns=["adj_upper", "ops"])
    graphs["val_e108"] = 0.8 + 0.1 * rng.random(len(graphs))
    graphs.to_csv(tmp_path / NB101, index=False)
    return tmp_path


@pytest.mark.parametrize("kind", losses.MAKERS)
def test_six_tasks(kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(losses, "SIZES", (10, 20))
    protocol = {"perceptron": losses.perceptron, "GATES": losses.gates}[kind]
    found = protocol(None, Plan(seeds=2, epochs=1, data=folder))
    each = len(losses.LOSSES)
    assert len(found.rows) == 2 * 3 * each + 6 * each
    assert len({row.what for row in found.rows}) == len(found.rows)
    assert all(row.why for row in found.rows)
    assert all(row.seeds == 2 and np.isfinite(row.ours) for row in found.rows)
    assert [claim.published for claim in found.claims] == [True] * 4 + [False] * 2


def test_a_fit_is_judged_on_the_others(folder: Path) -> None:
    task = load_tasks(folder)[0]
    found = losses.run_job(losses.Job("GATES", task, "warp", 20, 5, epochs=2))
    order = np.random.default_rng([5, 0]).permutation(len(task.archs))
    ranker = GATES(task.space, objective="warp", epochs=2, seed=5)
    ranker.fit(task.archs[order[:20]], task.labels[order[:20]])
    rest = order[20:]
    scores = ranker.predict(task.archs[rest])
    assert found["n10"] == n_at(scores, task.truth[rest], 10)
    assert found["p5"] == precision_at(scores, task.truth[rest], 5)
    assert (task.labels != task.truth).any()  # validation is learnt, test judges


def fake(values: dict[str, tuple[float, float]]) -> losses.Standing:
    """P@5 % by loss, from few labels and from many; .3 where none is given."""
    cells: dict[tuple[int, str, str], list[Found]] = {}
    for name in ("a", "b"):
        for loss in losses.LOSSES:
            for n, value in zip((25, 400), values.get(loss, (0.3, 0.3)), strict=True):
                cells[n, name, loss] = [{"p5": value - 0.01}, {"p5": value + 0.01}]
    return losses.Standing(cells, ("a", "b"))


def test_claims() -> None:
    """As the paper has it all hold; the other way round none."""
    as_told = {
        "mse": (0.1, 0.2),
        "list_mle": (0.5, 0.4),
        "warp": (0.2, 0.6),
        "blog_mixed": (0.2, 0.25),
        "hinge_mape": (0.3, 0.7),
        "list_mle_warp": (0.3, 0.7),
    }
    claims = losses._claims(fake(as_told), (25, 400))
    assert [claim.holds for claim in claims] == [True] * 6
    assert "best WARP; ranking losses 33.3, weighted ones 40.0" in claims[2].measured
    opposite = {"mse": (0.9, 0.8), "blog_mixed": (0.9, 0.9)}
    assert not any(claim.holds for claim in losses._claims(fake(opposite), (25, 400)))


def test_missing_files_are_named(folder: Path) -> None:
    (folder / NB101).unlink()
    with pytest.raises(DataError, match=r"no nb101_subset.csv.gz in"):
        reproduce("pwlnas", data=folder, quick=True)
    with pytest.raises(SettingsError, match="no table of its own"):
        reproduce("pwlnas", tables="builtin", quick=True)
