"""Settings of a search as plain text and numbers, as the command line takes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from archrank.errors import StorageError
from archrank.files import file_name


@dataclass(frozen=True)
class SearchSettings:
    """All settings that change what a search does, as names and numbers."""

    space: str = "nasbench201"
    """Search space: a name, or your own as file.py:name or package.module:name."""
    task: str = "digits"
    """Task to train networks on: digits, glyphs, cifar10, ..., or file.py:name, module:name."""
    table: str | None = None
    """Look results up instead of training: digits201, glyphs201, ..., or a CSV or Parquet file."""
    evaluate: tuple[str, ...] = ()
    """Evaluator: training, latency, cost, ..., or file.py:name; repeat it to combine several."""
    metric: tuple[str, ...] = ()
    """Metric to optimise, e.g. c10_val or latency_ms:minimize; repeat it for a Pareto front."""
    constraint: tuple[str, ...] = ()
    """Bound on a metric, e.g. 'macs<=1e8' ('macs<1e8' is strict); repeat it for more bounds."""
    strategy: str = "guided"
    """Search strategy: guided, evolution, random, or file.py:name, module:name."""
    ranker: str = "default"
    """Ranker that guides the search: default, gaussian_process, gates, ..., or file.py:name."""
    weak: tuple[str, ...] = ()
    """Weak label for the ranker: FILE:COLUMN, macs or params; repeat it for more labels."""
    initial: int | None = None
    """Random architectures evaluated before the ranker is first fitted (guided search)."""
    batch: int | None = None
    """Architectures evaluated per round."""
    seed: int = 0
    """Seed of every random choice; the same seed gives the same search."""
    data: Path | None = None
    """Folder of data sets and tables; the environment variable ARCHRANK_DATA if left out."""

    def default_run(self) -> Path:
        """Return the run folder of a search for which none is named."""
        what = Path(self.table).name.split(".")[0] if self.table else self.task
        how = self.strategy if self.ranker == "default" else self.ranker
        metrics = [text.split(":")[0].replace("/", ".") for text in self.metric]
        parts = [self.space, what, *self.evaluate, *metrics, how, f"seed{self.seed}"]
        return Path("runs") / file_name("-".join(p.rpartition(":")[2] for p in parts))


def to_json(settings: SearchSettings) -> dict[str, Any]:
    """Return settings as JSON values."""
    return dict(TypeAdapter(SearchSettings).dump_python(settings, mode="json"))


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
        raise StorageError(f"{where}: {place}: {first['msg']}, got {first['input']!r}") from None
