"""Architectures in whatever form people have them: rows, strings, JSON, choices or numbers."""

from __future__ import annotations

import difflib
import json
import keyword
import math
import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from archrank.checks import quoted
from archrank.errors import ArchitectureError, ArchrankError
from archrank.spaces.subsets import sizes_text
from archrank.types import Archs

if TYPE_CHECKING:
    from archrank.spaces.base import Choice, Space


def read_arch(space: Space, given: Any) -> NDArray[np.uint8]:
    """Read one architecture: ``(d,)``, decisions that do not exist put to option 0.

    Args:
        space: what the architecture is of.
        given: a row ``(d,)``; a string that the space writes, its ``decision=option`` in any order;
            choices as ``{decision: option}`` or as JSON text of it; or the number of the
            architecture (:meth:`.Space.index`), also as text.

    Raises:
        ArchitectureError: none of these, or no architecture of the space; repeats what was given.
    """
    if isinstance(given, str):
        row = _of_text(space, given.strip())
    elif isinstance(given, Mapping):
        row = space.from_config(given)
    elif isinstance(given, Integral) and not isinstance(given, bool):
        row = _of_number(space, int(given))
    elif isinstance(given, np.ndarray | Sequence):
        row = _of_row(space, given)
    else:
        raise ArchitectureError(
            f"{space.name}: {quoted(given)} is no architecture; give its string, its choices "
            "{decision: option}, its row or its number"
        )
    if not space.valid(row[None])[0]:
        raise ArchitectureError(f"{space.name}: {quoted(given)} is no valid architecture")
    found: NDArray[np.uint8] = without_absent(space, row[None])[0]
    return found


