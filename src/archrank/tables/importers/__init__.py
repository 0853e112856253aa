"""Official benchmark files as tables: each kind of file is read by one importer.

Reading executes nothing: pickles go through :mod:`~archrank.tables.importers.plain_pickle`, which
admits containers, numbers and strings only. Importers stand above ``spaces/``, unlike the rest of
``tables/``, because they write architectures as their spaces do; nothing else here imports them.
"""

from archrank.tables.importers.base import IMPORTERS, Imported, Importer, Optimum, Published
from archrank.tables.importers.convert import Summary, import_table

__all__ = [
    "IMPORTERS",
    "Imported",
    "Importer",
    "Optimum",
    "Published",
    "Summary",
    "import_table",
]
