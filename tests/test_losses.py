"""losses.py against brute force, finite differences and the published formulas."""

from __future__ import annotations

import pickle
from functools import partial
from itertools import combinations, permutations
from math import comb, exp, log, log2

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from archrank import losses
from archrank.criteria import ndcg
from archrank.errors import LabelError, UnknownNameError
from archrank.losses import (
    LOSSES,
    approx_ndcg,
    blog_mixed,
    hinge,
    kl_pair,
    lambdarank,
    list_mle,
    list_net,
    mixed,
    mse,
    ranknet,
    relevance,
)
from archrank.testing import check_loss

RANK_BY = ("predicted", "true_desc", "true_asc")
POINTWISE = ("mse", "l1", "blog_mixed")
VARIANTS = {
    **{name: LOSSES.get(name) for name in LOSSES.names()},
    **{f"lambdarank_{r}": partial(lambdarank, rank_by=r, sigma=1.7) for r in RANK_BY},
    "hinge_threshold": partial(hinge, margin=1.0, threshold=0.5),
    "list_mle_top": partial(list_mle, top=2),
    "mixed": mixed([(0.3, ranknet), (2.0, kl_pair)]),
}


def tensor(values) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def gradient(loss, s, t) -> torch.Tensor:
    leaf = tensor(s).requires_grad_()
    (found,) = torch.autograd.grad(loss(leaf, tensor(t)), leaf)
    return found


def draws(seed: int, n: int) -> tuple[list[float], list[float]]:
    """Distinct scores; relevances with ties."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=n).tolist(), rng.integers(0, 4, n).astype(float).tolist()


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


# --- brute force -------------------------------------------------------------------------------


def brute_hinge(s, t, margin=0.1, threshold=0.0):
    terms = []
    for i, j in combinations(range(len(s)), 2):
        if abs(t[i] - t[j]) > threshold:
            sign = 1 if t[i] > t[j] else -1
            terms.append(max(0.0, margin - sign * (s[i] - s[j])))
    return sum(terms) / len(terms) if terms else 0.0


def brute_ranknet(s, t):
    terms = [log(1 + exp(s[j] - s[i])) for i in range(len(s)) for j in range(len(s)) if t[i] > t[j]]
    return sum(terms) / len(terms) if terms else 0.0


def brute_kl(s, t):
    terms = []
    for i, j in permutations(range(len(s)), 2):  # ordered pairs, as published
        p = [exp(t[i]) / (exp(t[i]) + exp(t[j])), exp(t[j]) / (exp(t[i]) + exp(t[j]))]
        q = [exp(s[i]) / (exp(s[i]) + exp(s[j])), exp(s[j]) / (exp(s[i]) + exp(s[j]))]
        terms.append(sum(a * log(a / b) for a, b in zip(p, q, strict=True)))
    return sum(terms) / len(terms)


def brute_list_mle(s, t, top=None):
    """Scores in true order; distinct targets only."""
    order = sorted(range(len(s)), key=lambda i: -t[i])
    terms = [log(sum(exp(s[m]) for m in order[k:])) - s[order[k]] for k in range(top or len(s))]
    return sum(terms) / len(terms)


def brute_list_net(s, t):
    zs, zt = sum(map(exp, s)), sum(map(exp, t))
    return -sum(exp(b) / zt * log(exp(a) / zs) for a, b in zip(s, t, strict=True))


def brute_approx_ndcg(s, t, temperature=0.1):
    if len(set(t)) == 1:
        return 0.0
    ranks = [
        1 + sum(1 / (1 + exp((a - b) / temperature)) for j, b in enumerate(s) if j != i)
        for i, a in enumerate(s)
    ]
    dcg = sum((2**y - 1) / log2(r + 1) for y, r in zip(t, ranks, strict=True))
    ideal = sum((2**y - 1) / log2(r + 2) for r, y in enumerate(sorted(t, reverse=True)))
    return 1 - dcg / ideal


def brute_lambda(s, y, rank_by, sigma):
    """The reference's formula for dL/ds, entry by entry."""
    n = len(s)
    key = {"predicted": [-x for x in s], "true_desc": [-x for x in y], "true_asc": y}[rank_by]
    rank = [0] * n
    for position, i in enumerate(sorted(range(n), key=lambda i: key[i])):
        rank[i] = position + 1
    ideal = sum((2**x - 1) / log2(r + 2) for r, x in enumerate(sorted(y, reverse=True)))
    if ideal == 0:
        return [0.0] * n
    lambdas = []
    for i in range(n):
        total = 0.0
        for j in range(n):
            sij = (y[i] > y[j]) - (y[i] < y[j])
            logistic = 0.5 * (1 - sij) - 1 / (1 + exp(sigma * (s[i] - s[j])))
            gain = (2 ** y[i] - 2 ** y[j]) / ideal
            total += sigma * logistic * abs(gain * (1 / log2(rank[i] + 1) - 1 / log2(rank[j] + 1)))
        lambdas.append(total)
    return lambdas


