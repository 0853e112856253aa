"""Groups of decisions in spaces of sets and blocks, and what is done with them."""

from __future__ import annotations

import numpy as np
import pytest

from archrank.errors import UnknownNameError
from archrank.importance import permutation_importance, prune
from archrank.importance.groups import decision_groups
from archrank.rankers import Linear
from archrank.spaces import CustomSpace
from tests.spaces.declared import four_of_24, mixed


def test_a_set_is_one_decision() -> None:
    assert decision_groups(four_of_24()) == {"attention": tuple(range(24))}
    assert decision_groups(four_of_24(), "decision") == {"attention": tuple(range(24))}


def names(space: CustomSpace, columns: tuple[int, ...]) -> list[str]:
    return [space.choices[j].name for j in columns]


def test_copies_of_a_block_are_of_one_kind() -> None:
    space = mixed()
    kinds = decision_groups(space)
    assert names(space, kinds["layers.kernel"]) == [f"layers.{i}.kernel" for i in range(3)]
    assert names(space, kinds["layers.heads"]) == [
        f"layers.{i}.heads.{k}" for i in range(3) for k in range(4)
    ]
    assert names(space, kinds["layers"]) == ["layers"]
    each = decision_groups(space, "decision")
    assert names(space, each["layers.1.heads"]) == [f"layers.1.heads.{k}" for k in range(4)]
    assert names(space, each["layers.1.skip"]) == ["layers.1.skip"]
    given = decision_groups(space, {"sets": ["attention", "quantised"]})
    assert len(given["sets"]) == 13
    with pytest.raises(UnknownNameError, match="did you mean 'quantised'"):
        decision_groups(space, {"sets": ["quantized"]})


def test_what_matters_is_kept_and_the_rest_is_fixed() -> None:
    space = mixed()
    archs = space.sample(200, rng=np.random.default_rng(0))
    configs = [space.config(arch) for arch in archs]
    scores = np.array([3.0 * ("mlp" in c["quantised"]) + len(c["layers"]) for c in configs])
    scores += np.arange(200) / 1000
    found = permutation_importance(Linear(space), archs, scores, folds=3, repeats=3)
    assert set(found.names[:2]) == {"quantised", "layers"}
    best = archs[scores.argmax()]
    pruned = prune(space, found, best, threshold=1.5)
    assert set(pruned.kept) == {"quantised", "layers"}
    drawn = pruned.space.sample(20, rng=np.random.default_rng(0))
    assert {pruned.space.config(arch)["act"] for arch in drawn} == {space.config(best)["act"]}
    assert {pruned.space.config(arch)["quantised"] for arch in drawn} == {
        ("embed",),
        ("mlp",),
        ("head",),
    }
