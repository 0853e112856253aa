"""Messages for mistakes with supernets: their training, checkpoints and scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save
from torch import nn

from archrank.rankers import GBDT
from archrank.runs.supernet_search.settings import Limits, SubnetSettings
from archrank.spaces import AttentiveSmall, NASBench101, NASBench201, Scale, from_choices
from archrank.supernets import one_shot_scores, start_training, train_supernet
from archrank.supernets.checkpoints import (
    checkpoint,
    last_checkpoint,
    load_supernet,
    read_checkpoint,
    write_checkpoint,
)
from archrank.supernets.ranks import Ranks
from archrank.supernets.recipes import RECIPES
from archrank.supernets.samplers import (
    SAMPLERS,
    AttentiveLoss,
    AttentiveRanker,
    Costliest,
    DeIsomorphic,
    FairNAS,
    Sampler,
    SkipPrior,
    Subset,
    Uniform,
)
from archrank.supernets.updates import MeanPerWeight, Sandwich, Session, UpdateRule, Updates
from archrank.tasks import Digits, Glyphs, Recipe
from archrank.tasks.base import Splits
from tests.messages.golden import Cases, compare, message_of

SPACE = NASBench201(Scale(channels=2, cells=1, reduction="pool"))
WIDER = NASBench201(Scale(channels=4, cells=1, reduction="pool"))
TASK = Digits(recipe=Recipe(epochs=1, batch_size=500), copies=1)
NETWORKS = SPACE.networks(TASK)
ATTENTIVE = AttentiveSmall().networks(Digits(copies=1))
NET, FILE = Path("net"), Path("net/epoch-000001.safetensors")


def train(folder: Path | None = None, networks: Any = NETWORKS, **options: Any) -> None:
    """Train by a recipe for one epoch."""
    run = {name: options.pop(name) for name in ("keep", "every") if name in options}
    training = start_training(networks, **{"epochs": 1, "batch_size": 500, **options})
    train_supernet(training, folder, **run)


class Own(nn.Module):
    """A supernet of one's own that looks for what is not there."""

    def __init__(self, task: Any) -> None:
        super().__init__()
        self.layer = nn.Linear(64, task.n_classes)

    def forward(self, x: Any, config: dict[str, Any]) -> Any:
        return self.layer(x.flatten(1)) * config["scale"]


def own(supernet: Any, **options: Any) -> Any:
    """Make the supernet that a space of named choices brings."""
    alone = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    space = from_choices({"a": [1, 2]}, lambda config, task: alone, supernet=supernet, name="nets")
    return space.networks(TASK).supernet(**options)


def damaged(change: Callable[[bytes], bytes]) -> None:
    """Go on from a checkpoint whose bytes were changed."""
    FILE.write_bytes(change(FILE.read_bytes()))
    train(NET)


def changed(change: Callable[[dict[str, Any], dict[str, Any]], object]) -> None:
    """Go on from a checkpoint whose content was changed."""
    tensors, about = read_checkpoint(FILE)
    change(tensors, about)
    write_checkpoint(FILE, tensors, about)
    train(NET)


def in_place_of_the_folder() -> None:
    """Name a file where a folder is needed."""
    Path("file").touch()
    train(Path("file"))


def in_place_of_the_checkpoint() -> None:
    """Put a folder where a file is needed."""
    FILE.unlink()
    FILE.mkdir()
    train(NET)


@dataclass(frozen=True)
class NothingIn(Digits):
    """Digits without one of its splits."""

    split: str = "train"

    def load(self) -> Splits:
        splits = super().load()
        return splits._replace(**{self.split: getattr(splits, self.split).take(slice(0, 0))})


@dataclass(frozen=True)
class Twice(Digits):
    """Digits with a loss of one's own."""

    def loss(self, outputs: Any, y: Any) -> Any:
        return 2 * super().loss(outputs, y)


