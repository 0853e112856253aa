"""The check of a GPU, ``benchmarks/gpu.py``: in miniature on a CPU, and its judgements."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
RNG = np.random.default_rng(0)
TRUTH = RNG.uniform(0.4, 0.9, 64)
NOISE = RNG.normal(0, 0.02, (3, 64))


@pytest.fixture(scope="module")
def gpu() -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [*sys.path, str(BENCHMARKS)])
        import gpu

        return gpu


def test_everything_runs_in_miniature(gpu: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    rows = gpu.check(gpu.MINI, "cpu")
    assert {row.what.split(",")[0].split()[0] for row in rows} == {
        "grouped",
        "supernet",
        "latency",
        "ranker",
    }
    assert all(row.holds and not row.asked for row in rows)  # nothing is asked of a CPU
    for row in rows:
        assert re.search(r"\d", row.measured), row
        assert "nan" not in row.measured.replace("nan to", "")
    assert capsys.readouterr().out.count("\n|") == len(rows) + 1


def test_another_seed_is_the_same_table(gpu: ModuleType) -> None:
    a, b, g = TRUTH + NOISE
    assert all(row.holds for row in gpu.same_table(a, b, g))


@pytest.mark.parametrize(
    ("other", "wrong"),
    [
        (TRUTH + 0.03, "grouped training, mean accuracy"),
        (RNG.permutation(TRUTH), "grouped training, order of cells"),
        (TRUTH[::-1], "grouped training, order of cells"),
    ],
)
def test_another_table_is_told(gpu: ModuleType, other: np.ndarray, wrong: str) -> None:
    a, b, _ = TRUTH + NOISE
    assert wrong in [row.what for row in gpu.same_table(a, b, other) if not row.holds]


def test_patterns_can_be_learnt(gpu: ModuleType) -> None:
    task, size = gpu.images(8, 3), gpu.Size(updates=2, batch=64, pixels=8)
    first, second = gpu.learnable(task, size)
    means = np.stack([first.x[first.y == k].mean(0).flatten().numpy() for k in range(10)])
    x = second.x.flatten(1).numpy()
    nearest = ((x[:, None] - means) ** 2).sum(-1).argmin(1)
    assert (nearest == second.y.numpy()).mean() > 0.8  # chance is .1


def test_without_a_device_it_says_how_to_go_on(
    gpu: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["gpu.py"])
    monkeypatch.setattr(gpu.torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit, match="--device cpu --mini"):
        gpu.main()
