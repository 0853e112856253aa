"""Networks of NAS-Bench-101: one cell of up to seven vertices, repeated in three stacks.

Ying et al., "NAS-Bench-101: Towards Reproducible Neural Architecture Search", ICML 2019, figure 1,
sections 2.1 and 2.2, and the released code: stem, ``cells`` cells, then twice: 2x2 max pooling and
``cells`` cells of twice the channels; global average pool, linear classifier.

    >>> network = NASBench101Network([[0, 1], [0, 0]], [])
    >>> sum(p.numel() for p in network.parameters())
    882570
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from archrank.errors import ArchitectureError, SpaceError, UnknownNameError

KERNELS = {"conv3x3": 3, "conv1x1": 1}
OPS = (*KERNELS, "maxpool3x3")
BN_EPS = 1e-5
BN_MOMENTUM = 0.003  # TensorFlow's 0.997


class ConvBNReLU(nn.Sequential):
    """Convolution without bias, batch norm, ReLU: (b, c_in, h, w) -> (b, c_out, h, w)."""

    def __init__(self, c_in: int, c_out: int, kernel: int, bn_momentum: float) -> None:
        super().__init__(
            nn.Conv2d(c_in, c_out, kernel, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(c_out, eps=BN_EPS, momentum=bn_momentum),
            nn.ReLU(),
        )


def vertex_channels(matrix: Sequence[Sequence[int]], c_in: int, c_out: int) -> list[int]:
    """Compute the channels of the ``v`` vertices of a pruned cell, including input and output.

    Predecessors of the output share its channels evenly, the first ones taking the remainder;
    every other vertex is as wide as the widest of its successors.

    Raises:
        SpaceError: The output has fewer channels than predecessors.
    """
    last = len(matrix) - 1
    feeds = [u for u in range(1, last) if matrix[u][last]]
    if len(feeds) > c_out:
        raise SpaceError(
            f"{len(feeds)} vertices share the {c_out} output channels of a NAS-Bench-101 cell; "
            "use at least 5 channels"
        )
    channels = [0] * len(matrix)
    for rank, u in enumerate(feeds):
        share, rest = divmod(c_out, len(feeds))
        channels[u] = share + (rank < rest)
    for u in range(last - 1, 0, -1):
        if u not in feeds:
            channels[u] = max(channels[w] for w in range(u + 1, last) if matrix[u][w])
    channels[0], channels[last] = c_in, c_out
    return channels


class Cell(nn.Module):
    """Cell with operations on vertices.

    A vertex adds up its predecessors, each truncated to the vertex's number of channels, and, if
    there is an edge from the input, a 1x1 convolution of the cell's input; then it applies its
    operation. The output concatenates its predecessors and, if there is an edge from the input,
    adds a 1x1 convolution of it.

    Args:
        matrix: ``v`` x ``v`` upper triangular adjacency, row = source; every vertex lies on a path
            from the first to the last.
        ops: Names of the ``v - 2`` interior operations.
        c_in: Channels of the input.
        c_out: Channels of the output.
        bn_momentum: Weight of the newest batch in the running statistics of batch norms.
    """

    def __init__(
        self,
        matrix: Sequence[Sequence[int]],
        ops: Sequence[str],
        c_in: int,
        c_out: int,
        bn_momentum: float = BN_MOMENTUM,
    ) -> None:
        super().__init__()
        _check(matrix, ops)
        last = len(matrix) - 1
        self.channels = vertex_channels(matrix, c_in, c_out)
        self._matrix = [list(row) for row in matrix]
        self.projections = nn.ModuleDict(
            {
                str(w): ConvBNReLU(c_in, self.channels[w], 1, bn_momentum)
                for w in range(1, last + 1)
                if matrix[0][w]
            }
        )
        self.operations = nn.ModuleList(
            ConvBNReLU(c, c, KERNELS[op], bn_momentum) if op in KERNELS else nn.MaxPool2d(3, 1, 1)
            for op, c in zip(ops, self.channels[1:-1], strict=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (b, c_in, h, w) to (b, c_out, h, w)."""
        return run_cell(
            x,
            self._matrix,
            self.channels,
            project=lambda v, x: self.projections[str(v)](x),
            operate=lambda v, x: self.operations[v - 1](x),
        )


