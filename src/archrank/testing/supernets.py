"""Contract check of supernets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from archrank.networks.inputs import Inputs
from archrank.supernets.base import Supernet
from archrank.supernets.restricted import RestrictedSupernet
from archrank.testing._require import require, require_description
from archrank.torch_state import mode, seeded
from archrank.types import Archs

Row = NDArray[np.uint8]
Batch: TypeAlias = tuple[Tensor, ...]
MOST = 200  # random architectures in which every weight must have been used


def check_supernet(
    supernet: Supernet,
    input_shape: tuple[int, ...] = (),
    *,
    n: int = 4,
    seed: int = 0,
    covering: Archs | None = None,
    inputs: Inputs | None = None,
) -> None:
    """Check that ``supernet`` keeps the contract of :class:`~archrank.supernets.Supernet`.

    Extracted networks compute the same, gradients included, and share nothing with the supernet;
    only what an architecture runs gets gradients; every weight is used by some architecture; and
    nothing that ran before matters.

    Args:
        supernet: The network to check; its mode and weights are not changed. Numbers are compared
            to 1e-5 of their size, in double precision (``supernet.double()``) to 1e-9.
        input_shape: Shape of one input, such as channels, height and width of images; not needed
            with ``inputs``.
        n: Number of architectures to run.
        seed: Seed of architectures and inputs.
        covering: Architectures that together use every weight, ``(m, d)``; ``None`` draws up to
            200. Of a restricted space they are rows of the whole one, whose weights it has.
        inputs: A batch to run, such as tokens; ``None`` draws random numbers.

    Raises:
        AssertionError: The supernet breaks a rule; the message names it.
    """
    name = type(supernet).__name__
    archs = supernet.space.sample(n, rng=np.random.default_rng(seed))
    generator = torch.Generator().manual_seed(seed)
    weight = next(supernet.parameters())
    if inputs is None:
        inputs = torch.randn(4, *input_shape, generator=generator).to(weight.device, weight.dtype)
    x = inputs if isinstance(inputs, tuple) else (inputs,)
    before = {key: tensor.clone() for key, tensor in supernet.state_dict().items()}
    require_description(dict(supernet.options), f"{name}.options")
    _check_memory(supernet, archs, x)
    for training in (True, False):
        with mode(supernet, training=training):
            for i, arch in enumerate(archs):
                _check_extracted(supernet, arch, x, f"architecture {i}", seed)
            require(supernet.training == training, f"{name}: its mode changes when it is used")
    _check_use(supernet, x, covering, seed)
    after = supernet.state_dict()
    require(
        before.keys() == after.keys() and all(torch.equal(before[k], after[k]) for k in before),
        f"{name}: its weights change without training, or extracted networks share them; "
        "extract(arch) must copy weights",
    )


def _same(a: Tensor, b: Tensor) -> bool:
    """Tell whether two tensors are equal but for rounding."""
    tolerance = 1e-9 if a.dtype == torch.float64 else 1e-5
    size = float(b.detach().abs().max()) if b.numel() else 0.0
    return a.shape == b.shape and torch.allclose(a, b, rtol=tolerance, atol=tolerance * (1 + size))


def _check_memory(supernet: Supernet, archs: Archs, x: Batch) -> None:
    """Require that outputs depend on the architecture and the set of inputs alone."""
    name = type(supernet).__name__
    with torch.no_grad(), mode(supernet, training=False):
        first = [supernet(*x, arch) for arch in archs]
        again = [supernet(*x, arch) for arch in archs[::-1]][::-1]
        each = dict(supernet.forward_each(x, archs))
        flipped = [part.flip(0) for part in x]
        turned = [supernet(*flipped, arch).flip(0) for arch in archs]
    require(
        sorted(each) == list(range(len(archs))),
        f"{name}: forward_each yields places {sorted(each)} of {len(archs)} architectures",
    )
    for i, (a, b, c) in enumerate(zip(first, again, turned, strict=True)):
        size = len(x[0])
        require(len(a) == size, f"{name}: {size} inputs give outputs of shape {(*a.shape,)}")
        require(a.isfinite().all(), f"{name}: outputs of architecture {i} are not finite")
        require(torch.equal(a, b), f"{name}: architecture {i} depends on which one ran before it")
        require(_same(a, c), f"{name}: outputs of architecture {i} depend on the order of inputs")
        require(_same(each[i], a), f"{name}: forward_each differs from forward, architecture {i}")


def _check_extracted(supernet: Supernet, arch: Row, x: Batch, which: str, seed: int) -> None:
    """Compare a network with its copy: outputs, gradients, and what gets gradients."""
    name = type(supernet).__name__
    mode_name = "training" if supernet.training else "evaluation"
    network = supernet.extract(arch)
    require(
        network.training == supernet.training,
        f"{name}: extract(arch) returns a network that is not in {mode_name} mode",
    )
    shared = _places(supernet) & _places(network)
    require(not shared, f"{name}: extract(arch) must copy weights, not share them")
    outputs, gradients = [], []
    runs: tuple[tuple[nn.Module, Callable[..., Tensor]], ...] = (
        (supernet, lambda *x: supernet(*x, arch)),
        (network, network),
    )
    for owner, run in runs:
        leaves = [_leaf(part) for part in x]
        with seeded(seed, x[0].device):  # the same units are dropped
            output = run(*leaves)
        outputs.append(output)
        gradients.append(_gradients(output, leaves, owner))
    require(
        _same(*outputs),
        f"{name}: extract(arch) gives other outputs than forward(x, arch) for {which} in "
        f"{mode_name} mode",
    )
    require(
        all(map(_same, *gradients)),
        f"{name}: extract(arch) gives other gradients than forward(x, arch) for {which} in "
        f"{mode_name} mode",
    )
    used = [p.grad for p in supernet.parameters() if p.grad is not None]
    supernet.zero_grad(set_to_none=True)
    own = list(network.parameters())
    require(
        len(used) <= len(own),
        f"{name}: {len(used)} weights got gradients from {which}, whose network has {len(own)}; "
        "run the active path only",
    )
    active, size = sum(int(g.count_nonzero()) for g in used), sum(p.numel() for p in own)
    require(
        active <= size,
        f"{name}: gradients of {which} reach {active:,} numbers, its network has {size:,}; slice "
        "weights to what it uses",
    )


def _leaf(x: Tensor) -> Tensor:
    """Return a copy of inputs that gets a gradient, unless they are whole numbers."""
    return x.clone().requires_grad_(x.is_floating_point())


def _backward(output: Tensor) -> None:
    """Run the backward pass of a loss."""
    if not output.requires_grad:  # a network without weights on its path
        return
    weights = torch.linspace(-1, 1, output.numel(), device=output.device, dtype=output.dtype)
    (output.flatten() * weights).sum().backward()  # type: ignore[no-untyped-call]


def _gradients(output: Tensor, leaves: list[Tensor], owner: nn.Module) -> list[Tensor]:
    """Return the gradients of the inputs, zero if none, and sums of those of the weights."""
    _backward(output)
    of_inputs = [torch.zeros_like(x) if x.grad is None else x.grad for x in leaves]
    if any(x.requires_grad for x in leaves):
        return of_inputs
    grads = [p.grad for p in owner.parameters() if p.grad is not None]
    totals = [torch.stack([f(g) for g in grads]).sum() for f in (torch.sum, _squares) if grads]
    return of_inputs + totals


def _squares(x: Tensor) -> Tensor:
    return x.square().sum()


def _places(network: nn.Module) -> set[int]:
    """Return where a network's tensors lie in memory."""
    return {t.data_ptr() for t in network.state_dict().values() if t.numel()}


def _check_use(supernet: Supernet, x: Batch, covering: Archs | None, seed: int) -> None:
    """Require that every weight gets a gradient from some architecture."""
    whole = supernet.whole if isinstance(supernet, RestrictedSupernet) else supernet
    unused = dict(whole.named_parameters())
    rows = _drawn(whole, seed) if covering is None else covering
    ran = 0
    with mode(whole, training=True):
        for arch in rows:
            if not unused:
                return
            ran += 1
            _backward(whole(*x, arch))
            for name, weight in list(unused.items()):
                if weight.grad is not None and weight.grad.count_nonzero():
                    del unused[name]
            whole.zero_grad(set_to_none=True)
    named = ", ".join(list(unused)[:3])
    require(
        not unused,
        f"{type(supernet).__name__}: {len(unused)} weights are used by none of {ran} architectures,"
        f" such as {named}; remove them, or give covering= architectures that use them",
    )


def _drawn(supernet: Supernet, seed: int) -> Iterator[Row]:
    rng = np.random.default_rng([seed, 1])
    for _ in range(MOST):
        yield from supernet.space.sample(1, rng=rng)
