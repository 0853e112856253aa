"""``archrank export``: train and save a network of a run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from archrank.cli.exported import show_export
from archrank.cli.output import say, say_own_code
from archrank.cli.read import Reading
from archrank.errors import EvaluationError, SettingsError

if TYPE_CHECKING:
    from archrank.evaluators.training import Training
    from archrank.runs.settings import SearchSettings
    from archrank.spaces.base import Space
    from archrank.study.results import Results


@dataclass
class Export(Reading):
    """Train the best architecture of a run again and save it.

    Writes weights.safetensors (the state dict), architecture.json (the architecture and its
    metrics), load_model.py, which builds the network and loads its weights without archrank, and
    MODEL_CARD.md, which tells people what it is. In Python, ar.load(FOLDER) makes a network, too.
    Training repeats the run's evaluation with the same seed. A run on a table has trained nothing:
    name the task to train on.
    """

    arch: Annotated[str | None, "ARCH"] = None
    """String of the architecture to export (default: the best one)."""
    format: tuple[Literal["safetensors", "torch", "program", "onnx"], ...] = ()
    """More files of the network: torch (weights.pt, the state dict), program (network.pt2) and onnx
    (network.onnx); the latter two need no code, take batches of any size, and are run and compared
    (default: safetensors, which is always written)."""
    task: Annotated[str | None, "NAME"] = None
    """Task to train on (default: the run's own task)."""
    space: Annotated[str | None, "NAME"] = None
    """The run's space where it lies now: a name, file.py:name or module:name (default: that of the
    run's settings; a study that was made in Python has none)."""
    own_code: bool = False
    """Run code that the run's settings name wherever it lies, also inside the run folder."""
    bleu: bool = False
    """Translate the test sentences by beam search and add their BLEU (tasks of translation)."""
    out: Annotated[Path | None, "DIR"] = None
    """Folder to write to (default: export in the run folder)."""
    json: bool = False
    """Print the description of the network as JSON."""

    def __call__(self) -> int:
        """Train and save it; return the exit status."""
        from archrank.export.description import Names
        from archrank.export.found_by import searched
        from archrank.export.network import export_network
        from archrank.runs.reading import known_space

        run = self.stored()
        results = run.results()
        string = results.recommended.string if self.arch is None else self.arch
        if run.settings is None:
            settings = self._named(results)
        else:
            settings = run.settings
            named = [] if self.space is not None else [settings.space]
            named += [settings.task, *settings.evaluate] if self.task is None else []
            say_own_code(named, run.path, allowed=self.own_code)
            settings = replace(settings, space=self.space or settings.space)
        if settings.choices and self.space is None:
            raise SettingsError(
                f"the choices of this run are columns of {settings.table}, which build no "
                "networks: name a space that does, --space FILE.py:NAME"
            )
        space = known_space(settings.space, results.description)
        arch = space.parse([string])[0]
        training = self._training(results, settings, space)
        target = self.out if self.out is not None else run.report.parent / "export"
        description = export_network(
            training,
            arch,
            target,
            formats=self.format,
            names=Names(settings.space, self._task_name(settings, training)),
            search=searched(results, space.format(arch[None])[0], run.path),
            started=lambda string: say(f"training {string}"),
            bleu=self.bleu,
            remedy="name another folder with --out",
        )
        show_export(description, target, self.format, json=self.json)
        return 0

    def _named(self, results: Results) -> SearchSettings:
        """Return the settings of a study that was made in Python, from the options.

        Raises:
            SettingsError: its space or its task is not named.
        """
        from archrank.runs.settings import SearchSettings
        from archrank.spaces import SPACES

        name = self.space or results.description.space
        made = f"{self.run} was made in Python, which keeps no names"
        if self.space is None and name not in SPACES.names():
            raise SettingsError(f"{made}: name its space {name!r}, --space file.py:space")
        if self.task is None:
            raise SettingsError(f"{made}: name the task to train on, such as --task digits")
        return SearchSettings(space=name, task=self.task)

    def _task_name(self, settings: SearchSettings, training: Training) -> str | None:
        """Return the name of the task that ``training`` trains on, if it is that of the run."""
        from archrank.runs.named import make_task

        if self.task is not None:
            return self.task
        named = make_task(settings.task, settings.data)
        return settings.task if named.identity() == training.task.identity() else None

    def _training(self, results: Results, settings: SearchSettings, space: Space) -> Training:
        """Return the evaluator that trains: on the task that is named, else as the run did."""
        from archrank.evaluators.training import Training
        from archrank.export.network import training_of
        from archrank.runs.evaluators import make_evaluator
        from archrank.runs.named import make_task

        seed = results.description.identity["seed"]
        if self.task is not None:
            return Training(make_task(self.task, settings.data)).bind(space, seed=seed)
        if settings.table is None or settings.evaluate:
            evaluator = make_evaluator(settings, space).bind(space, seed=seed)
            found = training_of(evaluator, {o.metric for o in results.objectives})
            if found is not None:
                return found
        raise EvaluationError(
            "this run trained no network; name a task to train the architecture on, such as "
            "--task digits"
        )
