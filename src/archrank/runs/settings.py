"""Settings of a search as plain text and numbers, as the command line takes them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from archrank.errors import StorageError
from archrank.files import file_name, shorten
from archrank.metrics import split_direction


@dataclass(frozen=True)
class SearchSettings:
    """All settings that change what a search does, as names and numbers."""

    space: Annotated[str, "NAME"] = "nasbench201"
    """Search space: a name, or your own as file.py:name or package.module:name (default: of the
    published tables of HAT and HW-GPT-Bench their own, else nasbench201)."""
    task: Annotated[str, "NAME"] = "digits"
    """Task to train networks on."""
    table: Annotated[str | None, "FILE"] = None
    """Look results up instead of training: a CSV or Parquet file, or a built-in table."""
    choices: Annotated[tuple[str, ...], "COLUMN"] = ()
    """Columns of the table with a choice each, such as depth,width, in place of a column arch; the
    space is what they span, unless --space names one."""
    average: bool = False
    """Average rows of the table that are of the same architecture."""
    where: Annotated[tuple[str, ...], "COLUMN=VALUE"] = ()
    """Rows of the table to take, such as --where task=wmt14ende hardware=cpu_xeon."""
    latency_table: Annotated[Path | None, "FILE"] = None
    """Table of measured latencies (archrank tables latency) for a limit of latency_ms: what is not
    predicted to keep it is not evaluated, all else is measured."""
    latency: Annotated[str | None, "DEVICE"] = None
    """Measure the latency of networks on this device, cpu or cuda, before they are trained."""
    latency_command: Annotated[str | None, "COMMAND"] = None
    """Measure it on any other device by a command of yours, which gets the path of an ONNX file
    where it says onnx in braces, and prints milliseconds."""
    latency_batch: int = 1
    """Inputs per run of these measurements."""
    block_costs: Annotated[Path | None, "FILE"] = None
    """Costs of single blocks that add up to those of a network: a CSV or Parquet file of decision,
    option and a number per cost, as archrank tables import hw-nas-bench --space writes it."""
    evaluate: Annotated[tuple[str, ...], "NAME"] = ()
    """Evaluators, combined if several; a function of yours as file.py:name (default: training, or
    the table)."""
    device: Annotated[str, "DEVICE"] = "cpu"
    """Device to train on, cpu or cuda."""
    epochs: int | None = None
    """Epochs of each training (default: the task's)."""
    fidelity: Annotated[str | None, "EPOCHS"] = None
    """Train many architectures for so few epochs first, and only the best of them in full, half of
    the budget each; of a table COLUMN=SHARE, such as c10_val_e12=0.06 (default: all in full)."""
    seeds: int = 1
    """Trainings of each architecture with different seeds; metrics are their means, beside
    NAME_std."""
    metric: Annotated[tuple[str, ...], "METRIC"] = ()
    """Metric to optimise, e.g. c10_val, or pixel3:minimize where the name does not tell what is
    better; a Pareto front if several (default: the first that the evaluator measures)."""
    constraint: Annotated[tuple[str, ...], "BOUND"] = ()
    """Bounds on metrics, e.g. 'macs<=1e8' ('macs<1e8' is strict)."""
    strategy: Annotated[str, "NAME"] = "guided"
    """Search strategy."""
    ranker: Annotated[str, "NAME"] = "default"
    """Ranker that guides the search (default: default, the Gaussian process, or AceNAS's for
    strategy acenas and RankNAS's for ranknas)."""
    weak: Annotated[tuple[str, ...], "LABELS"] = ()
    """Cheap scores that the ranker learns first: FILE:COLUMN, macs or params."""
    supernet: Annotated[Path | None, "DIR"] = None
    """Supernet whose scores strategy acenas learns first, and in which ranknas searches, as
    archrank supernet train writes it (default: one that the search trains, unless, for acenas,
    --weak or the table has scores)."""
    plan: int | None = None
    """Evaluations that strategy acenas divides into rounds (default: the first budget)."""
    initial: int | None = None
    """Random architectures evaluated before the ranker is fitted (default: the strategy's)."""
    batch: int | None = None
    """Architectures evaluated per round (default: the strategy's)."""
    ahead: int = 0
    """Rounds that may begin before the ones before them are complete, so that workers need not wait
    for the slowest evaluation; results come so many rounds later to the strategy's knowledge."""
    prune: Annotated[str | None, "N:THRESHOLD"] = None
    """After N evaluations, fix the decisions whose importance to the ranker is below THRESHOLD
    (RankNAS: 200:1.15, 300:1.25)."""
    seed: int = 0
    """Seed of every random choice; the same seed gives the same search."""
    data: Annotated[Path | None, "DIR"] = None
    """Folder of data sets and tables (default: what ARCHRANK_DATA names)."""

    @property
    def code(self) -> tuple[str, ...]:
        """Everything that may be named ``file.py:name`` or ``module:name``, which is imported."""
        return (self.space, self.task, *self.evaluate, self.strategy, self.ranker)

    def default_run(self) -> Path:
        """Return the run folder of a search for which none is named."""
        measured = [_short(name) for name in self.evaluate]
        own = all(":" in name or name == "told" for name in self.evaluate)
        parts: list[str] = [] if self.choices else [_short(self.space)]
        if self.table:
            parts.append(Path(self.table).name.split(".")[0])
            parts += [pair.partition("=")[2].replace("/", ".") for pair in self.where]
        elif not (self.evaluate and own and self.task == SearchSettings().task):
            parts.append(_short(self.task))
        parts += [*measured, *(split_direction(text)[0].replace("/", ".") for text in self.metric)]
        how = self.strategy if self.ranker == "default" else self.ranker
        return Path("runs") / file_name("-".join([*parts, _short(how), f"seed{self.seed}"]))


def _short(typed: str) -> str:
    """Return what was typed without folders: ``mine.space`` for ``nets/mine.py:space``."""
    home, _, name = typed.rpartition(":")
    module = Path(home.replace("\\", "/")).name.removesuffix(".py")
    return f"{module}.{name}" if module and module != name else name


def to_json(settings: SearchSettings) -> dict[str, Any]:
    """Return settings as JSON values."""
    return dict(TypeAdapter(SearchSettings).dump_python(settings, mode="json"))


def given(settings: SearchSettings) -> dict[str, Any]:
    """Return the settings that differ from their defaults, as JSON values."""
    usual = to_json(SearchSettings())
    return {key: value for key, value in to_json(settings).items() if value != usual[key]}


def from_json(values: Any, where: str) -> SearchSettings:
    """Read settings from JSON values of the file ``where``.

    Raises:
        StorageError: these are not the settings of a search.
    """
    try:
        return TypeAdapter(SearchSettings).validate_python(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        got = shorten(first["input"])
        raise StorageError(f"{where}: {place}: {first['msg']}, got {got}") from None
