from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import archrank as ar
from archrank.errors import (
    ArchitectureError,
    EvaluationError,
    MissingExtraError,
    SettingsError,
    StorageError,
    UnknownNameError,
)
from archrank.export import export_subnetwork, stand_alone
from archrank.networks import graphs
from archrank.networks.graphs import as_graphs
from archrank.spaces import AttentiveSmall, NASBench201, Scale
from archrank.supernets import Supernet, one_shot_scores
from archrank.supernets.statistics import batch_norms
from archrank.tasks import Digits
from archrank.training.loop import initialise

TASK = Digits(copies=1)
SPACE = AttentiveSmall()
ARCH = SPACE.parse(["10:8,8,24,24,48,48,128:12121:35353:12334"])[0]


@pytest.fixture(scope="module")
def supernet() -> Supernet:
    made = initialise(lambda: SPACE.networks(TASK).supernet(), 0)
    assert isinstance(made, Supernet)
    return made.eval()


@pytest.fixture(scope="module")
def exported(
    supernet: Supernet, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("exported")
    return folder, export_subnetwork(
        supernet, TASK, ARCH, folder, formats=("torch", "program", "onnx")
    )


@torch.no_grad()
def test_batch_norms_have_the_statistics_of_what_training_saw(supernet: Supernet) -> None:
    network = stand_alone(supernet, TASK, ARCH, batch_size=10_000)
    assert not network.training
    train = TASK.augment(TASK.load().train.x, torch.Generator().manual_seed(0))
    seen: list[torch.Tensor] = []
    first = batch_norms(network)[0]
    first.register_forward_pre_hook(lambda norm, x: seen.append(x[0]))
    network(train)
    torch.testing.assert_close(first.running_mean, seen[0].mean(dim=(0, 2, 3)))
    torch.testing.assert_close(first.running_var, seen[0].var(dim=(0, 2, 3)))
    one, many = network(train[:1]), network(train[:5])
    torch.testing.assert_close(many[:1], one, rtol=1e-5, atol=1e-6)


@torch.no_grad()
def test_all_files_hold_the_same_network(
    supernet: Supernet, exported: tuple[Path, dict[str, Any]]
) -> None:
    folder, description = exported
    x = TASK.load().test.x[:7]
    wanted = stand_alone(supernet, TASK, ARCH)(x)
    read = ar.load(folder)
    assert read.architecture == description["architecture"] == SPACE.format(ARCH[None])[0]
    torch.testing.assert_close(read.network(x), wanted, rtol=1e-5, atol=1e-6)
    program = torch.export.load(folder / "network.pt2").module()
    torch.testing.assert_close(program(x), wanted, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(program(x[:1]), wanted[:1], rtol=1e-5, atol=1e-6)
    import onnxruntime

    session = onnxruntime.InferenceSession(folder / "network.onnx")
    (name,) = [each.name for each in session.get_inputs()]
    for n in (7, 1):
        (found,) = session.run(None, {name: x[:n].numpy()})
        np.testing.assert_allclose(found, wanted[:n].numpy(), rtol=1e-4, atol=1e-5)


def test_the_description_says_what_it_is(exported: tuple[Path, dict[str, Any]]) -> None:
    folder, description = exported
    assert json.loads((folder / "architecture.json").read_text()) == description
    assert description["made_by"] == {"space": "attentive_small", "task": "digits", "seed": 0}
    assert description["input_shape"] == [1, 8, 8]
    costs = SPACE.networks(TASK).cost(ARCH[None])
    metrics = description["metrics"]
    assert metrics["macs"] == costs["macs"][0]
    assert 0 <= metrics["test_accuracy"] <= 1
    weights = load_file(folder / "weights.safetensors")
    size = sum(w.numel() for name, w in weights.items() if "running" not in name)
    assert size - metrics["params"] == sum("tracked" in name for name in weights)
    assert set(description["differences"]) == {"network.pt2", "network.onnx"}
    assert max(description["differences"].values()) < 1e-4


def test_metrics_are_those_of_recalibrated_scores(
    supernet: Supernet, exported: tuple[Path, dict[str, Any]]
) -> None:
    found = one_shot_scores(
        supernet, TASK, ARCH[None], statistics="recalibrated", batch_size=256, calibration=64
    )
    assert exported[1]["metrics"]["valid_loss"] == pytest.approx(found["loss"][0], rel=1e-5)


def test_an_export_is_replaced_by_the_same_architecture_alone(
    supernet: Supernet, tmp_path: Path
) -> None:
    for _ in range(2):
        export_subnetwork(supernet, TASK, ARCH, tmp_path, formats=())
    assert {path.name for path in tmp_path.iterdir()} == {
        *("architecture.json", "architecture.svg", "MODEL_CARD.md", "load_model.py"),
        "weights.safetensors",
    }
    other = np.zeros_like(ARCH)
    with pytest.raises(StorageError, match="would replace"):
        export_subnetwork(supernet, TASK, other, tmp_path, formats=())


def test_cells_can_be_exported(tmp_path: Path) -> None:
    space = NASBench201(Scale(channels=3, cells=1, reduction="pool"))
    supernet: Any = initialise(lambda: space.networks(TASK).supernet(), 0)
    arch = np.array([3, 1, 2, 0, 4, 3], dtype=np.uint8)
    export_subnetwork(supernet, TASK, arch, tmp_path)
    x = TASK.load().test.x[:3]
    program = torch.export.load(tmp_path / "network.pt2").module()
    with torch.no_grad():
        wanted = stand_alone(supernet, TASK, arch)(x)
    torch.testing.assert_close(program(x), wanted, rtol=1e-5, atol=1e-6)


class Undecided(torch.nn.Module):
    """A network whose path depends on the numbers of a batch."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x if x.sum() > 0 else -x


def test_a_network_that_cannot_be_traced_is_told() -> None:
    with pytest.raises(EvaluationError, match=r"^Undecided cannot be traced by torch\.export: "):
        as_graphs(Undecided(), torch.ones(2, 3), ("program",))


def test_a_file_that_computes_something_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = graphs._load
    monkeypatch.setattr(graphs, "_load", lambda content: lambda x: whole(content)(x) + 0.01)
    with pytest.raises(EvaluationError, match=r"network\.pt2 of Linear differ .* by 0\.01"):
        as_graphs(torch.nn.Linear(3, 2), torch.ones(2, 3), ("program",))


def test_a_missing_package_is_named_with_its_extra(
    supernet: Supernet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graphs, "find_spec", lambda name: None if name == "onnxruntime" else name)
    with pytest.raises(MissingExtraError, match=r"onnxruntime: pip install 'archrank\[onnx\]'"):
        export_subnetwork(supernet, TASK, ARCH, tmp_path / "new", formats=("onnx",))
    assert not (tmp_path / "new").exists()


def test_mistakes(supernet: Supernet, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="'tf'"):
        export_subnetwork(supernet, TASK, ARCH, tmp_path, formats=("tf",))
    with pytest.raises(ArchitectureError, match="expects archs of shape"):
        export_subnetwork(supernet, TASK, ARCH[:3], tmp_path)
    with pytest.raises(SettingsError, match="calibration must be at least 1"):
        stand_alone(supernet, TASK, ARCH, calibration=0)
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot write to"):
        export_subnetwork(supernet, TASK, ARCH, tmp_path / "file" / "in")
