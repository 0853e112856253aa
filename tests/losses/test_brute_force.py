"""Values of losses against their formulas, written as loops."""

from __future__ import annotations

from functools import partial
from itertools import combinations, permutations
from math import exp, log, log2

import pytest

from archrank.losses import (
    approx_ndcg,
    blog_mixed,
    exp_mse,
    hinge,
    kl_pair,
    list_mle,
    list_net,
    mape,
    ranknet,
    warp,
)
from tests.losses.helpers import draws, tensor


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


def brute_warp(s, t, margin=1.0):
    """Weston et al.: the sum over those who wrongly lead, weighted by L(rank) / rank."""
    terms = []
    for i in range(len(s)):
        below = [j for j in range(len(s)) if t[j] < t[i]]
        wrong = [margin + s[j] - s[i] for j in below if margin + s[j] - s[i] > 0]
        if below:
            rank = len(wrong)
            worth = sum(1 / k for k in range(1, rank + 1)) / rank if rank else 0.0
            terms.append(worth * sum(wrong))
    return sum(terms) / len(terms) if terms else 0.0


def brute_mape(s, t, bound=None):
    if bound is None:
        mean = sum(t) / len(t)
        sd = (sum((y - mean) ** 2 for y in t) / len(t)) ** 0.5
        bound = max(t) + (sd if sd > 0 else 1)
    errors = [(bound - x) / (bound - y) - 1 for x, y in zip(s, t, strict=True)]
    return sum(map(abs, errors)) / len(errors)


def brute_exp_mse(s, t, steepness=1.0):
    weights = [exp(steepness * y) for y in t]
    squares = [(x - y) ** 2 for x, y in zip(s, t, strict=True)]
    return sum(w * e for w, e in zip(weights, squares, strict=True)) / sum(weights)


BRUTE = {
    "warp": (warp, brute_warp),
    "warp_near": (partial(warp, margin=0.3), partial(brute_warp, margin=0.3)),
    "mape": (mape, brute_mape),
    "mape_bound": (partial(mape, bound=5.0), partial(brute_mape, bound=5.0)),
    "exp_mse": (exp_mse, brute_exp_mse),
    "exp_mse_steep": (partial(exp_mse, steepness=2.0), partial(brute_exp_mse, steepness=2.0)),
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
