"""The table of a search, from its settings."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from archrank.data import find_data
from archrank.errors import ArchrankError, SettingsError, UsageError
from archrank.metrics import split_direction
from archrank.runs.named import make_space
from archrank.runs.settings import SearchSettings
from archrank.spaces.base import Space
from archrank.tables.base import BenchTable, load_table
from archrank.tables.files import read_raw

USUAL_SPACE = SearchSettings().space


def with_published_space(settings: SearchSettings) -> SearchSettings:
    """Return settings with the space of their table, if it is a published one and none is named.

    What is wrong with a table is told where it is used.
    """
    if settings.table is None or settings.choices or settings.space != USUAL_SPACE:
        return settings
    with suppress(ArchrankError):
        raw = read_raw(find_data(settings.table, settings.data))
        return replace(settings, space=raw.space or settings.space)
    return settings


def check_table(settings: SearchSettings) -> None:
    """Refuse settings of a table where there is none.

    Raises:
        SettingsError: there is no table.
    """
    if settings.table is not None:
        return
    asked = {"--choices": settings.choices, "--where": settings.where}
    typed = [" ".join([option, *values]) for option, values in asked.items() if values]
    typed += ["--average"] if settings.average else []
    if typed:
        raise SettingsError(f"{typed[0]}: of which table? Name it: --table FILE")


def choice_table(settings: SearchSettings) -> BenchTable:
    """Return the table of a search whose columns are choices.

    Raises:
        SettingsError: choices that are no columns, or a metric that is searched for.
        TableError: it cannot be used.
    """
    assert settings.table is not None
    typed, names = " ".join(settings.choices), listed(settings.choices)
    if not names:
        raise SettingsError(f"--choices {typed}: name columns, such as --choices depth,width")
    measured = {split_direction(text, names)[0] for text in settings.metric} & set(names)
    if measured:
        raise SettingsError(
            f"--choices {typed}: {min(measured)} is what is searched for (--metric), so it is no "
            "choice; remove it"
        )
    return load_table(
        find_data(settings.table, settings.data),
        make_space(settings.space) if settings.space != USUAL_SPACE else None,
        choices=names,
        where=row_values(settings.where),
        average=settings.average,
    )


def search_table(settings: SearchSettings, space: Space) -> Path | BenchTable:
    """Return the file of a search's table, or the table where not all of it is taken as it is.

    Raises:
        TableError: it cannot be used.
    """
    assert settings.table is not None
    if settings.choices:
        return choice_table(settings)
    path = find_data(settings.table, settings.data)
    if not settings.average and not settings.where:
        return path
    return load_table(path, space, where=row_values(settings.where), average=settings.average)


def row_values(pairs: Sequence[str]) -> dict[str, str]:
    """Read ``COLUMN=VALUE`` texts, which choose rows of a table.

    Raises:
        UsageError: A text has no ``=`` or no column, or a column is named twice.
    """
    found: dict[str, str] = {}
    for pair in pairs:
        column, sign, value = pair.partition("=")
        if not sign or not column:
            raise UsageError(f"--where {pair}: write COLUMN=VALUE, such as hardware=cpu_xeon")
        if column in found:
            raise UsageError(
                f"--where names column {column!r} twice, {found[column]} and {value}: no row has "
                "both"
            )
        found[column] = value
    return found


def listed(texts: Sequence[str]) -> tuple[str, ...]:
    """Return names that were typed one by one, or several between commas.

    >>> listed(("depth,width", "act"))
    ('depth', 'width', 'act')
    """
    return tuple(name.strip() for text in texts for name in text.split(",") if name.strip())
