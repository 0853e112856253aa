"""``archrank export``: train and save a network of a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archrank.cli.output import print_json, say, say_own_code
from archrank.cli.read import Reading
from archrank.errors import EvaluationError, StorageError
from archrank.files import write_file, write_json

if TYPE_CHECKING:
    from archrank.evaluators.training import Training
    from archrank.runs.settings import SearchSettings
    from archrank.spaces.base import Space
    from archrank.study.results import Results


@dataclass
class Export(Reading):
    """Train the best architecture of a run again and save it.

    Writes ``weights.safetensors`` (the state dict) and ``architecture.json`` (the architecture,
    instructions to build it, and its metrics). Training repeats the run's evaluation with the same
    seed. A run on a table has trained nothing: name the task to train on.
    """

    arch: str | None = None
    """String of the architecture to export; the best one if left out."""
    task: str | None = None
    """Task to train on; the run's own task if left out."""
    output: Path | None = None
    """Folder to write to; export in the run folder if left out."""
    json: bool = False
    """Print the description of the network as JSON."""

    def __call__(self) -> int:
        """Train and save it; return the exit status."""
        from safetensors.torch import save

        from archrank.runs.folder import load_settings
        from archrank.runs.named import make_space
        from archrank.runs.reading import load

        folder = self.folder()
        settings, results = load_settings(folder), load(folder)
        string = results.best.string if self.arch is None else self.arch
        as_before = [settings.task, *settings.evaluate] if self.task is None else []
        say_own_code([settings.space, *as_before])
        space = make_space(settings.space)
        arch = space.parse([string])[0]
        training = self._training(results, settings, space)
        target = self.output if self.output is not None else folder / "export"
        try:
            target.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"cannot write to {target}: {error.strerror or error}") from None
        say(f"training {string}")
        network, result = training.train(arch)
        if result.diverged is not None:
            raise EvaluationError(f"training {string} failed: {result.diverged}")
        state = {k: v.contiguous().cpu() for k, v in network.state_dict().items()}
        weights = save(state)
        write_file(target / "weights.safetensors", lambda file: file.write(weights))
        costs = training.networks.cost(arch[None])
        description: dict[str, Any] = {
            "architecture": string,
            "space": training.networks.fingerprint(),
            "choices": training.space.config(arch),
            "task": training.task.identity(),
            **result.metrics,
            **{name: float(column[0]) for name, column in costs.items()},
        }
        path = target / "architecture.json"
        write_json(path, description)
        if self.json:
            print_json({"weights": str(target / "weights.safetensors"), **description})
        else:
            shown = list(result.metrics.items())[:2]
            say(", ".join(f"{name} {value:.4f}" for name, value in shown))
            say(f"weights       {target / 'weights.safetensors'}\narchitecture  {path}")
        return 0

    def _training(self, results: Results, settings: SearchSettings, space: Space) -> Training:
        """Return the evaluator that trains: on the task that is named, else as the run did."""
        from archrank.evaluators.training import Training
        from archrank.runs.evaluators import make_evaluator
        from archrank.runs.named import make_task

        seed = results.description.identity["seed"]
        if self.task is not None:
            return Training(make_task(self.task, settings.data)).bind(space, seed=seed)
        if settings.table is None or settings.evaluate:
            wanted = {o.metric for o in results.objectives}
            found = [
                (wanted.isdisjoint(m.name for m in part.metrics), part.unscoped)
                for part in make_evaluator(settings, space).bind(space, seed=seed).parts()
            ]
            for _, part in sorted(found, key=lambda pair: pair[0]):  # that of an objective first
                if isinstance(part, Training):
                    return part
        raise EvaluationError(
            "this run trained no network; name a task to train the architecture on, such as "
            "--task digits"
        )
