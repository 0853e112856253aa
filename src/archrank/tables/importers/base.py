"""Contract of importers: an official benchmark file in, columns out, checked against what is known.

An importer knows one kind of file. What it returns becomes one Parquet file with a column ``arch``
and numeric columns (:func:`~archrank.tables.importers.convert.import_table`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from numpy.typing import NDArray

from archrank.errors import TableError
from archrank.registry import Registry
from archrank.types import Archs

if TYPE_CHECKING:
    from archrank.spaces.base import Space

Told = Callable[[int, int], None]
"""Called with how much has been read, and of how much; the unit is the importer's."""

IMPORTERS = Registry(
    "kind of file",
    {
        "nasbench101": "archrank.tables.importers.nasbench101:NASBench101Importer",
        "nasbench201": "archrank.tables.importers.nasbench201:NASBench201Importer",
        "nats_bench": "archrank.tables.importers.nats_bench:NATSBenchImporter",
        "nds": "archrank.tables.importers.nds:NDSImporter",
    },
    plural="importers",
)


@dataclass(frozen=True)
class Optimum:
    """The best value of a column in the complete file, as published.

    Attributes:
        column: whose largest value it is.
        best: the value, in the column's unit.
        tolerance: how far a rounded print may lie off.
        source: where it is published.
    """

    column: str
    best: float
    tolerance: float
    source: str


@dataclass(frozen=True)
class Published:
    """What is known of a complete file.

    Attributes:
        count: how many of ``what`` it holds.
        what: architectures, jobs, ...
        optima: best values of columns.
    """

    count: int
    what: str = "architectures"
    optima: tuple[Optimum, ...] = ()

    def check_count(self, found: int, path: Path, *, partial: bool) -> None:
        """Refuse a file with another number of rows than published, unless ``partial``.

        Raises:
            TableError: another number.
        """
        if found != self.count and not partial:
            raise TableError(
                f"{path} holds {found:,} {self.what}, the published file {self.count:,}; is the "
                "download complete? --partial imports what is there"
            )


@dataclass(frozen=True, eq=False)
class Imported:
    """What an official file says.

    Attributes:
        space: what the architectures are.
        archs: ``(n, d)``, all different.
        strings: how they are written, ``n``; ``space.parse`` reads them.
        columns: measurements by name, ``(n,)`` each; NaN where there is none.
        published: what a complete file is known to hold; ``None``: nothing is known.
        remarks: what the user should know of this file.
    """

    space: Space
    archs: Archs
    strings: list[str]
    columns: Mapping[str, NDArray[Any]]
    published: Published | None = None
    remarks: tuple[str, ...] = ()


class Importer(ABC):
    """Reads one kind of official benchmark file.

    Attributes:
        expects: the file or folder that it reads, in a few words.
    """

    expects: ClassVar[str]

    @abstractmethod
    def read(
        self, path: Path, *, partial: bool, told: Told, executor: Executor | None = None
    ) -> Imported:
        """Read a file.

        Args:
            path: an existing file or folder.
            partial: admit another number of architectures than published.
            told: called now and then, with how much has been read.
            executor: may read several files at once.

        Raises:
            TableError: damaged, truncated, or another kind of file; says where.
        """
