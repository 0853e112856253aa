"""Your own cells: operations by name, a number of nodes, and whatever network repeats the cell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import permutations
from typing import TYPE_CHECKING, Any, SupportsIndex, TypeAlias

import numpy as np
from numpy.typing import NDArray

from archrank.errors import BuildError, SpaceError
from archrank.spaces.custom.calling import check_output, count_module, make_module
from archrank.spaces.custom.pickling import by_reference, sendable
from archrank.spaces.edge_cells.base import EdgeCellSpace
from archrank.spaces.edge_cells.isomorphism import Form
from archrank.spaces.edge_cells.operations import Factory, read_operations
from archrank.tasks.base import Scale, Splits, Task
from archrank.types import Archs, Floats

if TYPE_CHECKING:
    from torch import nn

MAX_NODES = 8  # 28 edges; more would make the canonical form slow

Network: TypeAlias = "Callable[[Factory, Task], nn.Module]"


@dataclass(frozen=True)
class _Images(Task):
    """What costs are counted for while no task is known: 10 classes of 3 x 32 x 32 images."""

    def load(self) -> Splits:
        raise SpaceError("this task only has shapes")  # never trained on


class CustomCells(EdgeCellSpace):
    """Cells with users' operations on the edges of a complete DAG.

    Only edges on a path from input to output are built, run and counted; the rest of a cell does
    not exist. MACs and parameters of every operation are counted once, by
    :mod:`archrank.spaces.custom.counting`, and added up, so costs of a million cells are
    one look-up.

    Args:
        ops: ``{name: operation}``, each a function of the number of channels that returns a module
            which keeps the shape ``(b, channels, h, w)``; ``None`` stands for the operation of
            NAS-Bench-201 of that name. A list names only those. ``none`` removes an edge and
            ``skip_connect`` is the identity.
        nodes: number of nodes ``v``, input and output included, 2 to 8; ``v (v - 1) / 2`` edges.
        network: ``network(make_cell, task) -> nn.Module``, which calls ``make_cell(channels)`` for
            every cell it wants; by default NAS-Bench-201's stem, three stages and head in the
            task's scale.
        scale: of the default network, instead of the task's.
        name: how messages and run folders call the space.

    Raises:
        SpaceError: operations or nodes that cannot be used; says which.

    Example:
        >>> space = CustomCells(["none", "skip_connect", "nor_conv_3x3"], nodes=3)
        >>> space.size, len(np.unique(space.canonical(space.enumerate()), axis=0))
        (27, 15)
        >>> space.cost(space.parse(["|skip_connect~0|+|none~0|skip_connect~1|"]))["macs"].tolist()
        [7783040.0]
    """

    def __init__(
        self,
        ops: Mapping[str, Factory | None] | Sequence[str],
        nodes: int = 4,
        *,
        network: Network | None = None,
        scale: Scale | None = None,
        name: str = "cells",
    ) -> None:
        self._factories = read_operations(ops)
        if isinstance(nodes, bool) or not isinstance(nodes, int) or not 2 <= nodes <= MAX_NODES:
            raise SpaceError(
                f"a cell has 2 to {MAX_NODES} nodes (input and output included), got {nodes!r}"
            )
        if network is not None and not callable(network):
            raise SpaceError(f"network is a function network(make_cell, task), got {network!r}")
        super().__init__(tuple(self._factories), nodes)
        self.name = name
        self.scale = scale
        self._network = network
        self._task: Task | None = None
        self._declared: CustomCells = self  # the space that this one is a copy of, without a task
        self._named: set[str] = set()  # operations that the user has been warned of

    def for_task(self, task: Task) -> CustomCells:
        """The same cells in networks for ``task``."""
        bound = object.__new__(type(self))
        bound.__dict__.update(self.__getstate__())
        bound._task = task
        return bound

    # ---- identity ------------------------------------------------------------------------------

    def canonical(self, archs: Archs, form: Form | None = None) -> Archs:
        """The smallest row among all orders of the nodes, dead edges being ``none``: ``(n, d)``.

        Rows with the same canonical row build the same network. The published rules (``form``, see
        :mod:`archrank.spaces.edge_cells.isomorphism`) see through identities as well,
        but they also take one convolution that is used twice for two convolutions, and need a
        space of up to a million rows.
        """
        if form is not None:
            return super().canonical(archs, form)
        if self.none is None:
            return archs.copy()  # a complete DAG: its nodes have one order
        return self._smallest(np.where(self.live(archs), archs, self.none).astype(np.uint8))

    def _smallest(self, archs: Archs) -> Archs:
        """The lexicographically smallest numbering of the inner nodes, row by row: ``(n, d)``."""
        v, none = self.nodes, self.none
        source, target = (list(ends) for ends in zip(*self.edges, strict=True))
        matrix = np.full((len(archs), v, v), none, dtype=np.uint8)
        matrix[:, source, target] = archs
        best = archs
        for inner in permutations(range(1, v - 1)):
            order = [0, *inner, v - 1]
            moved = matrix[:, order][:, :, order]
            forward = (moved[:, target, source] == none).all(axis=1)  # no edge goes back
            rows = moved[:, source, target]
            differs = rows != best
            first = differs.argmax(axis=1)[:, None]
            smaller = np.take_along_axis(rows, first, 1) < np.take_along_axis(best, first, 1)
            best = np.where(smaller & forward[:, None], rows, best)
        return best

    # ---- networks ------------------------------------------------------------------------------

    def build(self, arch: NDArray[np.uint8], task: Task) -> nn.Module:
        """The network of ``arch: (d,)`` for ``task``, untrained.

        Raises:
            BuildError: an operation or ``network`` raised, returned no module, or the outputs do
                not suit the task.
        """
        from archrank.networks.edge_cells import Edge, EdgeCell
        from archrank.spaces.custom.counting import output_of

        arch = self.validate(arch[None])[0]
        live = self.live(arch[None])[0]

        def make_cell(channels: int) -> nn.Module:
            edges = [
                Edge(*self.edges[e], self._operation(int(arch[e]), channels))
                for e in np.flatnonzero(live)
            ]
            return EdgeCell(edges, self.nodes)

        network = self._assemble(make_cell, task)
        what = f"{self.name}: the network of {self.format(arch[None])[0]}"
        check_output(what, output_of(network, task.input_shape), task)
        return network

    def _assemble(self, make_cell: Factory, task: Task) -> nn.Module:
        from archrank.networks.edge_cells import edge_cell_network

        if self.scale is not None:
            task = replace(task, scale=self.scale)
        network = self._network or edge_cell_network
        return make_module(f"{self.name}: network(make_cell, task)", network, make_cell, task)

    def _operation(self, k: int, channels: int) -> nn.Module:
        from archrank.networks.operations import OPERATIONS

        op = self.ops[k]
        factory = self._factories[op] or OPERATIONS[op]
        return make_module(
            f"{self.name}: operation {op!r} for {channels} channels", factory, channels
        )

    # ---- costs ---------------------------------------------------------------------------------

    def cost(self, archs: Archs) -> dict[str, Floats]:
        """MACs and parameters of the networks that :meth:`build` makes: ``(n,)`` each.

        Raises:
            BuildError: an operation that occurs cannot be built, or does not keep the shape.
        """
        archs = self.validate(archs)
        live = self.live(archs)
        used = np.unique(archs[live])
        prices = np.zeros((len(self.ops), 2))
        for k in used.tolist():
            prices[k] = self._price(k)
        totals = self._fixed + (prices[archs] * live[:, :, None]).sum(axis=1)  # (n, 2)
        return {"macs": totals[:, 0], "params": totals[:, 1]}

    @cached_property
    def _fixed(self) -> Floats:
        """MACs and parameters of everything around the cells: ``(2,)``."""
        return self._surroundings[0]

    @cached_property
    def _surroundings(self) -> tuple[Floats, list[int], list[tuple[int, ...]]]:
        """Costs around the cells, the channels of each cell made, the input shape of each run."""
        from torch import nn

        task = self._task or _Images()
        made: list[int] = []
        shapes: list[tuple[int, ...]] = []

        class Probe(nn.Module):
            def forward(self, x: Any) -> Any:
                shapes.append(tuple(x.shape[1:]))
                return x

        def make_cell(channels: int) -> nn.Module:
            made.append(channels)
            return Probe()

        def make() -> nn.Module:
            made.clear()  # counting may try more than once
            shapes.clear()
            return self._assemble(make_cell, task)

        what = f"{self.name}: the network without its cells"
        found = count_module(what, make, task.input_shape, self._named)
        check_output(what, found.output, task)
        return np.array([found.macs, found.params]), made, shapes

    @cached_property
    def _prices(self) -> dict[int, Floats]:
        return {}

    def _price(self, k: int) -> Floats:
        """MACs and parameters of operation ``k`` on one edge of every cell: ``(2,)``."""
        if k not in self._prices:
            _, made, shapes = self._surroundings
            macs = {shape: self._on(k, shape) for shape in set(shapes)}
            params = {c: self._params(k, c) for c in set(made)}
            total = sum(macs[shape] for shape in shapes), sum(params[c] for c in made)
            self._prices[k] = np.array(total, dtype=np.float64)
        return self._prices[k]

    def _on(self, k: int, shape: tuple[int, ...]) -> float:
        """MACs of operation ``k`` on one input of ``shape``."""
        what = f"{self.name}: operation {self.ops[k]!r}"
        found = count_module(what, lambda: self._operation(k, shape[0]), shape, self._named)
        if found.output != (1, *shape):
            raise BuildError(
                f"{what} turns (b, {', '.join(map(str, shape))}) into {found.output}; operations "
                "keep the shape"
            )
        return found.macs

    def _params(self, k: int, channels: int) -> float:
        from archrank.torch_state import untouched

        with untouched():
            module = self._operation(k, channels)
        return float(sum(p.numel() for p in module.parameters() if p.requires_grad))

    # ---- the space as a value ------------------------------------------------------------------

    def fingerprint(self) -> str:
        """Name, nodes, operations, and the scale if one was given."""
        scale = "" if self.scale is None else f";{self.scale}"
        return f"{self.name}({self.nodes} nodes;{'|'.join(self.ops)}{scale})"

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[Any, ...]:
        """Pickle the values; or, where functions cannot be sent, the name of the variable."""
        functions = [f for f in (*self._factories.values(), self._network) if f is not None]
        if sendable(functions):
            return super().__reduce_ex__(protocol)
        return by_reference(self._declared, self._task, functions)
