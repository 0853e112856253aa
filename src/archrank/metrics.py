"""Metrics: names of measured quantities, each with its direction and unit.

A direction that nobody states is read from the name, by the words below and nothing else. Where
these do not tell, the direction is unknown, and the metric cannot be an objective before somebody
states it: ``name:minimize`` or ``name:maximize``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from archrank.checks import instance, quoted
from archrank.errors import ArgumentError, ObjectiveError, UnknownNameError

Direction: TypeAlias = Literal["maximize", "minimize"]

DIRECTIONS: dict[str, Direction] = {
    **dict.fromkeys(("minimize", "minimise", "min"), "minimize"),
    **dict.fromkeys(("maximize", "maximise", "max"), "maximize"),
}
"""Spellings of a direction, as typed after a metric's name and a colon."""

NEGATIONS = frozenset(("loss", "error", "err"))
"""Words that make a lower value better whatever else the name says: ``top1_err``."""

MINIMIZED = NEGATIONS | frozenset(
    (
        *("perplexity", "ppl", "rmse", "mse", "mae"),
        *("latency", "lat", "ms", "us", "seconds", "time", "energy", "mj", "kwh", "power"),
        *("params", "macs", "flops", "memory", "kb", "mb", "bytes", "cost", "price"),
    )
)
"""Words in a name that mean lower is better."""

MAXIMIZED = frozenset(
    (
        *("accuracy", "acc", "acc1", "acc5", "top1", "top5", "precision", "recall", "f1"),
        *("auc", "auroc", "map", "iou", "miou", "dice", "bleu", "rouge", "r2", "tau"),
        *("ssim", "psnr", "score", "quality", "reward", "throughput", "fps"),
    )
)
"""Words in a name that mean higher is better."""

HELD_OUT = frozenset(("val", "valid", "validation", "test"))
"""Words that mean an accuracy on held-out data, as in published tables (``c10_val``), where the
name has no other word for what is measured."""

PUBLISHED: tuple[tuple[str, Direction], ...] = (
    (r"train_e\d+(_r\d+)?", "maximize"),  # accuracies of NAS-Bench-101 on training data
    (r"class_scene|jigsaw|autoencoder", "maximize"),  # TransNAS-Bench-101: top 1, top 1, SSIM
    (r"gdas_e\d+", "maximize"),  # accuracies of a supernet of NAS-Bench-201's cells
    (r"gpu(lat|energy)_\w+", "minimize"),  # HW-GPT-Bench: milliseconds, kilowatt-hours
    (
        r"(naswot|nwot|zen|synflow|snip|grasp|fisher|grad_norm|l2_norm|plain|jacob_cov|jacov"
        r"|epe_nas)(_(v1|c10|c100|class_scene|jigsaw|autoencoder))?",
        "maximize",  # zero-cost proxies
    ),
)
"""Columns of published tables whose names have no such word: whole names, and their directions."""


def infer_direction(name: str) -> Direction | None:
    """Return the direction that a metric's name tells, without its scope; ``None`` if none.

    Example:
        >>> infer_direction("val_loss"), infer_direction("cpu/latency_ms"), infer_direction("top1")
        ('minimize', 'minimize', 'maximize')
        >>> infer_direction("pixel3") is None
        True
    """
    own = name.rpartition("/")[2].lower()
    words = set(re.split(r"[^a-z0-9]+", own))
    if words & NEGATIONS:
        return "minimize"
    lower, higher = bool(words & MINIMIZED), bool(words & MAXIMIZED)
    if lower != higher:
        return "minimize" if lower else "maximize"
    if lower:  # and higher: words that contradict each other
        return None
    published = next((way for pattern, way in PUBLISHED if re.fullmatch(pattern, own)), None)
    return "maximize" if published is None and words & HELD_OUT else published


def split_direction(text: str, names: Collection[str] = ()) -> tuple[str, Direction | None]:
    """Return the name and the direction of ``name:direction``, or of a name alone.

    Args:
        text: as typed. Names may have colons: what follows the last one is a direction only if it
            is one of :data:`DIRECTIONS` and ``text`` as a whole is none of ``names``.
        names: known metrics.

    Raises:
        ObjectiveError: a known name is followed by something else than a direction.

    Example:
        >>> split_direction("pixel3:min"), split_direction("acc:top1")
        (('pixel3', 'minimize'), ('acc:top1', None))
    """
    name, _, word = text.rpartition(":")
    if text in names or not name:
        return text, None
    if word not in DIRECTIONS:
        if name in names:
            raise ObjectiveError(
                f"objective {text!r}: the direction is maximize or minimize, not {word!r}"
            )
        return text, None
    return name, DIRECTIONS[word]


