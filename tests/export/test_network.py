from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

import archrank as ar
from archrank.errors import (
    EvaluationError,
    MissingExtraError,
    SettingsError,
    StorageError,
    UnknownNameError,
)
from archrank.evaluators import Combined, Cost, Training
from archrank.export import export_network
from archrank.networks import graphs
from archrank.spaces import CustomSpace, Space
from archrank.tasks import Task
from tests.export import networks
from tests.export.networks import TASK, odd, tied, twice

WIDE = np.array([1], dtype=np.uint8)


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> list[nn.Module]:
    """Networks that were trained."""
    done: list[nn.Module] = []
    train = Training.train

    def remember(self: Training, *args: Any) -> Any:
        network, result = train(self, *args)
        done.append(network)
        return network, result

    monkeypatch.setattr(Training, "train", remember)
    return done


@pytest.mark.parametrize("space", [tied, twice, odd])
def test_states_that_are_not_plain(
    space: Space, trainings: list[nn.Module], tmp_path: Path
) -> None:
    export_network(Training(TASK).bind(space, seed=3), WIDE, tmp_path)
    (trained,) = trainings
    exported = ar.load(tmp_path, space=space)
    x = TASK.example(5)
    trained.eval()
    with torch.no_grad():
        torch.testing.assert_close(exported.network(x), trained(x), rtol=1e-5, atol=1e-6)
    assert not exported.network.training
    assert exported.choices == {"width": 8}
    assert (
        exported.metrics["valid_accuracy"]
        == Training(TASK).bind(space, seed=3).evaluate(WIDE[None])["valid_accuracy"]
    )


def test_tied_weights_stay_tied(trainings: list[nn.Module], tmp_path: Path) -> None:
    export_network(Training(TASK).bind(tied), WIDE, tmp_path)
    network = ar.load(tmp_path, space=tied).network
    assert network.second.weight is network.first.weight
    weights = load_file(tmp_path / "weights.safetensors")  # as anybody else would read it
    assert set(weights) == set(trainings[0].state_dict())
    trainings[0].load_state_dict(weights)


def test_state_beside_the_state_dict(trainings: list[nn.Module], tmp_path: Path) -> None:
    export_network(Training(TASK).bind(odd), WIDE, tmp_path)
    was, now = trainings[0], ar.load(tmp_path, space=odd).network
    assert now.seen["batches"] == was.seen["batches"] > 0  # type: ignore[index]
    assert torch.equal(now.seen["last"], was.seen["last"])  # type: ignore[index]
    assert now.seen["names"] == ("a", b"\0")  # type: ignore[index]
    assert np.array_equal(now.seen[3], np.ones(2))  # type: ignore[index]
    assert torch.equal(now.scale, was.scale)  # type: ignore[arg-type]
    assert torch.equal(now.random, was.random)  # type: ignore[arg-type]
    assert torch.equal(now.phase, was.phase)  # type: ignore[arg-type]
    assert now.phase.dtype == torch.complex128


class Unkept(networks.Odd):
    def get_extra_state(self) -> Any:
        return object()


class Sparse(networks.Tied):
    def __init__(self, width: int, task: Task) -> None:
        super().__init__(width, task)
        self.register_buffer("few", torch.eye(3).to_sparse())


@pytest.mark.parametrize(
    ("kind", "reason"), [(Unkept, "_extra_state .* a object"), (Sparse, "few .* a sparse tensor")]
)
def test_nothing_is_trained_that_cannot_be_kept(
    kind: Any, reason: str, trainings: list[nn.Module], tmp_path: Path
) -> None:
    space = CustomSpace(
        networks.CHOICES, build=lambda config, task: kind(config["width"], task), name="mine"
    )
    with pytest.raises(EvaluationError, match=f"{reason}.* Nothing was trained"):
        export_network(Training(TASK).bind(space), WIDE, tmp_path / "there")
    assert not trainings
    assert not (tmp_path / "there").exists()


def file_in_the_way(folder: Path) -> None:
    folder.write_text("")


def weights_in_the_way(folder: Path) -> None:
    (folder / "weights.safetensors").mkdir(parents=True)


def foreign(folder: Path) -> None:
    folder.mkdir()
    (folder / "architecture.json").write_text("[1, 2]")


def another_export(folder: Path) -> None:
    folder.mkdir()
    (folder / "architecture.json").write_text('{"architecture": "width=4"}')


@pytest.mark.parametrize(
    ("obstacle", "reason"),
    [
        (file_in_the_way, "cannot write to .*there"),
        (weights_in_the_way, "it is a folder"),
        (foreign, "does not hold the description"),
        (another_export, "'width=4', which this one of 'width=8' would replace"),
    ],
)
def test_nothing_is_trained_for_a_folder_that_cannot_be_used(
    obstacle: Any, reason: str, trainings: list[nn.Module], tmp_path: Path
) -> None:
    obstacle(tmp_path / "there")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(StorageError, match=f"{reason}.*name another folder"):
        export_network(Training(TASK).bind(tied), WIDE, tmp_path / "there")
    assert not trainings
    assert sorted(tmp_path.rglob("*")) == before


