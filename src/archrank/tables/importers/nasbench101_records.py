"""Records of NAS-Bench-101's official files; each is one training run.

A record is a JSON list: the cell's hash, epochs, the adjacency matrix as a string of 0 and 1 row by
row, operations joined with commas, and a base64 protocol buffer ``ModelMetrics`` with repeated
``evaluation_data = 1`` and ``trainable_parameters = 2``. An evaluation has ``training_time = 2``
and, in 0..1, ``train_accuracy = 3``, ``validation_accuracy = 4`` and ``test_accuracy = 5``. The
three evaluations are before, half-way through and after training; the last one is used.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from math import isqrt

from archrank.tables.importers.protobuf import Value, fields

OPS = {"conv3x3-bn-relu": "0", "conv1x1-bn-relu": "1", "maxpool3x3": "2"}
MEASURED = {"train_time_s": 2, "train": 3, "val": 4, "test": 5}  # field numbers
FINAL = 2  # evaluation after the last epoch
_HASH = re.compile("(?:[0-9a-f]{2})+")  # 32 digits in the official files
LONGEST_TRAINING = 1e7  # seconds


@dataclass(frozen=True)
class Run:
    """One training of one cell.

    Attributes:
        cell: Published hash of the cell.
        epochs: Epochs of the training.
        adjacency: Adjacency matrix of ``v`` vertices as ``v * v`` digits, row by row.
        operations: Operations, ``input,...,output``.
        params: Trainable parameters.
        values: Measurements in the order of :data:`MEASURED`.
    """

    cell: str
    epochs: int
    adjacency: str
    operations: str
    params: int
    values: tuple[float, ...]


def parse_run(payload: bytes) -> Run:
    """Read a record.

    Raises:
        ValueError: The payload is not a record of this form.
    """
    try:
        listed = json.loads(payload)
    except (ValueError, RecursionError):
        raise ValueError(f"is not JSON: {payload[:40]!r}") from None
    kinds = [str, int, str, str, str]
    if not isinstance(listed, list) or list(map(type, listed)) != kinds:
        raise ValueError(
            f"expected [hash, epochs, adjacency, operations, metrics], got {payload[:40]!r}"
        )
    cell, epochs, adjacency, operations, metrics = listed
    if not _HASH.fullmatch(cell):
        raise ValueError(f"has the hash {cell[:40]!r}, expected hexadecimal digits")
    params, values = parse_metrics(base64.b64decode(metrics, validate=True))
    return Run(cell, epochs, adjacency, operations, params, values)


def parse_metrics(message: bytes) -> tuple[int, tuple[float, ...]]:
    """Read the number of parameters and the measurements after training.

    Raises:
        ValueError: The message is not a complete ``ModelMetrics``.
    """
    params: Value | None = None
    evaluations: list[Value] = []
    for number, value in fields(message):
        if number == 1:
            evaluations.append(value)
        elif number == 2:
            params = value
    if len(evaluations) != FINAL + 1:
        raise ValueError(f"has {len(evaluations)} evaluations, expected {FINAL + 1}")
    final = evaluations[FINAL]
    if not isinstance(final, bytes) or not isinstance(params, int):
        raise ValueError("has no evaluations or no number of parameters")
    found = dict(fields(final))
    values = []
    for name, number in MEASURED.items():
        measured = found.get(number)
        if not isinstance(measured, float):
            raise ValueError(f"has no {name}")
        if not 0 <= measured <= (LONGEST_TRAINING if name == "train_time_s" else 1):
            raise ValueError(f"has {name} {measured:g}")
        values.append(measured)
    return params, tuple(values)


def cell_string(adjacency: str, operations: str) -> str:
    """Write a cell as the string ``<edge bits>:<operations>`` that ``NASBench101.parse`` reads.

    Raises:
        ValueError: The matrix is not square and upper triangular, or an operation is unknown.

    Example:
        >>> cell_string("011001000", "input,maxpool3x3,output")
        '111:2'
    """
    ops = operations.split(",")
    v = isqrt(len(adjacency))
    if v * v != len(adjacency) or v != len(ops) or adjacency.strip("01"):
        raise ValueError(f"has {len(ops)} operations and the adjacency matrix {adjacency!r}")
    if any("1" in adjacency[v * i : v * i + i + 1] for i in range(v)):
        raise ValueError(f"has an edge that turns back, adjacency {adjacency!r}")
    if ops[0] != "input" or ops[-1] != "output" or not set(ops[1:-1]) <= OPS.keys():
        raise ValueError(f"has operations {operations!r}")
    bits = "".join(adjacency[v * i + i + 1 : v * (i + 1)] for i in range(v))
    return bits + ":" + "".join(OPS[op] for op in ops[1:-1])
