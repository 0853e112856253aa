"""Numbers of parts against slow definitions, on made-up scores."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from archrank.assess.supernets.base import FitJournal, Part, Results, Row, judge
from archrank.assess.supernets.groups import Groups
from archrank.assess.supernets.parts import KINDS
from archrank.assess.supernets.plan import MAIN, UNIFORM, Plan, Scoring, merged
from archrank.assess.supernets.problem import StudyProblem, load_problem, task_name
from archrank.assess.supernets.samples import Samples
from archrank.assess.supernets.sampling import Sampling
from archrank.assess.supernets.score_tables import ScoreTables
from archrank.assess.supernets.scores import Scores, rank_average
from archrank.assess.supernets.spread import Spread, spread, spread_of_runs
from archrank.assess.supernets.subsets import Subsets
from archrank.errors import SettingsError
from archrank.tables.base import BenchTable, load_table
from archrank.tables.writing import write_table
from archrank.tasks import Glyphs
from archrank.tasks.base import Task
from archrank.types import Floats
from tests.assess.supernets.conftest import SPACE, TASK, TINY

SETTINGS = replace(TINY, archs=None, epochs=10)


def tau(scores: Floats, truth: Floats) -> float:
    """Kendall's tau without ties, pair by pair."""
    pairs = list(itertools.combinations(range(len(scores)), 2))
    agree = [np.sign(scores[i] - scores[j]) * np.sign(truth[i] - truth[j]) for i, j in pairs]
    return float(np.mean(agree))


@pytest.fixture(scope="module")
def problem(truth_file: Path) -> StudyProblem:
    return load_problem(truth_file, SPACE, TASK, "test_accuracy")


