"""Contract check of losses."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from archrank.testing._require import require


def check_loss(
    loss: Callable[[Tensor, Tensor], Tensor],
    *,
    shift_invariant: bool = True,
    n: int = 6,
    seed: int = 0,
) -> None:
    """Check that ``loss(scores (n,), targets (n,))`` can train a ranker.

    It must be a finite scalar with a correct gradient, run no backward pass itself, not depend on
    the order of rows, prefer the true order, and remain finite if nothing can be ranked.

    Args:
        loss: The function to check; it is called with targets in [0, 4].
        shift_invariant: True if the loss depends only on differences of scores, which regression
            losses do not.
        n: Architectures in a batch; few enough that the loss does not sample pairs.
        seed: Seed of scores and targets.

    Raises:
        AssertionError: It breaks a rule; the message names it.
    """
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randn(n, generator=generator, dtype=torch.float64)
    targets = 4 * torch.rand(n, generator=generator, dtype=torch.float64)
    _check_value(loss, scores, targets)
    _check_gradient(loss, scores, targets)
    value, gradient = _gradient(loss, scores, targets)
    order = torch.randperm(n, generator=generator)
    moved, moved_gradient = _gradient(loss, scores[order], targets[order])
    require(
        torch.allclose(value, moved) and torch.allclose(gradient[order], moved_gradient),
        "the loss depends on the order of rows",
    )
    if shift_invariant:
        shifted = loss(scores + 3, targets)
        require(
            torch.allclose(value, shifted),
            f"scores + 3 change the loss from {value:g} to {shifted:g}; is it shift_invariant?",
        )
        total = gradient.sum()
        require(torch.allclose(total, total.new_zeros(())), "the gradient does not sum to 0")
    better, worse = loss(targets.clone(), targets), loss(-targets, targets)
    require(bool(better < worse), "the loss prefers the reversed order; higher targets are better")
    _check_degenerate(loss, scores, targets)


def _check_value(loss: Callable[[Tensor, Tensor], Tensor], scores: Tensor, targets: Tensor) -> None:
    leaf, constant = scores.clone().requires_grad_(), targets.clone()
    value = loss(leaf, constant)
    require(isinstance(value, Tensor) and value.ndim == 0, f"a loss is a scalar, not {value!r}")
    require(value.isfinite(), f"the loss is {value}")
    require(value.dtype == scores.dtype, f"float64 scores gave a loss of {value.dtype}")
    require(leaf.grad is None, "the loss calls backward() itself")
    require(
        torch.equal(leaf, scores) and torch.equal(constant, targets), "the loss changes its input"
    )
    require(torch.equal(value, loss(leaf, constant)), "the same call gives another loss")


def _check_gradient(
    loss: Callable[[Tensor, Tensor], Tensor], scores: Tensor, targets: Tensor
) -> None:
    """Compare autograd with central differences."""
    _, gradient = _gradient(loss, scores, targets)
    step = 1e-6
    for i in range(len(scores)):
        by = torch.zeros_like(scores)
        by[i] = step
        slope = (loss(scores + by, targets) - loss(scores - by, targets)).item() / (2 * step)
        require(
            abs(slope - gradient[i].item()) <= 1e-5 * max(1.0, abs(slope)),
            f"the gradient of score {i} is {gradient[i]:g}, finite differences say {slope:g}",
        )


def _check_degenerate(
    loss: Callable[[Tensor, Tensor], Tensor], scores: Tensor, targets: Tensor
) -> None:
    flat = torch.full_like(targets, 2.0)
    cases = {
        "equal targets": (scores, flat),
        "targets of 0": (scores, torch.zeros_like(targets)),
        "equal scores": (flat, targets),
        "one architecture": (scores[:1], targets[:1]),
        "scores far apart": (1e4 * scores, targets),
    }
    for name, (s, t) in cases.items():
        value, gradient = _gradient(loss, s, t)
        require(
            value.isfinite() and gradient.isfinite().all(),
            f"{name}: the loss is {value:g}, its gradient {gradient.tolist()}",
        )


def _gradient(
    loss: Callable[[Tensor, Tensor], Tensor], scores: Tensor, targets: Tensor
) -> tuple[Tensor, Tensor]:
    leaf = scores.clone().requires_grad_()
    value = loss(leaf, targets)
    (gradient,) = torch.autograd.grad(value, leaf)
    return value.detach(), gradient
