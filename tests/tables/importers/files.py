"""Miniature official files, written from the formats' descriptions alone."""

from __future__ import annotations

import base64
import bz2
import json
import pickle
import struct
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

# ---- NAS-Bench-201 ------------------------------------------------------------------------------

CELLS = (  # the first of the official order
    "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+"
    "|nor_conv_1x1~0|skip_connect~1|skip_connect~2|",
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+"
    "|skip_connect~0|nor_conv_3x3~1|skip_connect~2|",
    "|avg_pool_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+"
    "|avg_pool_3x3~0|avg_pool_3x3~1|avg_pool_3x3~2|",
)
PARAMS = (0.129306, 0.802426, 0.559386)  # millions, as published; 10 classes
SPLITS = {
    "cifar10-valid": ("x-valid", "ori-test"),
    "cifar10": ("ori-test",),
    "cifar100": ("x-valid", "x-test", "ori-test"),
    "ImageNet16-120": ("x-valid", "x-test", "ori-test"),
}
SEEDS = ((777, 888, 999), (777, 999), (888,))  # not every cell has all


def accuracy(index: int, epochs: int, data: str, split: str, seed: int, epoch: int) -> float:
    """A made-up percentage, different for all arguments."""
    key = f"{index}/{epochs}/{data}/{split}/{seed}/{epoch}"
    return int.from_bytes(key.encode(), "big") % 9973 / 100


def trial(index: int, epochs: int, data: str, seed: int, *, old: bool = False) -> dict[str, Any]:
    """State of a ``ResultsCount``; ``old`` ones lack times and know the last epoch only."""
    each = [epochs - 1] if old else range(epochs)
    number = np.float64 if seed == 888 else float  # both are found
    keys = [(s, e) for s in SPLITS[data] for e in each]
    return {
        "name": data,
        "net_state_dict": None,
        "train_acc1es": OrderedDict((e, 50.0 + e) for e in range(epochs)),
        "train_acc5es": None,
        "train_losses": OrderedDict((e, 2.0 - e / epochs) for e in range(epochs)),
        "train_times": None if old else OrderedDict((e, 1.5 + index) for e in range(epochs)),
        "arch_config": {"channel": 16, "num_cells": 5, "arch_str": CELLS[index], "class_num": 10},
        "params": number(PARAMS[index]),
        "flop": number(15.64737 * (index + 1)),
        "seed": seed,
        "epochs": epochs,
        "latency": [0.0125 * (index + 1)],
        "eval_names": list(SPLITS[data]),
        "eval_acc1es": {
            f"{s}@{e}": number(accuracy(index, epochs, data, s, seed, e)) for s, e in keys
        },
        "eval_times": {} if old else {f"{s}@{e}": 0.25 for s, e in keys},
        "eval_losses": {f"{s}@{e}": 1.0 for s, e in keys},
    }


def schedule(index: int, epochs: int, *, old: bool = False) -> dict[str, Any]:
    """State of an ``ArchResults``."""
    seeds = list(SEEDS[index]) if epochs == 200 else [777]
    return {
        "arch_index": index,
        "arch_str": CELLS[index],
        "all_results": {
            (data, seed): trial(index, epochs, data, seed, old=old)
            for data in SPLITS
            for seed in seeds
        },
        "dataset_seed": dict.fromkeys(SPLITS, seeds),
        "clear_net_done": True,
    }


def nats_state(index: int) -> OrderedDict[str, Any]:
    return OrderedDict({"12": schedule(index, 12), "200": schedule(index, 200)})


def nas201_state(index: int) -> dict[str, Any]:
    return {"less": schedule(index, 12), "full": schedule(index, 200, old=True)}


def whole(states: Mapping[int, Any]) -> dict[str, Any]:
    """The file of all architectures."""
    return {
        "meta_archs": list(CELLS),
        "total_archs": len(CELLS),
        "arch2infos": dict(states),
        "evaluated_indexes": set(states),
    }


