"""Built-in benchmark tables: trainings of one NAS-Bench-201 cell per isomorphism class.

Each table is a Parquet file in this folder, with a data card: recipe, seeds, machine, commit and
the agreement between seeds. ``archrank tables build NAME`` builds a table again.

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
    """List the names of the built-in tables."""
    return sorted(path.stem for path in FOLDER.glob("*.parquet"))


def builtin_table(name: str) -> Path | None:
    """Return the file of a built-in table; ``None`` if no built-in table has that name."""
    return FOLDER / f"{name}.parquet" if name in builtin_names() else None


def data_card(name: str) -> Path | None:
    """Return the data card of a built-in table; ``None`` if no built-in table has that name."""
    return FOLDER / f"{name}.md" if name in builtin_names() else None