BRUTE = {
    "hinge": (hinge, brute_hinge),
    "hinge_wide": (
        partial(hinge, margin=2.0, threshold=1.0),
        partial(brute_hinge, margin=2.0, threshold=1.0),
    ),
    "ranknet": (ranknet, brute_ranknet),
    "kl_pair": (kl_pair, brute_kl),
    "list_net": (list_net, brute_list_net),
    "approx_ndcg": (approx_ndcg, brute_approx_ndcg),
    "blog_mixed": (
        blog_mixed,
        lambda s, t: (
            sum((a - b) ** 2 for a, b in zip(s, t, strict=True)) / len(s) / 2
            + brute_hinge(s, t, 0.01) / 2
        ),
    ),
}


@pytest.mark.parametrize("name", BRUTE)
@pytest.mark.parametrize("n", [2, 3, 6])
@pytest.mark.parametrize("seed", range(4))
def test_brute_force(name: str, n: int, seed: int) -> None:
    loss, brute = BRUTE[name]
    s, t = draws(seed, n)
    assert loss(tensor(s), tensor(t)).item() == pytest.approx(brute(s, t), abs=1e-12)


@pytest.mark.parametrize("top", [None, 1, 3])
def test_list_mle_by_brute_force(top: int | None) -> None:
    s, _ = draws(0, 6)
    t = [0.3, 0.9, -0.1, 4.0, 2.0, 1.0]
    found = list_mle(tensor(s), tensor(t), top=top)
    assert found.item() == pytest.approx(brute_list_mle(s, t, top))


def test_list_mle_shares_the_denominator_of_a_tie() -> None:
    a, b, c = s = [0.3, -1.0, 0.6]
    all_three = log(sum(map(exp, s)))
    expected = ((all_three - a) + (all_three - c) + 0) / 3
    assert list_mle(tensor([a, b, c]), tensor([1, 0, 1])).item() == pytest.approx(expected)
    assert list_mle(tensor([c, b, a]), tensor([1, 0, 1])).item() == pytest.approx(expected)


# --- LambdaRank --------------------------------------------------------------------------------


@pytest.mark.parametrize("rank_by", RANK_BY)
@pytest.mark.parametrize("sigma", [1.0, 0.5])
@pytest.mark.parametrize("n", [2, 4, 6])
@pytest.mark.parametrize("seed", range(4))
def test_gradient_is_lambda(rank_by, sigma: float, n: int, seed: int) -> None:
    s, y = draws(seed, n)
    found = gradient(partial(lambdarank, rank_by=rank_by, sigma=sigma), s, y)
    np.testing.assert_allclose(found, brute_lambda(s, y, rank_by, sigma), atol=1e-12)


@pytest.mark.parametrize("rank_by", RANK_BY)
def test_lambdas_sum_to_zero(rank_by) -> None:
    s = np.random.default_rng(0).normal(size=20)
    y = relevance(np.random.default_rng(1).normal(size=20))
    found = gradient(partial(lambdarank, rank_by=rank_by), s.tolist(), y.tolist())
    assert found.sum().item() == pytest.approx(0, abs=1e-12)
    assert found[int(y.argmax())] < 0  # descent raises the best one's score
    assert found.abs().max() > 1e-3


@pytest.mark.parametrize("level", [0.0, 7.0])
def test_equal_relevances_give_nothing(level: float) -> None:
    assert gradient(lambdarank, [0.1, 0.2, 0.3], [level] * 3).tolist() == [0, 0, 0]
    assert lambdarank(tensor([0.1, 0.2]), tensor([level] * 2)).item() == 0


def test_higher_relevance_gets_a_negative_lambda() -> None:
    for s in ([0.5, 0.1], [0.1, 0.5]):
        better, worse = gradient(lambdarank, s, [3.0, 1.0]).tolist()
        assert better < 0 < worse
        assert better == pytest.approx(-worse)


def test_constant_scores_still_learn() -> None:
    """Positions of tied scores are the worst ones for the targets, whatever the rows' order."""
    found = gradient(lambdarank, [0.0] * 4, [0.0, 5.0, 2.0, 9.0])
    assert found[3] < 0 < found[0]
    moved = gradient(lambdarank, [0.0] * 4, [9.0, 2.0, 0.0, 5.0])
    np.testing.assert_allclose(moved, found[[3, 2, 0, 1]])


