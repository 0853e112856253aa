"""Latency look-up tables: milliseconds per decision, read from a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from archrank.data import VARIABLE, data_folder
from archrank.errors import TableError, UnknownNameError
from archrank.spaces.base import Space
from archrank.spaces.samplers.latency import LinearLatency
from archrank.tables.block_costs import read_block_costs
from archrank.tables.files import numeric_column, read_raw

PIXEL1_FILE = "tunas_proxylessnas_pixel1_latency.csv"
PIXEL1_BIAS_MS = 92.13599395751953
PIXEL1_FIRST = ("s1b1_sepconv", "k3")  # the fixed first block


def pixel1_latency(space: Space, path: str | Path | None = None) -> LinearLatency:
    """Read TuNAS's latency model of the Pixel 1, for :class:`~archrank.spaces.ProxylessNAS`.

    ProxylessNAS-mobile is predicted at 84.416 ms; the space ranges from 30.9 to 209.1 ms
    (219.1 ms where the first block may have kernel 7).

    Args:
        space: the ProxylessNAS space.
        path: the file of weights: columns ``name`` (block), ``op`` and ``latency_delta_ms``;
            ``None``: ``tunas_proxylessnas_pixel1_latency.csv`` in the folder that the environment
            variable ARCHRANK_DATA names.

    Raises:
        TableError: no such file, or not one weight for every operation of every block.
    """
    if path is None:
        folder = data_folder()
        if folder is None:
            raise TableError(
                f"the latency weights are not part of archrank: give the path of {PIXEL1_FILE}"
                f" or its folder in the environment variable {VARIABLE}"
            )
        path = folder / PIXEL1_FILE
    raw = read_raw(path)
    missing = [column for column in ("name", "op") if column not in raw.text]
    if missing:
        raise TableError(f"{path}: no column of text {missing[0]!r} among {raw.names}")
    values = numeric_column(raw, "latency_delta_ms").tolist()
    keys = list(zip(raw.text["name"], raw.text["op"], strict=True))
    table = dict(zip(keys, values, strict=True))
    if len(table) != len(keys) or not np.isfinite(values).all():
        raise TableError(f"{path}: an operation occurs twice, or a weight is not finite")
    wanted = [(c.name, str(op)) for c in space.choices for op in c.options]
    absent = next((key for key in (PIXEL1_FIRST, *wanted) if key not in table), None)
    if absent is not None:
        raise TableError(f"{path}: no latency of operation {absent[1]!r} of block {absent[0]}")
    weights = [np.array([table[c.name, str(op)] for op in c.options]) for c in space.choices]
    return LinearLatency(space, weights, PIXEL1_BIAS_MS + table[PIXEL1_FIRST])


def block_latency(space: Space, path: str | Path, column: str) -> LinearLatency:
    """Read a latency that adds up over blocks, such as one of HW-NAS-Bench's for FBNet.

    Args:
        space: of the blocks.
        path: a file of costs of blocks, see :mod:`archrank.tables.block_costs`.
        column: name of the cost, such as ``pixel3_latency_ms``.

    Raises:
        TableError: the file is damaged, or not of the space.
        UnknownNameError: it has no such column.
    """
    costs = read_block_costs(path, space)
    if column not in costs.names:
        raise UnknownNameError("cost", column, costs.names, f"File: {path}")
    constant = float(costs.constants[costs.names.index(column)])
    return LinearLatency(space, costs.weights(column), constant)
