"""AceNAS on dense batches of graphs against the same network, one graph at a time.

    python benchmarks/graph_speed.py

Times a fit on 100 labels and the scores of all 15,625 cells of NAS-Bench-201, on one thread. Both
networks have the same weights and must give the same scores.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch
from torch import Tensor, nn

import archrank as ar
from archrank.rankers import AceNAS
from archrank.rankers.graphs.layers import DGCNN


class OneByOne(nn.Module):
    """An AceNAS network that loops over graphs and takes each at its own size."""

    def __init__(self, model: DGCNN) -> None:
        super().__init__()
        self.model = model

    def forward(self, flow: Tensor, x: Tensor, mask: Tensor, extra: Tensor) -> Tensor:
        return torch.stack([self.score(*graph) for graph in zip(flow, x, mask, extra, strict=True)])

    def score(self, flow: Tensor, x: Tensor, mask: Tensor, extra: Tensor) -> Tensor:
        m = self.model
        flow, x = flow[mask][:, mask], x[mask]  # (v, v), (v, o)
        for conv in m.convs:
            x = conv.linear(flow @ x).relu()  # (v, h)
        x = x.sort(1).values
        x = x[x[:, -1].argsort(descending=True, stable=True)][: m.k]
        x = nn.functional.pad(x, (0, 0, 0, m.k - len(x)))  # (k, h)
        x = nn.functional.max_pool1d(m.per_node(x).relu().T, 2)  # (h / 2, k / 2)
        weight = m.over_nodes.weight.view(len(m.over_nodes.weight), -1, 5)  # of a Conv1d
        x = nn.functional.conv1d(x, weight, m.over_nodes.bias).relu().flatten()
        return m.heads[0](m.fusion(torch.cat([x, extra]))).squeeze(0)


class SlowAceNAS(AceNAS):
    def _network(self) -> nn.Module:
        return OneByOne(self._build(heads=1))


def timed(ranker: AceNAS, archs: np.ndarray, scores: np.ndarray, cells: np.ndarray) -> np.ndarray:
    start = time.perf_counter()
    ranker.fit(archs, scores)
    fitted = time.perf_counter()
    ranker.predict(cells)
    return np.array([fitted - start, time.perf_counter() - fitted])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--labels", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=300)
    args = parser.parse_args()
    torch.set_num_threads(1)
    space = ar.spaces.NASBench201()
    cells = space.enumerate()
    archs = space.sample(args.labels, rng=np.random.default_rng(0))
    scores = space.cost(archs)["macs"]

    options = {"epochs": args.epochs, "patience": None}  # the same number of steps for both
    AceNAS(space, epochs=2).fit(archs, scores)  # warm up
    fast, slow = AceNAS(space, **options), SlowAceNAS(space, **options)
    seconds = {"batched": timed(fast, archs, scores, cells)}
    print("batched     fit {:6.2f} s   score {:6.2f} s".format(*seconds["batched"]), flush=True)
    seconds["one by one"] = timed(slow, archs, scores, cells)
    print("one by one  fit {:6.2f} s   score {:6.2f} s".format(*seconds["one by one"]))
    ratio = seconds["one by one"] / seconds["batched"]
    total = seconds["one by one"].sum() / seconds["batched"].sum()
    print("ratio       fit {:6.1f}     score {:6.1f}     both {:.1f}".format(*ratio, total))

    slow.network_ = OneByOne(fast.network_)
    difference = np.abs(slow.predict(cells[:2000]) - fast.predict(cells[:2000])).max()
    print(f"largest difference of scores with the same weights: {difference:.1e}")


if __name__ == "__main__":
    main()