def test_acenas_barely_weighs_neighbours_at_the_top() -> None:
    """The released code's ascending positions; median weights of 0.002 and 0.2 in the reference."""
    y = relevance(np.random.default_rng(0).normal(size=20))
    s = y / 10
    first, second = np.argsort(-y)[:2]
    apart = {r: brute_lambda(s.tolist(), y.tolist(), r, 1.0) for r in ("true_asc", "true_desc")}
    assert abs(apart["true_asc"][second]) < abs(apart["true_desc"][second])
    for r, expected in apart.items():
        found = gradient(partial(lambdarank, rank_by=r), s.tolist(), y.tolist())
        np.testing.assert_allclose(found, expected, atol=1e-12)
        assert found[first] < 0


def test_large_relevances_do_not_overflow() -> None:
    found = losses.lambdarank(torch.tensor([0.0, 1.0, 2.0]), torch.tensor([3000.0, 2999.0, 0.0]))
    assert found.isfinite()
    tiny = torch.tensor([0.0, 1e-30], requires_grad=True)
    lambdarank(torch.tensor([1.0, 0.0], requires_grad=True), tiny).backward()


# --- published examples ------------------------------------------------------------------------


@pytest.mark.parametrize(("lead", "expected"), [(0.1, 0.0), (0.25, 0.0), (0.04, 0.06), (-1, 1.1)])
def test_gates_hinge(lead: float, expected: float) -> None:
    assert hinge(tensor([0.5, 0.5 + lead]), tensor([0.6, 0.9])).item() == pytest.approx(expected)


def test_brp_targets_are_nearly_flat() -> None:
    """softmax([1, 0]) is .73, so perfect scores differ by 1 only."""
    assert kl_pair(tensor([5.0, 4.0]), tensor([1.0, 0.0])).item() == pytest.approx(0, abs=1e-15)
    assert kl_pair(tensor([9.0, 4.0]), tensor([1.0, 0.0])).item() > 0.1


def test_approx_ndcg_approaches_ndcg() -> None:
    rng = np.random.default_rng(3)
    s, y = rng.normal(size=30), rng.uniform(0, 5, 30)
    exact = ndcg(s, y, relevance=lambda x: x)
    found = approx_ndcg(tensor(s), tensor(y), temperature=1e-4).item()
    assert 1 - found == pytest.approx(exact, abs=1e-3)


def test_relevance() -> None:
    x = np.array([0.1, 0.5, 0.6, 0.7, 0.8, 0.9])
    low = np.quantile(x, 0.2)
    found = relevance(x)
    assert found[:2].tolist() == [0, 0]
    assert found[-1] == 20
    np.testing.assert_allclose(found[2:], 20 * (x[2:] - low) / (0.9 - low))
    np.testing.assert_allclose(relevance(torch.tensor(x)), found)
    single = relevance(torch.tensor(x, dtype=torch.float32))
    assert single.dtype == torch.float32
    np.testing.assert_allclose(single, found, rtol=1e-5)
    assert relevance(np.append(x, low)).min() == 0
    proxyless = relevance(np.array([0.7, 0.745, 0.8]), scale=15, lower=0.73, upper=0.76)
    np.testing.assert_allclose(proxyless, [0, 7.5, 15])


@pytest.mark.parametrize("as_tensor", [False, True])
@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ([0.9, 0.9, 0.9], {}, "the maximum 0.9 is not above the 20% quantile 0.9"),
        ([0.1, 0.9], {"lower": 0.95}, "the maximum 0.9 is not above lower 0.95"),
        ([0.1, 0.9], {"lower": 0.5, "upper": 0.5}, "upper 0.5 is not above lower 0.5"),
        ([0.1, float("nan")], {}, "1 of 2 scores are NaN"),
        ([], {}, r"shape \(0,\)"),
        ([0.1, 0.9], {"quantile": 20}, r"in \[0, 1\], got 20"),
    ],
)
def test_degenerate_relevance(values, options, message: str, as_tensor: bool) -> None:
    given_ = tensor(values) if as_tensor else np.array(values)
    with pytest.raises(LabelError, match=message):
        relevance(given_, **options)


# --- ties, sampling, bad input -----------------------------------------------------------------


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


@pytest.mark.parametrize("loss", [hinge, ranknet, kl_pair, lambdarank])
def test_sampled_pairs_have_the_right_mean(loss) -> None:
    s, y = draws(5, 12)
    s, y = tensor(s), tensor(y)
    exact = loss(s, y).item()
    g = torch.Generator().manual_seed(1)
    sampled = [loss(s, y, max_pairs=20, generator=g).item() for _ in range(800)]
    error = np.std(sampled) / np.sqrt(len(sampled))
    assert np.mean(sampled) == pytest.approx(exact, abs=4 * error)
    assert np.std(sampled) > 0
    assert loss(s, y, max_pairs=10_000).item() == exact  # more than there are: all


