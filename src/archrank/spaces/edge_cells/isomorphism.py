"""Isomorphism of cells, by three published definitions for operations on edges.

A cell is read from input to output; every node becomes a string, built from the strings of its
predecessors, and cells with the same output string are the same.

* ``official``: NAS-Bench-201's rule. Node 0 is ``0``. An edge with ``none``, or from a node whose
  string is exactly ``#``, gives the term ``#``; ``skip_connect`` gives its source's string as it
  is; another operation gives ``(source)@op``. A node is its sorted terms joined by ``+``.
  On NAS-Bench-201: 6,466 classes. Dead terms stay in the string, so a node with two dead inputs is
  ``#+#`` and counts as alive: this is what the benchmark and the papers use.
* ``live``: dead terms are dropped, a node without live terms is dead, and ``skip_connect`` of a sum
  is one bracketed term. 5,819 classes: exactly the cells that compute the same from live parts.
* ``merged``: as ``live``, but ``skip_connect`` of a sum is merged into the sum it flows into
  (addition is associative). 4,930 classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np

from archrank.types import Archs, Ints

Form = Literal["official", "live", "merged"]
FORMS: tuple[Form, ...] = get_args(Form)

_Terms = tuple[str, ...]  # the live terms of a node, sorted


def class_labels(
    archs: Archs,
    ops: Sequence[str],
    nodes: int,
    none: int | None,
    skip: int | None,
    form: Form = "official",
) -> Ints:
    """Label each row with the position of the first row that is isomorphic to it: ``(n,)``.

    Strings are built once per distinct prefix of decisions, node by node, so the Python work is
    one string per *distinct* partial cell rather than per architecture and node.

    Args:
        archs: ``(n, d)`` operations in edge order (grouped by target node).
        ops: operation names. The official rule sorts by them, and because joined terms lose their
            brackets the order decides some classes: by index instead of by name there would be
            6,466 classes too, but not the same ones.
        nodes: number of nodes ``v``.
        none: index of the operation that removes an edge, if there is one.
        skip: index of the identity, if there is one.
        form: the rule, see the module's description.
    """
    prefix = np.zeros(len(archs), dtype=np.int64)  # which distinct partial cell a row begins with
    partial: list[list[_Terms]] = [[("0",)]]  # per distinct partial cell: its nodes' terms
    start = 0
    for node in range(1, nodes):
        block = archs[:, start : start + node]
        start += node
        keys = np.column_stack([prefix, block.astype(np.int64)])
        distinct, prefix = np.unique(keys, axis=0, return_inverse=True)
        prefix = prefix.reshape(-1)
        partial = [
            [*partial[before], _node(partial[before], chosen, ops, none, skip, form)]
            for before, *chosen in distinct.tolist()
        ]
    strings = np.array(["+".join(cell[-1]) for cell in partial])[prefix]
    _, first, inverse = np.unique(strings, return_index=True, return_inverse=True)
    return first[inverse.reshape(-1)].astype(np.int64)


def _node(
    before: list[_Terms],
    chosen: list[int],
    ops: Sequence[str],
    none: int | None,
    skip: int | None,
    form: Form,
) -> _Terms:
    terms: list[str] = []
    for source, op in zip(before, chosen, strict=True):
        dead = op == none or source == (("#",) if form == "official" else ())
        if dead:
            if form == "official":
                terms.append("#")
        elif op != skip:
            terms.append(f"({'+'.join(source)})@{ops[op]}")
        elif form == "live" and len(source) > 1:
            terms.append(f"({'+'.join(source)})")
        elif form == "merged":
            terms.extend(source)
        else:
            terms.append("+".join(source))
    return tuple(sorted(terms))
