"""Every ranker on every space that offers the view it reads."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import kendalltau

from archrank.errors import SpaceError
from archrank.rankers import RANKERS, Ranker
from archrank.spaces import SPACES, NASBench201, Space
from archrank.testing.rankers import easy_scores
from archrank.types import Archs, Floats
from tests.spaces.declared import four_of_24, mixed

DECLARED = {"four_of_24": four_of_24, "mixed": mixed}  # of sets, blocks and numbers on grids
VIEWS = ("features", "tokens", "graph")
KINDS = {**{view: view for view in VIEWS}, "edge_graph": "graph"}  # methods, and their view
LABELS, OTHERS = 24, 40
CHEAP: dict[str, Any] = {  # whatever of it a ranker takes
    "epochs": 1,
    "steps": 2,
    "trees": 5,
    "rounds": 5,
    "width": 16,
    "max_steps": 1,
    "reference": 40,
}
RANKER_NAMES = [name for name in RANKERS.names() if name != "default"]  # another name of one


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    torch.set_num_threads(1)


def cheap(name: str, space: Space) -> Ranker:
    """A ranker that learns little, but runs through all its code."""
    ranker: Ranker = RANKERS.get(name)(space)
    changes = {}
    for parameter in ranker.get_params():
        own = parameter.rpartition("__")[2]  # of an ensemble: member0__rounds
        if own in CHEAP:
            changes[parameter] = CHEAP[own]
    ranker.set_params(**changes)
    return ranker


@cache
def views_read(name: str) -> frozenset[str]:
    """Return the views that a ranker asks of a space that offers all of them."""
    space, read = NASBench201(), set()

    def spied(view: str) -> Any:
        real = getattr(space, view)

        def spy(archs: Archs, **options: Any) -> Any:
            read.add(KINDS[view])
            return real(archs, **options)

        return spy

    for view in KINDS:
        setattr(space, view, spied(view))
    archs = space.sample(LABELS, rng=np.random.default_rng(0))
    cheap(name, space).fit(archs, easy_scores(space, archs)).predict(archs)
    return frozenset(read)


def lacks(space: Space, view: str) -> bool:
    try:
        getattr(space, view)(space.sample(1, rng=np.random.default_rng(0)))
    except SpaceError:
        return True
    return False


@cache
def problem(name: str) -> tuple[Space, frozenset[str], Archs, Floats]:
    """A space, the views it has not, architectures and scores of the first ones."""
    space = DECLARED[name]() if name in DECLARED else SPACES.get(name)()
    archs = space.sample(LABELS + OTHERS, rng=np.random.default_rng(0))
    missing = frozenset(view for view in VIEWS if lacks(space, view))
    return space, missing, archs, easy_scores(space, archs[:LABELS])


@pytest.mark.parametrize("ranker_name", RANKER_NAMES)
@pytest.mark.parametrize("space_name", [*SPACES.names(), *DECLARED])
def test_every_ranker_ranks_every_space(space_name: str, ranker_name: str) -> None:
    space, missing, archs, scores = problem(space_name)
    ranker, train, others = cheap(ranker_name, space), archs[:LABELS], archs[LABELS:]
    if ranker_name == "decoder_layers" and space_name == "four_of_24":
        with pytest.raises(SpaceError, match="no decision on the number of layers"):
            ranker.fit(train, scores)
        return
    absent = views_read(ranker_name) & missing
    if absent:
        with pytest.raises(SpaceError, match=f"{space.name} has no {'|'.join(absent)} view"):
            ranker.fit(train, scores)
        return
    predicted = ranker.fit(train, scores).predict(others)
    assert predicted.shape == (OTHERS,)
    assert np.isfinite(predicted).all()
    apart = np.concatenate([ranker.predict(others[:3]), ranker.predict(others[3:])])
    tolerance = 1e-5 * max(1.0, float(np.abs(predicted).max()))  # float32 sums
    assert np.allclose(apart, predicted, rtol=0, atol=tolerance)


def test_every_view_is_read_by_some_ranker() -> None:
    assert set().union(*map(views_read, RANKER_NAMES)) == set(VIEWS)


def test_no_space_lacks_features_or_tokens() -> None:
    for name in SPACES.names():
        assert problem(name)[1] <= {"graph"}, name


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("name", RANKER_NAMES)
def test_a_gpu_ranks_as_the_processor_does(name: str) -> None:
    space = NASBench201()
    archs = space.sample(LABELS + OTHERS, rng=np.random.default_rng(0))
    scores = easy_scores(space, archs)
    ranker: Ranker = RANKERS.get(name)(space)
    if "device" not in ranker.get_params():
        pytest.skip(f"{name} does not use a device")
    predicted = {}
    for device in ("cpu", "cuda"):
        ranker = RANKERS.get(name)(space, device=device, seed=0)
        predicted[device] = ranker.fit(archs[:LABELS], scores[:LABELS]).predict(archs[LABELS:])
    truth = scores[LABELS:]
    taus = {device: kendalltau(values, truth).statistic for device, values in predicted.items()}
    assert np.isfinite(predicted["cuda"]).all()
    assert taus["cuda"] == pytest.approx(taus["cpu"], abs=0.25)
