"""Command ``archrank tables import``, which turns official benchmark files into tables."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

from archrank.cli.options import POSITIONAL
from archrank.cli.output import print_json, progress_console, say, show_rows
from archrank.cli.workers import INTERRUPTED, running


@dataclass
class TablesImport:
    """Turn an official benchmark file into one Parquet table for search and assess.

    Kinds: nats-bench (folder NATS-tss-v1_0-3ffb9-simple), nasbench201 (NAS-Bench-201-v1_1-*.pth),
    nasbench101 (nasbench_only108.tfrecord, nasbench_full.tfrecord), nds (DARTS.json, ...),
    hw-gpt-bench (gpt_s/stats.pkl, or CSV), hw-nas-bench (HW-NAS-Bench-v1_0.pickle), zero-cost
    (CSV). Reading executes nothing in the file. Its contents are compared with published facts.
    """

    kind: Annotated[str, "KIND", POSITIONAL]
    """Kind of file: nats-bench, nasbench201, nasbench101, nds, hw-gpt-bench, hw-nas-bench or
    zero-cost."""
    path: Annotated[Path, "PATH", POSITIONAL]
    """Path of the official file or folder."""
    out: Annotated[Path | None, "FILE"] = None
    """File of the table, *.parquet (default: named after the official file)."""
    space: Annotated[str | None, "NAME"] = None
    """Import costs of the single blocks of this space, of hw-nas-bench: fbnet_cifar (its networks
    for CIFAR-100) or fbnet_wide (ImageNet), for archrank search --block-costs."""
    partial: bool = False
    """Accept less than was published, or another number of architectures."""
    force: bool = False
    """Replace an existing table."""
    workers: int = 1
    """Number of processes that read, for kinds with one file per architecture."""
    json: bool = False
    """Print JSON."""

    def __call__(self) -> int:
        """Import; the exit status."""
        from archrank.display.count import Counting
        from archrank.tables.importers import import_table

        counting = Counting(progress_console(), "reading")
        try:
            with running(self.workers) as executor, counting:
                summary = import_table(
                    self.kind,
                    self.path,
                    self.out,
                    space=self.space,
                    partial=self.partial,
                    force=self.force,
                    progress=counting.progress,
                    executor=executor,
                )
        except KeyboardInterrupt:
            say("stopped; nothing was written")
            return INTERRUPTED
        if self.json:
            print_json({**asdict(summary), "out": str(summary.out)})
            return 0
        for remark in summary.remarks:
            say(f"note: {remark}")
        show_rows(
            [
                ("table", str(summary.out)),
                ("space", summary.space),
                (summary.what, str(summary.rows)),
                ("size", f"{summary.bytes / 1e6:.2f} MB"),
                ("metrics", " ".join(summary.columns)),
            ]
        )
        return 0
