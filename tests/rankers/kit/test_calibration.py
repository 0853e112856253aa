"""Curves from scores to labels, and predictions of labels that were held out."""

from __future__ import annotations

import numpy as np
import pytest

from archrank.errors import LabelError
from archrank.rankers import GaussianProcess
from archrank.rankers.kit.calibration import Curve, draw_folds, held_out_models, held_out_values
from archrank.spaces import from_choices

SPACE = from_choices(
    {name: [1, 2, 3, 4] for name in "abc"},
    build=lambda config, task: None,  # type: ignore[arg-type,return-value]
)


def test_curves_rise_without_steps() -> None:
    rng = np.random.default_rng(0)
    scores = np.round(rng.normal(size=200), 1)  # some are equal
    curve = Curve(scores, scores + rng.normal(size=200))
    places = np.linspace(-5, 5, 1001)
    assert (np.diff(curve(places)) > 0).all()
    constant = Curve(np.zeros(9), np.arange(9.0))
    np.testing.assert_allclose(constant(np.array([-1.0, 0.0, 1.0])), 4.0)


def test_held_out_values_do_not_know_their_labels() -> None:
    rng = np.random.default_rng(0)
    scores, labels = rng.normal(size=(2, 40))
    fold = draw_folds(40, 5, seed=1)
    assert np.bincount(fold).tolist() == [8] * 5
    values = held_out_values(scores, labels, fold)
    changed = np.where(fold == 2, labels + 100, labels)
    again = held_out_values(scores, changed, fold)
    assert (again[fold == 2] == values[fold == 2]).all()
    assert (again[fold != 2] != values[fold != 2]).all()


def test_held_out_models_do_not_know_the_labels_of_their_fold() -> None:
    archs = SPACE.enumerate()[:30]
    labels = archs.sum(axis=1) + np.random.default_rng(0).normal(0, 0.1, 30)
    fold = draw_folds(30, 3, seed=0)
    changed = np.where(fold == 1, -labels, labels)
    before, after = (
        held_out_models(GaussianProcess(SPACE), archs, y, fold, "labels") for y in (labels, changed)
    )
    assert (before[1].scores(archs) == after[1].scores(archs)).all()
    assert (before[0].scores(archs) != after[0].scores(archs)).any()
    assert abs(before[0].scores(archs).mean()) < 1e-9
    with pytest.raises(LabelError, match="almost all labels are equal"):
        held_out_models(GaussianProcess(SPACE), archs, (fold == 1).astype(float), fold, "labels")