@pytest.mark.parametrize("loss", [hinge, ranknet, kl_pair, lambdarank, approx_ndcg])
def test_above_the_bound_memory_is_bounded(loss, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(losses, "MAX_PAIRS", 2000)
    rng = np.random.default_rng(0)
    y = tensor(rng.uniform(0, 3, 500))
    s = y + tensor(rng.normal(size=500))
    sampled = loss(s, y)  # 124,750 pairs
    assert sampled.item() == loss(s, y).item()  # a fixed seed without a generator
    monkeypatch.setattr(losses, "MAX_PAIRS", 10**6)
    assert sampled.item() == pytest.approx(loss(s, y).item(), rel=0.15)


def test_a_larger_cap_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(losses, "MAX_PAIRS", 10)
    y = tensor(np.arange(30.0))
    better, worse, scale = losses._pairs(y, 0.0, 100, None)
    assert len(better) == 100
    assert scale == pytest.approx(comb(30, 2) / 100)
    assert (y[better] > y[worse]).all()


@pytest.mark.parametrize(("n", "size"), [(7, 21), (7, 20), (200, 50), (5000, 3000)])
def test_distinct_pairs(n: int, size: int) -> None:
    index = losses._distinct(comb(n, 2), size, torch.Generator().manual_seed(0))
    assert len(index.unique()) == size
    i, j = losses._unranked(index)
    assert (i >= 0).all()
    assert (i < j).all()
    assert (j < n).all()
    assert len(torch.stack([i, j]).unique(dim=1).T) == size


def test_unranked_pairs_are_exact_at_the_corners() -> None:
    j = torch.tensor([1, 2, 3, 1000, 423_623, 2**25])
    corner = j * (j - 1) // 2
    for offset, row in ((corner, torch.zeros_like(j)), (corner + j - 1, j - 1)):
        i, column = losses._unranked(offset)
        assert torch.equal(column, j)
        assert torch.equal(i, row)


def test_large_batch() -> None:
    n = 100_000
    g = torch.Generator().manual_seed(0)
    s = torch.randn(n, generator=g).requires_grad_()
    loss = ranknet(s, torch.randn(n, generator=g), max_pairs=50_000, generator=g)
    (found,) = torch.autograd.grad(loss, s)
    assert found.isfinite().all()
    assert loss.item() == pytest.approx(brute_ranknet([0, 0], [1, 0]), abs=0.3)


@pytest.mark.parametrize("name", LOSSES.names())
@pytest.mark.parametrize(
    ("s", "t", "message"),
    [
        (torch.zeros(3), torch.zeros(2), r"got \(3,\) and \(2,\)"),
        (torch.zeros(3, 1), torch.zeros(3), r"got \(3, 1\) and \(3,\)"),
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
        (lambda: LOSSES.get("lambda_rank"), UnknownNameError, "did you mean 'lambdarank'"),
    ]:
        with pytest.raises(error, match=message):
            call()


def test_mixed_pickles() -> None:
    loss = mixed([(0.5, mse), (0.5, partial(hinge, margin=0.01))])
    s, t = torch.tensor([1.0, 2.0]), torch.tensor([1.0, 4.0])
    assert pickle.loads(pickle.dumps(loss))(s, t) == loss(s, t) == blog_mixed(s, t)


def test_integer_targets_are_labels_too() -> None:
    assert hinge(torch.zeros(2), torch.tensor([3, 1])).item() == pytest.approx(0.1)


# --- the check itself --------------------------------------------------------------------------


def _backward(s, t):
    loss = mse(s, t)
    if s.requires_grad:
        loss.backward(retain_graph=True)
    return loss


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (lambda s, t: (s - t) ** 2, "a loss is a scalar"),
        (_backward, r"calls backward\(\) itself"),
        (lambda s, t: -ranknet(s, t), "prefers the reversed order"),
        (lambda s, t: (s * torch.arange(len(s))).sum(), "order of rows"),
        (mse, "is it shift_invariant"),
        (lambda s, t: ranknet(s, t) + (s - s.detach()).sum(), "finite differences say"),
        (lambda s, t: (s - s.mean()).mul(-(t - t.mean())).mean() / t.std(), "equal targets"),
        (lambda s, t: ranknet(s, t) + torch.rand(()), "another loss"),
        (lambda s, t: ranknet(s, t).float(), "gave a loss of torch.float32"),
        (lambda s, t: ranknet(s, t) / 0, "the loss is inf"),
        (lambda s, t: ranknet(s, t.sub_(1)), "changes its input"),
    ],
)
@pytest.mark.filterwarnings("ignore:std")
def test_check_finds(broken, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_loss(broken)
