"""Command ``archrank tables latency``: latencies of a space's architectures as a table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from archrank.cli.names import names_of
from archrank.cli.output import progress_console, say
from archrank.cli.workers import INTERRUPTED
from archrank.files import file_name
from archrank.formatting import significant
from archrank.isolation import WAITING

if TYPE_CHECKING:
    from archrank.benchmark.latencies import Growth
    from archrank.evaluators.latency import Latency
    from archrank.hardware.protocol import LatencyProtocol
    from archrank.spaces.base import Space
    from archrank.types import Archs

SHOWN = 5  # architectures that are named in a line


@dataclass
class TablesLatency:
    """Measure the latency of architectures of a space, and keep it as a table.

    By the protocol of HAT and RankNAS: of translation Transformers, the encoder once and the
    decoder step by step; of all others, one pass. While a network is timed, no training of
    archrank runs on the machine. Repeat the same command to continue one that was stopped, by
    Ctrl-C or kill -9; give a larger -n to extend the table.
    """

    space: Annotated[str, "NAME"]
    """Search space: a name, or your own as file.py:name or package.module:name."""
    task: Annotated[str, "NAME"]
    """Task that networks are built for."""
    n: int = 200
    """Number of architectures: the smallest, the largest, and random ones."""
    archs: Annotated[Path | None, "FILE"] = None
    """Table whose architectures are measured instead: CSV or Parquet, with a column arch."""
    seed: int = 0
    """Seed of the random architectures."""
    device: Annotated[str, "DEVICE"] = "cpu"
    """Device to measure on, cpu or cuda."""
    threads: int = 1
    """Number of CPU threads."""
    dtype: Literal["float32", "float16", "bfloat16"] = "float32"
    """Type of weights and inputs."""
    batch_size: int = 1
    """Number of inputs per run."""
    length: int | None = None
    """Tokens of a sentence, and steps of a decoder (default: 23 on iwslt14, 30 on wmt14, else the
    task's own)."""
    beam: int = 5
    """Number of translations that a decoder carries on."""
    generate: bool = False
    """Let language models write a sentence token by token instead of reading it at once."""
    repeats: int = 20
    """Number of timed runs, after 5 that are not; the fastest and slowest tenth do not count."""
    tries: int = 3
    """Number of measurements of an architecture whose runs differ by 1.5 % of their mean or more,
    at most."""
    data: Annotated[Path | None, "DIR"] = None
    """Folder of data sets (default: what ARCHRANK_DATA names)."""
    out: Annotated[Path | None, "FILE"] = None
    """File of the table, *.parquet (default: latency-SPACE-TASK-DEVICE.parquet)."""

    @staticmethod
    def names_in_help() -> list[str]:
        """Return the names that options take, for the help page."""
        return names_of("spaces", "tasks")

    def __call__(self) -> int:
        """Measure what is missing, tell what there is; the exit status."""
        from archrank.benchmark.latencies import grow_latencies
        from archrank.display.count import Counting
        from archrank.evaluators.latency import Latency
        from archrank.runs.named import make_space, make_task

        space = make_space(self.space)
        task = make_task(self.task, self.data)
        waits = iter([WAITING])

        def waiting() -> None:
            for line in waits:  # once
                say(line)

        evaluator = Latency(task, self._protocol(), self.device, waiting=waiting).bind(space)
        archs, path = self._archs(space, evaluator), self._path()
        try:
            with Counting(progress_console(), "measuring latencies") as count:
                found = grow_latencies(path, evaluator, archs, watch=count.progress)
        except KeyboardInterrupt:
            say(f"stopped; what is measured is kept in {path}, repeat the command to go on")
            return INTERRUPTED
        for line in told(found, evaluator):
            say(line)
        say(f"table  {path}")
        return 0

    def _protocol(self) -> LatencyProtocol:
        from archrank.hardware.protocol import LatencyProtocol

        names = ("repeats", "tries", "threads", "dtype", "batch_size", "length", "beam", "generate")
        return LatencyProtocol(**{name: getattr(self, name) for name in names})

    def _archs(self, space: Space, evaluator: Latency) -> Archs:
        from archrank.benchmark.latencies import archs_to_measure
        from archrank.tables import load_table

        if self.archs is not None:
            return load_table(self.archs, space).archs
        return archs_to_measure(evaluator.networks, self.n, seed=self.seed)

    def _path(self) -> Path:
        if self.out is not None:
            return self.out
        parts = [name.rpartition(":")[2] for name in (self.space, self.task)]
        return Path(f"{file_name('-'.join(['latency', *parts, self.device]))}.parquet")


def told(found: Growth, evaluator: Latency) -> list[str]:
    """Return lines about a table of latencies."""
    ms = found.table.column("latency_ms")
    lines = [
        f"{found.measured:,} measured now, {len(ms):,} in all: {significant(float(ms.min()))} to "
        f"{significant(float(ms.max()))} ms"
    ]
    if found.noisy:
        named = ", ".join(found.noisy[:SHOWN]) + (", ..." if len(found.noisy) > SHOWN else "")
        lines.append(
            f"{len(found.noisy):,} are noisy, their runs differ by {evaluator.protocol.spread:.1%} "
            f"of the mean or more (latency_spread): {named}. Leave the machine to itself"
        )
    lines += [f"not measured: {arch}: {why}" for arch, why in [*found.failed.items()][:SHOWN]]
    if len(found.failed) > SHOWN:
        lines.append(f"not measured: {len(found.failed) - SHOWN:,} more")
    return lines