@dataclass(frozen=True)
class Draws(Sampler):
    """Draws what it is told, or fails."""

    rows: Any

    def sample(self, space: Any, *, rng: np.random.Generator) -> Any:
        return [1 / 0] if self.rows is None else np.array(self.rows)

    def describe(self) -> dict[str, Any]:
        return {}


class Failing(UpdateRule):
    """A rule whose updates leave the command."""

    def start(self, session: Session) -> Updates:
        class Gone(Updates):
            def __call__(self, batch: Any, archs: Any) -> torch.Tensor:
                raise SystemExit(3)

        return Gone()


def scores(task: Digits) -> None:
    """Score an untrained supernet."""
    one_shot_scores(NETWORKS.supernet(), task, SPACE.sample(1, rng=np.random.default_rng(0)))


MISTAKES: Cases = {
    "misspelt recipe": lambda: train(recipe="surgry"),
    "misspelt setting of a recipe": lambda: train(batchsize=4),
    "no epochs": lambda: train(epochs=0),
    "learning rate below 0": lambda: train(lr=-0.1),
    "part of features above 1": lambda: train(options={"dropout": 2}),
    "option that the supernet lacks": lambda: train(options={"wide": 2}),
    "device that does not exist": lambda: train(device="cudaa"),
    "misspelt name of a recipe": lambda: RECIPES.get("acnas"),
    "no task": lambda: train(networks=SPACE.networks()),
    "nothing to train with": lambda: train(networks=SPACE.networks(NothingIn(split="train"))),
    "nothing to score with": lambda: scores(NothingIn(split="valid")),
    "epoch to keep beyond the end": lambda: train(keep=(1, 2)),
    "checkpoints every 0 epochs": lambda: train(every=0),
    "batches smaller than the number of processes": lambda: train(batch_size=3, ranks=Ranks(0, 4)),
    "decision that the space lacks": lambda: train(rule=MeanPerWeight(momentum_decision=6)),
    "exponents of one number": lambda: MeanPerWeight(decay_exponents=(1.0,)),  # type: ignore[arg-type]
    "momentum that is not there": lambda: train(
        rule=MeanPerWeight(momentum_decision=0), momentum=0.0
    ),
    "sampler that draws no rows": lambda: train(sampler=Draws(np.empty((0, 6)))),
    "sampler that draws unknown options": lambda: train(sampler=Draws([[9] * 6])),
    "sampler that draws rows of another space": lambda: train(sampler=Draws([[1] * 5])),
    "sampler that fails": lambda: train(sampler=Draws(None)),
    "sampler of another space": lambda: train(sampler=SkipPrior()),
    "probability of skips above 1": lambda: SkipPrior(50),
    "no candidates": lambda: SAMPLERS.get("bestup-0-loss")(),
    "front that does not exist": lambda: AttentiveLoss(front="middle"),  # type: ignore[arg-type]
    "misspelt attentive sampler": lambda: SAMPLERS.get("bestup-3-acc"),
    "limits of FLOPs outside of the space": lambda: AttentiveLoss(mflops=(3, 9)).sample(
        ATTENTIVE, rng=np.random.default_rng(0)
    ),
    "empty bin of the prior": lambda: ATTENTIVE.flops_prior.sample(
        1, rng=np.random.default_rng(0), targets=np.array([7.0])
    ),
    "no ranker": lambda: AttentiveRanker(k=50),
    "ranker that is never fitted": lambda: AttentiveRanker(ranker=GBDT(ATTENTIVE.space)),
    "batches of one": lambda: train(batch_size=1),
    "recalibration with batches of one": lambda: one_shot_scores(
        NETWORKS.supernet(),
        TASK,
        SPACE.sample(1, rng=np.random.default_rng(0)),
        statistics="recalibrated",
        batch_size=1,
    ),
    "distillation without classes": lambda: train(
        networks=SPACE.networks(Twice()), rule=Sandwich()
    ),
    "no share of costly architectures": lambda: Costliest(0),
    "table of the classes of a large space": lambda: DeIsomorphic(table=True).sample(
        NASBench101().networks(), rng=np.random.default_rng(0)
    ),
    "own supernet that is no function": lambda: from_choices({"a": [1, 2]}, Own, supernet=3),  # type: ignore[arg-type]
    "own space without a supernet": lambda: own(None),
    "own supernet that has no options": lambda: own(Own, affine=False),
    "own supernet that is no module": lambda: own(lambda task: "net"),
    "own supernet that fails": lambda: own(Own)(torch.zeros(2, 1, 8, 8), np.zeros(1, np.uint8)),
    "own supernet without the network's weights": lambda: own(Own).extract(np.zeros(1, np.uint8)),
    "no architectures per update": lambda: Uniform(m=0),
    "no architectures in a subset": lambda: Subset(np.empty((0, 6), dtype=np.uint8)),
    "rule that exits": lambda: train(rule=Failing()),
    "file in place of the folder": in_place_of_the_folder,
    "folder in place of the checkpoint": in_place_of_the_checkpoint,
    "folder that does not exist": lambda: last_checkpoint(Path("nowhere")),
    "checkpoint cut off": lambda: damaged(lambda data: data[: len(data) // 2]),
    "checkpoint cut off in its header": lambda: damaged(lambda data: data[:50]),
    "empty checkpoint": lambda: damaged(lambda data: b""),
    "checkpoint of another format": lambda: damaged(lambda data: b"PK\x03\x04" + bytes(200)),
    "checkpoint of another program": lambda: damaged(lambda data: save({"w": torch.ones(2)})),
    "checkpoint without an identity": lambda: changed(lambda t, about: about.clear()),
    "checkpoint without momenta": lambda: changed(lambda t, about: t.pop("step")),
    "checkpoint with a weight of another shape": lambda: changed(
        lambda t, about: t["supernet"].update({"network.classifier.bias": torch.ones(3)})
    ),
    "training with another seed": lambda: train(NET, seed=1),
    "training with another sampler": lambda: train(NET, sampler=FairNAS()),
    "training with another learning rate": lambda: train(NET, lr=0.2),
    "training with other momenta": lambda: train(NET, rule=MeanPerWeight(momentum_decision=0)),
    "training of another shape": lambda: train(NET, networks=WIDER.networks(TASK)),
    "training on another task": lambda: train(NET, networks=SPACE.networks(Glyphs(copies=1))),
    "limit below the fastest architecture": lambda: (
        Limits.parse(["latency_ms<=1"])
        .each[0]
        .require_reachable((1.5, 9.25), ["1:1:1", "2:2:2"], "hat_small")
    ),
    "limit above the slowest architecture": lambda: (
        Limits.parse(["latency_ms<=10"])
        .each[0]
        .require_reachable((1.5, 9.25), ["1:1:1", "2:2:2"], "hat_small")
    ),
    "limit below the smallest architecture": lambda: (
        Limits.parse(["params<=100"])
        .each[0]
        .require_reachable((200, 1000), ["1:1:1", "2:2:2"], "hat_small")
    ),
    "search of a supernet that is none": lambda: SubnetSettings(strategy="evolution").check(),  # type: ignore[arg-type]
    "metric that a task does not have": lambda: SubnetSettings(metric="bleu").metric_of(TASK),
    "scores with a supernet of another shape": lambda: load_supernet(FILE, WIDER.networks(TASK)),
    "scores on another task": lambda: load_supernet(FILE, SPACE.networks(replace(TASK, copies=2))),
}


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_messages(update_golden: bool) -> None:
    torch.set_num_threads(1)
    train(NET)
    assert checkpoint(NET, 1) == FILE
    whole = FILE.read_bytes()
    messages = {}
    for mistake, make in MISTAKES.items():
        if FILE.is_dir():
            FILE.rmdir()
        FILE.write_bytes(whole)
        messages[mistake] = message_of(make)
    compare("supernets", messages, update=update_golden)
