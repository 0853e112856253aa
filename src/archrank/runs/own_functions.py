"""Users' functions as evaluators of a search, and the options of trainings that reach them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from archrank.checks import whole
from archrank.errors import EvaluationError, SettingsError
from archrank.evaluators import Evaluator, Function, Metric, Training
from archrank.evaluators.function import name_of, taken
from archrank.runs.settings import SearchSettings
from archrank.signatures import signature

if TYPE_CHECKING:
    from archrank.tasks.base import Task

Kind = Literal["measures", "trains"]
NETWORK = ("network", "task", "seed", "device")
"""Parameters of a training loop of the user's."""

OFFERED = frozenset({"task", "space", "seed", "device", "epochs"})
"""Parameters that are filled in."""


def kind_of(found: Any) -> Kind | None:
    """Tell whether a function measures a configuration or trains a network; ``None``: neither.

    A function of ``(network, task, seed, device)`` trains. One that takes a single thing, beside
    what is filled in (``seed``, ``device``, ``epochs``), measures a configuration; one that takes
    nothing else makes an evaluator.

    Raises:
        SettingsError: a function that takes something else.
    """
    if isinstance(found, Evaluator | type) or not callable(found):
        return None
    try:
        parameters = signature(found).parameters
    except (TypeError, ValueError):
        raise SettingsError(
            f"function {name_of(found)!r} does not say what it takes; write one of your own that "
            "takes the configuration"
        ) from None
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    required = [
        name
        for name, parameter in parameters.items()
        if parameter.default is parameter.empty and parameter.kind in positional
    ]
    if tuple(required[: len(NETWORK)]) == NETWORK:
        return "trains"
    own = [name for name in required if name not in OFFERED]
    if len(own) > 1 or "network" in own:
        raise SettingsError(
            f"function {name_of(found)!r} takes {', '.join(required)}: a function that measures "
            "takes the configuration alone (and seed, device, epochs if it likes), one that trains "
            f"takes {', '.join(NETWORK)}, one that returns an evaluator takes task or space or "
            "nothing"
        )
    return "measures" if own else None


@dataclass
class TrainingOptions:
    """Options of trainings that were typed.

    Attributes:
        device: where to train.
        epochs: of each training; ``None``: the task's.
        seeds: trainings per architecture.
        ignored: those that nothing has taken yet, as they were typed.
    """

    device: str
    epochs: int | None
    seeds: int
    ignored: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: SearchSettings) -> TrainingOptions:
        """Return what ``settings`` say.

        Raises:
            SettingsError: no epochs, or no training.
        """
        if settings.epochs is not None:
            whole(settings.epochs, "--epochs", at_least=1, error=SettingsError)
        whole(settings.seeds, "--seeds", at_least=1, error=SettingsError)
        typed = {
            "device": (settings.device, "cpu"),
            "epochs": (settings.epochs, None),
            "seeds": (settings.seeds, 1),
        }
        ignored = {k: f"--{k} {value}" for k, (value, usual) in typed.items() if value != usual}
        return cls(settings.device, settings.epochs, settings.seeds, ignored)

    def offered(self, takes: Collection[str]) -> dict[str, Any]:
        """Return arguments of an evaluator's class or maker that takes ``takes``."""
        known = {"device": ("device", self.device), "runs": ("seeds", self.seeds)}
        given = {name: (key, v) for name, (key, v) in known.items() if name in takes}
        found = {name: value for name, (key, value) in given.items() if key in self.ignored}
        self._take(key for key, _ in given.values())
        return found

    def task(self, task: Task, *, trains: bool) -> Task:
        """Return the task, for what ``trains`` with the epochs that were typed."""
        if self.epochs is None or not trains:
            return task
        self._take(["epochs"])
        return replace(task, recipe=replace(task.recipe, epochs=self.epochs))

    def evaluator(
        self,
        fn: Callable[..., Any],
        kind: Kind,
        task: Task,
        metrics: Sequence[Metric] | None,
    ) -> Evaluator:
        """Return an evaluator of a user's function.

        Args:
            fn: measures a configuration, or trains a network.
            kind: which of the two.
            task: of the search.
            metrics: what it measures; ``None``: what it declares itself.

        Raises:
            SettingsError: several seeds for a function that takes none.
        """
        if kind == "trains":
            self._take(["device", "seeds"])
            return Training(
                self.task(task, trains=True),
                trainer=fn,
                metrics=metrics,
                runs=self.seeds,
                device=self.device,
            )
        takes = taken(fn)
        values = {"device": self.device, "epochs": self.epochs}
        arguments = {k: v for k, v in values.items() if k in takes and self._is_meant(fn, k, v)}
        self._take(arguments)
        if "seed" in takes or self.seeds == 1:
            self._take(["seeds"])
        try:
            return Function(fn, metrics, runs=self.seeds, arguments=arguments)
        except EvaluationError as error:
            raise SettingsError(f"--seeds {self.seeds}: {error}") from None

    def refuse_ignored(self) -> None:
        """Refuse options that nothing of the search takes.

        Raises:
            SettingsError: names one.
        """
        for key, typed in self.ignored.items():
            raise SettingsError(
                f"{typed}: nothing that this search evaluates with takes {key}; remove it, or "
                f"give your function a parameter {key.removesuffix('s') if key == 'seeds' else key}"
            )

    def _is_meant(self, fn: Callable[..., Any], name: str, value: Any) -> bool:
        """Tell whether to fill in a parameter: it was typed, or the function has no default."""
        default = signature(fn).parameters[name].default
        return name in self.ignored or (default is inspect.Parameter.empty and value is not None)

    def _take(self, keys: Any) -> None:
        for key in keys:
            self.ignored.pop(key, None)