@pytest.fixture(scope="module")
def results(problem: StudyProblem, tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Scores of all parts from a generator: nothing is trained."""
    folder = tmp_path_factory.mktemp("made up")
    plan = Plan(SETTINGS, problem)
    tables = ScoreTables(folder, problem)
    rng = np.random.default_rng(0)
    for scoring in merged(s for kind in KINDS.values() for s in kind().scorings(plan)):
        archs = tables.archs(scoring)
        columns = {f"oneshot_{name}": rng.random(len(archs)) for name in ("accuracy", "loss")}
        write_table(tables.path(scoring), SPACE.format(archs), columns)
    return Results(plan, tables, FitJournal(folder / "fits.jsonl"))


def numbers(part: Part, results: Results) -> dict[tuple[str, str, float | None], Row]:
    rows = list(part.rows(results))
    found = {(r.subject, r.criterion, None if math.isnan(r.at) else r.at): r for r in rows}
    assert len(found) == len(rows), "a number is told twice"
    return found


def test_classes_have_the_truth_of_their_row(problem: StudyProblem, truth_file: Path) -> None:
    assert len(problem) == 60
    assert len(problem.members) > 60
    assert (SPACE.canonical(problem.members) == problem.archs[problem.group]).all()
    assert (problem.members[problem.representatives] == problem.archs).all()
    assert np.array_equal(problem.member_truth, problem.truth[problem.group])
    assert problem.runs.shape == (2, 60)
    assert np.allclose(problem.runs.mean(axis=0), problem.truth)
    assert problem.unit == 100
    few = load_problem(truth_file, SPACE, TASK, "test_accuracy", archs=30)
    assert len(few) == 30
    assert len(few.whole) == 60
    assert np.array_equal(few.whole["truth"], problem.truth)
    assert {a.tobytes() for a in few.archs} < {a.tobytes() for a in problem.archs}
    for arch, value in zip(few.archs, few.truth, strict=True):
        row = (problem.archs == arch).all(axis=1)
        assert problem.truth[row].tolist() == [value]


@pytest.mark.parametrize("identity", [True, False])  # as tables say it, and as older ones do
def test_the_task_of_a_table(truth_file: Path, identity: bool) -> None:
    def said(task: Task) -> BenchTable:
        table = load_table(truth_file, SPACE)
        about = {"task": task.identity() if identity else repr(task)}
        return replace(table, raw=replace(table.raw, about=about))

    assert task_name(said(Glyphs())) == "glyphs"
    load_problem(said(TASK), SPACE, TASK, "test_accuracy")
    with pytest.raises(SettingsError, match="was measured on Glyphs, and task 'digits' is Digits"):
        load_problem(said(Glyphs()), SPACE, TASK, "test_accuracy")


def test_a_table_of_all_members(tmp_path: Path, problem: StudyProblem) -> None:
    """The truth of a class is the mean over its members; the table is of errors in percent."""
    rng = np.random.default_rng(1)
    errors = rng.random(len(problem.members))
    some = rng.random(len(errors)) < 0.7
    some[problem.representatives] = True
    path = tmp_path / "all.parquet"
    columns = {"test_error": errors[some]}
    write_table(path, SPACE.format(problem.members[some]), columns)
    found = load_problem(path, SPACE, TASK, "test_error")
    assert found.own
    for k, arch in enumerate(found.archs):
        mine = (SPACE.canonical(problem.members) == arch).all(axis=1)
        assert found.truth[k] == pytest.approx(-errors[mine & some].mean())
        of_members = found.member_truth[found.group == k]
        expected = np.where(some[mine], -errors[mine], found.truth[k])
        assert np.allclose(np.sort(of_members), np.sort(expected))


def test_criteria_against_their_definitions() -> None:
    rng = np.random.default_rng(2)
    scores, truth = rng.random(100), rng.random(100)
    found = judge(scores, truth)
    by_score, ranks = np.argsort(-scores), np.argsort(np.argsort(-truth)) + 1
    assert found["tau"] == pytest.approx(tau(scores, truth))
    assert found["p_at_5"] == (ranks[by_score[:5]] <= 5).mean()
    assert found["p_at_50"] == (ranks[by_score[:50]] <= 50).mean()
    assert found["br_at_1"] == found["br_at_one"] == ranks[by_score[0]] / 100
    assert found["br_at_5"] == ranks[by_score[:5]].min() / 100
    better = truth >= np.median(truth)
    assert found["tau_top_half"] == pytest.approx(tau(scores[better], truth[better]))
    nothing = judge(np.zeros(100), truth)
    assert all(math.isnan(value) for value in nothing.values())


def test_three_treatments_of_isomorphic_architectures(results: Results) -> None:
    problem, found = results.problem, numbers(Sampling(), results)
    for epoch in (2, 4, 6, 8, 10):
        for seed in range(2):
            members = results.tables.read(
                Scoring(f"{UNIFORM}-seed{seed}", epoch, "members"), "accuracy"
            )
            own = results.tables.read(Scoring(f"{MAIN}-seed{seed}", epoch), "accuracy")
            post = np.array([members[problem.group == k].mean() for k in range(len(problem))])

            def value(subject: str, criterion: str, epoch=epoch, seed=seed) -> float:
                return found[subject, criterion, epoch].values[seed]

            none = value("no de-isomorphism", "tau")
            pairs = [
                (i, j)
                for i, j in itertools.combinations(range(len(members)), 2)
                if problem.member_truth[i] != problem.member_truth[j]
            ]
            signs = [
                np.sign(members[i] - members[j])
                * np.sign(problem.member_truth[i] - problem.member_truth[j])
                for i, j in pairs
            ]
            total = len(members) * (len(members) - 1) / 2
            assert none == pytest.approx(sum(signs) / math.sqrt(total * len(pairs)))
            assert value("de-isomorphic sampling", "tau") == pytest.approx(tau(own, problem.truth))
            assert value("post de-isomorphism", "tau") == pytest.approx(tau(post, problem.truth))
    printed = found["no de-isomorphism", "br_at_1", 10]
    assert (printed.paper, printed.where) == (pytest.approx(0.02515), "1,000 epochs")
    assert found["post de-isomorphism", "tau", 4].paper == 0.6558


def test_spread_against_its_definition(results: Results) -> None:
    problem, found = results.problem, numbers(Spread(), results)
    scores = results.tables.read(Scoring(f"{UNIFORM}-seed1", 6, "members"), "accuracy")
    ranks = np.argsort(np.argsort(scores)) / len(scores)
    several = [k for k in range(len(problem)) if (problem.group == k).sum() > 1]
    for name, values in (("score", scores), ("rank", ranks)):
        expected = np.mean([values[problem.group == k].std() for k in several])
        assert found["uniform sampling", name, 6].values[1] == pytest.approx(expected)
    assert found["uniform sampling", "rank", 6].paper == pytest.approx(123 / 15625)
    assert found["uniform sampling", "overall", 6].values[1] == pytest.approx(scores.std())
    (truth,) = [row for (s, c, _), row in found.items() if c == "score" and s.startswith("truth")]
    assert truth.values[0] == pytest.approx(problem.runs.std(axis=0).mean())
    assert truth.paper == pytest.approx(0.000392)


def test_spread_of_runs_is_that_within_architectures() -> None:
    runs = np.array([[1.0, 2.0, 3.0, 4.0], [2.0, 1.0, 3.0, 4.0]])
    found = spread_of_runs(runs)
    assert found["score"] == pytest.approx(0.25)
    assert found["rank"] == pytest.approx(0.25 / 4)
    assert math.isnan(spread(np.zeros(4), np.array([0, 0, 1, 1]))["rank"])


def test_compute_of_several_samples(results: Results) -> None:
    found = numbers(Samples(), results)
    compute = {s: row.mean for (s, c, _), row in found.items() if c == "forwards"}
    assert compute == {
        "1 sample, equal compute": 10,
        "3 samples, equal compute": 3 * 3,
        "FairNAS, equal compute": 2 * 5,
        "1 sample, equal epochs": 10,
        "3 samples, equal epochs": 3 * 10,
        "FairNAS, equal epochs": 5 * 10,
    }
    assert found["FairNAS, equal epochs", "tau", None].paper == 0.6965


def test_groups_of_rising_cost(results: Results, problem: StudyProblem) -> None:
    found = numbers(Groups(), results)
    scores = results.tables.read(Scoring(f"{MAIN}-seed0", 10), "accuracy")
    order = np.argsort(np.argsort(problem.truth)), np.argsort(np.argsort(scores))
    total = 0.0
    for group in range(10):
        row = found["one-shot accuracy", "group_difference", group + 1.0]
        if math.isfinite(row.values[0]):
            total += row.values[0]
    assert abs(total) < 1  # differences of ranks of all cancel out, but for sizes of groups
    low = problem.macs <= np.sort(problem.macs)[5]
    if low.sum() == 6:
        expected = (order[1] - order[0])[low].mean() / 60
        assert found["one-shot accuracy", "group_difference", 1.0].values[0] == pytest.approx(
            expected
        )


def test_subsets_are_judged_on_their_own_architectures(results: Results) -> None:
    problem, found = results.problem, numbers(Subsets(), results)
    for name, words, size in (
        ("random", "random architectures", 10),
        ("best", "the predicted best tenth", 6),
    ):
        for seed in range(2):
            training = results.plan.trainings[f"subset-{name}-seed{seed}"]
            rows = training.subset
            assert rows is not None
            assert len(rows) == size
            alone = results.tables.read(Scoring(training.name, 10), "accuracy")
            value = found[f"trained on {words}, judged on {words}", "tau", None].values[seed]
            assert value == pytest.approx(tau(alone[rows], problem.truth[rows]))
    a, b = (results.plan.trainings[f"subset-random-seed{s}"].subset for s in (0, 1))
    assert a is not None
    assert b is not None
    assert set(a.tolist()) != set(b.tolist())
    subject = "trained on random architectures, judged on random architectures"
    assert found[subject, "tau", None].paper == 0.628


def test_rank_average(results: Results) -> None:
    assert rank_average(np.array([1.0, 5, 5]), np.array([9.0, 8, 7])).tolist() == [2, 2.25, 1.75]
    problem, found = results.problem, numbers(Scores(), results)
    a, b = (
        results.tables.read(Scoring(f"{MAIN}-seed1", 10), name) for name in ("accuracy", "loss")
    )
    both = rank_average(a, b, problem.macs)
    expected = judge(both, problem.truth)["tau"]
    assert found["rank average with MACs", "tau", None].values[1] == expected
    loss = results.tables.path(Scoring(f"{MAIN}-seed1", 10, "members"))
    assert loss.exists(), "classes are read from the scores of all members"
    assert (b < 0).all(), "a loss is negated"


def test_scores_that_are_not_finite_come_last(problem: StudyProblem, tmp_path: Path) -> None:
    tables, scoring = ScoreTables(tmp_path, problem), Scoring("x", 1)
    values = np.random.default_rng(0).random(len(problem))
    values[3] = np.nan
    write_table(tables.path(scoring), SPACE.format(problem.archs), {"oneshot_loss": values})
    read = tables.read(scoring, "loss")
    assert read.argmin() == 3
    assert np.isfinite(read).all()
