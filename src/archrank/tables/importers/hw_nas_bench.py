"""HW-NAS-Bench: ``HW-NAS-Bench-v1_0.pickle``, latencies and energies of NAS-Bench-201 on 6 devices.

Li et al., "HW-NAS-Bench: Hardware-Aware Neural Architecture Search Benchmark", ICLR 2021. The file
has a part per space. That of NAS-Bench-201 has, for each of three data sets, a list of numbers per
device and quantity, in the official order of cells. That of FBNet has costs of single blocks
(:mod:`~archrank.tables.importers.hw_nas_bench_blocks`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import numpy as np

from archrank.checks import quoted
from archrank.errors import ArchitectureError, TableError
from archrank.spaces.edge_cells.nasbench201 import NASBench201
from archrank.tables.importers.base import Imported, ImportedCosts, Importer, Optimum, Published
from archrank.tables.importers.hw_nas_bench_blocks import SPACES, UNITS, fbnet_space, read_blocks
from archrank.tables.importers.plain_numbers import finite
from archrank.tables.importers.plain_pickle import read_pickle
from archrank.types import Floats, ProgressCallback

DATASETS = {"cifar10": "c10", "cifar100": "c100", "ImageNet16-120": "in16"}
MEASURED = (
    *("edgegpu_latency_ms", "edgegpu_energy_mj", "raspi4_latency_ms", "edgetpu_latency_ms"),
    *("pixel3_latency_ms", "eyeriss_latency_ms", "eyeriss_energy_mj", "fpga_latency_ms"),
    "fpga_energy_mj",
)
_COPY = "the copy in the data of HELP, Lee et al. 2021"
PUBLISHED = Published(
    15_625,
    optima=(
        Optimum("c10_pixel3_latency_ms", 0.003277, 1e-6, _COPY, smallest=True),
        Optimum("c10_fpga_latency_ms", 1.13296, 1e-5, _COPY, smallest=True),
    ),
)
FIRST = (
    "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+"
    "|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"
)
PRINTED = {  # of the first cell, in the order of MEASURED, as the benchmark's example prints it
    "c10": (
        *(5.807418537139893, 24.226614330768584, 10.481976820010459, 0.9571811309997429),
        *(3.6058499999999998, 3.645620000000001, 0.6872827644999999, 2.57296, 18.01072),
    ),
    "c100": (
        *(5.866079330444336, 24.471327606836955, 10.432981719932286, 0.9669485199992778),
        *(5.04007, 3.648640000000001, 0.6874206219999999, 2.57296, 18.01072),
    ),
    "in16": (
        *(5.828042030334473, 24.238826804161075, 2.973176879895618, 0.7929624850075925),
        *(1.33656, 0.9145600000000003, 0.17677097200000003, 0.64912, 4.54384),
    ),
}
KNOWN = {
    f"{data}_{name}": value
    for data, values in PRINTED.items()
    for name, value in zip(MEASURED, values, strict=True)
}


class HWNASBenchImporter(Importer):
    """Importer of latencies and energies on six devices: NAS-Bench-201's, and of FBNet's blocks."""

    expects = "HW-NAS-Bench-v1_0.pickle"

    def read(
        self,
        path: Path,
        *,
        partial: bool,
        progress: ProgressCallback,
        executor: Executor | None = None,
    ) -> Imported:
        """Read all cells, with a column per data set, device and quantity."""
        whole = self._whole(path)
        part = whole.get("nasbench201") if isinstance(whole, dict) else None
        if not isinstance(part, dict) or not set(DATASETS).intersection(part):
            raise TableError(
                f"{path} has no part 'nasbench201' with {', '.join(DATASETS)}; is it "
                f"{self.expects}?"
            )
        lacking = [name for name in DATASETS if name not in part]
        if lacking and not partial:
            raise TableError(
                f"{path}: there is no data set {', '.join(lacking)}; is the download complete? "
                "--partial imports what is there"
            )
        strings: list[str] = []
        columns: dict[str, Floats] = {}
        for data in (name for name in DATASETS if name in part):
            where = f"{path}, {data}"
            cells = _cells(where, part[data])
            if strings and cells != strings:
                raise TableError(f"{where}: its cells are others than those of the data set before")
            strings = cells
            measured = _columns(where, DATASETS[data], part[data], len(cells))
            missing = [name for name in MEASURED if f"{DATASETS[data]}_{name}" not in measured]
            if missing and not partial:
                raise TableError(
                    f"{where}: there is no {', '.join(missing)}; is the download complete? "
                    "--partial imports what is there"
                )
            columns |= measured
        PUBLISHED.check_count(len(strings), path, partial=partial)
        space = NASBench201()
        try:
            archs = space.parse(strings)
        except ArchitectureError as error:
            raise TableError(f"{path}: {error}") from None
        progress(len(strings), len(strings))
        remarks = _unlike(strings, columns)
        if "fbnet" in whole:
            remarks.append(
                "the file's part on FBNet has costs of single blocks; import them with "
                f"--space {' or '.join(SPACES)}"
            )
        return Imported(space, archs, strings, columns, PUBLISHED, tuple(remarks))

    def read_blocks(self, path: Path, space: str, *, partial: bool) -> ImportedCosts:
        """Read the costs of FBNet's blocks, with a column per device and quantity."""
        fbnet_space(space)
        return read_blocks(path, self._whole(path), space, partial=partial)

    def _whole(self, path: Path) -> Any:
        """Return the content of the file."""
        if path.is_dir():
            raise TableError(f"{path} is a folder; name its file: {self.expects}")
        return read_pickle(path)


