"""Contract of all losses: gradients, ties, refusals."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from archrank.errors import LabelError, UnknownNameError
from archrank.losses import (
    LOSSES,
    approx_ndcg,
    hinge,
    lambdarank,
    list_mle,
    mape,
    mixed,
    mse,
)
from archrank.testing import check_loss
from tests.losses.helpers import POINTWISE, VARIANTS, draws, tensor


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("seed", range(3))
def test_contract(name: str, seed: int) -> None:
    check_loss(VARIANTS[name], shift_invariant=name not in POINTWISE, n=5 + seed, seed=seed)


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("seed", range(3))
def test_gradcheck(name: str, seed: int) -> None:
    s, t = draws(seed, 6)
    leaf = tensor(s).requires_grad_()
    assert torch.autograd.gradcheck(VARIANTS[name], (leaf, tensor(t)))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-2, 2), st.integers(0, 2)), min_size=1, max_size=7),
    st.randoms(use_true_random=False),
)
def test_any_ties_are_finite_and_order_free(rows, random) -> None:
    shuffled = random.sample(rows, len(rows))
    for name, loss in VARIANTS.items():
        values = []
        for part in (rows, shuffled):
            s, t = (tensor([float(x[c]) for x in part]) for c in (0, 1))
            s.requires_grad_()
            value = loss(s, t)
            (found,) = torch.autograd.grad(value, s)
            assert value.isfinite(), name
            assert found.isfinite().all(), name
            values.append(value.item())
        if name not in ("list_mle_top", "lambdarank_true_desc", "lambdarank_true_asc"):
            # those place tied targets in the order given
            if name in ("lambdarank_predicted", "lambdarank") and len(set(rows)) < len(rows):
                continue  # equal in score and target: in the order given
            assert values[0] == pytest.approx(values[1], abs=1e-9), name


@pytest.mark.parametrize("name", LOSSES.names())
@pytest.mark.parametrize(
    ("s", "t", "message"),
    [
        (torch.zeros(3), torch.zeros(2), r"got \(3,\) and \(2,\)"),
        (torch.zeros(3, 1), torch.zeros(3), r"got \(3, 1\) and \(3,\)"),
        (torch.zeros(3, 1), torch.zeros(3, 1), r"got \(3, 1\) and \(3, 1\)"),
        (torch.zeros(0), torch.zeros(0), "at least 1"),
        (torch.zeros(2), torch.tensor([0.5, float("nan")]), "NaN"),
        (torch.zeros(2, dtype=torch.int32), torch.zeros(2), "floating-point scores, got torch.int"),
    ],
)
def test_unusable_input(name: str, s, t, message: str) -> None:
    with pytest.raises(LabelError, match=message):
        LOSSES.get(name)(s, t)


def test_unusable_options() -> None:
    s, t = torch.tensor([0.1, 0.2]), torch.tensor([1.0, 2.0])
    for call, error, message in [
        (lambda: hinge(s, t, max_pairs=0), LabelError, "at least 1, got 0"),
        (lambda: list_mle(s, t, top=0), LabelError, "top=0"),
        (lambda: approx_ndcg(s, t, temperature=0), LabelError, "above 0"),
        (lambda: lambdarank(s, -t), LabelError, "relevances >= 0 as targets, got -2"),
        (lambda: approx_ndcg(s, -t), LabelError, "relevances >= 0"),
        (lambda: lambdarank(s, t, rank_by="true"), UnknownNameError, "did you mean"),
        (lambda: mixed([]), LabelError, "at least one"),
        (lambda: mixed([(float("nan"), mse)]), LabelError, "finite"),
        (lambda: mape(s, t, bound=2.0), LabelError, "above all targets, got bound=2 and a target"),
        (lambda: mape(s, t, bound=float("inf")), LabelError, "bound=inf"),
        (lambda: LOSSES.get("lambda_rank"), UnknownNameError, "did you mean 'lambdarank'"),
    ]:
        with pytest.raises(error, match=message):
            call()


def test_integer_targets_are_labels_too() -> None:
    assert hinge(torch.zeros(2), torch.tensor([3, 1])).item() == pytest.approx(0.1)
