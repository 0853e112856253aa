"""HW-NAS-Bench's part on FBNet: costs of single blocks on five devices, which add up.

Li et al., ICLR 2021: the part has a dictionary per device and quantity. Its keys name a block by
its settings and by the size of what it gets, for example
``ConvBlock_H112_W112_Cin16_Cout24_exp6_kernel5_stride2_group1``, ``Skip_H14_W14_Cin64_Cout112_
stride1``. A network is the sum of its blocks, of the first and the last convolution (``ConvNorm``),
the average pool (``AvgP``) and the classifier (``FC``). Skipped blocks that keep the shape are in
it, with costs of 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from archrank.checks import quoted
from archrank.errors import TableError, UnknownNameError
from archrank.spaces.mobile.fbnet import (
    EXPAND,
    GROUPS,
    KERNEL,
    OPS,
    SKIP,
    STEM,
    FBNet,
    fbnet_cifar,
    fbnet_wide,
)
from archrank.tables.block_costs import CONSTANT
from archrank.tables.importers.base import ImportedCosts
from archrank.tables.importers.plain_numbers import finite
from archrank.types import Floats

PART = "fbnet"
UNITS = {"latency": "latency_ms", "energy": "energy_mj"}
SPACES = {"fbnet_cifar": fbnet_cifar, "fbnet_wide": fbnet_wide}
MEASURED = (
    *("edgegpu_latency", "edgegpu_energy", "raspi4_latency", "pixel3_latency"),
    *("eyeriss_latency", "eyeriss_energy", "fpga_latency", "fpga_energy"),
)
PRINTED = {  # of the network whose blocks are all k3_e1, as the benchmark's example prints it
    "fbnet_cifar": (
        *(15.804523468017578, 86.98095934380125, 17.618579145142576, 7.788973100000002),
        *(3.9408960000000004, 3.2420080000000002, 10.739520000000002, 75.17664),
    ),
    "fbnet_wide": (
        *(16.431164979934692, 102.71604275841212, 57.65650005702628, 27.5423871),
        *(18.127332000000003, 16.945472000000002, 29.42189999999999, 205.95329999999998),
    ),
}


def fbnet_space(name: str) -> FBNet:
    """Return the space of the networks whose costs are in the file.

    Raises:
        UnknownNameError: There are none of that name.
    """
    if name not in SPACES:
        hint = (
            "The benchmark builds fbnet_cifar for CIFAR-100 and fbnet_wide for ImageNet; cells of "
            "nasbench201 are imported without --space"
        )
        raise UnknownNameError("space of HW-NAS-Bench's blocks", name, SPACES, hint)
    return SPACES[name]()


def read_blocks(path: Path, whole: Any, name: str, *, partial: bool) -> ImportedCosts:
    """Take the costs of the blocks of a space from the content of the file.

    Args:
        path: Path of the file, for messages.
        whole: Its content.
        name: Name of the space.
        partial: Accept that devices are missing.

    Raises:
        TableError: The part or one of its blocks is missing, or a cost is no number.
    """
    part = whole.get(PART) if isinstance(whole, Mapping) else None
    found = [m for m in part if isinstance(m, str)] if isinstance(part, Mapping) else []
    if not isinstance(part, Mapping) or not set(MEASURED).intersection(found):
        raise TableError(
            f"{path} has no part {PART!r} with costs such as {MEASURED[0]}; is it "
            "HW-NAS-Bench-v1_0.pickle?"
        )
    lacking = [measured for measured in MEASURED if measured not in part]
    if lacking and not partial:
        raise TableError(
            f"{path}, {PART}: there is no {', '.join(lacking)}; is the download complete? "
            "--partial imports what is there"
        )
    keys = list(block_keys(fbnet_space(name)))
    columns = {}
    for measured in found:
        device, _, quantity = measured.rpartition("_")
        costs = _costs(f"{path}, {PART}, {measured}", part[measured], [key for *_, key in keys])
        columns[f"{device}_{UNITS.get(quantity, quantity)}"] = costs
    rows = [(decision, option) for decision, option, _ in keys]
    return ImportedCosts(name, rows, columns, tuple(_unlike(name, rows, columns)))


def block_keys(space: FBNet) -> Iterator[tuple[str, str, str]]:
    """Yield decision, option, and the key of its costs, for all that a network may have."""
    side = space.networks().sizes.height
    first = f"ConvNorm_H{side}_W{side}_Cin3_Cout{STEM}_kernel3_stride{space.stem_stride}_group1"
    yield CONSTANT, "first convolution", first
    side //= space.stem_stride
    for place in space.positions:
        shape = f"H{side}_W{side}_Cin{place.c_in}_Cout{place.width}"
        for k, op in enumerate(OPS):
            made = f"exp{EXPAND[k]}_kernel{KERNEL[k]}_stride{place.stride}_group{GROUPS[k]}"
            block, skip = f"ConvBlock_{shape}_{made}", f"Skip_{shape}_stride{place.stride}"
            yield place.name, op, skip if k == SKIP else block
        side //= place.stride
    width, head = place.width, space.head
    size, last = f"H{side}_W{side}", f"Cin{width}_Cout{head}_kernel1_stride1_group1"
    yield CONSTANT, "last convolution", f"ConvNorm_{size}_{last}"
    yield CONSTANT, "average pool", f"AvgP_{size}_Cin{head}_Cout{head}_kernel{side}_stride1"
    yield CONSTANT, "classifier", f"FC_Cin{head}_Cout{space.networks().sizes.n_classes}"


def _costs(where: str, known: Any, keys: list[str]) -> Floats:
    """Return the costs of blocks by their keys, ``(rows,)``."""
    if not isinstance(known, Mapping):
        raise TableError(f"{where}: expected a dictionary of blocks, got {type(known).__name__}")
    costs = np.empty(len(keys))
    for row, key in enumerate(keys):
        if key not in known:
            raise TableError(f"{where}: there is no {key}; is the file complete?")
        value = finite(known[key], least=0)
        if value is None:
            raise TableError(f"{where}, {key}: {quoted(known[key])} is no measurement")
        costs[row] = value
    return costs


def _unlike(name: str, rows: list[tuple[str, str]], columns: Mapping[str, Floats]) -> Iterator[str]:
    """Say what differs from the published costs of one network."""
    in_it = np.array([decision == CONSTANT or option == OPS[0] for decision, option in rows])
    for measured, printed in zip(MEASURED, PRINTED[name], strict=True):
        device, _, quantity = measured.rpartition("_")
        column = f"{device}_{UNITS[quantity]}"
        if column in columns and not np.isclose(sum(columns[column][in_it]), printed, rtol=1e-6):
            yield (
                f"{column} of the network whose blocks are all {OPS[0]} is "
                f"{sum(columns[column][in_it]):.6g}, published is {printed:.6g}; is this the "
                "official file?"
            )
