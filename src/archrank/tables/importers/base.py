"""Base class of importers, which read official benchmark files.

An importer reads one kind of file. Its result becomes one Parquet file with a column ``arch`` and
numeric columns (:func:`~archrank.tables.importers.convert.import_table`), and is compared with
published facts such as the number of architectures.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from numpy.typing import NDArray

from archrank.errors import SettingsError, TableError
from archrank.registry import Registry
from archrank.types import Archs, Floats, ProgressCallback

if TYPE_CHECKING:
    from archrank.spaces.base import Space


IMPORTERS = Registry(
    "importer",
    {
        "hw_gpt_bench": "archrank.tables.importers.hw_gpt_bench:HWGPTBenchImporter",
        "hw_nas_bench": "archrank.tables.importers.hw_nas_bench:HWNASBenchImporter",
        "nasbench101": "archrank.tables.importers.nasbench101:NASBench101Importer",
        "nasbench201": "archrank.tables.importers.nasbench201:NASBench201Importer",
        "nats_bench": "archrank.tables.importers.nats_bench:NATSBenchImporter",
        "nds": "archrank.tables.importers.nds:NDSImporter",
        "zero_cost": "archrank.tables.importers.zero_cost:ZeroCostImporter",
    },
    plural="importers",
)


@dataclass(frozen=True)
class Optimum:
    """Published best value of a column in the complete file: the largest, unless told otherwise.

    Attributes:
        column: Name of the column.
        best: The best value, in the column's unit.
        tolerance: Largest difference that rounding in the publication explains.
        source: The publication.
        smallest: Whether the best value is the smallest.
    """

    column: str
    best: float
    tolerance: float
    source: str
    smallest: bool = False


@dataclass(frozen=True)
class Published:
    """Published facts about a complete file.

    Attributes:
        count: Number of entries.
        what: Name of the entries: architectures, jobs, ...
        optima: Best values of columns.
    """

    count: int
    what: str = "architectures"
    optima: tuple[Optimum, ...] = ()

    def check_count(self, found: int, path: Path, *, partial: bool) -> None:
        """Refuse a file with another number of rows than published, unless ``partial``.

        Raises:
            TableError: The number differs.
        """
        if found != self.count and not partial:
            raise TableError(
                f"{path} holds {found:,} {self.what}, the published file {self.count:,}; is the "
                "download complete? --partial imports what is there"
            )


@dataclass(frozen=True, eq=False)
class Imported:
    """Contents of an official file.

    Attributes:
        space: The space of the architectures.
        archs: ``(n, d)``, all different.
        strings: The ``n`` architectures as strings that ``space.parse`` reads.
        columns: Measurements by name, ``(n,)`` each; NaN where one is missing.
        published: Published facts about the complete file; ``None`` if there are none.
        remarks: Sentences about this file that the user should read.
    """

    space: Space
    archs: Archs
    strings: list[str]
    columns: Mapping[str, NDArray[Any]]
    published: Published | None = None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class ImportedCosts:
    """Costs of single blocks in an official file; see :mod:`archrank.tables.block_costs`.

    Attributes:
        space: Name of the space of the blocks.
        rows: Decision and option of each row.
        columns: Costs by name, one per row.
        remarks: Sentences about this file that the user should read.
    """

    space: str
    rows: list[tuple[str, str]]
    columns: Mapping[str, Floats]
    remarks: tuple[str, ...] = ()


class Importer(ABC):
    """Base class of importers: read one kind of official benchmark file.

    Attributes:
        expects: Short description of the file or folder, for messages.
    """

    expects: ClassVar[str]

    @abstractmethod
    def read(
        self,
        path: Path,
        *,
        partial: bool,
        progress: ProgressCallback,
        executor: Executor | None = None,
    ) -> Imported:
        """Read a file.

        Args:
            path: An existing file or folder.
            partial: Accept a number of architectures that differs from the published one.
            progress: Called from time to time with the amount read and the total amount.
            executor: Executor to read several files at the same time.

        Raises:
            TableError: The file is damaged, truncated, or of another kind; names the place.
        """

    def read_blocks(self, path: Path, space: str, *, partial: bool) -> ImportedCosts:
        """Read the costs of the single blocks of a space; by default there are none.

        Args:
            path: An existing file or folder.
            space: Name of the space.
            partial: Accept that some of the published costs are missing.

        Raises:
            SettingsError: Files of this kind have no costs of blocks.
            UnknownNameError: They have none of that space's blocks.
            TableError: The file is damaged, truncated, or of another kind; names the place.
        """
        raise SettingsError(
            f"--space {space}: the space follows from the file ({self.expects}); leave it out. "
            "Of hw-nas-bench it asks for costs of single blocks"
        )
