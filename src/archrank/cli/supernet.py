"""Commands ``archrank supernet train`` and ``score``: weight sharing."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from archrank.cli.options import POSITIONAL
from archrank.cli.output import progress_console, say
from archrank.cli.supernet_folder import SETTINGS, parts_of
from archrank.cli.supernet_recipe import Optimisation, Sampling, Stopping
from archrank.cli.workers import INTERRUPTED
from archrank.errors import SettingsError
from archrank.files import file_name

if TYPE_CHECKING:
    from archrank.spaces.base import Space
    from archrank.supernets.ranks import Ranks
    from archrank.supernets.recipes import SupernetRecipe
    from archrank.supernets.training import SupernetTraining
    from archrank.supernets.updates import UpdateRule
    from archrank.tasks.base import Task
    from archrank.types import Archs

DIGITS = "digits"  # task of trainings that name none


@dataclass
class SupernetTrain:
    """Train a supernet: one network whose weights all architectures of a space share.

    Repeat the same command to continue a training that was stopped, by Ctrl-C or kill -9.

    Several processes train together under torchrun, each with architectures of its own on its part
    of every batch: torchrun --nproc_per_node 2 -m -- archrank supernet train --run DIR. Without the
    --, torchrun takes --run for an option of its own and refuses it.
    """

    space: Annotated[str, "NAME"] = "nasbench201"
    """Space of the architectures, one that has a supernet."""
    task: Annotated[str | None, "NAME"] = None
    """Task to train on: a name, or your own as file.py:name or package.module:name (default:
    digits). Dry runs also know imagenet-224 and imagenet-288, random images of that size, and take
    them by default where the recipe was published for them."""
    recipe: Annotated[str | None, "NAME"] = None
    """Recipe of the training: cells, attentive_small, transformer_small and cpu, for small tasks;
    as published: surgery, acenas, acenas_nds, acenas_proxylessnas, attentive_imagenet, hat_iwslt14,
    hat_wmt14, ranknas_wikitext103; or your own as file.py:name (default: the one of the space)."""
    sampling: Sampling = field(default_factory=Sampling)
    optimisation: Optimisation = field(default_factory=Optimisation)
    stopping: Stopping = field(default_factory=Stopping)
    decay_exponents: Annotated[tuple[float, ...], "NUMBER"] = ()
    """Exponents of the learning rate's decay, of the smallest and of the largest architectures."""
    momentum_decision: int | None = None
    """Index of a decision, such as an edge: each of its options has a momentum of its own."""
    move_unused: bool = False
    """Let weights that an update does not use move by momentum and decay, as AceNAS's did."""
    seed: int = 0
    """Seed of initial weights, draws and batches."""
    keep: tuple[int, ...] = ()
    """Epochs whose checkpoints stay, beside the last."""
    device: Annotated[str, "DEVICE"] = "cpu"
    """Device to train on: cpu or cuda."""
    data: Annotated[Path | None, "DIR"] = None
    """Folder of data sets (default: what ARCHRANK_DATA names)."""
    run: Annotated[Path | None, "DIR"] = None
    """Folder of checkpoints, from which it continues (default: supernets/SPACE-TASK)."""
    dry_run: bool = False
    """Make the training, take two updates, print their time and memory, and write nothing."""

    def __call__(self) -> int:
        """Train what is left; the exit status."""
        from archrank.supernets.ranks import processes
        from archrank.torch_state import torch_threads

        with processes(self.device) as (ranks, device), torch_threads(1):
            training = self._training(ranks, device)
            return self._measure(training) if self.dry_run else self._train(training)

    def _measure(self, training: SupernetTraining) -> int:
        from archrank.cli.supernet_dry_run import show
        from archrank.supernets.dry_runs import dry_run

        found = dry_run(training)
        if training.ranks.first:
            show(training, found)
        return 0

    def _train(self, training: SupernetTraining) -> int:
        from archrank.display.supernet import TrainingDisplay
        from archrank.files import write_json
        from archrank.locking import locked
        from archrank.runs.task_files import keep_task_files
        from archrank.supernets.running import train_supernet

        task = self.task or DIGITS
        known = f"{file_name(self.space)}-{file_name(task)}"
        folder = self.run if self.run is not None else Path("supernets") / known
        if not training.ranks.first:
            train_supernet(training, folder, keep=self.keep)
            return 0
        size = sum(p.numel() for p in training.supernet.parameters())
        together = f", {training.ranks.size} processes" if training.ranks.size > 1 else ""
        say(
            f"supernet of {training.supernet.space.name}, {size:,} parameters, on task "
            f"{training.task.name}{together}; checkpoints in {folder}"
        )
        with locked(folder, kind="folder"):
            write_json(folder / SETTINGS, {"space": self.space, "task": task})
            keep_task_files(folder, training.task)
            try:
                with TrainingDisplay(progress_console(), training.task.metrics) as display:
                    train_supernet(training, folder, keep=self.keep, watch=display)
            except KeyboardInterrupt:
                say(f"stopped; checkpoints are kept in {folder}, repeat the command to go on")
                return INTERRUPTED
        loss = training.losses[-1]
        say(f"{training.epoch} epochs, loss {loss:.4f}")
        say(f"score with: archrank supernet score {folder}")
        return 0

    def _training(self, ranks: Ranks, device: str) -> SupernetTraining:
        from archrank.runs.named import instance_of, make_space
        from archrank.supernets.recipes import RECIPES, SupernetRecipe, start_training

        space = make_space(self.space)
        name = self.recipe if self.recipe is not None else space.supernet_recipe
        recipe: SupernetRecipe = instance_of(RECIPES, name, SupernetRecipe)
        changes = self.optimisation.changes()
        task = self._made_task(name, recipe, ranks)
        epochs = recipe.optimisation(task.recipe, ranks.size, **changes).epochs
        return start_training(
            space.networks(task),
            recipe,
            sampler=self.sampling.chosen(recipe.sampler, space, epochs, self.data),
            rule=self._rule(recipe.rule),
            options=self.sampling.options(),
            seed=self.seed,
            device=device,
            ranks=ranks,
            settling=self.stopping.chosen(),
            **changes,
        )

    def _made_task(self, name: str, recipe: SupernetRecipe, ranks: Ranks) -> Task:
        """Return the task; of dry runs it may be random images.

        Args:
            name: of the recipe.
            recipe: what it stands for.
            ranks: tells the number of processes.
        """
        from archrank.cli.supernet_dry_run import default_task, random_images, refuse_random
        from archrank.runs.named import make_task
        from archrank.training.recipe import Recipe

        if not self.dry_run:
            refuse_random(self.task or "")
            return make_task(self.task or DIGITS, self.data)
        chosen = self.task or default_task(name, DIGITS)
        made = recipe.optimisation(Recipe(), ranks.size, **self.optimisation.changes())
        return random_images(chosen, made.batch_size) or make_task(chosen, self.data)

    def _rule(self, default: UpdateRule) -> UpdateRule:
        from archrank.supernets.updates import MeanPerWeight

        if not (self.decay_exponents or self.move_unused) and self.momentum_decision is None:
            return default
        exponents: Any = self.decay_exponents or (1.0, 1.0)
        return MeanPerWeight(exponents, self.momentum_decision, self.move_unused)


