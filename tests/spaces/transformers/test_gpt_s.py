from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from archrank.errors import ArchitectureError
from archrank.spaces import GPTL, GPTM, GPTS
from archrank.tasks.base import Recipe
from archrank.training.loop import train
from tests.spaces.sequences import Tokens, check_costs, check_learning, few


def test_size() -> None:
    assert GPTS().size == 3 * 2 * sum(9**k for k in (10, 11, 12))
    assert GPTS().d == 27


@pytest.mark.parametrize(
    ("space", "widths", "depths", "heads"),
    [
        (GPTM(), (256, 512, 1024), (22, 23, 24), (8, 12, 16)),
        (GPTL(), (320, 640, 1280), (34, 35, 36), (8, 16, 20)),
    ],
)
def test_larger_spaces_have_the_published_options(
    space: GPTS, widths: tuple[int, ...], depths: tuple[int, ...], heads: tuple[int, ...]
) -> None:
    options = {choice.name: choice.options for choice in space.choices}
    assert options["embed_dim"] == widths
    assert options["n_layer"] == depths
    assert {o for name, o in options.items() if name.startswith("n_head")} == {heads}
    assert {o for name, o in options.items() if name.startswith("mlp_ratio")} == {(2, 3, 4)}
    assert space.size == 3 * 2 * sum(9**depth for depth in depths)
    assert space.name == f"gpt_{'m' if depths[0] == 22 else 'l'}"
    archs = few(space, 3)
    assert (space.parse(space.format(archs)) == archs).all()


def test_published_table(data_dir: Path) -> None:
    path = data_dir / "hwgpt_s.csv.gz"
    if not path.is_file():
        pytest.skip(f"no {path}")
    table = pd.read_csv(path, dtype=str)
    space = GPTS()
    columns = (table[c].tolist() for c in ("embed_dim", "n_layer", "n_head", "mlp_ratio", "bias"))
    archs = space.from_columns(*columns)
    assert (space.cost(archs)["params"] == table["params"].astype(np.int64)).all()
    assert (space.published_macs(archs) == table["macs"].astype(np.int64)).all()
    assert len(np.unique(space.index(archs))) == len(table) == 10_000
    assert (space.parse(space.format(archs)) == archs).all()


def test_columns_must_agree() -> None:
    row = ["384"], ["10"], ["-".join(["4"] * 10)], ["-".join(["2"] * 10)], ["0"]
    space = GPTS()
    assert len(space.from_columns(*row)) == 1
    with pytest.raises(ArchitectureError, match="mlp_ratio have 1, 2, 1, 1, 1"):
        space.from_columns(*row[:4], ["0", "1"])
    with pytest.raises(ArchitectureError, match="n_head has 10 values, expected 11"):
        space.from_columns(row[0], ["11"], *row[2:])


def test_costs_agree_with_the_network() -> None:
    check_costs(GPTS(), Tokens(), few(GPTS(), 6))


def test_published_macs_leave_attention_out() -> None:
    space, archs = GPTS(), few(GPTS(), 5)
    heads = (space.values(archs, "n_head") * (space.active(archs)[:, 3:15])).sum(axis=1)
    products = 2 * 1024**2 * 64 * heads
    assert (8 * (space.cost(archs)["macs"] - products) == space.published_macs(archs)).all()


def test_networks_learn() -> None:
    check_learning(GPTS(), Tokens(), few(GPTS(), 1))


def test_sequence_tasks_train_as_image_tasks_do() -> None:
    task = Tokens(recipe=Recipe(epochs=2, batch_size=4, optimizer="adamw", lr=1e-3))
    network = GPTS().networks(task).build(few(GPTS(), 1)[0])
    result = train(network, task, seed=0)
    assert result.diverged is None
    assert np.isfinite(result.metrics["valid_loss"])
