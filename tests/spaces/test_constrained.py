from __future__ import annotations

from collections.abc import Callable

import numpy as np

from archrank.spaces.base import Choice
from archrank.spaces.constrained import ConstrainedSpace
from archrank.types import Archs, Bools


class Rule(ConstrainedSpace):
    """Decisions with given numbers of options, valid where a rule says so."""

    name = "rule"

    def __init__(self, sizes: list[int], free: list[bool], rule: Callable[[Archs], Bools]) -> None:
        self.choices = tuple(Choice(f"c{j}", tuple(range(k))) for j, k in enumerate(sizes))
        self._free = np.array(free)
        self._rule = rule

    def valid(self, archs: Archs) -> Bools:
        return self._rule(archs)

    @property
    def free(self) -> Bools:
        return self._free

    def sample(self, n: int, *, rng: np.random.Generator) -> Archs:
        raise NotImplementedError

    def _build(self, arch: Archs, sizes: object) -> object:
        raise NotImplementedError


def test_where_redraws_fail_a_free_decision_with_another_option_changes() -> None:
    bound = 300  # decisions that nearly every mutation hits, and that must stay as they are
    space = Rule([1, 2] + [2] * bound, [True, True] + [False] * bound, lambda a: ~a[:, 2:].any(1))
    archs = np.zeros((200, space.d), dtype=np.uint8)
    changed = space.mutate(archs, rng=np.random.default_rng(0))
    assert (changed[:, 1] == 1).all()
    assert (changed.sum(axis=1) == 1).all()


def test_redraws_keep_the_rate() -> None:
    space = Rule([2] * 20, [True] * 20, lambda a: a.sum(axis=1) >= 10)
    archs = np.ones((300, 20), dtype=np.uint8)
    changed = space.mutate(archs, rng=np.random.default_rng(0), rate=0.5)
    assert space.valid(changed).all()
    # about half of all first draws are invalid; a redraw at another rate would change one decision
    assert ((changed != archs).sum(axis=1) >= 3).mean() > 0.99
