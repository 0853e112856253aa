"""Layers on the last dimension of which only the first features are used.

A network runs its layers whole, a supernet the part that an architecture has, both with the same
code. A part that is the whole layer is run as the module, so that its hooks see it.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import layer_norm, linear


def linear_first(layer: nn.Linear, x: Tensor, out: int, *, bias: bool = True) -> Tensor:
    """Run a linear layer with its first inputs and outputs.

    Args:
        layer: with at least as many inputs as ``x`` has features.
        x: ``(..., in)``.
        out: number of outputs.
        bias: add the bias of the layer, if it has one.

    Returns:
        ``(..., out)``.
    """
    whole = (layer.in_features, layer.out_features) == (x.shape[-1], out)
    if whole and (bias or layer.bias is None):
        y: Tensor = layer(x)
        return y
    shift = layer.bias[:out] if bias and layer.bias is not None else None
    return linear(x, layer.weight[:out, : x.shape[-1]], shift)


def norm_first(norm: nn.LayerNorm, x: Tensor) -> Tensor:
    """Normalise ``x: (..., dim)`` with scale and shift of the first ``dim`` features."""
    dim = x.shape[-1]
    if norm.normalized_shape == (dim,):
        y: Tensor = norm(x)
        return y
    return layer_norm(x, (dim,), norm.weight[:dim], norm.bias[:dim], norm.eps)


def centre_rows(table: Tensor, rows: int) -> Tensor:
    """Return the rows in the centre of ``table: (r, c)``, ``(rows, c)``; ``r - rows`` is even."""
    start = (len(table) - rows) // 2
    return table[start : start + rows]
