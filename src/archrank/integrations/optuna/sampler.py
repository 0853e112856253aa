"""A sampler for Optuna: guided search by archrank's default ranker."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, get_args
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, PartialFixedSampler
from optuna.samplers._base import _process_constraints_after_trial
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from archrank.checks import whole
from archrank.errors import UnknownNameError
from archrank.integrations.optuna.axes import Axis
from archrank.integrations.optuna.ranges import ranges
from archrank.integrations.optuna.situation import Situation, situation
from archrank.integrations.optuna.trials import (
    ended,
    known_trials,
    propose,
    proposed,
    settled,
)
from archrank.rows import group_rows, is_new
from archrank.spaces.base import ENUMERABLE
from archrank.strategies.acquisition import Acquisition
from archrank.strategies.guided import Guided
from archrank.strategies.history import History
from archrank.strategies.unseen import remaining
from archrank.types import Archs

WhenExhausted = Literal["repeat", "stop"]

logger = logging.getLogger(__name__)


class RankSampler(BaseSampler):
    """Sampler for any Optuna study that learns to rank what it may propose.

    A Gaussian process over groups of features, archrank's default ranker, is fitted to all trials
    of each objective; the candidate of the highest upper confidence bound is proposed. Candidates
    are all configurations of a small discrete space, else what :class:`.Guided` generates.

    * **Parameters**: categorical, integer and float, with steps or on logarithmic scales. All are
      modelled at once, those that exist under conditions only, too: the conditions are learnt from
      the trials, and so are ranges that depend on other parameters. A parameter that no trial had
      yet is drawn at random. Of a parameter with more than 256 values, a grid that grows finer
      around the best values is considered.
    * **No repetition**: in a discrete space, nothing is proposed that is equivalent to a trial,
      whether complete, pruned, failed or running: conditional parameters that do not exist make no
      difference. After the last configuration, ``when_exhausted`` decides. Workers that ask at the
      very same moment, through a database, cannot know of each other.
    * **Constraints**: by ``trial.set_constraint`` or ``constraints_func``. Infeasible trials rank
      below all feasible ones, by how far they are outside.
    * **Several objectives**: one ranker each; every trial weighs them at random.
    * **Trials without a value**: a running one counts as the median until it is done (a constant
      liar), a pruned one as the median or its last intermediate value, whichever is worse; failed
      ones are not learnt from.
    * **Seeds**: proposals depend on the seed, the number of the trial and the trials before, so a
      study that is stopped and loaded again goes on as it would have.

    Args:
        seed: of all that is random; ``None`` is another one every time.
        n_startup_trials: trials that are random, and different, before the first fit.
        acquisition: what is proposed: ``"ucb"``, ``"ei"``, ``"thompson"`` or ``"greedy"``, see
            :mod:`archrank.strategies.acquisition`.
        kappa: weight of the predicted standard deviation in ``"ucb"``. It is lower than that of
            :class:`.Guided`, since studies of some dozen trials gain by it.
        candidates: discrete spaces up to this size are ranked as a whole; of others, this many
            candidates are generated per trial.
        exact: trials up to which all is fitted anew for each; in longer studies less and less
            often, see :class:`.Guided`.
        when_exhausted: what happens when every configuration of a discrete space was tried:
            ``"repeat"`` proposes again what was tried least often, the best of it first;
            ``"stop"`` stops ``study.optimize``.
        constraints_func: as of Optuna's samplers: constraints of a finished trial, above 0 where
            violated. Optuna 5 prefers ``trial.set_constraint`` in the objective.

    Raises:
        UnknownNameError: no such acquisition function, or no such ``when_exhausted``.
        BudgetError: a number below 1.
        ArgumentError: a seed that is no whole number.

    Example:
        >>> import optuna
        >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
        >>> study = optuna.create_study(sampler=RankSampler(seed=0))
        >>> study.optimize(lambda t: abs(t.suggest_int("x", 0, 9) - t.suggest_int("y", 0, 9)), 12)
        >>> study.best_value
        0.0
    """

    def __init__(
        self,
        *,
        seed: int | None = None,
        n_startup_trials: int = 5,
        acquisition: Acquisition = "ucb",
        kappa: float = 2.0,
        candidates: int = 5_000,
        exact: int = 200,
        when_exhausted: WhenExhausted = "repeat",
        constraints_func: Callable[[FrozenTrial], Sequence[float]] | None = None,
    ) -> None:
        if when_exhausted not in get_args(WhenExhausted):
            raise UnknownNameError("when_exhausted", when_exhausted, get_args(WhenExhausted))
        self._guided = Guided(
            initial=n_startup_trials,
            batch_size=1,
            acquisition=acquisition,
            kappa=kappa,
            candidates=candidates,
            exact=exact,
        )
        if seed is None:
            self.reseed_rng()
        else:
            self._seed = whole(seed, "RankSampler: seed", at_least=0)
        self._when_exhausted = when_exhausted
        self._constraints_func = constraints_func
        self._told = False  # that everything was tried
        self._last: Situation | None = None
        self._lock = threading.Lock()

    def reseed_rng(self) -> None:
        """Take another seed; Optuna calls it in every thread of ``n_jobs`` above 1."""
        self._seed = int(np.random.SeedSequence().generate_state(1)[0])

    # ---- all parameters at once ----------------------------------------------------------------

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return all parameters that trials had, see :func:`.ranges`."""
        return ranges(known_trials(study, trial))

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Propose values of all parameters that are known."""
        if not search_space:
            return {}
        with self._lock:  # threads of one study see what the others propose
            trials = known_trials(study, trial)
            fixed = {**_partly_fixed(study), **settled(trial)}
            every = ranges(trials) if fixed else {}
            known = {name: one for name, one in every.items() if name in fixed} | search_space
            now = self._situation(study, trials, dict(sorted(known.items())), fixed)
            rng = np.random.default_rng([self._seed, trial.number])
            picks = self._new(now, fixed, rng)
            if not len(picks) and not now.space.discrete:
                return {}  # grids are used up, not what lies between; one by one, then
            arch = picks[0] if len(picks) else self._again(now, fixed, rng)
            numbers = now.space.numbers(arch)
            propose(study, trial, numbers)
        axes = [axis for axis in now.space.axes if axis.name in search_space]
        return {axis.name: axis.value(numbers[axis.name]) for axis in axes}

    def _situation(
        self,
        study: Study,
        trials: Sequence[FrozenTrial],
        known: Mapping[str, BaseDistribution],
        fixed: Mapping[str, Any],
    ) -> Situation:
        """Describe the study; spaces that are equal are one object, for what strategies keep."""
        found = situation(
            trials,
            known,
            study.directions,
            fixed=fixed,
            exact=self._guided.exact,
            seed=self._seed,
        )
        last = self._last
        if last is not None and last.space.fingerprint() == found.space.fingerprint():
            found = found.within(last)
        self._last = found
        return found

    def _new(self, now: Situation, fixed: Mapping[str, Any], rng: np.random.Generator) -> Archs:
        """Return the row of a new trial, ``(1, d)``; none where everything was tried."""
        for history in now.histories(fixed):
            picks = self._guided.propose(history, 1, rng=rng)
            if len(picks):
                break
        return picks

    def _again(
        self, now: Situation, fixed: Mapping[str, Any], rng: np.random.Generator
    ) -> NDArray[np.uint8]:
        """Return the row of a trial that is repeated: ``(d,)``."""
        self._tell_exhausted()
        history = now.histories(fixed)[-1]
        picks = _least_often(history)
        if not len(picks):  # what is settled has never been tried in today's ranges
            picks = history.space.sample(1, rng=rng)
        first: NDArray[np.uint8] = picks[0]
        return first

    def _tell_exhausted(self) -> None:
        if not self._told:
            logger.warning(
                "every configuration of the search space was tried; RankSampler proposes some again"
            )
        self._told = True

    # ---- a parameter that is not known yet -----------------------------------------------------

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Draw a value at random; if possible one that makes the trial unlike all others."""
        axis, trials = Axis(param_name, param_distribution), known_trials(study, trial)
        known = {name: Axis(name, one) for name, one in ranges(trials).items()}
        ahead = {k: known[k].value(n) for k, n in proposed(trial).items() if k in known}
        mine = {**ahead, **settled(trial), **trial.params}  # also what will be asked for
        taken = set()
        for other in trials:
            had = {**({} if other.state.is_finished() else settled(other)), **other.params}
            if param_name not in had:
                continue
            number = axis.number(had.pop(param_name))
            if had.items() <= mine.items():
                taken.add(number)
        rng = np.random.default_rng([self._seed, trial.number, crc32(param_name.encode())])
        return axis.value(axis.draw(rng, taken))

    # ---- after a trial -------------------------------------------------------------------------

    def after_trial(
        self,
        study: Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """Keep the constraints of a trial; stop the study where nothing is left, if asked to."""
        if self._constraints_func is not None:
            _process_constraints_after_trial(self._constraints_func, study, trial, state)
        if self._when_exhausted == "stop" and self._exhausted(study, ended(trial, state, values)):
            with contextlib.suppress(RuntimeError):  # asked and told, there is nothing to stop
                study.stop()

    def _exhausted(self, study: Study, trial: FrozenTrial) -> bool:
        """Tell whether every configuration was tried when a trial has ended."""
        trials = [*known_trials(study, trial), trial]
        known = ranges(trials)
        if not known:
            return False
        now = situation(trials, known, study.directions, fixed={}, exact=1, seed=self._seed)
        if not now.space.discrete or now.space.size > ENUMERABLE:
            return False
        if now.plain and len(now.history) < now.space.size:
            return False
        left = remaining(now.history)
        return not is_new(left, now.history.canonical).any()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_lock": None, "_last": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.Lock())


def _partly_fixed(study: Study) -> Mapping[str, Any]:
    """Return the values that Optuna's PartialFixedSampler gives to parameters, if it is one."""
    if not isinstance(study.sampler, PartialFixedSampler):
        return {}
    fixed: Mapping[str, Any] = study.sampler._fixed_params
    return fixed


def _least_often(history: History) -> Archs:
    """Return the row that was tried least often, of several the best: ``(1, d)``; none if empty."""
    if not len(history):
        return history.archs
    first, group = group_rows(history.canonical)
    scores = np.nan_to_num(history.scores, nan=-np.inf)
    best = np.full(len(first), -np.inf)
    np.maximum.at(best, group, scores)
    return history.archs[first[np.lexsort((-best, np.bincount(group)))[:1]]]
