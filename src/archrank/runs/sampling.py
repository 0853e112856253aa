"""Samplers of a supernet by name, with the ranker that guides some of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archrank.data import find_data
from archrank.errors import SettingsError
from archrank.rankers import RANKERS
from archrank.runs.named import instance_of, parameters
from archrank.supernets.samplers import SAMPLERS, Sampler
from archrank.tables import load_table

if TYPE_CHECKING:
    from archrank.rankers.base import Ranker
    from archrank.spaces.base import Space

PUBLISHED = "attentivenas"  # the forest of AttentiveNAS
SHARE = 12  # of a training is over when a ranker learns first: 30 of 360 epochs, as published


@dataclass(frozen=True)
class Guide:
    """Settings of the ranker that guides a sampler, as typed.

    Attributes:
        ranker: its name; empty: the forest of AttentiveNAS.
        labels: ``FILE:COLUMN`` of a table, which it is fitted to before the training.
        learns: numbers of epochs after which it learns from the supernet.
        data: folder of files that are not here.
    """

    ranker: str = ""
    labels: str = ""
    learns: tuple[int, ...] = ()
    data: Path | None = None

    def options(self) -> list[str]:
        """Return what was typed."""
        after = [f"--learn-after {' '.join(map(str, self.learns))}"] if self.learns else []
        named = {"--ranker": self.ranker, "--labels": self.labels}
        return [f"{option} {value}" for option, value in named.items() if value] + after


def make_sampler(
    name: str | None,
    default: Sampler,
    space: Space,
    *,
    m: int | None = None,
    guide: Guide | None = None,
    epochs: int,
) -> Sampler:
    """Return the sampler called ``name``, or a recipe's with other settings.

    Args:
        name: of the sampler; ``None``: the recipe's.
        default: the recipe's, whose number of architectures another one takes over.
        space: of the architectures.
        m: architectures per update.
        guide: settings of a ranker.
        epochs: of the training.

    Raises:
        SettingsError: a setting that the sampler does not take; it would be ignored.
        UnknownNameError: no such sampler or ranker.
    """
    guide = guide if guide is not None else Guide()
    if name is None and m is None and not guide.options():
        return default
    kind: Any = type(default) if name is None else SAMPLERS.get(name)
    called = name or type(default).__name__
    takes = parameters(kind, Sampler)
    if m is not None and "m" not in takes:
        raise SettingsError(f"--per-update {m}: sampler {called} takes no number")
    offered: dict[str, Any] = {"m": m if m is not None else getattr(default, "m", None)}
    if "ranker" in takes:
        ranker = _ranker(guide, space)
        learns = guide.learns or (() if guide.labels else (max(1, epochs // SHARE),))
        offered |= {"ranker": ranker, "learns": learns}
    elif guide.options():
        raise SettingsError(
            f"sampler {called} is guided by no ranker: remove {' '.join(guide.options())}, or use "
            "--sampling bestup-50-ranker"
        )
    offered = {k: v for k, v in offered.items() if v is not None and k in takes}
    if name is None:
        return replace(default, **offered)  # type: ignore[type-var]
    found: Sampler = instance_of(SAMPLERS, name, Sampler, **offered)
    return found


def _ranker(guide: Guide, space: Space) -> Ranker:
    """Return the ranker, fitted to the labels if some were typed.

    Raises:
        SettingsError: the labels are not of the form FILE:COLUMN.
        UnknownNameError: no such ranker or column.
        TableError: the file cannot be read.
    """
    from archrank.rankers.base import Ranker

    ranker: Ranker = instance_of(RANKERS, guide.ranker or PUBLISHED, Ranker, space=space)
    if not guide.labels:
        return ranker
    file, _, column = guide.labels.rpartition(":")
    if not file or not column:
        raise SettingsError(
            f"--labels {guide.labels}: write FILE:COLUMN, such as "
            "supernets/early/oneshot.parquet:oneshot_accuracy"
        )
    table = load_table(find_data(file, guide.data), space)
    scores = table.objective(column)
    lower = table.directions.get(column) == "minimize"
    return ranker.fit(table.archs, -scores if lower else scores)
