"""Training: alone and in groups, with checkpoints, on the smallest networks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from archrank.errors import EvaluationError
from archrank.evaluators import Training
from archrank.spaces import NASBench201, Scale
from archrank.strategies import Exhaustive
from archrank.study import Study
from archrank.tasks import Digits, Recipe

TASK = Digits(recipe=Recipe(epochs=2, batch_size=300), copies=1)
SCALE = Scale(channels=2, cells=1, reduction="pool")
SPACE = NASBench201(SCALE)
ARCHS = SPACE.sample(5, rng=np.random.default_rng(0))


def test_checkpoints_are_further_metrics() -> None:
    training = Training(TASK, checkpoints=(1,))
    names = [m.name for m in training.metrics]
    assert names[:2] == ["valid_accuracy", "test_accuracy"]
    assert names[-4:] == [
        "valid_accuracy_ep1",
        "test_accuracy_ep1",
        "valid_loss_ep1",
        "test_loss_ep1",
    ]
    assert training.metrics[-1].direction == "minimize"
    found = training.bind(SPACE).evaluate(ARCHS[:1])
    plain = Training(TASK).bind(SPACE).evaluate(ARCHS[:1])
    assert all(found[name] == plain[name] for name in plain)
    assert found["valid_loss_ep1"] != found["valid_loss"]
    assert training.describe()["checkpoints"] == [1]
    assert "checkpoints" not in Training(TASK).describe()


@pytest.mark.parametrize("checkpoints", [(0,), (2,), (1, 1)])
def test_checkpoints_that_are_no_epochs_before_the_last(checkpoints: tuple[int, ...]) -> None:
    with pytest.raises(EvaluationError, match="different epochs from 1 to 1"):
        Training(TASK, checkpoints=checkpoints)


def test_a_group_gives_what_one_by_one_gives() -> None:
    alone = Training(TASK).bind(SPACE, seed=3).evaluate(ARCHS)
    group = Training(TASK, group=3).bind(SPACE, seed=3).evaluate(ARCHS)
    assert group["valid_loss"] == pytest.approx(alone["valid_loss"], rel=1e-3)
    assert np.abs(group["test_accuracy"] - alone["test_accuracy"]).max() < 0.02


def test_a_study_hands_out_groups() -> None:
    sizes: list[int] = []

    class Watched(Training):
        def evaluate(self, archs):  # type: ignore[no-untyped-def]
            sizes.append(len(archs))
            return super().evaluate(archs)

    strategy = Exhaustive(batch_size=5)
    study = Study(SPACE, Watched(TASK, group=3), strategy, objectives=["valid_accuracy"])
    study.run(budget=7)
    assert sizes == [3, 2, 2]
    assert [r.slot for r in study.records] == [0, 1, 2, 3, 4, 0, 1]
    assert all(r.reason is None for r in study.records)


def test_a_network_that_cannot_be_built_does_not_harm_its_group() -> None:
    class Faulty(NASBench201):
        def _build(self, arch, sizes):  # type: ignore[no-untyped-def]
            if (arch == ARCHS[1]).all():
                raise RuntimeError("no such operation")
            return super()._build(arch, sizes)

    found = Training(TASK, group=3).bind(Faulty(SCALE)).evaluate(ARCHS[:3])
    assert found.reasons[::2] == [None, None]
    assert str(found.reasons[1]).startswith(
        "RuntimeError: no such operation (test_training.py, line"
    )
    assert np.isnan(found["valid_accuracy"]).tolist() == [False, True, False]


@pytest.mark.parametrize("device", ["cuda:99", "gpu"])
def test_a_device_that_is_not_there(device: str) -> None:
    with pytest.raises(EvaluationError, match=f"device '{device}' cannot be used here"):
        Training(TASK, device=device).bind(SPACE)


def test_groups_of_nothing_are_refused() -> None:
    with pytest.raises(EvaluationError, match="at least 1 network per group, got 0"):
        Training(TASK, group=0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("group", [None, 1])
def test_a_gpu_trains_the_same_networks_to_about_the_same(group: int | None) -> None:
    task = Digits(copies=1)
    cpu = Training(task, group=1).bind(SPACE, seed=3).evaluate(ARCHS)
    gpu = Training(task, group=group, device="cuda").bind(SPACE, seed=3).evaluate(ARCHS)
    assert gpu.reasons == [None] * len(ARCHS)
    difference = np.abs(gpu["valid_accuracy"] - cpu["valid_accuracy"])
    assert np.median(difference) < 0.1  # other sums, and other dropout where there is any
    again = Training(task, group=group, device="cuda").bind(SPACE, seed=3).evaluate(ARCHS)
    assert again["valid_loss"] == pytest.approx(gpu["valid_loss"], rel=0.05)
