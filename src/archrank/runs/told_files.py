"""Results that were measured elsewhere, as files have them: CSV, JSON or a line of JSON each."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from archrank.checks import quoted
from archrank.errors import ArchrankError, StorageError, TellError
from archrank.files import user_path
from archrank.spaces.base import Space
from archrank.spaces.given import config_names, is_empty, read_arch
from archrank.study.asking import Telling, read_seconds

STDIN = Path("-")
ARCHITECTURE = ("arch", "choices")  # keys for the architecture as a whole
IGNORED = ("round", "slot", "since")  # what archrank ask --json says, too
FAILED, SECONDS, METRICS = "failed", "seconds", "metrics"


def read_told(path: Path, space: Space) -> list[Telling]:
    """Read what a file tells.

    Each entry has the architecture, as ``arch`` (in any form that its space reads) or
    ``choices``, or a key for every decision, set or block; and either numbers by the names of
    metrics, at the top or in ``metrics``, or ``failed`` with a reason. ``seconds`` is the time that
    the evaluation took.

    Args:
        path: the file, ``-`` for standard input. One that begins with ``[`` or ``{`` is JSON: a
            list of objects, or an object per line; anything else is CSV with a line of names,
            separated by commas, semicolons or tabs.
        space: of the architectures.

    Raises:
        StorageError: the file cannot be read.
        TellError: an entry that cannot be read; says which.
        ArgumentError: a time that is no number, or below 0.
    """
    name = "standard input" if path == STDIN else str(path)
    entries = list(_entries(_text(path), name))
    if not entries:
        raise TellError(f"{name} holds no results")
    return [_telling(entry, space, where) for where, entry in entries]


def number_of(text: Any, name: str, where: str = "") -> Any:
    """Return the number that a text means.

    Raises:
        TellError: it means none.
    """
    if not isinstance(text, str):
        return text
    try:
        return float(text)
    except ValueError:
        percent = text.strip().removesuffix("%")
        hint = f"; write {percent} without the percent sign" if percent != text.strip() else ""
        raise TellError(f"{where}{name} is {quoted(text)}, expected a number{hint}") from None


def _seconds(value: Any, where: str) -> float:
    return read_seconds(number_of(value, SECONDS, where), f"{where}{SECONDS}")


def _text(path: Path) -> str:
    try:
        if path == STDIN:
            return sys.stdin.read()
        return user_path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise StorageError(f"{path} is no text in UTF-8; save it as UTF-8") from None
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error.strerror or error}") from None


def _entries(text: str, name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield entries, each with the words that messages call its place by."""
    start = text.lstrip()[:1]
    if start not in ("[", "{"):
        yield from _rows(text, name)
        return
    try:
        whole = json.loads(text)
        listed = whole if isinstance(whole, list) else [whole]
        places = [f"{name}, entry {i}: " for i in range(1, len(listed) + 1)]
    except (json.JSONDecodeError, RecursionError) as error:
        lines = [(i, line) for i, line in enumerate(text.splitlines(), 1) if line.strip()]
        try:
            listed = [json.loads(line) for _, line in lines]
        except (json.JSONDecodeError, RecursionError):
            raise TellError(f"{name} is no JSON: {error}") from None
        places = [f"{name}, line {i}: " for i, _ in lines]
    for where, entry in zip(places, listed, strict=True):
        if not isinstance(entry, dict):
            raise TellError(
                f"{where}{quoted(entry)} is no result; write "
                '{"arch": ..., "accuracy": 0.93}, with your metrics'
            )
        yield where, entry


def _rows(text: str, name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    head = text.partition("\n")[0]
    separator = next((mark for mark in ",;\t" if mark in head), ",")
    reader = csv.DictReader(io.StringIO(text), delimiter=separator, skipinitialspace=True)
    try:
        for row in reader:
            where = f"{name}, line {reader.line_num}: "
            if None in row:
                raise TellError(
                    f"{where}more cells than columns; put an architecture with commas in double "
                    'quotes ("...")'
                )
            yield where, {key.strip(): value for key, value in row.items() if not is_empty(value)}
    except csv.Error as error:
        raise TellError(f"{name}, line {reader.line_num}: {error}") from None


def _telling(entry: Mapping[str, Any], space: Space, where: str) -> Telling:
    names = config_names(space)
    given = [entry[key] for key in ARCHITECTURE if key in entry]
    own = {name: value for name, value in entry.items() if name in names}
    if not given and not own:
        decisions = list(dict.fromkeys(c.name.partition(".")[0] for c in space.choices))
        some = ", ".join([*decisions[:4], *(["..."] if len(decisions) > 4 else [])])
        held = ", ".join(map(str, entry)) or "nothing"
        raise TellError(f"{where}no architecture: give arch, or {some}; it has {held}")
    try:
        arch = read_arch(space, given[0] if given else own)
    except ArchrankError as error:
        raise TellError(f"{where}{error}") from None
    apart = {*ARCHITECTURE, *IGNORED, FAILED, SECONDS, METRICS, *(() if given else names)}
    values = {name: value for name, value in entry.items() if name not in apart}
    inside = entry.get(METRICS, {})
    if not isinstance(inside, Mapping):
        raise TellError(f"{where}metrics are {quoted(inside)}, expected {{metric: number}}")
    numbers = {name: number_of(value, name, where) for name, value in {**values, **inside}.items()}
    failed = entry.get(FAILED)
    if failed is not None and not isinstance(failed, str):
        raise TellError(f"{where}failed is {quoted(failed)}, expected a reason as text")
    seconds = entry.get(SECONDS)
    return Telling(
        arch,
        numbers,
        failed,
        None if seconds is None else _seconds(seconds, where),
        where,
    )
