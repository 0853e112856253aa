"""Scoring with what cells share computed once: many architectures on the same inputs.

All architectures give the first cell the same input. What an edge adds to a node depends on the
edge's operation and on the state of its source alone, so the 15,625 cells of NAS-Bench-201 have
only 5 + 25 + 625 different terms at their outputs. If the layer behind is linear, it is applied to
terms as well, and an architecture begins with a sum of three small tensors.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import reduce
from operator import add
from typing import Any, TypeAlias

import torch
from torch import Tensor

MEMORY = 1 << 28  # bytes of tensors that are kept; those that were not needed for longest go first

Route: TypeAlias = "tuple[tuple[int, int, int, int], ...]"
"""Steps of a cell, each (edge, operation, source, target), by rising target."""
State: TypeAlias = "tuple[Any, ...]"
"""Terms of a node: (edge, operation, state of the source), in order of edges."""
Term: TypeAlias = "tuple[int, int, Any]"


class SharedTerms:
    """The states and terms of one cell for one input, computed when they are first needed.

    Give architectures in the order of their rows: neighbours then share most of their terms, and
    little has to be kept.

    Args:
        x: input of the cell, ``(b, c, h, w)``.
        apply: computes operation ``k`` of an edge: ``apply(edge, k, state)``.
        linear: the layer behind the cell, which must be linear; ``None``: there is none.
        output: number of the output node.
    """

    def __init__(
        self,
        x: Tensor,
        apply: Callable[[int, int, Tensor], Tensor],
        linear: Callable[[Tensor], Tensor] | None,
        output: int,
    ) -> None:
        self._x, self._apply, self._output = x, apply, output
        self._behind = linear if linear is not None else lambda term: term
        self._kept: OrderedDict[object, Tensor] = OrderedDict()
        self._bytes = 0

    def run(self, route: Route) -> Tensor:
        """Return the output of the cell along a route, after the linear layer."""
        states: dict[int, State] = {0: ()}
        incoming: dict[int, list[tuple[int, int, int]]] = {}
        for edge, k, source, target in route:
            incoming.setdefault(target, []).append((edge, k, source))
        for node in sorted(incoming):
            states[node] = tuple((e, k, states.get(s)) for e, k, s in incoming[node])
        terms = [self._at_output(term) for term in states.get(self._output, ())]
        if not terms:
            return self._keep("no path", lambda: self._behind(torch.zeros_like(self._x)))
        return reduce(add, terms)

    def _at_output(self, term: Term) -> Tensor:
        """Return what an edge adds to the output, after the linear layer."""
        edge, k, state = term
        return self._keep(
            ("output", term), lambda: self._behind(self._apply(edge, k, self._state(state)))
        )

    def _inside(self, term: Term) -> Tensor:
        """Return what an edge adds to a node before the output."""
        edge, k, state = term
        return self._keep(("inside", term), lambda: self._apply(edge, k, self._state(state)))

    def _state(self, state: State | None) -> Tensor:
        """Return the value of a node."""
        if state == ():
            return self._x
        if state is None:  # nothing reaches it
            return self._keep("nothing", lambda: torch.zeros_like(self._x))
        return self._keep(state, lambda: reduce(add, map(self._inside, state)))

    def _keep(self, key: object, compute: Callable[[], Tensor]) -> Tensor:
        """Return the tensor of a key, computed if it is not kept."""
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        value = self._kept[key] = compute()
        self._bytes += value.nbytes
        while self._bytes > MEMORY and len(self._kept) > 1:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= oldest.nbytes
        return value
