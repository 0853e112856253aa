from __future__ import annotations

from typing import Any

import torch
from torch import nn

from archrank.networks import NASBench201Network
from archrank.networks.edge_cells import Edge, EdgeCell, edge_cell_network
from archrank.networks.operations import operation
from archrank.spaces.edge_cells.features import edges_of


class Times(nn.Module):
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.factor * x


def test_nodes_are_sums() -> None:
    edges = [Edge(0, 1, Times(2)), Edge(0, 2, Times(3)), Edge(1, 2, Times(5)), Edge(2, 3, Times(7))]
    x = torch.ones(1, 1, 2, 2)
    assert torch.equal(EdgeCell(edges, 4)(x), 7 * (3 + 5 * 2) * x)
    assert torch.equal(EdgeCell([], 4)(x), 0 * x)
    assert torch.equal(x, torch.ones(1, 1, 2, 2))


def test_it_is_nasbench201_for_its_operations() -> None:
    ops = ["nor_conv_3x3", "avg_pool_3x3", "skip_connect", "nor_conv_1x1"]
    ops += ["nor_conv_3x3", "skip_connect"]

    def make_cell(channels: int) -> nn.Module:
        pairs = zip(edges_of(4), ops, strict=True)
        return EdgeCell([Edge(j, i, operation(op, channels)) for (j, i), op in pairs], 4)

    for reduction in ("pool", "residual"):
        sizes: Any = {"channels": 4, "cells": 2, "n_classes": 7, "in_channels": 1}
        ours = edge_cell_network(make_cell, **sizes, reduction=reduction).eval()
        theirs = NASBench201Network(ops, **sizes, reduction=reduction).eval()
        values = iter(theirs.state_dict().values())
        ours.load_state_dict({name: next(values) for name in ours.state_dict()})
        x = torch.randn(2, 1, 8, 8)
        torch.testing.assert_close(ours(x), theirs(x))
