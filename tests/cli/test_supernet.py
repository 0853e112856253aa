"""``archrank supernet``: train, stop and go on, score, use the scores in a search."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import archrank as ar
from archrank.spaces import networks
from archrank.supernets import train_supernet
from archrank.supernets.checkpoints import checkpoints, load_supernet
from archrank.supernets.scoring import one_shot_scores
from tests.cli.conftest import Cli

SPACE = """
import archrank as ar

task = ar.tasks.Digits(copies=1)
space = ar.spaces.CustomCells(["none", "skip_connect", "nor_conv_1x1"], nodes=3, name="mine")
"""
TRAIN = ("supernet", "train", "--space", "mine.py:space", "--task", "mine.py:task")
QUICK = (*TRAIN, "--epochs", 2, "--batch-size", 400, "--run", "net")


def test_train_score_and_search(cli: Cli) -> None:
    Path("mine.py").write_text(SPACE)
    trained = cli(*QUICK, "--keep", 1)
    assert trained.status == 0, trained.err
    assert "archrank supernet score net" in trained.err
    assert list(checkpoints(Path("net"))) == [1, 2]
    scored = cli("supernet", "score", "net", "--split", "test")
    assert scored.status == 0, scored.err
    assert "as the run's settings name mine.py:space" in scored.err

    names: dict[str, object] = {}
    exec(SPACE, names)
    space, task = names["space"], names["task"]
    assert isinstance(space, ar.Space)
    assert isinstance(task, ar.tasks.Task)
    table = ar.tables.load_table("net/oneshot.parquet", space)
    assert len(table) == 15  # classes
    supernet = load_supernet(checkpoints(Path("net"))[2], space.networks(task))
    expected = one_shot_scores(supernet, task, table.archs, split="test")
    assert np.allclose(table.column("oneshot_loss"), expected["loss"], rtol=1e-5)
    assert table.directions["oneshot_loss"] == "minimize"

    search = ("search", "--space", "mine.py:space", "--task", "mine.py:task", "--budget", 7)
    found = cli(*search, "--weak", "net/oneshot.parquet:oneshot_accuracy", "--run", "run")
    assert found.status == 0, found.err


def test_a_training_goes_on(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("mine.py").write_text(SPACE)

    def stopped(training, folder, *, watch, **options):
        def stop(progress):
            watch(progress)
            raise KeyboardInterrupt

        return train_supernet(training, folder, every=1, watch=stop)

    whole = cli(*QUICK)
    with monkeypatch.context() as patched:
        patched.setattr("archrank.supernets.running.train_supernet", stopped)
        halted = cli(*QUICK[:-1], "other")
    assert halted.status == 130
    assert "repeat the command to go on" in halted.err
    assert cli(*QUICK[:-1], "other").err.replace("other", "net") == whole.err
    a, b = (checkpoints(Path(folder))[2].read_bytes() for folder in ("net", "other"))
    assert a == b


OWN = """
from torch import nn

import archrank as ar


class Linear(nn.Linear):
    def __init__(self, config, task):
        super().__init__(64, task.n_classes)

    def forward(self, x, config=None):
        return super().forward(x.flatten(1)) * (config or {"scale": 1})["scale"]


task = ar.tasks.Digits(copies=1)
space = ar.spaces.from_choices(
    {"scale": [1, 2, 3]}, build=Linear, supernet=lambda task: Linear({}, task), name="mine"
)
"""


def test_a_supernet_of_ones_own(cli: Cli) -> None:
    Path("mine.py").write_text(OWN)
    trained = cli(*QUICK, "--sampling", "uniform")
    assert trained.status == 0, trained.err
    scored = cli("supernet", "score", "net", "--own-code")
    assert scored.status == 0, scored.err
    refused(
        cli(*QUICK, "--affine", "yes", "--run", "other"),
        "the supernet of mine has no option 'affine'",
    )
    Path("wrong.py").write_text(OWN.replace('["scale"]', '["sclae"]'))
    failed = cli(*QUICK, "--space", "wrong.py:space", "--task", "wrong.py:task", "--run", "other")
    refused(failed, "mine: supernet(x, {'scale': ", "failed: KeyError: 'sclae' (wrong.py, line 12)")


def refused(result, *parts: str) -> None:
    assert result.status == 2
    for part in parts:
        assert part in result.err
    assert "Traceback" not in result.err


def test_a_large_space_is_scored_in_part(cli: Cli) -> None:
    large = OWN.replace(
        '{"scale": [1, 2, 3]}', '{name: [1, 2, 3] for name in ("scale", *"abcdefghijkl")}'
    )
    Path("large.py").write_text(large)
    names = ("--space", "large.py:space", "--task", "large.py:task")
    trained = cli(*QUICK, *names)
    assert trained.status == 0, trained.err
    refused(cli("supernet", "score", "net"), "mine has 1.59e+06 architectures", "--archs N")
    scored = cli("supernet", "score", "net", "--archs", 5)
    assert scored.status == 0, scored.err


ELASTIC = """
import archrank as ar