def run_cell(
    x: Tensor,
    matrix: Sequence[Sequence[int]],
    channels: Sequence[int],
    *,
    project: Callable[[int, Tensor], Tensor],
    operate: Callable[[int, Tensor], Tensor],
) -> Tensor:
    """Map ``x: (b, c_in, h, w)`` to (b, c_out, h, w) along the edges of a pruned cell.

    Args:
        x: Input of the cell.
        matrix: Adjacency of its ``v`` vertices, see :class:`Cell`.
        channels: Channels of the vertices, see :func:`vertex_channels`.
        project: ``project(v, x)`` is the projection of the input to vertex ``v``.
        operate: ``operate(v, x)`` is the operation of vertex ``v``.
    """
    vertices = [x]
    last = len(matrix) - 1
    for v in range(1, last):
        terms = [vertices[u][:, : channels[v]] for u in range(1, v) if matrix[u][v]]
        if matrix[0][v]:
            terms.append(project(v, x))
        vertices.append(operate(v, _sum(terms)))  # (b, channels[v], h, w)
    outputs = [vertices[u] for u in range(1, last) if matrix[u][last]]
    terms = [torch.cat(outputs, 1)] if outputs else []  # (b, c_out, h, w)
    if matrix[0][last]:
        terms.append(project(last, x))
    return _sum(terms)


def _sum(terms: list[Tensor]) -> Tensor:
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def _check(matrix: Sequence[Sequence[int]], ops: Sequence[str]) -> None:
    v = len(matrix)
    if v < 2 or len(ops) != v - 2 or any(len(row) != v for row in matrix):
        raise ArchitectureError(
            f"a NAS-Bench-101 cell of v vertices has a v x v matrix and v - 2 operations; got "
            f"{v} rows and {len(ops)} operations"
        )
    for name in ops:
        if name not in OPS:
            raise UnknownNameError("operation", name, OPS)
    dead = [
        u
        for u in range(v)
        if (u < v - 1 and not any(matrix[u][u + 1 :]))
        or (u > 0 and not any(matrix[w][u] for w in range(u)))
    ]
    if dead or any(matrix[u][w] for u in range(v) for w in range(u + 1)):
        raise ArchitectureError(
            "a NAS-Bench-101 cell must be upper triangular with every vertex on a path from input "
            f"to output; got {[list(map(int, row)) for row in matrix]}"
        )


class NASBench101Network(nn.Module):
    """Image classifier made of one repeated cell.

    Args:
        matrix: Adjacency of the pruned cell, see :class:`Cell`.
        ops: Interior operations: ``conv3x3``, ``conv1x1`` or ``maxpool3x3``.
        channels: Channels of the stem and the first stack; each next stack has twice as many.
        stacks: Number of stacks of cells; between them, max pooling halves the size, rounded up.
        cells: Cells per stack.
        n_classes: Number of classes, the size of the output.
        in_channels: Channels of the images.
        bn_momentum: Weight of the newest batch in the running statistics of batch norms.
    """

    def __init__(
        self,
        matrix: Sequence[Sequence[int]],
        ops: Sequence[str],
        *,
        channels: int = 128,
        stacks: int = 3,
        cells: int = 3,
        n_classes: int = 10,
        in_channels: int = 3,
        bn_momentum: float = BN_MOMENTUM,
    ) -> None:
        super().__init__()
        self.stem = ConvBNReLU(in_channels, channels, 3, bn_momentum)
        body: list[nn.Module] = []
        c_in = channels
        for stack in range(stacks):
            c_out = channels * 2**stack
            if stack > 0:
                body.append(nn.MaxPool2d(2, stride=2, ceil_mode=True))
            for _ in range(cells):
                body.append(Cell(matrix, ops, c_in, c_out, bn_momentum))
                c_in = c_out
        self.body = nn.Sequential(*body)
        self.classifier = nn.Linear(c_in, n_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map images (b, in_channels, h, w) to logits (b, n_classes)."""
        x = self.body(self.stem(x))  # (b, 4c, h / 4, w / 4)
        logits: Tensor = self.classifier(x.mean(dim=(2, 3)))  # (b, n_classes)
        return logits
