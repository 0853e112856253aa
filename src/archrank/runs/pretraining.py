"""The pretrained ranker of AceNAS's search: supernet, weak labels, weights; kept in its run folder.

Three steps, each finished before the next begins. A supernet is trained in ``supernet/``, from its
last checkpoint if there is one. Scores of its architectures, or the columns that a user names, are
written to ``weak.parquet``. The ranker learns them, and its weights are written to
``ranker.safetensors``. A command that is repeated takes up the first step that is not finished.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from archrank.errors import SettingsError, StorageError
from archrank.runs.settings import SearchSettings
from archrank.runs.trained_supernet import TrainedSupernet, Watch
from archrank.runs.weak import COSTS
from archrank.runs.weak_table import WeakTable, read_weak_table, write_weak_table

if TYPE_CHECKING:
    from archrank.rankers.base import Ranker
    from archrank.spaces.base import Space
    from archrank.strategies.acenas import AceNASSearch

RANKER = "ranker.safetensors"
EXAMPLES = 512  # that score an architecture; the batch of which the paper takes statistics
COLUMN = "oneshot_accuracy"  # of a benchmark table


class Pretraining:
    """Pretrains the ranker of a search.

    Args:
        strategy: of the search; its ranker is replaced by the pretrained one.
        settings: of the search.
        space: of the search.
        folder: of the run.
    """

    def __init__(
        self, strategy: AceNASSearch, settings: SearchSettings, space: Space, folder: Path
    ) -> None:
        self.strategy, self.settings, self.space = strategy, settings, space
        self.folder = folder
        self.supernet = TrainedSupernet(settings, space, folder, strategy.supernet_recipe)
        self.ranker = strategy.ranker if strategy.ranker is not None else _default(space)
        if settings.ranker == "default":  # the user's own keeps its seed
            self.ranker.set_params(seed=settings.seed)

    def check(self) -> None:
        """Refuse what cannot be used, before anything is trained or written.

        Raises:
            SettingsError: weak labels both of files and of a supernet; a table without one-shot
                scores; a ranker that cannot be pretrained.
            SpaceError: the space has no supernet, or not the graphs that the ranker needs.
            ResumeError: the supernet is of another space or task.
            TableError: the weak labels cannot be read.
        """
        from archrank.rankers.kit.neural import NeuralRanker

        if not self.ranker.can_pretrain:
            raise SettingsError(
                f"strategy {self.settings.strategy!r} pretrains its ranker, which "
                f"{type(self.ranker).__name__} cannot be: leave out --ranker "
                f"{self.settings.ranker}, or use --strategy guided"
            )
        if isinstance(self.ranker, NeuralRanker):
            self.ranker._network()  # raises what training would, but at once
        if read_weak_table(self.folder, self.space) is not None:
            return
        if self.settings.weak and self.settings.supernet is not None:
            raise SettingsError(
                f"weak labels come from files or from a supernet: leave out --weak "
                f"{' '.join(self.settings.weak)}, or --supernet {self.settings.supernet}"
            )
        if self._specs():
            self._from_tables()
        else:
            self.supernet.check()

    def run(self, watch: Watch) -> None:
        """Do the steps that are not finished; the strategy has the pretrained ranker then.

        Raises:
            StorageError: a file cannot be read or written, or is not what was written there.
            EvaluationError: the supernet's training diverged.
        """
        from archrank.torch_state import torch_threads

        with torch_threads(1):  # the same numbers on any machine
            weak = read_weak_table(self.folder, self.space)
            if weak is None:
                labels = self._from_tables() if self._specs() else self._from_supernet(watch)
                weak = write_weak_table(self.folder, self.space, labels)
            self.strategy.ranker = self._pretrained(weak, watch)

    def load(self) -> None:
        """Give the strategy the pretrained ranker if it is finished; train nothing."""
        weak = read_weak_table(self.folder, self.space)
        if weak is not None and (found := self._stored(weak)) is not None:
            self.strategy.ranker = found

    # ---- weak labels -----------------------------------------------------------------------------

    def _specs(self) -> tuple[str, ...]:
        """Return the columns that hold weak labels; none means those of a supernet."""
        settings = self.settings
        if settings.weak or settings.table is None or settings.supernet is not None:
            return settings.weak
        return (COLUMN, *COSTS)

    def _from_tables(self) -> WeakTable:
        """Read the weak labels that are columns.

        Raises:
            SettingsError: the benchmark table has no one-shot scores.
        """
        from archrank.data import find_data
        from archrank.runs.weak import weak_label
        from archrank.tables import load_table

        settings, specs = self.settings, self._specs()
        file = next((s.rpartition(":")[0] for s in specs if ":" in s), settings.table)
        if file is None:
            archs, costs = self._drawn(), {}
            unknown = [spec for spec in specs if spec not in COSTS]
            if unknown:
                raise SettingsError(f"weak label {unknown[0]!r}: write FILE:COLUMN, macs or params")
            costs = self.space.networks(self.supernet.task).cost(archs)
            return WeakTable(archs, {name: costs[name] for name in specs})
        table = load_table(find_data(file, settings.data), self.space)
        if not settings.weak and COLUMN not in table.metrics:
            raise SettingsError(
                f"table {settings.table} has no column {COLUMN} for AceNAS to learn first: add "
                "--weak FILE:COLUMN (of a table with one-shot scores), --weak macs params, or "
                "--supernet FOLDER"
            )
        return WeakTable(
            table.archs, {spec: weak_label(spec, table, settings.data) for spec in specs}
        )

    def _from_supernet(self, watch: Watch) -> WeakTable:
        """Score architectures with a supernet, which is trained if none is given."""
        from archrank.supernets.checkpoints import load_supernet
        from archrank.supernets.scoring import one_shot_scores

        task = self.supernet.task
        networks = self.space.networks(task)
        supernet = load_supernet(self.supernet.checkpoint(watch), networks)
        archs = self._drawn()
        doing = "scoring architectures"
        scores = one_shot_scores(
            supernet,
            task,
            archs,
            examples=EXAMPLES,
            progress=lambda done: watch(doing, done, len(archs)),
        )
        metric = task.metrics[0]
        first = scores[metric.name]
        labels = {f"oneshot_{metric.name}": -first if metric.direction == "minimize" else first}
        labels |= networks.cost(archs)
        if self.strategy.band is not None:
            labels["latency_ms"] = self.strategy.band.model(archs)
        return WeakTable(archs, labels)

    def _drawn(self) -> Any:
        import numpy as np

        rng = np.random.default_rng([self.settings.seed, 1])
        return self.strategy.weak_archs(self.space, rng=rng)

    # ---- ranker ----------------------------------------------------------------------------------

    def _pretrained(self, weak: WeakTable, watch: Watch) -> Ranker:
        """Return the pretrained ranker, from its file if that is of these labels."""
        from archrank.rankers.kit.neural import Pretrained
        from archrank.supernets.checkpoints import write_checkpoint

        known = self._stored(weak)
        if known is not None:
            return known
        watch("pretraining the ranker", 0, 1)
        ranker = self.ranker.pretrain(weak.archs, weak.labels)
        learnt = getattr(ranker, "pretrained_", None)
        if isinstance(learnt, Pretrained):
            about = {"of": self._identity(weak), "r2": learnt.r2}
            write_checkpoint(self.folder / RANKER, learnt.weights, about)
        return ranker

    def _stored(self, weak: WeakTable) -> Ranker | None:
        """Return the ranker that was stored after it learnt ``weak``, if any."""
        from archrank.rankers.kit.neural import Pretrained
        from archrank.supernets.checkpoints import read_checkpoint

        try:
            weights, about = read_checkpoint(self.folder / RANKER)
        except StorageError:
            return None  # not written yet, or damaged: it is made again
        if about.get("of") != self._identity(weak):
            return None
        self.ranker.pretrained_ = Pretrained(weights, about["r2"])
        return self.ranker

    def _identity(self, weak: WeakTable) -> dict[str, Any]:
        from archrank.strategies.guided import describe_ranker

        parameters = {
            name: value
            for name, value in describe_ranker(self.ranker, ("space",)).items()
            if name != "pretrained_on"
        }
        return {"weak": weak.digest, "ranker": parameters}


def _default(space: Space) -> Ranker:
    from archrank.strategies.acenas import acenas_ranker

    return acenas_ranker(space)
