"""Command ``archrank importance``, which tells what decisions matter to a ranker."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

from archrank.cli.names import names_of
from archrank.cli.options import POSITIONAL
from archrank.cli.output import print_json, say, say_own_code, show_rows
from archrank.errors import LabelError, SettingsError
from archrank.files import write_text
from archrank.runs.table import row_values

if TYPE_CHECKING:
    from archrank.importance import Importance
    from archrank.rankers.base import Ranker
    from archrank.spaces.base import Space
    from archrank.types import Archs, Floats

OF_TABLES = ("labels", "where", "space", "data")  # options that a run knows itself


@dataclass
class ImportanceCommand:
    """Tell how important decisions are to a ranker, by permuting them (RankNAS, Eq. 7).

    Reads the evaluations of a run, or some rows of a table. Of a table with several devices, or of
    several columns, there is one table and one bar chart each.
    """

    run: Annotated[Path | None, "[RUN]", POSITIONAL] = None
    """Run folder."""
    table: Annotated[str | None, "FILE"] = None
    """Table in place of a run: a file with a column arch, HAT's or HW-GPT-Bench's published table,
    or the name of a built-in table."""
    labels: Annotated[tuple[str, ...], "COLUMN"] = ()
    """Columns of the table to rank by; COLUMN:minimize where the name does not tell what is
    better."""
    where: Annotated[tuple[str, ...], "COLUMN=VALUE"] = ()
    """Rows of the table to take (default: every device of a published table on its own)."""
    space: Annotated[str | None, "NAME"] = None
    """Space of the table (default: as archrank assess)."""
    data: Annotated[Path | None, "DIR"] = None
    """Folder of tables (default: what ARCHRANK_DATA names)."""
    ranker: Annotated[str | None, "NAME"] = None
    """Ranker: a name, or your own as file.py:name (default: the run's, otherwise the default)."""
    archs: int = 200
    """Architectures to measure importance on, random rows of a table or the first of a run."""
    by: Literal["kind", "decision"] = "kind"
    """Permute decisions of one kind in all layers together, or every decision alone."""
    threshold: float = 1.15
    """Importance below which a decision would be frozen (RankNAS: 1.15, 1.25)."""
    repeats: int = 10
    """Permutations of every group."""
    seed: int = 0
    """Seed of rows, folds and permutations."""
    own_code: bool = False
    """Import the files and modules of your own that a run's settings name."""
    out: Annotated[Path, "FILE"] = Path("importance.html")
    """File of the bar charts."""
    json: bool = False
    """Print JSON."""

    @staticmethod
    def names_in_help() -> list[str]:
        """Return the names that options take, for the help page."""
        return [*names_of("tables", "rankers", "spaces"), "archrank list says what each is."]

    def __call__(self) -> int:
        """Measure, print, draw; the exit status."""
        from archrank.importance import permutation_importance
        from archrank.report.importance import render

        self._check()
        found: dict[str, Importance] = {}
        for title, ranker, archs, scores in self._samples():
            found[title] = permutation_importance(
                ranker, archs, scores, by=self.by, repeats=self.repeats, folds=5, seed=self.seed
            )
        heading = str(self.table if self.table is not None else self.run)
        path = write_text(self.out, render(heading, found, self.threshold))
        if self.json:
            results = {title: self._to_json(one) for title, one in found.items()}
            print_json({"importance": results, "chart": str(path)})
            return 0
        for title, one in found.items():
            show_rows([(title, "importance", "", "decisions"), *self._rows(one)])
        say(f"chart  {path}")
        return 0

    def _check(self) -> None:
        if (self.run is None) == (self.table is None):
            raise SettingsError(
                "name a run folder, archrank importance RUN, or a table, --table FILE --labels "
                "COLUMN; not both"
            )
        if self.run is not None:
            given = [f"--{name}" for name in OF_TABLES if getattr(self, name)]
            if given:
                raise SettingsError(
                    f"a run knows its own data: remove {', '.join(given)}, or name a table"
                )
        elif not self.labels:
            raise SettingsError("name the columns to rank by: --labels COLUMN")
        if not self.threshold >= 1:
            raise SettingsError(
                f"threshold {self.threshold:g} is below 1, the importance of a decision that does "
                "not matter: nothing would be frozen; RankNAS has 1.15 and 1.25"
            )

    def _rows(self, found: Importance) -> Iterator[tuple[str, ...]]:
        for name, mean, width, columns in zip(
            found.names, found.mean, found.half_width, found.columns, strict=True
        ):
            spread = "" if np.isnan(width) else f" ± {width:.3f}"
            fate = "frozen" if mean < self.threshold else "searched"
            yield name, f"{mean:.3f}{spread}", fate, str(len(columns))

    def _to_json(self, found: Importance) -> dict[str, Any]:
        return {
            "architectures": found.n,
            "loss": found.loss,
            "measure": found.measure,
            "decisions": [
                {"name": n, "importance": m, "half_width": None if np.isnan(w) else w}
                for n, m, w in zip(
                    found.names, found.mean.tolist(), found.half_width.tolist(), strict=True
                )
            ],
        }

    # ---- data ----------------------------------------------------------------------------------

    def _samples(self) -> Iterator[tuple[str, Ranker, Archs, Floats]]:
        """Yield title, ranker, architectures ``(n, d)`` and scores ``(n,)`` of every chart."""
        yield from (self._of_run(self.run) if self.run is not None else self._of_table())

    def _ranker(self, space: Space, own: Ranker | None = None) -> Ranker:
        from archrank.rankers import RANKERS
        from archrank.rankers.base import Ranker
        from archrank.runs.named import instance_of

        if self.ranker is None and own is not None:
            return own
        made: Ranker = instance_of(RANKERS, self.ranker or "default", Ranker, space=space)
        return made

    def _of_run(self, folder: Path) -> Iterator[tuple[str, Ranker, Archs, Floats]]:
        from archrank.runs.reading import find_run, with_parts

        run = find_run(folder, None)
        if self.own_code and run.settings is not None:
            say_own_code(run.settings.code, run.path, allowed=True)
        results = with_parts(run.results(), run.settings, folder=run.path, own_code=self.own_code)
        if results.space is None:
            why = results.absent.get("space", "its space is not known here")
            raise SettingsError(f"{folder}: importance cannot be told: {why}")
        rows = np.flatnonzero(results.ok)[: self.archs]
        if not len(rows):
            raise LabelError(f"{folder} has no labels: no evaluation has succeeded")
        own = None if results.strategy is None else results.strategy.ranker
        ranker = self._ranker(results.space, own)
        for objective, scores in zip(results.objectives, results.matrix.T, strict=True):
            yield objective.metric, ranker, results.archs[rows], scores[rows]

    def _of_table(self) -> Iterator[tuple[str, Ranker, Archs, Floats]]:
        from archrank.assess.problem import open_table
        from archrank.metrics import Metric, split_direction

        for where in self._conditions():
            table = open_table(str(self.table), self.space, data=self.data, where=where)
            if self.archs > len(table):
                raise SettingsError(
                    f"--archs {self.archs} is more than the {len(table)} architectures of the table"
                )
            rows = np.random.default_rng([self.seed, 0]).permutation(len(table))[: self.archs]
            for text in self.labels:
                column, direction = split_direction(text, table.metrics)
                metric = Metric(column, direction or table.directions.get(column))
                values = table.objective(column)[rows]
                scores = values if metric.known_direction == "maximize" else -values
                title = " ".join([column, *where.values()])
                yield title, self._ranker(table.space), table.archs[rows], scores

    def _conditions(self) -> list[dict[str, str]]:
        """Return the rows to choose for every chart: each condition of a published table."""
        from archrank.data import find_data
        from archrank.tables.files import read_raw
        from archrank.tables.published import conditions_of

        raw = read_raw(find_data(str(self.table), self.data))
        return conditions_of(raw, row_values(self.where))
