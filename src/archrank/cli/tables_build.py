"""Commands ``archrank tables build``, ``verify`` and ``list``: tables from one's own trainings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from archrank.cli.options import POSITIONAL
from archrank.cli.output import progress_console, say, show_rows
from archrank.cli.workers import INTERRUPTED, cores, running
from archrank.files import file_name

if TYPE_CHECKING:
    from archrank.benchmark.build import Benchmark

Name = Annotated[str, "NAME", POSITIONAL]


@dataclass
class TablesBuild:
    """Train every architecture of a space on a task and write the results as a table.

    NAME is a built-in table (digits201, glyphs201, characters201), which is built by its own
    recipe, or a new name. Zero-cost proxies, one-shot scores and latencies are added. Repeat the
    same command to continue a build that was stopped, by Ctrl-C or kill -9; give more seeds or
    architectures to extend it.
    """

    name: Name
    """Name of the table."""
    task: Annotated[str | None, "NAME"] = None
    """Task to train networks on: a name, or your own as file.py:name or package.module:name."""
    space: Annotated[str | None, "NAME"] = None
    """Space to evaluate, one architecture per isomorphism class (default: nasbench201)."""
    seeds: int | None = None
    """Number of training runs per architecture (default: 2)."""
    archs: int | None = None
    """Number of random architectures (default: all)."""
    checkpoints: tuple[int, ...] = ()
    """Epochs after which to measure, in addition to the last (default: the recipe's)."""
    supernets: int | None = None
    """Number of supernets whose mean one-shot scores are added (default: 3; 0 for none)."""
    latency: bool = True
    """Measure latencies on this machine's processor."""
    device: Annotated[str, "DEVICE"] = "cpu"
    """Device to train on: cpu, or cuda, which trains many networks at the same time."""
    workers: int | None = None
    """Number of worker processes (default: one per core, one for a GPU)."""
    data: Annotated[Path | None, "DIR"] = None
    """Folder of data sets (default: what ARCHRANK_DATA names)."""
    run: Annotated[Path | None, "DIR"] = None
    """Folder in which the build is kept, from which it continues (default: builds/NAME)."""
    out: Annotated[Path | None, "FILE"] = None
    """File of the table, *.parquet, with the data card beside it (default: NAME.parquet in that
    folder)."""

    def __call__(self) -> int:
        """Build what is left, write table and card; the exit status."""
        from archrank.benchmark.build import Benchmark, named
        from archrank.display.search import watcher

        folder = self.run if self.run is not None else Path("builds") / file_name(self.name)
        settings = named(
            self.name,
            task=self.task,
            space=self.space,
            seeds=self.seeds,
            archs=self.archs,
            checkpoints=self.checkpoints or None,
            supernets=self.supernets,
            latency=self.latency,
            device=self.device,
            data=self.data,
        )
        benchmark = Benchmark(folder, settings)
        say(f"{benchmark.archs:,} architectures of {benchmark.space.name}; build folder {folder}")
        usual = cores() if self.device == "cpu" else 1
        workers = self.workers if self.workers is not None else usual
        console = progress_console()

        def display(stage: str) -> object:
            say(stage)
            return watcher(console)

        try:
            with running(workers) as executor:
                benchmark.run(executor=executor, watcher=display)  # type: ignore[arg-type]
        except KeyboardInterrupt:
            say(f"stopped; what is finished is kept in {folder}, repeat the command to go on")
            return INTERRUPTED
        self._write(benchmark, self.out or folder / f"{file_name(self.name)}.parquet")
        return 0

    def _write(self, benchmark: Benchmark, path: Path) -> None:
        from archrank.benchmark.data_card import write_table
        from archrank.benchmark.table import assemble

        built = assemble(benchmark, self.name)
        card = write_table(benchmark, built, path)
        say(f"table  {path}\ncard   {card}")


@dataclass
class TablesVerify:
    """Train a random sample of a built-in table's architectures again and compare.

    On the same kind of processor all values are identical to the last bit. On others, rounding
    differs, and values agree within the noise between seeds.
    """

    name: Name
    """Name of a built-in table."""
    archs: int = 50
    """Number of architectures to train."""
    seed: int = 0
    """Seed of the random sample."""
    repeat: int = 0
    """Number of the table's training run to repeat, from 0."""
    workers: int | None = None
    """Number of worker processes (default: one per core)."""

    def __call__(self) -> int:
        """Train, compare, print; 0 if all agree within the noise between seeds."""
        from archrank.benchmark.verify import verify

        workers = self.workers if self.workers is not None else cores()
        with running(workers) as executor:
            found = verify(
                self.name, self.archs, seed=self.seed, run=self.repeat, executor=executor
            )
        show_rows(found.rows())
        say(found.verdict)
        return 0 if found.agrees else 1


@dataclass
class TablesList:
    """List the tables that ship with the package, or show one's data card."""

    name: Annotated[str, "[NAME]", POSITIONAL] = ""
    """Name of the table whose data card to show (default: a list of all tables)."""

    def __call__(self) -> int:
        """Print; the exit status."""
        from archrank.errors import UnknownNameError
        from archrank.tables.builtin import builtin_names, builtin_table, data_card
        from archrank.tables.files import read_raw

        if self.name:
            card = data_card(self.name)
            if card is None:
                raise UnknownNameError("built-in table", self.name, builtin_names())
            print(card.read_text(encoding="utf-8"), end="")
            return 0
        rows = [("name", "rows", "seeds", "task", "size")]
        for name in builtin_names():
            path = builtin_table(name)
            assert path is not None  # it was listed
            raw = read_raw(path)
            size = f"{path.stat().st_size / 1000:.0f} kB"
            rows.append(
                (name, f"{raw.n:,}", str(raw.about.get("seeds", "")), raw.task.lower(), size)
            )
        show_rows(rows)
        return 0
