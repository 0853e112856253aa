"""Command ``archrank supernet study``: how far one-shot scores agree with a table."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from archrank.cli.names import names_of
from archrank.cli.output import print_json, progress_console, say, show_rows
from archrank.cli.supernet_recipe import Optimisation
from archrank.cli.workers import INTERRUPTED, running
from archrank.files import file_name
from archrank.metrics import split_direction

if TYPE_CHECKING:
    from archrank.assess import StudySettings, SupernetStudy
    from archrank.assess.supernets.outline import Outline

Shares = Annotated[tuple[float, ...], "SHARE"]


@dataclass
class StudySupernets:
    """Study how far one-shot scores can be trusted: supernets against a table of true values.

    Trains supernets with several samplings, sizes and subsets, compares the order of their scores
    with the table's, prints the published numbers of "A Surgery of the Neural Architecture
    Evaluators" beside them, and says which of its eight findings are reproduced. Repeat the same
    command to continue a study that was stopped; give more parts or seeds to extend it.
    """

    table: Annotated[str, "FILE"]
    """CSV or Parquet file with a column arch, or the name of a built-in table."""
    metric: Annotated[str, "COLUMN"] = "test_accuracy"
    """The column that is the truth; COLUMN:minimize or COLUMN:maximize where its name does not
    tell what is better."""
    space: Annotated[str, "NAME"] = "nasbench201"
    """Space whose supernets are trained: a name, or your own as file.py:name."""
    task: Annotated[str | None, "NAME"] = None
    """Task to train on (default: the one that the table says it was measured on)."""
    parts: Annotated[tuple[str, ...], "PART"] = ()
    """Parts of the study: scores, checkpoints, spread, sampling, samples, proxies, groups,
    subsets, labels, statistics, averages, cures or predictors (default: all)."""
    seeds: int = 3
    """Number of supernets of each kind."""
    recipe: Annotated[str, "NAME"] = "cpu"
    """Recipe of all supernets: cpu, surgery, or another; the study chooses the samplers."""
    optimisation: Optimisation = field(default_factory=Optimisation)
    checkpoints: Shares = (0.05, 0.1)
    """Checkpoints to judge beside those of the paper's tables, as shares of all epochs (default:
    0.05 0.1)."""
    samples: tuple[int, ...] = (3, 5)
    """Numbers of architectures per update to compare with one (default: 3 5)."""
    archs: int | None = None
    """Number of isomorphism classes to score, drawn at random (default: all of the table)."""
    images: int = 512
    """Number of held-out examples to score on, spread evenly; 0: all."""
    quick: bool = False
    """Do a study of a minute, which shows that everything runs; its numbers say nothing."""
    device: Annotated[str, "DEVICE"] = "cpu"
    """Device to train on: cpu or cuda."""
    workers: int = 1
    """Number of worker processes, each of which trains one supernet at a time."""
    data: Annotated[Path | None, "DIR"] = None
    """Folder of tables and data sets (default: what ARCHRANK_DATA names)."""
    run: Annotated[Path | None, "DIR"] = None
    """Folder in which everything is kept (default: supernets/study-TABLE-COLUMN)."""
    json: bool = False
    """Print JSON."""

    @staticmethod
    def names_in_help() -> list[str]:
        """Return the names that options take, for the help page."""
        return [*names_of("tables", "spaces", "tasks"), "archrank list says what each is."]

    def __call__(self) -> int:
        """Study, print, write; the exit status."""
        from archrank.assess import study_supernets
        from archrank.display.count import Counting

        settings = self._settings()
        folder = self.run if self.run is not None else self._folder()
        counting = Counting(progress_console(), "studying")

        def announce(outline: Outline) -> None:
            for line in outline.lines():
                say(line)

        try:
            with counting, running(self.workers) as executor:
                found = study_supernets(
                    self.table,
                    settings,
                    space=self.space,
                    task=self.task,
                    data=self.data,
                    out=folder,
                    device=self.device,
                    executor=executor,
                    announce=announce,
                    progress=lambda done, of: counting.progress(round(done), round(of)),
                )
        except KeyboardInterrupt:
            say(f"stopped; all that is finished is kept in {folder}, repeat the command to go on")
            return INTERRUPTED
        self._show(found, folder)
        return 0

    def _settings(self) -> StudySettings:
        from archrank.assess import StudySettings
        from archrank.assess.supernets.settings import PARTS
        from archrank.runs.named import instance_of
        from archrank.supernets.recipes import RECIPES, SupernetRecipe
        from archrank.training.recipe import Recipe

        recipe: SupernetRecipe = instance_of(RECIPES, self.recipe, SupernetRecipe)
        changes = self.optimisation.changes()
        epochs = changes.pop("epochs", recipe.optimisation(Recipe()).epochs)
        made = StudySettings(
            self.metric,
            seeds=self.seeds,
            epochs=epochs,
            recipe=self.recipe,
            changes=changes,
            checkpoints=self.checkpoints,
            archs=self.archs,
            images=self.images or None,
            samples=self.samples,
            parts=self.parts or PARTS,
        )
        return made.quick() if self.quick else made

    def _folder(self) -> Path:
        table = Path(self.table).name.split(".")[0]
        name = f"study-{table}-{split_direction(self.metric)[0]}{'-quick' * self.quick}"
        return Path("supernets") / file_name(name)

    def _show(self, found: SupernetStudy, folder: Path) -> None:
        from archrank.assess.supernets.text import finding_lines, tables
        from archrank.files import write_json

        raw = found.to_parquet(folder / "raw.parquet")
        report = found.report(folder / "report.html")
        values = found.to_json()
        write_json(folder / "results.json", values)
        if self.json:
            print_json({**values, "raw": str(raw), "report": str(report)})
            return
        say(f"{found.heading}\n{found.caption}")
        for _, table in tables(found):
            print(f"\n{table.title} ({table.source})")
            show_rows(table.rows())
        print()
        for line in finding_lines(found):
            print(line)
        for name, why in found.skipped.items():
            say(f"part {name}: nothing to measure, {why}")
        say(f"raw     {raw}\nreport  {report}")
