"""``archrank export``: a trained network out of a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archrank.cli.output import print_json, say
from archrank.cli.read import Reading
from archrank.errors import EvaluationError, StorageError
from archrank.files import write_file, write_json

if TYPE_CHECKING:
    from archrank.evaluators.training import Training
    from archrank.study.study import Study


@dataclass
class Export(Reading):
    """Train the best architecture of a run again and save it.

    Writes ``weights.safetensors`` (the state dict) and ``architecture.json`` (the architecture,
    how to build it, and its metrics). Training repeats the run's evaluation with the same seed; a
    run on a table has none, so name the task to train on.
    """

    arch: str | None = None
    """Another architecture than the best, as its string."""
    task: str | None = None
    """Train on this task instead of the run's."""
    output: Path | None = None
    """Where to; the folder export in the run folder if left out."""
    json: bool = False
    """Print what was written as JSON."""

    def __call__(self) -> int:
        """Train and save; the exit status."""
        from safetensors.torch import save

        folder = self.folder()
        study = Reading(folder).study()
        string = study.best.string if self.arch is None else self.arch
        arch = study.space.parse([string])[0]
        training = self._training(study)
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

    def _training(self, study: Study) -> Training:
        from archrank.evaluators.training import Training
        from archrank.runs.named import make_task

        if self.task is not None:
            return Training(make_task(self.task)).bind(study.space, seed=study.seed)
        wanted = {o.metric for o in study.objectives}
        found = [
            (wanted.isdisjoint(m.name for m in part.metrics), part.unscoped)
            for part in study.evaluator.parts()
        ]
        for _, part in sorted(found, key=lambda pair: pair[0]):  # that of an objective first
            if isinstance(part, Training):
                return part
        raise EvaluationError(
            "this run trained no network; name a task to train the architecture on, such as "
            "--task digits"
        )
