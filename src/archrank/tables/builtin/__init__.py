"""The benchmark that ships with the package: real trainings of every kind of NAS-Bench-201 cell.

Each table is a Parquet file beside this one, with its data card: recipe, seeds, machine, commit and
how far two seeds agree. ``archrank tables build NAME`` made them and makes them again.

    >>> {"digits201", "glyphs201"} <= set(builtin_names())
    True
    >>> builtin_table("digits201").name
    'digits201.parquet'
    >>> builtin_table("nb201.csv.gz") is None
    True
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent


def builtin_names() -> list[str]:
    """The tables that ship with the package."""
    return sorted(path.stem for path in FOLDER.glob("*.parquet"))


def builtin_table(name: str) -> Path | None:
    """The file of a built-in table; ``None`` if that is not the name of one."""
    return FOLDER / f"{name}.parquet" if name in builtin_names() else None


def data_card(name: str) -> Path | None:
    """The data card of a built-in table; ``None`` if that is not the name of one."""
    return FOLDER / f"{name}.md" if name in builtin_names() else None
