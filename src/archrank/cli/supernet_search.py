"""Commands ``archrank supernet search``, ``front`` and ``export``: from a supernet to networks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from archrank.cli.exported import show_export
from archrank.cli.names import names_of
from archrank.cli.options import POSITIONAL
from archrank.cli.output import print_json, progress_console, say, show_rows
from archrank.cli.supernet_folder import SETTINGS, names_in, parts_of
from archrank.cli.workers import INTERRUPTED
from archrank.errors import SettingsError, StorageError
from archrank.runs.supernet_search.settings import SubnetSettings

if TYPE_CHECKING:
    from archrank.runs.supernet_search.results import Finalist, SubnetSearch
    from archrank.tasks.base import Task

SEARCH = "search"  # folder of a search, in that of its supernet


@dataclass
class SupernetSearch:
    """Search a supernet for the best architectures within limits, and for the front of all sizes.

    A ranker learns from architectures that the supernet scores; the evolution of AttentiveNAS looks
    for the front under its scores, or that of RankNAS for the best within each limit; the supernet
    measures the finalists, with batch norms calibrated for each. Repeat the same command to
    continue a search that was stopped.
    """

    run: Annotated[Path, "DIR", POSITIONAL]
    """Folder of checkpoints; or one checkpoint in it."""
    settings: SubnetSettings = field(default_factory=SubnetSettings)
    beside: Annotated[tuple[Path, ...], "DIR"] = ()
    """Folders of other supernets that were searched, or of searches, whose fronts are drawn beside
    in the report."""
    device: Annotated[str, "DEVICE"] = "cpu"
    """Device on which the supernet scores, cpu or cuda; latencies are measured on the CPU."""
    data: Annotated[Path | None, "DIR"] = None
    """Folder of data sets (default: what ARCHRANK_DATA names)."""
    own_code: bool = False
    """Run code that the folder's settings name wherever it lies."""
    out: Annotated[Path | None, "DIR"] = None
    """Folder in which everything is kept (default: search in the supernet's folder)."""
    json: bool = False
    """Print JSON."""

    @staticmethod
    def names_in_help() -> list[str]:
        """Return the names that options take, for the help page."""
        return names_of("rankers")

    def __call__(self) -> int:
        """Search, write the report, show the winners; the exit status."""
        from archrank.display.steps import Steps
        from archrank.report.supernet_search import write_search_report
        from archrank.runs.supernet_search.results import read_sampled
        from archrank.runs.supernet_search.search import search_supernet
        from archrank.supernets.checkpoints import last_checkpoint
        from archrank.torch_state import torch_threads

        checkpoint = last_checkpoint(self.run)
        space, task = parts_of(checkpoint.parent, self.data, own_code=self.own_code)
        folder = self.out if self.out is not None else checkpoint.parent / SEARCH
        networks = space.networks(task)
        beside = {str(path): self._beside(path, task) for path in self.beside}
        try:
            with torch_threads(1), Steps(progress_console(), lambda: None) as steps:
                found = search_supernet(
                    checkpoint, networks, self.settings, folder, device=self.device, watch=steps
                )
        except KeyboardInterrupt:
            say(f"stopped; what is measured is kept in {folder}, repeat the command to go on")
            return INTERRUPTED
        report = write_search_report(
            found,
            folder / "report.html",
            sampled=read_sampled(folder, space),
            beside=beside,
        )
        if self.json:
            print_json({**described(found), "report": str(report)})
            return 0
        say(told(found))
        if found.latency:
            say(told_latency(found.latency))
        for note in found.notes:
            say(note)
        show_rows(winner_rows(found))
        say(f"report  {report}")
        which = "" if self.out is None else " ARCHITECTURE"  # export looks in the usual folder
        say(f"export the best with: archrank supernet export {self.run}{which}")
        return 0

    def _beside(self, folder: Path, task: Task) -> SubnetSearch:
        """Read another search, whose front can be drawn beside.

        Raises:
            SettingsError: it is of another task, or does not know the cost of the limits.
            StorageError: there is none.
        """
        from archrank.runs.supernet_search.settings import Limits

        found, cost = search_in(folder), Limits.parse(self.settings.limit).cost
        metric = f"valid_{self.settings.metric_of(task).name}"
        if (found.task, found.metric) != (task.name, metric) or cost not in found.metrics:
            raise SettingsError(
                f"--beside {folder}: that search is of {found.metric} on {found.task} and of "
                f"{found.cost}, this one of {metric} on {task.name} and of {cost}; they have no "
                "axes in common"
            )
        return found


@dataclass
class SupernetFront:
    """Show the front of a search in a supernet: finalists that none dominates, by rising cost."""

    run: Annotated[Path, "DIR", POSITIONAL]
    """Folder of the supernet, or of the search."""
    json: bool = False
    """Print JSON."""

    def __call__(self) -> int:
        """Print it; the exit status."""
        found = search_in(self.run)
        if self.json:
            print_json([finalist_json(each) for each in found.front])
        else:
            show_rows([_head(found), *(_cells(found, each) for each in found.front)])
        return 0


