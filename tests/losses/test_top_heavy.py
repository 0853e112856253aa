"""WARP by drawing, as published; who counts most in the weighted losses."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from archrank.losses import exp_mse, mape, top_heavy, warp
from tests.losses.helpers import gradient, tensor


def drawn_rank(wrong: int, below: int, rng: np.random.Generator) -> float:
    """Draw opponents until one leads wrongly; estimate their number (WSABIE, section 2.2)."""
    draws = 1
    while rng.integers(below) >= wrong:
        draws += 1
    return below / draws


def test_counting_is_what_drawing_estimates() -> None:
    """The weight of a step: E[L(below / draws)] of WSABIE, and H(v) here, rise alike."""
    rng = np.random.default_rng(0)
    harmonic = np.cumsum(1 / np.arange(1, 101))
    wrongs = [1, 3, 10, 30, 100]
    drawn = [
        np.mean([harmonic[max(int(drawn_rank(w, 100, rng)), 1) - 1] for _ in range(3_000)])
        for w in wrongs
    ]
    counted = harmonic[np.array(wrongs) - 1]
    assert np.corrcoef(drawn, counted)[0, 1] > 0.98


def test_warp_of_many_draws_opponents(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sampled opponents: nearly the loss of all, and reproducible from a generator."""
    rng = np.random.default_rng(1)
    s, t = tensor(rng.normal(size=600)), tensor(rng.normal(size=600))
    whole = float(warp(s, t))
    monkeypatch.setattr(top_heavy, "MAX_PAIRS", 600 * 150)
    found = [float(warp(s, t, generator=torch.Generator().manual_seed(i))) for i in range(12)]
    again = float(warp(s, t, generator=torch.Generator().manual_seed(0)))
    assert again == found[0]
    assert len(set(found)) == 12
    assert np.mean(found) == pytest.approx(whole, rel=0.05)


def test_a_lead_of_the_margin_is_enough() -> None:
    s = tensor([3.0, 1.9, 0.8]).requires_grad_()
    loss = warp(s, tensor([9.0, 5.0, 1.0]))
    loss.backward()
    assert float(loss.detach()) == 0
    assert s.grad is not None
    assert s.grad.tolist() == [0, 0, 0]


@pytest.mark.parametrize("loss", [mape, exp_mse])
def test_equal_errors_cost_more_near_the_top(loss) -> None:
    targets = [0.0, 1.0, 2.0, 3.0]
    pull = gradient(loss, [t + 0.25 for t in targets], targets)
    assert (pull.diff() > 0).all()
    assert pull[-1] > 2 * pull[0]


def test_mape_is_that_of_errors() -> None:
    """BANANAS, Eq. 1: of validation errors and a lower bound of them."""
    predicted, true, lowest = np.array([0.09, 0.2, 0.3]), np.array([0.07, 0.1, 0.4]), 0.05
    expected = np.abs((predicted - lowest) / (true - lowest) - 1).mean()
    found = mape(tensor(1 - predicted), tensor(1 - true), bound=1 - lowest)
    assert float(found) == pytest.approx(expected)