def write_bz2(path: Path, value: Any) -> None:
    path.write_bytes(bz2.compress(pickle.dumps(value, protocol=4)))


def nats_folder(path: Path, indices: Sequence[int] = (0, 1, 2)) -> Path:
    path.mkdir()
    write_bz2(path / "meta.pickle.pbz2", whole({}) | {"arch2infos": None})
    for index in indices:
        write_bz2(path / f"{index:06d}.pickle.pbz2", nats_state(index))
    return path


# ---- NAS-Bench-101 ------------------------------------------------------------------------------


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def message(fields: Iterable[tuple[int, int | float | bytes]]) -> bytes:
    """A protocol buffer message."""
    out = b""
    for number, value in fields:
        if isinstance(value, float):
            out += varint(number << 3 | 1) + struct.pack("<d", value)
        elif isinstance(value, int):
            out += varint(number << 3) + varint(value)
        else:
            out += varint(number << 3 | 2) + varint(len(value)) + value
    return out


def metrics(params: int, final: Sequence[float], *, epochs: int = 108) -> bytes:
    """``ModelMetrics``; ``final``: seconds, and accuracy on train, validation and test."""
    halves = ((0.0, [0.0, 0.1, 0.1, 0.1]), (epochs / 2, [9.0, 0.5, 0.5, 0.5]), (epochs, final))
    evaluations = [
        message([(1, float(e)), *((k, float(v)) for k, v in enumerate(values, 2)), (6, b"/ckpt")])
        for e, values in halves
    ]
    return message([*((1, e) for e in evaluations), (2, params), (3, 12.5)])


def crc32c(data: bytes) -> int:
    """Bit by bit."""
    register = 0xFFFFFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0x82F63B78 if register & 1 else 0)
    return register ^ 0xFFFFFFFF


def masked(data: bytes) -> bytes:
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def frame(payload: bytes) -> bytes:
    """A TFRecord."""
    length = struct.pack("<Q", len(payload))
    return length + masked(length) + payload + masked(payload)


# hash, adjacency, operations, parameters: two published cells
INCEPTION = (
    "00005c142e6f48ac74fdcf73e3439874",
    "0100110001000000010010000010000001000000010000000",
    "input,conv3x3-bn-relu,maxpool3x3,conv3x3-bn-relu,conv3x3-bn-relu,conv1x1-bn-relu,output",
    8555530,
)
DIRECT = ("043721b9c7fe8c5fad811d47d83132ec", "0100", "input,output", 882570)


def run(cell: Sequence[Any], final: Sequence[float], *, epochs: int = 108) -> bytes:
    """A record's payload."""
    name, adjacency, operations, params = cell
    encoded = base64.b64encode(metrics(params, final, epochs=epochs)).decode()
    return json.dumps([name, epochs, adjacency, operations, encoded]).encode()


# ---- NDS ----------------------------------------------------------------------------------------

DARTS_OPS = ("none", "max_pool_3x3", "avg_pool_3x3", "skip_connect", "sep_conv_3x3")


def nds_job(number: int, *, shift: int = 0) -> dict[str, Any]:
    """A job of ``DARTS_fix-w-d.json``."""
    pairs = [[DARTS_OPS[1 + (number + 3 * t) % 4], (number + t) % (t // 2 + 2)] for t in range(8)]
    cell = {"normal": pairs, "reduce": pairs}
    genotype = {**cell, "normal_concat": [2, 3, 4, 5], "reduce_concat": [2, 3, 4, 5]}
    error = 5.0 + number + shift
    return {
        "net": {"genotype": genotype, "width": 16, "depth": 20, "aux": False, "drop_prob": 0.0},
        "params": 1e6 + number,
        "flops": 1e8 + number,
        "iter_time": 0.1,
        "rng_seed": 1,
        "min_test_top1": error,
        "test_ep_top1": [90.0, error + 0.5],
        "train_ep_top1": [90.0, 1.0],
        "train_ep_loss": [2.0, 0.1],
        "optim": {"base_lr": 0.1, "wd": 5e-4, "max_ep": 100},
    }
