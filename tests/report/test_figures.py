"""Charts place what they are given; the baseline and the assessment are right."""

from __future__ import annotations

import re

import numpy as np
import pytest

from archrank.evaluators import Combined, Function, Table
from archrank.report.chart import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Axis, Chart
from archrank.report.cross_validation import CrossValidation, assess, cross_validate
from archrank.report.figures import MAX_DOTS, search_curve, thin
from archrank.report.summary import costs, find_table, table_scores
from archrank.report.tradeoffs import staircase, trade_offs
from archrank.spaces import NASBench201
from archrank.strategies import Random
from archrank.study import Study
from tests.report.conftest import METRICS, measure


@pytest.mark.parametrize(
    ("low", "high", "whole", "texts"),
    [
        (0, 100, True, ["0", "20", "40", "60", "80", "100"]),
        (0, 3, True, ["0", "1", "2", "3"]),
        (0.912, 0.934, False, ["0.915", "0.920", "0.925", "0.930"]),
        (-1, 1, False, ["−1.0", "−0.5", "0.0", "0.5", "1.0"]),
    ],
)
def test_ticks(low: float, high: float, whole: bool, texts: list[str]) -> None:
    assert [text for _, text in Axis("x", low, high, whole).ticks()] == texts


@pytest.mark.parametrize("size", [1e-12, 1e-3, 1.0, 7.3, 1e6, 1e12])
def test_ticks_at_any_size(size: float) -> None:
    ticks = Axis("x", 0.2 * size, 1.9 * size).ticks()
    assert 3 <= len(ticks) <= 9
    assert len({text for _, text in ticks}) == len(ticks)
    assert all(0.2 * size <= value <= 1.9 * size for value, _ in ticks)


def test_rank_ticks_begin_with_one() -> None:
    assert [t for _, t in Axis("rank", -3, 104, True, True).ticks()][:2] == ["1", "20"]


def test_axis_of_one_value_has_a_width() -> None:
    for value in (0.0, 5.0, -1e-15):
        axis = Axis.around("x", np.array([value]))
        assert axis.low < value < axis.high


def test_marks_stand_where_they_belong() -> None:
    chart = Chart(Axis("x", 0, 10), Axis("y", 0, 1), "a <label>")
    chart.dots(np.array([0.0, 10.0]), np.array([0.0, 1.0]), "dot", ["<a>", "b"])
    svg = chart.svg()
    places = re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', svg)
    assert [tuple(map(float, p)) for p in places] == [
        (LEFT, HEIGHT - BOTTOM),
        (WIDTH - RIGHT, TOP),
    ]
    assert "&lt;a&gt;" in svg
    assert "a &lt;label&gt;" in svg


def test_marks_off_the_scale_are_arrowheads() -> None:
    chart = Chart(Axis("x", 0, 10), Axis("y", 0, 1), "label")
    chart.dots(np.full(3, 5.0), np.array([-4.0, 0.5, 9.0]), "dot", ["a", "b", "c"])
    assert chart.svg().count('class="beyond"') == 2
    assert chart.svg().count("<circle") == 1


def test_staircase_turns_at_the_worse_corner(own_study) -> None:
    results = own_study(objectives=["accuracy", "latency_ms"]).results
    xs, ys = staircase(np.array([10.0, 2.0]), np.array([0.9, 0.7]), results)
    assert list(zip(xs, ys, strict=True))[1:] == [(2.0, 0.7), (10.0, 0.7), (10.0, 0.9)]
    both = own_study(objectives=["accuracy", "macs:maximize"]).results
    xs, ys = staircase(np.array([10.0, 2.0]), np.array([0.7, 0.9]), both)
    assert list(zip(xs, ys, strict=True))[1:] == [(2.0, 0.9), (2.0, 0.7), (10.0, 0.7)]


def test_every_success_is_drawn(own_study) -> None:
    figure = search_curve(own_study().results)
    drawn = figure.svg.count("<title>")
    assert drawn == 48  # 45 evaluations and 3 failures
    assert figure.svg.count("failed: MemoryError") == 3
    (cost,) = trade_offs(own_study().results)
    assert cost.svg.count("<title>") == 45


def test_minimised_objective(own_study) -> None:
    figure = search_curve(own_study(objectives=["latency_ms"]).results)
    path = re.findall(r'<path class="best" d="([^"]+)"', figure.svg)[0]
    heights = [float(v) for v in re.findall(r"V([\d.]+)", path)]
    assert heights == sorted(heights)  # falls on the page, so y grows


def test_reference_is_the_tables_column(table_study) -> None:
    results = table_study.results
    found = find_table(table_study.evaluator, "<script>")
    assert found is not None
    table, columns = found
    assert columns == {m.name: m.name for m in table.metrics}
    scores = table_scores(results)
    assert scores is not None
    np.testing.assert_array_equal(scores, table.table.column("<script>"))
    assert find_table(table_study.evaluator, "accuracy") is None


def test_tables_and_costs_are_found_in_a_scope(cell_table, cells, custom) -> None:
    both = Combined(t=Table(cell_table, "<script>")).bind(cells)
    found = find_table(both, "t/<script>")
    assert found is not None
    assert found[1]["t/<script>"] == "<script>"
    study = Study(cells, both, Random(), objectives=["t/<script>:maximize"]).run(3)
    np.testing.assert_array_equal(table_scores(study.results), found[0].table.column("<script>"))
    study = Study(custom, Combined(a=Function(measure, METRICS)), Random()).run(3)
    metric, values = costs(study.results)
    assert metric.name == "a/macs"
    assert values.tolist() == [r.values["a/macs"] for r in study.records]


def test_many_dots_are_thinned() -> None:
    rows = thin(np.arange(15_625))
    assert len(rows) == MAX_DOTS
    assert rows[0] == 0
    assert rows[-1] == 15_624
    assert (np.diff(rows) > 0).all()


class Memory:
    """A ranker that knows by heart what it was fitted to, and nothing else."""

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def get_params(self, deep: bool = True) -> dict[str, int]:
        return {"seed": self.seed}

    def set_params(self, seed: int) -> Memory:
        self.seed = seed
        return self

    def fit(self, archs, scores):
        self.known = {a.tobytes(): s for a, s in zip(archs, scores, strict=True)}
        return self

    def predict(self, archs):
        rng = np.random.default_rng(self.seed)
        return np.array([self.known.get(a.tobytes(), rng.normal()) for a in archs])


def test_assessment_never_shows_a_ranker_its_labels(space: NASBench201) -> None:
    rng = np.random.default_rng(0)
    archs = space.from_index(rng.choice(space.size, 400, replace=False))
    scores = rng.normal(size=400)
    quantiles = cross_validate(Memory(), archs, scores, rng)  # type: ignore[arg-type]
    assert abs(np.corrcoef(quantiles, scores)[0, 1]) < 0.15


def test_assessment_of_a_learnable_objective(table_study) -> None:
    found = assess(table_study.results)
    assert isinstance(found, CrossValidation)
    assert found.tau > 0.3
    assert found.ranker == "RandomForest"
    again = assess(table_study.results)
    assert isinstance(again, CrossValidation)
    assert found.tau == again.tau


def test_assessment_by_the_default_ranker(own_study) -> None:
    found = assess(own_study(budget=30).results)
    assert isinstance(found, CrossValidation)
    assert found.tau > 0.3
