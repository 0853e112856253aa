"""Users' data from the command line: searched with workers, moved, resumed, exported."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from archrank.tasks import read_preprocessing
from tests.cli.conftest import Cli

MINE = """
import math
import os

from torch import nn

import archrank as ar

QUICK = ar.tasks.Recipe(epochs=1, optimizer="adamw", lr=0.01)



def build(config, task):
    width = config["width"]
    layers = [nn.Flatten(), nn.Linear(math.prod(task.input_shape), width), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(width, task.n_outputs))


def build_bag(config, task):
    return nn.Sequential(nn.EmbeddingBag(20, config["width"]), nn.Linear(config["width"], 2))


space = ar.spaces.from_choices({"width": [4, 8, 12]}, build=build, name="nets")
bags = ar.spaces.from_choices({"width": [4, 8, 12]}, build=build_bag, name="bags")


def images():
    return ar.tasks.from_image_folder(os.environ["MY_DATA"] + "/images", size=4, recipe=QUICK)


def table():
    path = os.environ["MY_DATA"] + "/table.csv"
    return ar.tasks.from_dataframe(path, target="species", recipe=QUICK)


def sets():
    items = [([i % 9 + 1] * (i % 5 + 1), i % 2) for i in range(60)]
    return ar.tasks.from_datasets(items[:40], items[40:], padding=0, recipe=QUICK)
"""


def write_data(folder: Path) -> None:
    rng = np.random.default_rng(0)
    for shade, name in enumerate(("dark", "light")):
        (folder / "images" / name).mkdir(parents=True)
        for i in range(20):
            pixels = rng.integers(120 * shade, 120 * shade + 100, (5, 5, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(folder / "images" / name / f"{i}.png")
    frame = pd.DataFrame({"mass": rng.normal(size=60), "island": rng.choice(["a", "b"], 60)})
    frame["species"] = np.where(frame["mass"] > 0, "Gentoo", "Adelie")
    frame.to_csv(folder / "table.csv", index=False)


@pytest.mark.parametrize(
    ("task", "space", "workers"),
    [("images", "space", 2), ("table", "space", 1), ("sets", "bags", 1)],
)
def test_search_move_resume_export(
    cli: Cli,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    task: str,
    space: str,
    workers: int,
) -> None:
    monkeypatch.setenv("ARCHRANK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MY_DATA", str(tmp_path / "here_now"))
    write_data(tmp_path / "here_now")
    Path("mine.py").write_text(MINE)
    named = ("--space", f"mine.py:{space}", "--task", f"mine.py:{task}", "--strategy", "random")
    found = cli("search", *named, "--budget", 2, "--workers", workers, "--run", "run")
    assert found.status == 0, found.err

    (tmp_path / "here_now").rename(tmp_path / "moved")
    monkeypatch.setenv("MY_DATA", str(tmp_path / "moved"))
    if workers > 1:
        found = cli("search", *named, "--budget", 3, "--workers", workers, "--run", "run")
        assert found.status == 0, found.err

    found = cli("export", "run", "--json")
    assert found.status == 0, found.err
    metrics = json.loads(found.out)["metrics"]
    assert (
        metrics["valid_accuracy"]
        == json.loads(cli("best", "run", "--json").out)["metrics"]["valid_accuracy"]
    )
    kept = read_preprocessing("run/export")
    if task == "images":
        assert kept.classes == ("dark", "light")
        assert kept.encode(tmp_path / "moved/images/dark/3.png").shape == (1, 3, 4, 4)  # type: ignore[union-attr]
    if task == "table":
        assert kept.encode(tmp_path / "moved/table.csv").shape == (60, 3)  # type: ignore[union-attr]