def test_nothing_is_trained_for_a_full_disk(
    trainings: list[nn.Module], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match=r"No space left.*nothing was trained"):
        export_network(Training(TASK).bind(tied), WIDE, tmp_path)
    assert not trainings
    assert not list(tmp_path.iterdir())


def test_room_is_kept_while_training(tmp_path: Path) -> None:
    seen: list[int] = []

    def trainer(network: nn.Module, task: Task, seed: int, device: str) -> float:
        seen.extend(path.stat().st_size for path in tmp_path.iterdir())
        return 0.5

    export_network(Training(TASK, trainer=trainer, metrics=["m"]).bind(tied), WIDE, tmp_path)
    assert seen == [(tmp_path / "weights.safetensors").stat().st_size]
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [
        *("MODEL_CARD.md", "architecture.json", "architecture.svg", "load_model.py"),
        "weights.safetensors",
    ]


def test_a_folder_that_is_lost_while_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, spare = tmp_path / "there", tmp_path / "spare"
    spare.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(spare))

    def trainer(network: nn.Module, task: Task, seed: int, device: str) -> float:
        shutil.rmtree(folder)
        folder.write_text("in the way")
        return 0.5

    training = Training(TASK, trainer=trainer, metrics=["m"]).bind(tied)
    with pytest.raises(StorageError, match=r"cannot write .*the trained network is in") as raised:
        export_network(training, WIDE, folder)
    (elsewhere,) = spare.iterdir()
    assert str(elsewhere) in str(raised.value)
    assert ar.load(elsewhere, space=tied).metrics["m"] == 0.5


def test_a_state_that_cannot_be_kept_any_more(tmp_path: Path) -> None:
    def trainer(network: nn.Module, task: Task, seed: int, device: str) -> float:
        network.seen = object()  # type: ignore[assignment]
        return 0.5

    training = Training(TASK, trainer=trainer, metrics=["m"]).bind(odd)
    with pytest.raises(StorageError, match=r"has the trained network but for .*_extra_state"):
        export_network(training, WIDE, tmp_path)
    assert "enter.weight" in load_file(tmp_path / "weights.safetensors")
    with pytest.raises(StorageError, match=r"lacks _extra_state"):
        ar.load(tmp_path, space=odd)


def test_other_types_after_training(tmp_path: Path) -> None:
    def trainer(network: nn.Module, task: Task, seed: int, device: str) -> float:
        network.half()
        return 0.5

    export_network(Training(TASK, trainer=trainer, metrics=["m"]).bind(tied), WIDE, tmp_path)
    network = ar.load(tmp_path, space=tied).network
    assert {p.dtype for p in network.parameters()} == {torch.float16}
    assert network.second.weight is network.first.weight


def test_the_training_of_a_combination(tmp_path: Path) -> None:
    evaluator = Combined(Cost(), Training(TASK)).bind(tied)
    assert export_network(evaluator, WIDE, tmp_path)["metrics"]["params"] > 0
    with pytest.raises(EvaluationError, match=r"Cost trains no network"):
        export_network(Cost(TASK).bind(tied), WIDE, tmp_path)


def test_failed_training_leaves_nothing(tmp_path: Path) -> None:
    def trainer(network: nn.Module, task: Task, seed: int, device: str) -> float:
        raise RuntimeError("no luck")

    training = Training(TASK, trainer=trainer, metrics=["m"]).bind(tied)
    with pytest.raises(EvaluationError, match=r"width=8 failed: RuntimeError: no luck"):
        export_network(training, WIDE, tmp_path)
    assert not list(tmp_path.iterdir())


def test_formats_are_checked_first(
    trainings: list[nn.Module], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graphs, "find_spec", lambda name: None)
    wrong: list[tuple[Any, Any, str]] = [
        (["onyx"], UnknownNameError, "'onyx', did you mean 'onnx'"),
        ("onnx", SettingsError, r"formats is 'onnx', .*formats=\('onnx',\)"),
        (["onnx"], MissingExtraError, r"archrank\[onnx\]"),
    ]
    for formats, error, message in wrong:
        with pytest.raises(error, match=message):
            export_network(Training(TASK).bind(tied), WIDE, tmp_path / "no", formats=formats)
    assert not trainings
    assert not (tmp_path / "no").exists()


def test_a_state_that_torch_does_not_read(trainings: list[nn.Module], tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"of Odd cannot be written as torch: it holds more"):
        export_network(Training(TASK).bind(odd), WIDE, tmp_path, formats=["torch"])
    assert not trainings
    assert not list(tmp_path.iterdir())
