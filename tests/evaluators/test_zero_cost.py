from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from archrank.errors import ArchitectureError, SettingsError, UnknownNameError
from archrank.evaluators import EVALUATORS, Training, ZeroCost
from archrank.proxies import draw_batch, grad_norm, snip, synflow
from archrank.spaces import CustomSpace, NASBench201
from archrank.tasks import Digits
from archrank.testing import check_evaluator

TASK = Digits(copies=1)


def build(config: dict[str, Any], task: object) -> nn.Module:
    if config["width"] == 13:
        raise ValueError("unlucky")
    width = config["width"]
    return nn.Sequential(nn.Flatten(), nn.Dropout(), nn.Linear(64, width), nn.Linear(width, 10))


def test_contract(space: NASBench201) -> None:
    check_evaluator(ZeroCost(TASK, batch_size=16), space, n=4)
    assert EVALUATORS.get("zero_cost") is ZeroCost


def test_metrics_are_the_proxies_all_higher_is_better() -> None:
    evaluator = ZeroCost(TASK, ("grad-norm", "synflow"))
    assert [m.name for m in evaluator.metrics] == ["grad_norm", "synflow"]
    assert {m.direction for m in ZeroCost(TASK).metrics} == {"maximize"}


def test_scored_is_the_network_that_training_starts_from(space: NASBench201) -> None:
    arch = np.array([[3, 1, 2, 4, 1, 3]], dtype=np.uint8)
    task = Digits(recipe=type(TASK.recipe)(epochs=1, lr=1e-30), copies=1)  # nothing is learnt
    network, _ = Training(task).bind(space, seed=5).train(arch[0])
    x, y = draw_batch(task, seed=5)
    result = ZeroCost(task).bind(space, seed=5).evaluate(arch)
    network.eval()
    for name, proxy in (("synflow", synflow), ("snip", snip), ("grad_norm", grad_norm)):
        assert result[name][0] == pytest.approx(proxy(network, x, y, task.loss), rel=1e-4)


def test_seeds(space: NASBench201) -> None:
    archs = space.sample(2, rng=np.random.default_rng(0))

    def snips(evaluator: ZeroCost, seed: int) -> list[float]:
        return list(evaluator.bind(space, seed=seed).evaluate(archs)["snip"])

    plain, own = ZeroCost(TASK, ["snip"]), ZeroCost(TASK, ["snip"], seed=1)
    assert snips(plain, 1) != snips(plain, 2)
    assert snips(own, 2) == snips(plain, 1)


def test_an_architectures_failure_is_its_own_and_dropout_is_seeded() -> None:
    space = CustomSpace({"width": [10, 13, 12]}, build)
    evaluator = ZeroCost(TASK, ("snip", "naswot")).bind(space)
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    result = evaluator.evaluate(space.enumerate())
    assert torch.equal(before, torch.random.get_rng_state())
    assert np.isnan(result["snip"]).tolist() == [False, True, False]
    assert np.isnan(result["naswot"]).all()
    assert "ValueError: unlucky" in str(result.reasons[1])
    assert "applies no rectifier module" in str(result.reasons[0])
    torch.manual_seed(2)
    again = evaluator.evaluate(space.enumerate())
    assert np.array_equal(result["snip"], again["snip"], equal_nan=True)


def test_mistakes() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'synflow'"):
        ZeroCost(TASK, ("sinflow",))
    with pytest.raises(SettingsError, match="write \\('synflow',\\)"):
        ZeroCost(TASK, "synflow")
    with pytest.raises(SettingsError, match="each only once"):
        ZeroCost(TASK, ("grad_norm", "grad-norm"))
    with pytest.raises(SettingsError, match="at least one of grad_norm"):
        ZeroCost(TASK, ())
    with pytest.raises(SettingsError, match="whole number from 2, got 1"):
        ZeroCost(TASK, batch_size=1)
    with pytest.raises(SettingsError, match="'8'"):
        ZeroCost(TASK, batch_size="8")  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="your own proxy is 'package"):
        ZeroCost(TASK, (len,))  # type: ignore[arg-type]
    with pytest.raises(ArchitectureError):
        ZeroCost(TASK).bind(NASBench201()).evaluate(np.full((1, 6), 9, dtype=np.uint8))