task = ar.tasks.Digits(copies=1)
choices = {"resolution": 8, "depth_mb3": 1, "depth_mb4": 1, "kernel_mb2": 3, "kernel_mb3": 3}
space = ar.spaces.AttentiveSmall().restrict(choices)
"""


def test_attentive_sampling(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "SAMPLED", 50_000)
    Path("elastic.py").write_text(ELASTIC)
    names = ("--space", "elastic.py:space", "--task", "elastic.py:task")
    train = ("supernet", "train", *names, "--epochs", 2, "--batch-size", 450)
    for sampling in ("bestup-3-loss", "worstup-4-ranker"):
        trained = cli(*train, "--sampling", sampling, "--run", sampling)
        assert trained.status == 0, trained.err
    assert cli("supernet", "score", "bestup-3-loss", "--archs", 9, "--own-code").status == 0
    labels = ("--labels", "bestup-3-loss/oneshot.parquet:oneshot_loss")
    guided = cli(*train, "--sampling", "bestup-4-ranker", *labels, "--run", "guided")
    assert guided.status == 0, guided.err
    other = cli(*train, "--sampling", "bestup-4-ranker", "--learn-after", 1, "--run", "guided")
    refused(other, "is of another training", "sampler.learns: not set -> 1")
    refused(
        cli(*train, "--ranker", "gbdt"), "AttentiveLoss is guided by no ranker: remove --ranker"
    )
    refused(cli(*train, "--sampling", "bestup-0-loss"), "k must be at least 1, got 0")
    wrong = cli(*train, "--sampling", "bestup-4-ranker", "--labels", "scores.csv")
    refused(wrong, "--labels scores.csv: write FILE:COLUMN")


def test_bad_input(cli: Cli) -> None:
    Path("mine.py").write_text(SPACE)
    refused(cli(*QUICK, "--sampling", "unifrm"), "unknown sampler 'unifrm', did you mean 'uniform'")
    refused(cli(*QUICK, "--epochs", 0), "recipe: epochs must be at least 1, got 0")
    refused(cli(*QUICK, "--recipe", "surgry"), "supernet recipe 'surgry', did you mean 'surgery'")
    refused(cli(*QUICK, "--keep", 3), "keep names epoch 3, but the training has epochs 1 to 2")
    refused(cli(*QUICK, "--sampling", "fairnas", "--per-update", 2), "fairnas takes no number")
    refused(cli(*TRAIN, "--space", "gpt_s"), "gpt_s builds networks for token sequences")
    refused(cli("supernet", "score", "nowhere"), "there is no checkpoint nowhere")
    Path("empty").mkdir()
    refused(cli("supernet", "score", "empty"), "holds no checkpoint")
    assert cli(*QUICK).status == 0
    refused(cli(*QUICK, "--seed", 3), "is of another training", "seed: 0 -> 3")
    refused(cli("supernet", "score", "net", "--archs", 0), "at least 1")
    cured = ("--decay-exponents", 1.5, 0.5, "--momentum-decision", 0)
    refused(cli(*QUICK, *cured), "rule.decay_exponents: not set -> 1.5, 0.5; rule.momentum")
    refused(cli(*QUICK, "--decay-exponents", 1.5), "decay_exponents are two numbers, got (1.5,)")
    refused(cli(*QUICK, "--momentum-decision", 3), "momentum_decision 3: mine has the decisions 0")
    Path("net/supernet.json").write_text("[]")
    refused(cli("supernet", "score", "net"), "supernet.json")
    Path("net/supernet.json").unlink()
    refused(cli("supernet", "score", "net"), "has no supernet.json")
    refused(cli("supernet", "trian"), "unknown command 'trian', did you mean 'train'")


def test_dry_runs_write_nothing(cli: Cli) -> None:
    Path("mine.py").write_text(SPACE)
    found = cli(*QUICK, "--dry-run")
    assert found.status == 0, found.err
    told = dict(line.split("  ", 1) for line in found.out.splitlines())
    assert {name: told[name].strip() for name in ("batch size", "updates in all")} == {
        "batch size": "400",
        "updates in all": "6, 3 in each of 2 epochs",
    }
    assert set(told) >= {"first update", "later update", "peak memory", "parameters", "checkpoint"}
    assert [path.name for path in Path().iterdir() if path.suffix != ".pyc"] == ["mine.py"]


def test_dry_run_in_batches_of_tokens(cli: Cli) -> None:
    words = ("--space", "ranknas_lm_small", "--task", "topics", "--batch-tokens", 256)
    found = cli("supernet", "train", *words, "--dry-run")
    assert found.status == 0, found.err
    told = dict(line.split("  ", 1) for line in found.out.splitlines())
    assert told["batch"].strip() == "256 tokens at most, padding included"


def test_dry_run_of_imagenets_recipe(cli: Cli) -> None:
    """The published recipe in a small space: images of 288 pixels, resized to 8 by the network."""
    Path("elastic.py").write_text(ELASTIC)
    recipe = ("--space", "elastic.py:space", "--recipe", "attentive_imagenet")
    names = ("supernet", "train", *recipe, "--sampling", "uniform", "--batch-size", 2)
    found = cli(*names, "--dry-run")
    assert found.status == 0, found.err
    assert "230,610,240, 640,584 in each of 360 epochs" in found.out
    smaller = cli(*names, "--task", "imagenet_224", "--dry-run")
    assert smaller.status == 0, smaller.err
    assert "updates in all  230,610,240" in smaller.out
    refused(
        cli(*names, "--task", "imagenet-288"), "from which nothing can be learnt: add --dry-run"
    )