def without_absent(space: Space, archs: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Put the decisions of ``archs: (n, d)`` that do not exist to option 0, and nothing else."""
    from archrank.spaces.conditions import existing

    if not space.conditions:
        return archs
    found: NDArray[np.uint8] = np.where(existing(archs, space.conditions), archs, 0)
    return found.astype(np.uint8)


def _of_text(space: Space, text: str) -> NDArray[np.uint8]:
    if text.startswith("{"):
        try:
            return space.from_config(json.loads(text))
        except (json.JSONDecodeError, RecursionError) as error:
            raise ArchitectureError(
                f"{space.name}: {quoted(text)} is no JSON ({error}); write "
                '{"decision": option, ...}'
            ) from None
    try:
        row: NDArray[np.uint8] = space.parse([text])[0]
        return row
    except ArchrankError as error:
        if text.isascii() and text.isdigit():
            return _of_number(space, int(text))
        pairs = [part.partition("=") for part in text.split(",")]
        written = {name.strip(): value.strip() for name, sign, value in pairs if sign}
        if len(written) == len(pairs) and written.keys() & config_names(space):
            return space.from_config(written)
        fault = str(error).removeprefix("architecture 0: ")
        raise ArchitectureError(f"{space.name}: {fault}") from None


def _of_number(space: Space, number: int) -> NDArray[np.uint8]:
    if not 0 <= number < space.size:
        raise ArchitectureError(
            f"{space.name}: number {quoted(number)} is none of 0..{space.size - 1:,}"
        )
    row: NDArray[np.uint8] = space.from_index(np.array([number]))[0]
    return row


def _of_row(space: Space, given: Any) -> NDArray[np.uint8]:
    try:
        row = np.asarray(given)
    except ValueError:
        row = np.zeros(0)
    if row.shape != (space.d,):
        raise ArchitectureError(
            f"{space.name}: {quoted(given)} is no row of {space.d} choice indices"
        )
    found: NDArray[np.uint8] = space.validate(row[None])[0]
    return found


def config_names(space: Space) -> frozenset[str]:
    """Return the names that configurations may have: of decisions, and of sets and blocks."""
    decisions = {choice.name for choice in space.choices}
    blocks = {name.partition(".")[0] for name in decisions if "." in name}
    return frozenset(decisions | blocks | {one.name for one in space.subsets})


def row_of(space: Space, config: Mapping[str, Any]) -> NDArray[np.uint8]:
    """Return the row ``(d,)`` of ``{decision: option}``, whose keys come in any order.

    Decisions that do not exist are left out of it, or have no value (``None``, NaN).

    Raises:
        ArchitectureError: an unknown decision or option, a decision that is missing, or one that
            does not exist beside the others.
    """
    _require_known(space, config)
    row = np.zeros(space.d, dtype=np.uint8)
    conditions = space.conditions or (None,) * space.d
    exists = [True] * space.d
    for j, (choice, condition) in enumerate(zip(space.choices, conditions, strict=True)):
        value = config.get(choice.name)
        absent = is_empty(value)
        if condition is not None:
            parent = condition.parent
            exists[j] = exists[parent] and bool(condition.allows[row[parent]])
        if not exists[j] and not absent:
            parent_name = space.choices[conditions[j].parent].name  # type: ignore[union-attr]
            raise ArchitectureError(
                f"{space.name}: {choice.name} does not exist where {parent_name} is "
                f"{config.get(parent_name)}; leave {choice.name}={value} out"
            )
        if not exists[j]:
            continue
        number = None if absent else option_number(choice, value)
        if number is None:
            got = "it is missing" if absent else f"got {quoted(value)}"
            raise ArchitectureError(
                f"{space.name}: expected {_form(space, j)}, {got} in {quoted(dict(config))}"
            )
        row[j] = number
    return row


def _form(space: Space, j: int) -> str:
    """Write the form of a decision for a message; of one that is a member, that of its set."""
    for one in space.subsets:
        if j in one.columns:
            members = "|".join(_ends(one.labels))
            return f"{one.name}=<{sizes_text(one.least, one.most)} of {members}>"
    return f"{space.choices[j].name}=<{shown_options(space.choices[j])}>"


def _require_known(space: Space, config: Mapping[str, Any]) -> None:
    if not isinstance(config, Mapping):
        raise ArchitectureError(
            f"{space.name}: {quoted(config)} is no architecture; write {{decision: option}}"
        )
    known = [choice.name for choice in space.choices]
    for name in config:
        if name not in known:
            close = difflib.get_close_matches(str(name), known, n=1)
            meant = f", did you mean {close[0]!r}?" if close else "."
            raise ArchitectureError(
                f"{space.name}: unknown decision {quoted(name)}{meant} Known: {', '.join(known)}"
            )


GRID = 256  # options of a decision whose numbers lie on a grid: the nearest one is meant


def column_of(choice: Choice, cells: Iterable[Any]) -> list[int | None]:
    """Find the options that the cells of a column mean; -1 for an empty one, ``None`` if none."""
    options = _Options(choice)
    known: dict[Any, int | None] = {}
    found = []
    for cell in cells:
        key = cell if cell == cell else None  # NaN
        if key not in known:
            number = -1 if is_empty(key) else options.number(key)
            known[key] = options.nearest(key) if number is None else number
        found.append(known[key])
    return found


def identifier(name: str) -> str:
    """Return the name of a decision for a column of that name: ``lr (log)`` is ``lr_log``."""
    word = re.sub(r"\W+", "_", name.strip()).strip("_") or "column"
    return f"c_{word}" if word[0].isdigit() or keyword.iskeyword(word) else word


def read_frame(space: Space, frame: Any, where: Callable[[int], str] = "row {}".format) -> Archs:
    """Read architectures from a data frame with a column per decision, in any order: ``(n, d)``.

    Other columns are left alone. Cells of decisions that do not exist are empty.

    Args:
        space: of the architectures.
        frame: a ``pandas.DataFrame``, or ``{column: cells}``.
        where: names a row, by its number from 0, in messages.

    Raises:
        ArchitectureError: a column is missing, or a cell is no option; names both.
    """
    names = {identifier(str(name)): name for name in frame}
    names |= {str(name): name for name in frame}
    missing = [c.name for c in space.choices if c.name not in names]
    if missing:
        raise ArchitectureError(
            f"{space.name}: no column {', '.join(map(repr, missing))}; the columns are "
            f"{', '.join(map(str, frame)) or 'none'}"
        )
    columns = []
    for choice in space.choices:
        cells = list(frame[names[choice.name]])
        numbers = column_of(choice, cells)
        if None in numbers:
            row = numbers.index(None)
            raise ArchitectureError(
                f"column {str(names[choice.name])!r}, {where(row)}: {quoted(cells[row])} is none "
                f"of the options {shown_options(choice)}"
            )
        columns.append(numbers)
    matrix = np.array(columns, dtype=np.int64).reshape(space.d, -1).T
    return _existing_alone(space, matrix, names, where)


def _existing_alone(
    space: Space, numbers: NDArray[np.int64], names: Mapping[str, Any], where: Callable[[int], str]
) -> Archs:
    """Check that exactly the decisions that exist have a cell; -1 is an empty one."""
    from archrank.spaces.conditions import existing

    archs = np.maximum(numbers, 0).astype(np.uint8)
    wanted = existing(archs, space.conditions) if space.conditions else np.ones_like(archs, bool)
    wrong = np.argwhere(wanted != (numbers >= 0))
    if len(wrong):
        row, j = wrong[0].tolist()
        name = space.choices[j].name
        fault = "is empty" if wanted[row, j] else "has a value, though the decision does not exist"
        raise ArchitectureError(f"column {str(names[name])!r}, {where(row)} {fault}")
    return np.where(wanted, archs, 0).astype(np.uint8)


def shown_options(choice: Choice) -> str:
    """Write the options of a decision for a message: all of them, or the ends of many."""
    return "|".join(_ends(choice.options))


def _ends(options: Sequence[object]) -> list[str]:
    texts = [str(option) for option in options]
    return texts if len(texts) <= 12 else [*texts[:5], "...", *texts[-3:]]


def option_number(choice: Choice, value: Any) -> int | None:
    """Find the option that ``value`` means: as it is written, or as a number; ``None`` if none."""
    return _Options(choice).number(value)


class _Options:
    """The options of a decision, to look many values up."""

    def __init__(self, choice: Choice) -> None:
        self.texts: dict[str, int] = {}
        for k, option in enumerate(choice.options):
            self.texts.setdefault(str(option), k)
            if isinstance(option, bool):
                self.texts.setdefault(str(option).lower(), k)
        pairs = [(float(o), k) for k, o in enumerate(choice.options) if isinstance(o, Real)]
        pairs.sort()
        self.values, self.places = [v for v, _ in pairs], [k for _, k in pairs]
        self.is_grid = len(pairs) == len(choice.options) >= GRID
        self.has_booleans = any(isinstance(option, bool) for option in choice.options)

    def number(self, value: Any) -> int | None:
        """Find the option that a value means: as it is written, or as a number."""
        text = str(value).strip()
        for written in (text, text.replace(",", ";")):  # options have no commas
            if written in self.texts:
                return self.texts[written]
        if self.has_booleans and text.lower() in self.texts:  # TRUE, as R and SQL write
            return self.texts[text.lower()]
        number = _number(text if isinstance(value, str) else value)
        k = None if number is None else self._closest(number)
        if k is None or number is None or not math.isclose(self.values[k], number, rel_tol=1e-9):
            return None
        return self.places[k]

    def nearest(self, value: Any) -> int | None:
        """Find the option nearest to a number, if options are a grid and it is within its ends."""
        number = _number(value)
        if not self.is_grid or number is None:
            return None
        inside = self.values[0] <= number <= self.values[-1]
        k = self._closest(number)
        return self.places[k] if inside and k is not None else None

    def _closest(self, number: float) -> int | None:
        """Return the place of the closest number among the sorted ones."""
        after = bisect_left(self.values, number)
        around = range(max(after - 1, 0), min(after + 1, len(self.values)))
        return min(around, key=lambda k: abs(self.values[k] - number), default=None)


def _number(value: Any) -> float | None:
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def is_empty(value: Any) -> bool:
    """Tell whether a cell holds nothing: ``None``, NaN or an empty text."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return True
    if isinstance(value, str | int):  # most cells, and quicker than to ask for Real
        return False
    return isinstance(value, Real) and math.isnan(float(value))
