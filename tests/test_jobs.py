"""Jobs in an executor whose calls finish when the test says so."""

from __future__ import annotations

from collections.abc import Callable, Collection
from concurrent.futures import BrokenExecutor, Executor, Future
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archrank.errors import EvaluationError, WorkerError
from archrank.jobs import gather, run_jobs


def double(number: int) -> int:
    if number < 0:
        raise ValueError(f"{number} is negative")
    return 2 * number


class Slow(Executor):
    """Holds calls until :meth:`finish`; the patched ``wait`` finishes what ``choose`` returns."""

    def __init__(self, choose: Callable[[list[int]], Collection[int]] = lambda held: held) -> None:
        self.futures: list[Future[Any]] = []
        self.calls: list[Callable[[], Any]] = []
        self.choose = choose
        self.most = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.futures.append(future)
        self.calls.append(lambda: fn(*args, **kwargs))
        self.most = max(self.most, len(self.held))
        return future

    @property
    def held(self) -> list[int]:
        return [i for i, future in enumerate(self.futures) if not future.done()]

    def finish(self, place: int) -> None:
        future = self.futures[place]
        future.set_running_or_notify_cancel()
        try:
            future.set_result(self.calls[place]())
        except (ValueError, BrokenExecutor) as error:
            future.set_exception(error)

    def wait(self, running: object, **options: object) -> None:
        for place in self.choose(self.held):
            self.finish(place)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Slow:
    executor = Slow()
    monkeypatch.setattr("archrank.jobs.wait", executor.wait)
    return executor


def numbers(*values: int) -> list[tuple[int]]:
    return [(value,) for value in values]


@given(st.lists(st.integers(0, 9)), st.integers(1, 4), st.randoms(use_true_random=False))
def test_every_job_runs_once_in_any_order(values: list[int], in_flight: int, random: Any) -> None:
    executor = Slow(lambda held: random.sample(held, random.randint(1, len(held))))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("archrank.jobs.wait", executor.wait)
        found = list(run_jobs(double, numbers(*values), executor, in_flight=in_flight))
        assert sorted(found) == [(i, 2 * value) for i, value in enumerate(values)]
        assert executor.most <= in_flight
        assert gather(double, numbers(*values), executor) == [2 * value for value in values]
    assert list(run_jobs(double, numbers(*values))) == sorted(found)
    assert gather(double, numbers(*values)) == [2 * value for value in values]


def test_jobs_are_taken_when_there_is_room(slow: Slow) -> None:
    taken = []
    jobs = ((taken.append(i) or i,) for i in range(10))  # type: ignore[func-returns-value]
    running = run_jobs(double, jobs, slow, in_flight=3)
    next(running)
    assert taken == [0, 1, 2]
    running.close()


def test_jobs_that_come_once_others_are_done(slow: Slow) -> None:
    slow.choose = lambda held: held[:1]
    done: list[int] = []
    given = iter([(1,), (2,), None, (3,), None, None, None, (4,)])
    for place, result in run_jobs(double, given, slow):
        done.append(place)
        assert result == 2 * (place + 1)
        if place == 1:
            assert len(slow.futures) == 3  # asked again when the first was done
    assert done == [0, 1, 2]  # nothing ran any more when there was none
    assert list(given) == [(4,)]
    assert list(run_jobs(double, [(1,), None, (2,)])) == [(0, 2)]


def test_room_may_change(slow: Slow) -> None:
    slow.choose = lambda held: held[:1]

    def room() -> int:
        return 3 if slow.futures else 1

    running = run_jobs(double, numbers(*range(6)), slow, in_flight=room)
    next(running)
    assert len(slow.futures) == 1
    assert len(list(running)) == 5
    assert slow.most == 3


def test_what_runs_is_finished_if_no_more_jobs_can_be_had(slow: Slow) -> None:
    def jobs() -> Any:
        yield from numbers(1, 2)
        raise KeyError("no more")

    found = run_jobs(double, jobs(), slow)
    assert sorted([next(found), next(found)]) == [(0, 2), (1, 4)]
    with pytest.raises(KeyError, match="no more"):
        next(found)


@pytest.mark.parametrize("there", [False, True])
def test_no_more_start_once_told_to_stop(slow: Slow, there: bool) -> None:
    slow.choose = lambda held: held[:1]
    answers = iter([False, False, True, True, True, True])
    found = run_jobs(
        double, numbers(1, 2, 3, 4), slow if there else None, stop=lambda: next(answers)
    )
    assert list(found) == [(0, 2), (1, 4)]


