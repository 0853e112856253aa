"""Count what networks really hold and compute."""

from __future__ import annotations

import torch
from torch.utils.flop_counter import FlopCounterMode

from archrank.spaces import Networks
from archrank.tasks import ImageClassification
from archrank.types import Archs


def check_counts(networks: Networks, archs: Archs, task: ImageClassification) -> None:
    """Compare the costs of ``archs: (n, d)`` with what is counted on the meta device."""
    cost = networks.cost(archs)
    for i, arch in enumerate(archs):
        with torch.device("meta"):
            network = networks.build(arch).eval()
            x = torch.empty(1, *task.input_shape)
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            assert network(x).shape == (1, task.n_classes)
        assert counter.get_total_flops() == 2 * cost["macs"][i]
        assert sum(p.numel() for p in network.parameters()) == cost["params"][i]
