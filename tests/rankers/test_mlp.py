from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from sklearn.base import clone

from archrank.errors import LabelError, UnknownNameError
from archrank.losses import hinge
from archrank.rankers import MLP
from archrank.rankers.kit.encoding import encode, width
from archrank.rankers.mlp import perceptron
from archrank.spaces import CustomSpace, NASBench201
from archrank.testing import check_ranker
from archrank.testing.rankers import easy_scores


@pytest.mark.parametrize(
    ("encoding", "objective"), [("one_hot", "hinge"), ("features", "mse"), ("ordinal", "mse")]
)
def test_contract(space: NASBench201, encoding: str, objective: str) -> None:
    small = partial(MLP, encoding=encoding, objective=objective, hidden=(64, 64))
    check_ranker(partial(small, epochs=60, lr=5e-3), space)


def test_works_on_any_choices() -> None:
    mixed = CustomSpace({"a": [1, 2, 3], "b": ["x", "y"], "c": list(range(9))}, build=_nothing)
    archs = mixed.enumerate()
    y = easy_scores(mixed, archs)
    ranker = MLP(mixed, "one_hot", hidden=(32,), epochs=60, lr=1e-2).fit(archs, y)
    assert np.corrcoef(ranker.predict(archs), y)[0, 1] > 0.8


def test_encodings(space: NASBench201) -> None:
    archs = space.sample(7, rng=np.random.default_rng(0))
    one_hot = encode(space, archs, "one_hot")
    assert one_hot.shape == (7, 30)
    assert (one_hot.reshape(7, 6, 5).argmax(2) == archs).all()
    assert (one_hot.reshape(7, 6, 5).sum(2) == 1).all()
    assert (encode(space, archs, "ordinal") == archs).all()
    assert (encode(space, archs, "features") == space.features(archs)).all()
    for encoding in ("one_hot", "ordinal", "features"):
        assert encode(space, archs, encoding).shape[1] == width(space, encoding)
        assert encode(space, archs, encoding).dtype == np.float32


def test_published_shape(space: NASBench201) -> None:
    network = MLP(space)._network()
    linear = [m for m in network.modules() if isinstance(m, torch.nn.Linear)]
    assert [m.in_features for m in linear] == [6, 300, 300, 300, 300, 300]
    assert [m.out_features for m in linear] == [300, 300, 300, 300, 300, 1]
    assert sum(isinstance(m, torch.nn.Dropout) and m.p == 0.1 for m in network.modules()) == 5
    assert perceptron(4, ())(torch.zeros(3, 4)).shape == (3,)


def test_loss_is_the_hinge_over_at_most_four_pairs_per_label(space: NASBench201) -> None:
    s, y = torch.randn(20), torch.randn(20)
    ours = MLP(space)._loss(s, y, torch.Generator().manual_seed(3))
    expected = hinge(s, y, margin=0.1, max_pairs=80, generator=torch.Generator().manual_seed(3))
    assert torch.equal(ours, expected)


def test_leaves_global_random_numbers_alone(space: NASBench201) -> None:
    archs = space.sample(20, rng=np.random.default_rng(0))
    torch_before, numpy_before = torch.get_rng_state(), np.random.get_state()  # noqa: NPY002
    MLP(space, epochs=2).fit(archs, np.arange(20.0)).predict(archs)
    assert torch.equal(torch.get_rng_state(), torch_before)
    assert (np.random.get_state()[1] == numpy_before[1]).all()  # noqa: NPY002


def test_seeds_differ(space: NASBench201) -> None:
    archs = space.sample(20, rng=np.random.default_rng(0))
    ranker = MLP(space, epochs=2)
    one = ranker.fit(archs, np.arange(20.0)).predict(archs)
    other = clone(ranker).set_params(seed=1).fit(archs, np.arange(20.0)).predict(archs)
    assert not np.allclose(one, other)


@pytest.mark.parametrize(
    ("bad", "match"),
    [
        ({"encoding": "onehot"}, "did you mean 'one_hot'"),
        ({"objective": "hings"}, "did you mean 'hinge'"),
    ],
)
def test_unknown_names(space: NASBench201, bad: dict[str, str], match: str) -> None:
    archs = space.sample(5, rng=np.random.default_rng(0))
    with pytest.raises(UnknownNameError, match=match):
        MLP(space, **bad).fit(archs, np.arange(5.0))  # type: ignore[arg-type]


def test_integer_cast_accuracies_are_refused(space: NASBench201) -> None:
    archs = space.sample(5, rng=np.random.default_rng(0))
    cast = np.array([0.91, 0.93, 0.94, 0.9, 0.89]).astype(int)
    with pytest.raises(LabelError, match="converted to integers"):
        MLP(space).fit(archs, cast)


def _nothing(config: object, task: object) -> None:
    return None
