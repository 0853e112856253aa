"""Training of supernets: updates against their definition, resume, divergence, bad checkpoints."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from archrank.errors import EvaluationError, ResumeError, SettingsError, StorageError
from archrank.spaces import NASBench201, Scale
from archrank.supernets.checkpoints import checkpoints, read_checkpoint, write_checkpoint
from archrank.supernets.ranks import Ranks
from archrank.supernets.running import Progress, train_supernet
from archrank.supernets.samplers import DeIsomorphic, FairNAS, Sampler, Subset, Uniform
from archrank.supernets.training import SupernetTraining
from archrank.supernets.updates import MeanPerWeight, Sandwich, Session, UpdateRule, Updates
from archrank.tasks import Digits, Recipe
from archrank.tasks.base import Split
from archrank.training.loop import initialise
from archrank.types import Archs
from tests.supernets import elastic

SPACE = NASBench201(Scale(channels=2, cells=1, reduction="pool"))
TASK = Digits(recipe=Recipe(epochs=4, batch_size=300, lr=0.05), copies=1)


def training(
    sampler: Sampler | None = None, task: Digits = TASK, **options: Any
) -> SupernetTraining:
    torch.set_num_threads(1)
    supernet = initialise(SPACE.networks(task).supernet, options.get("seed", 0))
    return SupernetTraining(supernet, task, sampler, **options)


def weights(found: SupernetTraining) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in found.supernet.state_dict().items()}


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_a_supernet_learns() -> None:
    task = Digits(recipe=Recipe(epochs=10, batch_size=64, lr=0.1), copies=1)
    supernet = initialise(NASBench201().networks(task).supernet, 0)
    convolutions = Subset(np.full((1, 6), 3, dtype=np.uint8))  # all learn, but slowly
    found = SupernetTraining(supernet, task, convolutions)
    train_supernet(found)
    assert found.epoch == 10
    assert found.losses[-1] < 0.75 * found.losses[0]


CURED = MeanPerWeight(decay_exponents=(1.5, 0.5), momentum_decision=1)


@pytest.mark.parametrize(
    ("sampler", "rule"),
    [
        (Uniform(), None),
        (FairNAS(), None),
        (DeIsomorphic(m=2), None),
        (Uniform(), CURED),
        (FairNAS(), CURED),
    ],
)
def test_a_resumed_training_is_the_same_bit_for_bit(
    sampler: Sampler, rule: UpdateRule | None, tmp_path: Path
) -> None:
    whole = training(sampler, rule=rule)
    train_supernet(whole)

    class Killed(BaseException):
        pass

    def kill(progress: Progress) -> None:
        if progress.epoch == 3:
            raise Killed

    with pytest.raises(Killed):
        train_supernet(training(sampler, rule=rule), tmp_path, every=2, watch=kill)
    resumed = training(sampler, rule=rule)
    epochs: list[int] = []
    train_supernet(resumed, tmp_path, every=2, watch=lambda p: epochs.append(p.epoch))
    assert epochs == [3, 4]
    assert resumed.losses == whole.losses
    assert same(weights(resumed), weights(whole))


def test_identities_name_what_differs_from_the_defaults() -> None:
    plain = training(DeIsomorphic()).identity()
    assert plain["sampler"] == {"name": "DeIsomorphic", "m": 1}
    assert plain["recipe"] == {"class": "Recipe", "epochs": 4, "batch_size": 300, "lr": 0.05}
    assert not {"rule", "processes"} & plain.keys()
    other = training(DeIsomorphic(), rule=CURED, ranks=Ranks(1, 2)).identity()
    assert {name: other[name] for name in other if name not in plain} == {
        "rule": CURED.describe(),
        "processes": 2,
    }


def test_checkpoints_that_are_kept(tmp_path: Path) -> None:
    train_supernet(training(), tmp_path, every=1, keep=(2,))
    assert list(checkpoints(tmp_path)) == [2, 4]
    tensors, about = read_checkpoint(checkpoints(tmp_path)[2])
    assert about["epoch"] == 2
    assert len(about["losses"]) == 2
    assert tensors["supernet"].keys() == training().supernet.state_dict().keys()


def test_a_finished_training_is_read_not_repeated(tmp_path: Path) -> None:
    first = training()
    train_supernet(first, tmp_path)
    again = training()
    train_supernet(again, tmp_path, watch=lambda progress: pytest.fail("trained again"))
    assert same(weights(again), weights(first))


def test_another_seed_is_another_supernet() -> None:
    a, b, c = (training(seed=s) for s in (0, 0, 1))
    for found in (a, b, c):
        train_supernet(found)
    assert same(weights(a), weights(b))
    assert not same(weights(a), weights(c))


def test_torch_is_left_as_it_was() -> None:
    found = training()
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    found.run_epoch()
    assert torch.equal(torch.rand(3), expected)


# ---- divergence --------------------------------------------------------------------------------


class Poisoned(SupernetTraining):
    """Gets a weight that is not finite in one epoch, as often as it is told to."""

    poison, times = 3, 1

    def run_epoch(self) -> float:
        if self.epoch + 1 == self.poison and self.times > self.recoveries:
            with torch.no_grad():
                self.supernet.get_parameter("network.classifier.bias").fill_(float("nan"))
        return super().run_epoch()


def poisoned(times: int) -> Poisoned:
    found = Poisoned(initialise(SPACE.networks(TASK).supernet, 0), TASK)
    found.times = times
    return found


def test_a_divergence_is_told_and_recovered_from_once(tmp_path: Path) -> None:
    found = poisoned(times=1)
    told: list[Progress] = []
    train_supernet(found, tmp_path, every=2, watch=told.append)
    assert [p.epoch for p in told] == [1, 2, 2, 3, 4]
    note = "the training loss became nan in epoch 3; going on from epoch 2 at half the learning"
    assert told[2].note.startswith(note)
    assert [p.lr for p in told] == [0.05, 0.05, 0.025, 0.025, 0.025]
    assert all(torch.isfinite(w).all() for w in weights(found).values())
    resumed = training()
    resumed.load(checkpoints(tmp_path)[4])
    assert resumed.lr == 0.025


def test_an_epoch_that_diverges_ends_at_once() -> None:
    found = training(task=Digits(recipe=replace(TASK.recipe, batch_size=100), copies=1))
    with torch.no_grad():
        found.supernet.get_parameter("network.classifier.bias").fill_(float("inf"))
    assert not math.isfinite(found.run_epoch())
    assert found._step.done == 1
    assert found.failure == "the training loss became nan"


class Blown(MeanPerWeight):
    """Breaks a weight after the last update of the second epoch, when no loss can tell."""

    def start(self, session: Session) -> Updates:
        inner = super().start(session)

        class Blowing(Updates):
            def __call__(self, batch: Split, archs: Archs) -> torch.Tensor:
                loss = inner(batch, archs)
                if session.step.done == 6 and session.step.recipe.lr == TASK.recipe.lr:
                    with torch.no_grad():
                        session.weights[0].fill_(float("inf"))
                return loss

        return Blowing()


def test_broken_weights_are_found_before_they_are_kept(tmp_path: Path) -> None:
    told: list[Progress] = []
    train_supernet(training(rule=Blown()), tmp_path, every=1, watch=told.append)
    assert [p.epoch for p in told] == [1, 1, 2, 3, 4]
    assert told[1].note.startswith("weights became infinite in epoch 2; going on from epoch 1")


class Collapsing(SupernetTraining):
    """Loses all it has learnt in one epoch, as often as it is told to: its weights become 0."""

    epoch_of_collapse, times = 15, 1

    def run_epoch(self) -> float:
        if self.epoch + 1 == self.epoch_of_collapse and self.recoveries < self.times:
            with torch.no_grad():
                for weight in self.supernet.parameters():
                    weight.zero_()
        return super().run_epoch()


def collapsing(times: int) -> Collapsing:
    """A training that has learnt something before it collapses."""
    recipe = Recipe(epochs=17, batch_size=100, lr=0.05)
    net = elastic.supernet()
    found = Collapsing(net, elastic.TASK, Uniform(2), rule=Sandwich(), recipe=recipe)
    found.times = times
    return found


def test_a_collapse_is_told_and_recovered_from(tmp_path: Path) -> None:
    told: list[Progress] = []
    found = collapsing(times=1)
    train_supernet(found, tmp_path, every=4, watch=told.append)
    assert [p.epoch for p in told] == [*range(1, 15), 12, *range(13, 18)]
    notes = {place: p.note for place, p in enumerate(told) if p.note}
    assert notes.keys() == {14}
    assert re.fullmatch(
        r"the training loss rose to 2\.\d+, as high as by guessing \(2\.30\d\), after [01]\.\d+ in "
        "epoch 15; going on from epoch 12 at half the learning rate, 0.025",
        notes[14],
    )
    assert found.losses[-1] < min(found.losses[:12])
    with pytest.raises(EvaluationError, match=r"diverged again: the training loss rose to 2\."):
        train_supernet(collapsing(times=2), every=4)


def test_a_state_that_lost_half_is_no_checkpoint(tmp_path: Path) -> None:
    class Fading(SupernetTraining):
        """Reports losses of a training that forgets slowly, once."""

        told = ((2.2, 1.0, 0.5, 1.2, 1.6, 2.25), (2.2, 1.0, 0.5, 1.2, 0.6, 0.5))

        def run_epoch(self) -> float:
            self.epoch += 1
            return self._end_epoch(self.told[self.recoveries][self.epoch - 1])

    recipe = replace(TASK.recipe, epochs=6)
    found = Fading(initialise(SPACE.networks(TASK).supernet, 0), TASK, recipe=recipe)
    told: list[Progress] = []
    train_supernet(found, tmp_path, every=1, watch=told.append)
    assert [p.epoch for p in told] == [1, 2, 3, 4, 5, 4, 5, 6]
    assert "in epoch 6; going on from epoch 4" in told[5].note


def test_metrics_of_the_architectures_that_are_trained() -> None:
    task = Digits(recipe=replace(TASK.recipe, batch_size=100), copies=1)
    found, seen = training(task=task), []
    found._see = lambda outputs, y: seen.append((outputs.argmax(1) == y).float().mean())
    found._start()
    found.run_epoch()
    expected = torch.stack(seen)[:: -(-len(seen) // 4)].mean()
    again = training(task=task)
    again.run_epoch()
    assert again.metrics() == {"accuracy": pytest.approx(float(expected))}


def test_a_kill_after_a_recovery_changes_nothing(tmp_path: Path) -> None:
    whole = poisoned(times=1)
    train_supernet(whole, every=2)

    def kill(progress: Progress) -> None:
        if progress.note or progress.lr < TASK.recipe.lr:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_supernet(poisoned(times=1), tmp_path, every=2, watch=kill)
    resumed = poisoned(times=1)
    train_supernet(resumed, tmp_path, every=2)
    assert same(weights(resumed), weights(whole))
    assert (resumed.lr, resumed.recoveries) == (0.025, 1)


def test_a_second_divergence_ends_the_training(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"diverged again.*learning rate of at most 0.025"):
        train_supernet(poisoned(times=2), tmp_path, every=2)
    assert list(checkpoints(tmp_path)) == [2]


# ---- bad input ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (lambda: training(FairNAS()), "sampler.name: Uniform -> FairNAS"),
        (lambda: training(task=Digits(recipe=Recipe(epochs=5), copies=1)), "recipe"),
        (lambda: training(seed=3), "seed: 0 -> 3"),
        (
            lambda: training(rule=MeanPerWeight(momentum_decision=1)),
            "rule.momentum_decision: not set -> 1",
        ),
        (lambda: training(task=Digits(recipe=TASK.recipe, copies=2)), "task.copies"),
        (
            lambda: SupernetTraining(NASBench201().networks(TASK).supernet(), TASK),
            "space: ",
        ),
    ],
)
def test_a_checkpoint_of_another_training(other: Any, told: str, tmp_path: Path) -> None:
    train_supernet(training(), tmp_path)
    with pytest.raises(ResumeError, match="is of another training") as caught:
        train_supernet(other(), tmp_path)
    assert told in str(caught.value)
    assert len(str(caught.value)) < 700


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "header", "weights"])
def test_damaged_checkpoints(damage: str, tmp_path: Path) -> None:
    train_supernet(training(), tmp_path)
    path = checkpoints(tmp_path)[4]
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header["__metadata__"] = {}
    empty = json.dumps(header).encode()
    path.write_bytes(
        {
            "cut": data[: len(data) // 2],
            "empty": b"",
            "text": b"epoch 4",
            "header": len(empty).to_bytes(8, "little") + empty + data[8 + length :],
            "weights": data[:-100],
        }[damage]
    )
    with pytest.raises(StorageError, match=r"no whole checkpoint.*remove it to go on"):
        train_supernet(training(), tmp_path)


@pytest.mark.parametrize("keep", [(5,), (0,), (1, -1)])
def test_epochs_that_the_training_does_not_have(keep: tuple[int, ...]) -> None:
    with pytest.raises(SettingsError, match=f"keep names epoch {keep[-1]}, but the training has"):
        train_supernet(training(), keep=keep)
    with pytest.raises(SettingsError, match="every must be at least 1 epoch, got 0"):
        train_supernet(training(), every=0)


def test_a_checkpoint_without_the_state(tmp_path: Path) -> None:
    train_supernet(training(), tmp_path)
    path = checkpoints(tmp_path)[4]
    tensors, about = read_checkpoint(path)
    for missing in ("step", "rule", "supernet"):
        write_checkpoint(path, {k: v for k, v in tensors.items() if k != missing}, about)
        with pytest.raises(StorageError, match="does not hold the state of this training"):
            train_supernet(training(), tmp_path)
    tensors["supernet"]["network.classifier.bias"] = torch.zeros(3)
    write_checkpoint(path, tensors, about)
    with pytest.raises(StorageError, match=r"does not hold the state.*remove it"):
        train_supernet(training(), tmp_path)


class Wrong(Sampler):
    """Draws what it is told."""

    def __init__(self, rows: Any) -> None:
        self.rows = rows

    def sample(self, space: Any, *, rng: np.random.Generator) -> Archs:
        return np.array(self.rows, dtype=np.uint8)

    def describe(self) -> dict[str, Any]:
        return {}


@pytest.mark.parametrize("rows", [[[9] * 6], [[0] * 5], [0] * 6, np.empty((0, 6))])
def test_a_sampler_that_draws_no_architectures(rows: Any) -> None:
    with pytest.raises(SettingsError, match=r"Wrong drew .* for update 0, which are no"):
        train_supernet(training(Wrong(rows)))


def test_a_subset_trains_only_its_weights() -> None:
    found = training(Subset(np.full((1, 6), 3, dtype=np.uint8)))
    before = weights(found)
    train_supernet(found)
    changed = {n for n, w in weights(found).items() if not torch.equal(w, before[n])}
    edges = {name.split(".edges.")[1].split(".")[1] for name in changed if ".edges." in name}
    assert edges == {"3"}