@dataclass
class SupernetExport:
    """Save an architecture of a supernet as a network of its own, with calibrated batch norms.

    Writes weights.safetensors and architecture.json, of which ar.load(FOLDER) makes a network in
    Python; load_model.py, which does so without archrank; MODEL_CARD.md; and by default
    network.pt2, which torch.export.load(FILE).module() runs without its code.
    """

    run: Annotated[Path, "DIR", POSITIONAL]
    """Folder of the supernet; or one checkpoint in it."""
    arch: Annotated[str, "[ARCH]", POSITIONAL] = ""
    """String of the architecture (default: the best of the search, within its largest limit)."""
    format: tuple[Literal["safetensors", "torch", "program", "onnx"], ...] = ()
    """Files of the network: safetensors, which is always written, torch (weights.pt, the state
    dict), program (network.pt2) and onnx (network.onnx); the latter two need no code, take batches
    of any size, and are run and compared (default: program)."""
    calibration: int = 64
    """Number of batches of 256 training examples that batch norms are calibrated with."""
    data: Annotated[Path | None, "DIR"] = None
    """Folder of data sets (default: what ARCHRANK_DATA names)."""
    own_code: bool = False
    """Run code that the folder's settings name wherever it lies."""
    bleu: bool = False
    """Translate the test sentences by beam search and add their BLEU (tasks of translation)."""
    out: Annotated[Path | None, "DIR"] = None
    """Folder to write to (default: export in the supernet's folder)."""
    json: bool = False
    """Print the description of the network as JSON."""

    def __call__(self) -> int:
        """Save it; the exit status."""
        from archrank.export.description import Names
        from archrank.export.supernet import export_subnetwork
        from archrank.supernets.checkpoints import last_checkpoint, load_supernet
        from archrank.torch_state import torch_threads

        checkpoint = last_checkpoint(self.run)
        folder = checkpoint.parent
        space, task = parts_of(folder, self.data, own_code=self.own_code)
        string = self.arch or search_in(folder).best().architecture
        arch = space.parse([string])[0]
        target = self.out if self.out is not None else folder / "export"
        formats = self.format or ("program",)
        with torch_threads(1):
            description = export_subnetwork(
                load_supernet(checkpoint, space.networks(task)),
                task,
                arch,
                target,
                formats=formats,
                calibration=self.calibration,
                names=Names(*names_in(folder)),
                bleu=self.bleu,
                remedy="name another folder with --out",
            )
        if not self.json:
            say(description["architecture"])
        show_export(description, target, formats, json=self.json)
        return 0


def search_in(folder: Path) -> SubnetSearch:
    """Return the results of a search, in the folder of the search or of its supernet.

    Raises:
        StorageError: there is no finished one.
    """
    from archrank.runs.supernet_search.results import RESULTS, read_search

    inside = folder / SEARCH
    if (folder / RESULTS).exists() or not (folder / SETTINGS).exists():
        return read_search(folder)
    if not (inside / RESULTS).exists():
        raise StorageError(
            f"no search in {folder} is finished: archrank supernet search {folder} makes one; if "
            "it is elsewhere, name that folder, or an architecture to export"
        )
    return read_search(inside)


def told(found: SubnetSearch) -> str:
    """Return a line about what a search has done."""
    line = f"{found.evaluations:,} architectures scored, {len(found.finalists)} finalists measured"
    if found.others:
        line += f"; all keep {' and '.join(bound.text for bound in found.others)}"
    if not found.ranker:
        return line
    tau, macs = (found.ranker[name] for name in ("tau", "tau_macs"))
    return (
        f"{line}; the ranker orders {found.ranker['judged_on']:.0f} others with tau {tau:.2f}, "
        f"MACs with {macs:.2f}"
    )


def told_latency(judged: Mapping[str, float]) -> str:
    """Return a line about how well latencies are predicted, beside plain models."""

    def one(name: str, end: str = "") -> str:
        return f"{name}tau {judged[f'tau{end}']:.2f}, off by {judged[f'error_ms{end}']:.2g} ms"

    beside = [
        one(f"{name.replace('_', ' ')} ", f"_{name}")
        for name in ("linear", "decoder_layers")
        if f"tau_{name}" in judged
    ]
    return (
        f"latency predicted from {judged['labels']:.0f} measured, of those held out: "
        f"{'; '.join([one(''), *beside])}; limits are kept with a margin of {judged['margin']:.1%}"
    )


def described(found: SubnetSearch) -> dict[str, Any]:
    """Return the results of a search as JSON values, with its winners and its front."""
    winners = {
        limit: None if each is None else finalist_json(each)
        for limit, each in found.winners.items()
    }
    front = [finalist_json(each) for each in found.front]
    return {**found.to_json(), "winners": winners, "front": front}


def finalist_json(finalist: Finalist) -> dict[str, Any]:
    """Return a finalist as JSON values."""
    metrics = {
        name: None if value is None or not math.isfinite(value) else value
        for name, value in finalist.metrics.items()
    }
    return {"arch": finalist.architecture, "score": finalist.score, "metrics": metrics}


def winner_rows(found: SubnetSearch) -> list[tuple[str, ...]]:
    """Return a table: the best architecture within each limit."""
    nothing = ("none found",) + ("",) * (len(_head(found)) - 1)
    rows = [
        (limit or "best", *(nothing if each is None else _cells(found, each)))
        for limit, each in found.winners.items()
    ]
    return [("limit", *_head(found)), *rows]


def _head(found: SubnetSearch) -> tuple[str, ...]:
    return (*found.metrics, "architecture")


def _cells(found: SubnetSearch, finalist: Finalist) -> tuple[str, ...]:
    return (*(found.text(finalist, name) for name in found.metrics), finalist.architecture)
