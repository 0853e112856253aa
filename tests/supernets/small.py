"""Small supernets of every kind, with architectures that together use every weight of theirs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from archrank.spaces import (
    NDS,
    AttentiveSmall,
    CustomCells,
    FBNet,
    NASBench101,
    NASBench201,
    ProxylessNAS,
    Scale,
    Space,
    TransNAS101Micro,
)
from archrank.supernets import Supernet
from archrank.supernets.nasbench101 import SharedConvBNReLU
from archrank.supernets.statistics import batch_norms
from archrank.tasks import Digits
from archrank.training.loop import initialise
from archrank.types import Archs

TASK = Digits(copies=1)
SHAPE = (1, 8, 8)


def their_network(make_cell: Any, task: Any) -> nn.Module:
    """A network of the user's, in which one cell is used twice."""
    cell = make_cell(4)
    return nn.Sequential(nn.Conv2d(1, 4, 1), cell, cell, nn.Flatten(), nn.Linear(256, 10))


def alike(space: Space) -> Archs:
    """One row per option, which all decisions take that have it."""
    options = np.arange(int(space.radices.max()))[:, None]
    return (options % space.radices).astype(np.uint8)


def other_widths(space: AttentiveSmall) -> Archs:
    """One row per option, and one whose first stage is wider than the convolution before it."""
    rows = alike(space)
    wider = rows[1:2].copy()
    wider[0, 1] = 0
    return np.concatenate([rows, wider])


def each_vertex(space: NASBench101) -> Archs:
    """Cells of one vertex, which has all channels, with each convolution; and the direct edge."""
    names = [c.name for c in space.choices]
    rows = np.zeros((11, space.d), dtype=np.uint8)
    for row, (vertex, op) in zip(
        rows, [(v, op) for v in range(1, 6) for op in (0, 1)], strict=False
    ):
        for edge in (f"0->{vertex}", f"{vertex}->6"):
            row[names.index(edge)] = 1
        row[names.index(f"op{vertex}")] = op
    rows[10, names.index("0->6")] = 1
    return rows


def each_term(space: NDS) -> Archs:
    """Rows that give every node every operation on every input, and have every depth."""
    ops, rows = len(space.ops), []
    widest, deepest = (int(np.argmax(sizes)) for sizes in (space.widths, space.depths))
    for t in range(-(-ops * (space.nodes + 1) // 2)):
        cell = [t % ops, 0, t % ops, 1]  # node 0 reads both inputs, so no cell is left out
        for node in range(1, space.nodes):
            for k in (0, 1):
                source, op = divmod((2 * t + k) % (ops * (node + 2)), ops)
                cell += [op, source]
        rows.append([*cell, *cell, widest, deepest])
    for depth in range(len(space.depths)):
        rows.append([*rows[1][:-1], depth])
    return np.array(rows, dtype=np.uint8)


@dataclass(frozen=True)
class Small:
    """A space, and rows that use all weights of its supernet."""

    make: Callable[[], Space]
    covering: Callable[[Any], Archs] = alike
    input_shape: tuple[int, ...] = SHAPE

    def supernet(self, **options: Any) -> Supernet:
        """A supernet in double precision whose batch norms have weights as after a training."""
        networks = self.make().networks(TASK)
        made: Any = initialise(lambda: networks.supernet(**options), 0)
        generator = torch.Generator().manual_seed(0)
        for norm in batch_norms(made):
            if norm.weight is not None:
                nn.init.normal_(norm.weight, 1.0, generator=generator)
                nn.init.normal_(norm.bias, generator=generator)
        for layer in made.modules():
            if isinstance(layer, SharedConvBNReLU) and layer.affine is not None:
                nn.init.normal_(layer.affine[0], 1.0, generator=generator)
                nn.init.normal_(layer.affine[1], generator=generator)
        supernet: Supernet = made.double()
        return supernet


def nds(family: str, stem: Any = "cifar", depths: tuple[int, ...] = (4,)) -> Small:
    """A family with two widths."""
    shape = SHAPE if stem == "cifar" else (1, 17, 18)
    return Small(lambda: NDS(family, stem, widths=(2, 4), depths=depths), each_term, shape)


SMALL = {
    "nasbench201": Small(lambda: NASBench201(Scale(channels=3, cells=1, reduction="pool"))),
    "published reduction": Small(lambda: NASBench201(Scale(channels=3, cells=2))),
    "transnas": Small(TransNAS101Micro),
    "cells": Small(lambda: CustomCells(["none", "skip_connect", "nor_conv_3x3"], nodes=4)),
    "operations of one's own": Small(
        lambda: CustomCells(
            {"none": None, "double": lambda c: nn.Conv2d(c, c, 3, padding=1), "nor_conv_1x1": None},
            network=their_network,
        )
    ),
    "no none": Small(lambda: CustomCells(["skip_connect", "nor_conv_1x1"], nodes=3)),
    "nasbench101": Small(lambda: NASBench101(Scale(channels=7, cells=2)), each_vertex),
    "darts": nds("darts", depths=(3, 4, 5, 8)),
    "darts of ImageNet": nds("darts", "imagenet", depths=(3, 5)),
    "enas": nds("enas", depths=(3, 7)),
    "pnas": nds("pnas"),
    "amoeba": nds("amoeba"),
    "nasnet": nds("nasnet"),
    "proxylessnas": Small(ProxylessNAS),
    "fbnet": Small(lambda: FBNet(head=24)),
    "attentive_small": Small(AttentiveSmall, other_widths),
    "restricted cells": Small(
        lambda: NASBench201().restrict({"0->1": ["nor_conv_3x3", "none"], "2->3": "skip_connect"}),
        lambda space: alike(space.origin),
    ),
    "restricted nasbench101": Small(
        lambda: NASBench101().restrict(
            {"0->1": [1], "op1": ["conv1x1"], "op2": ["conv1x1", "conv3x3"]}
        ),
        lambda space: each_vertex(space.origin),
    ),
}
"""One supernet of every kind, by name."""