def test_results_come_before_errors(slow: Slow) -> None:
    found = run_jobs(double, numbers(-1, 1, 2), slow)
    assert [next(found), next(found)] == [(1, 2), (2, 4)]
    with pytest.raises(ValueError, match="-1 is negative"):
        next(found)
    serial = run_jobs(double, numbers(1, -1, 2))
    assert next(serial) == (0, 2)
    with pytest.raises(ValueError, match="-1 is negative"):
        next(serial)


def test_an_error_cancels_what_waits(slow: Slow) -> None:
    slow.choose = lambda held: held[:1]
    with pytest.raises(ValueError, match="negative"):
        list(run_jobs(double, numbers(-1, 1, 2), slow))
    assert [future.cancelled() for future in slow.futures] == [False, True, True]


def test_closing_cancels_what_waits(slow: Slow) -> None:
    slow.choose = lambda held: held[:1]
    found = run_jobs(double, numbers(1, 2, 3), slow)
    assert next(found) == (0, 2)
    found.close()
    assert [future.cancelled() for future in slow.futures] == [False, True, True]


def test_an_interrupt_keeps_what_has_finished(slow: Slow) -> None:
    def interrupted(held: list[int]) -> list[int]:
        slow.finish(held[1])
        raise KeyboardInterrupt

    slow.choose = interrupted
    found = run_jobs(double, numbers(1, 2, 3), slow)
    assert next(found) == (1, 4)
    with pytest.raises(KeyboardInterrupt):
        next(found)
    assert [future.cancelled() for future in slow.futures] == [True, False, True]


def broken(number: int) -> int:
    if number == 0:
        raise BrokenExecutor("a process died")
    return number


@pytest.mark.parametrize("when", ["running", "submitting"])
def test_an_executor_that_breaks(slow: Slow, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    if when == "submitting":
        submit = slow.submit

        def refuse(fn: Callable[..., Any], /, *args: Any) -> Future[Any]:
            if args == (0,):
                slow.finish(0)
                raise BrokenExecutor("a process died")
            return submit(fn, *args)

        monkeypatch.setattr(slow, "submit", refuse)
    found = run_jobs(broken, numbers(5, 0), slow, remedy="use fewer")
    assert next(found) == (0, 5)
    with pytest.raises(EvaluationError, match=r"Slow broke: a process died; use fewer.*Processes"):
        next(found)


class Mortal(Executor):
    """Calls run at once; those of ``deaths`` lose their worker as many times."""

    def __init__(self, deaths: dict[int, int]) -> None:
        self.deaths = deaths
        self.seen: list[int] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.seen.append(args[0])
        if self.deaths.get(args[0], 0) > 0:
            self.deaths[args[0]] -= 1
            future.set_exception(WorkerError(f"the worker of {args[0]} died"))
        else:
            future.set_result(fn(*args))
        return future


def test_a_call_whose_worker_died_is_made_again_after_the_others() -> None:
    executor = Mortal({1: 1, 3: 2})
    found = run_jobs(double, numbers(1, 2, 3, 4), executor, lost=lambda error: len(str(error)))
    assert list(found) == [(1, 4), (3, 8), (0, 2), (2, len("the worker of 3 died"))]
    assert executor.seen == [1, 2, 3, 4, 1, 3]


def test_a_death_alone_is_an_error_unless_it_has_a_result() -> None:
    found = run_jobs(double, numbers(1, 2), Mortal({1: 2}), remedy="do this")
    assert next(found) == (1, 4)
    with pytest.raises(WorkerError, match="the worker of 1 died; do this"):
        next(found)


def test_a_doubtful_result_is_asked_for_again_alone() -> None:
    executor = Mortal({})
    found = run_jobs(double, numbers(1, 2, 3), executor, doubt=lambda result: result == 4)
    assert list(found) == [(0, 2), (2, 6), (1, 4)]
    assert executor.seen == [1, 2, 3, 2]
    assert list(run_jobs(double, numbers(2), doubt=lambda result: True)) == [(0, 4)]


def test_nothing_is_made_again_once_told_to_stop() -> None:
    executor = Mortal({1: 1})
    found = run_jobs(double, numbers(1, 2), executor, stop=lambda: len(executor.seen) > 1)
    assert list(found) == [(1, 4)]