def _cells(where: str, known: Any) -> list[str]:
    """Return the cells of a data set, in their order."""
    configs = known.get("config") if isinstance(known, Mapping) else None
    if isinstance(configs, Mapping):
        wrong = next((key for key in configs if not isinstance(key, int)), None)
        if wrong is not None:
            raise TableError(f"{where}: its cell {quoted(wrong)} has no number")
        configs = [configs[key] for key in sorted(configs)]
    if not isinstance(configs, list):
        raise TableError(f"{where}: there is no list 'config' of cells; is the file complete?")
    cells = [c.get("arch_str") if isinstance(c, Mapping) else None for c in configs]
    for number, cell in enumerate(cells):
        if not isinstance(cell, str):
            raise TableError(f"{where}, cell {number}: it has no 'arch_str'")
    return [str(cell) for cell in cells]


def _columns(where: str, short: str, known: Mapping[str, Any], n: int) -> dict[str, Floats]:
    """Return the measurements of a data set, ``(n,)`` each.

    Raises:
        TableError: A list of another length, or a value that is no number.
    """
    columns = {}
    for name, values in known.items():
        device, _, quantity = str(name).rpartition("_")
        if name == "config":
            continue
        if not isinstance(name, str) or not device:
            raise TableError(
                f"{where}: {quoted(name)} is no device and quantity, such as pixel3_latency"
            )
        if not isinstance(values, Sequence) or isinstance(values, str) or len(values) != n:
            size = len(values) if isinstance(values, Sequence) else "no list"
            raise TableError(f"{where}, {name}: {size} numbers, expected one for each of {n} cells")
        numbers = [finite(value, least=0) for value in values]
        if None in numbers:
            cell = numbers.index(None)
            raise TableError(
                f"{where}, {name}, cell {cell}: {quoted(values[cell])} is no measurement"
            )
        columns[f"{short}_{device}_{UNITS.get(quantity, quantity)}"] = np.array(numbers, float)
    if not columns:
        raise TableError(f"{where}: there are no measurements; is the file complete?")
    return columns


def _unlike(strings: list[str], columns: Mapping[str, Floats]) -> list[str]:
    """Say what differs from the published values of the first cell."""
    if FIRST not in strings:
        return []
    row = strings.index(FIRST)
    return [
        f"{name} of the first cell is {columns[name][row]:.6g}, published is {value:.6g}; is this "
        "the official file?"
        for name, value in KNOWN.items()
        if name in columns and not np.isclose(columns[name][row], value, rtol=1e-6)
    ]
