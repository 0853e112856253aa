"""Conversion of official benchmark files to tables: one importer per kind of file.

Reading a file executes none of its content: pickles go through
:mod:`~archrank.tables.importers.plain_pickle`, which admits only containers, numbers and strings.
Unlike the rest of ``tables/``, importers depend on ``spaces/``, because they write architectures as
strings of their spaces; no other module of ``tables/`` imports them.
"""

from archrank.tables.importers.base import (
    IMPORTERS,
    Imported,
    ImportedCosts,
    Importer,
    Optimum,
    Published,
)
from archrank.tables.importers.convert import Summary, import_table

__all__ = [
    "IMPORTERS",
    "Imported",
    "ImportedCosts",
    "Importer",
    "Optimum",
    "Published",
    "Summary",
    "import_table",
]