@dataclass
class SupernetScore:
    """Score architectures with the weights of a supernet, and write them as a table.

    The table has a column oneshot_ of each metric of the task, and oneshot_loss. Use it as weak
    labels of a search: archrank search --weak FILE:oneshot_accuracy.
    """

    run: Annotated[Path, "DIR", POSITIONAL]
    """Folder of checkpoints; or one checkpoint in it."""
    average: Annotated[tuple[Path, ...], "DIR"] = ()
    """Folders of further supernets, of other seeds; scores are means over all of them."""
    archs: int | None = None
    """Number of random architectures (default: one per isomorphism class of the space)."""
    split: Literal["valid", "test"] = "valid"
    """Data to measure on."""
    statistics: Literal["batch", "recalibrated"] = "batch"
    """Statistics of batch norms: of the batch, or recalibrated for each architecture."""
    examples: int | None = None
    """Number of examples of the split to measure on (default: all); a few hundred will do."""
    batch_size: int = 512
    """Number of examples that are evaluated together."""
    seed: int = 0
    """Seed of the random architectures."""
    data: Annotated[Path | None, "DIR"] = None
    """Folder of data sets (default: what ARCHRANK_DATA names)."""
    own_code: bool = False
    """Run code that the folder's settings name wherever it lies."""
    out: Annotated[Path | None, "FILE"] = None
    """File of the table, *.parquet (default: oneshot.parquet in that folder)."""

    def __call__(self) -> int:
        """Score, write, print where; the exit status."""
        from archrank.display.count import Counting
        from archrank.supernets.checkpoints import last_checkpoint, load_supernet
        from archrank.supernets.scoring import mean_of_scores, one_shot_scores
        from archrank.tables.writing import write_table
        from archrank.torch_state import torch_threads

        checkpoints = [last_checkpoint(path) for path in (self.run, *self.average)]
        folder = checkpoints[0].parent
        space, task = parts_of(folder, self.data, own_code=self.own_code)
        networks = space.networks(task)
        supernets = [load_supernet(path, networks) for path in checkpoints]
        archs = self._chosen(space)
        found = []
        for supernet in supernets:
            with torch_threads(1), Counting(progress_console(), "scoring", "architectures") as bar:
                found.append(
                    one_shot_scores(
                        supernet,
                        task,
                        archs,
                        split=self.split,
                        statistics=self.statistics,
                        examples=self.examples,
                        batch_size=self.batch_size,
                        progress=lambda done: bar.progress(done, len(archs)),
                    )
                )
        scores = mean_of_scores(found)
        path = self.out if self.out is not None else folder / "oneshot.parquet"
        columns = {f"oneshot_{name}": values for name, values in scores.items()}
        write_table(path, space.format(archs), columns)
        say(f"table  {path}")
        return 0

    def _chosen(self, space: Space) -> Archs:
        import numpy as np

        from archrank.spaces.base import ENUMERABLE

        if self.archs is not None:
            if self.archs < 1:
                raise SettingsError(f"--archs {self.archs}: at least 1 is needed")
            drawn = space.sample(self.archs, rng=np.random.default_rng(self.seed))
            return np.unique(drawn, axis=0)
        if space.size > ENUMERABLE:
            raise SettingsError(
                f"{space.name} has {space.size:.3g} architectures, too many to score them all; say "
                "how many random ones with --archs N"
            )
        return np.unique(space.canonical(space.enumerate()), axis=0)
