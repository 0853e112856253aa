"""Canonical forms against definitions written out cell by cell."""

from __future__ import annotations

import numpy as np
import pytest

from archrank.errors import UnknownNameError
from archrank.spaces import NASBench201
from archrank.spaces.edge_cells.isomorphism import FORMS


def official_string(ops: list[str], nodes: int) -> str:
    """NAS-Bench-201's rule for one cell, straight from its description."""
    names = ["0"]
    position = 0
    for node in range(1, nodes):
        terms = []
        for source in range(node):
            op = ops[position]
            position += 1
            if op == "none" or names[source] == "#":
                terms.append("#")
            elif op == "skip_connect":
                terms.append(names[source])
            else:
                terms.append(f"({names[source]})@{op}")
        names.append("+".join(sorted(terms)))
    return names[-1]


def test_official_form_by_brute_force(space: NASBench201) -> None:
    archs = space.sample(400, rng=np.random.default_rng(0))
    strings = [official_string([space.ops[k] for k in row], 4) for row in archs]
    labels = space.classes(archs)
    first = {}
    for text, label in zip(strings, labels.tolist(), strict=True):
        assert first.setdefault(text, label) == label
    assert len(set(first.values())) == len(first)


@pytest.mark.parametrize("form", FORMS)
def test_labels_are_the_smallest_member(space: NASBench201, form: str) -> None:
    labels = space.classes(space.enumerate(), form)  # type: ignore[arg-type]
    assert (labels <= np.arange(space.size)).all()
    assert (labels[labels] == labels).all()


def test_forms_refine_each_other(space: NASBench201) -> None:
    rows = space.enumerate()
    official, live, merged = (space.classes(rows, form) for form in FORMS)
    for fine, coarse in ((live, merged),):
        assert (coarse[fine] == coarse).all()
    dead = ~space.live(rows).any(1)
    assert len(np.unique(live[dead])) == 1  # cells without a path compute the same: nothing
    assert len(np.unique(official[dead])) > 1  # which the official rule does not see


def test_live_form_sees_through_skip_and_dead_ends(space: NASBench201) -> None:
    a, b, c = space.parse(
        [
            "|skip_connect~0|+|none~0|none~1|+|none~0|nor_conv_3x3~1|none~2|",
            "|none~0|+|skip_connect~0|none~1|+|none~0|none~1|nor_conv_3x3~2|",
            "|nor_conv_1x1~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|nor_conv_1x1~2|",
        ]
    )
    labels = space.classes(np.stack([a, b, c]), "live")
    assert labels[0] == labels[1] == labels[2]


def test_unknown_form(space: NASBench201) -> None:
    with pytest.raises(UnknownNameError, match="unknown canonical form 'offical'"):
        space.classes(space.enumerate()[:1], "offical")  # type: ignore[arg-type]