@dataclass(frozen=True)
class Metric:
    """A measured quantity: its name, its direction and its unit.

    A name may begin with a scope, which tells it from the same quantity measured elsewhere:
    ``digits/valid_accuracy`` and ``glyphs/valid_accuracy``, ``cpu/latency_ms`` and
    ``cuda/latency_ms``.

    Args:
        name: of the quantity.
        direction: which values are better; ``None`` takes what :func:`infer_direction` reads from
            the name, and stays ``None`` if that is nothing.
        unit: ``"fraction"``, ``"percent"``, ``"ms"``, ``"s"``; empty for counts.
    """

    name: str
    direction: Direction | None = None
    unit: str = ""

    def __post_init__(self) -> None:
        instance(self.name, str, "Metric: name")
        stated = isinstance(self.direction, str) and self.direction in ("minimize", "maximize")
        if not stated and self.direction is not None:
            raise ObjectiveError(
                f"metric {self.name!r}: the direction is minimize or maximize, not "
                f"{quoted(self.direction)}"
            )
        if self.direction is None:
            object.__setattr__(self, "direction", infer_direction(self.name))

    @classmethod
    def parse(cls, text: str) -> Metric:
        """Read ``name``, or ``name:maximize`` or ``name:minimize``.

        Raises:
            ObjectiveError: no such direction.
        """
        name, direction = split_direction(text)
        if direction is None and ":" in text:
            raise ObjectiveError(
                f"metric {text!r}: the direction is maximize or minimize, not "
                f"{text.rpartition(':')[2]!r}; after a name with a colon it must be stated"
            )
        return cls(name, direction)

    @property
    def known_direction(self) -> Direction:
        """The direction.

        Raises:
            ObjectiveError: nobody has stated it, and the name does not tell.
        """
        if self.direction is None:
            raise ObjectiveError(
                f"metric {self.name!r}: the name does not tell whether lower or higher values are "
                f"better; write {self.name}:minimize or {self.name}:maximize"
            )
        return self.direction

    @property
    def scope(self) -> str:
        """The part of the name before its last ``/``; empty without one."""
        return self.name.rpartition("/")[0]

    @property
    def short_name(self) -> str:
        """The name without its scope."""
        return self.name.rpartition("/")[2]

    def scoped(self, scope: str) -> Metric:
        """Return this metric named ``scope/name``."""
        return replace(self, name=f"{scope}/{self.name}")


def read_metrics(given: object, who: str) -> tuple[Metric, ...]:
    """Return metrics out of objects and of names such as ``"energy_mj:minimize"``, or of one.

    Raises:
        ArgumentError: something else.
        ObjectiveError: no such direction.
    """
    one = isinstance(given, str | Metric)
    listed: list[Any] = [given] if one or not isinstance(given, Iterable) else list(given)
    for metric in listed:
        if not isinstance(metric, str | Metric):
            raise ArgumentError(f"{who}: metrics are names or Metric objects, got {quoted(metric)}")
    return tuple(Metric.parse(m) if isinstance(m, str) else m for m in listed)


def find_metric(name: str, metrics: Sequence[Metric], hint: str = "") -> Metric:
    """Return the metric called ``name``; the scope may be left out where that is unambiguous.

    Raises:
        UnknownNameError: no such metric; ``hint`` ends the message.
        ObjectiveError: several scopes have a metric of this name.
    """
    found = [m for m in metrics if m.name == name] or [m for m in metrics if m.short_name == name]
    if not found:
        raise UnknownNameError("metric", name, [m.name for m in metrics], hint)
    if len(found) > 1:
        options = " or ".join(m.name for m in found)
        raise ObjectiveError(f"metric {name!r} is measured more than once: name {options}")
    return found[0]


def find_objective(text: str, metrics: Sequence[Metric]) -> tuple[Metric, Direction]:
    """Return the metric that ``name`` or ``name:direction`` asks for, and its direction.

    Raises:
        UnknownNameError: no such metric.
        ObjectiveError: no such direction, a direction that is neither stated nor told by the name,
            or a name that several scopes have.
    """
    names = {known for m in metrics for known in (m.name, m.short_name)}
    name, direction = split_direction(text, names)
    metric = find_metric(name, metrics)
    return metric, direction or metric.known_direction
