"""Offline files of Weights & Biases: the steps that they hold.

A file begins with 7 bytes of wandb's, and is a log in LevelDB's format: blocks of 32 KiB with
chunks, each with a header of 7 bytes (checksum, length, place in its record). A record is wandb's
protocol buffer. A process that was killed has left out what it had not yet written, and perhaps
half a chunk; what comes after a chunk that cannot be read is not there.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from glob import escape
from pathlib import Path
from typing import Any

BLOCK, HEADER = 32768, 7
WHOLE, LAST = 1, 4  # places of a chunk: all of its record, the first, the middle, the last part


def logged(folder: Path, run: str) -> Iterator[dict[str, Any]]:
    """Yield what the offline files of a run below a folder have logged, by name, ``_step`` too.

    Args:
        folder: that wandb was given.
        run: wandb's name of the run.
    """
    name = escape(run)
    files = folder.glob(f"wandb/offline-run-*-{name}*/run-{name}.wandb")
    for file in sorted(files):
        yield from _logged(file.read_bytes())


def _logged(data: bytes) -> Iterator[dict[str, Any]]:
    from google.protobuf.message import DecodeError
    from wandb.proto import wandb_internal_pb2

    kind: Any = wandb_internal_pb2  # made when it is imported: no type checker sees its classes
    for text in _records(data):
        try:
            record = kind.Record.FromString(text)
        except DecodeError:
            return
        if record.WhichOneof("record_type") == "history":
            yield {
                item.key or "/".join(item.nested_key): json.loads(item.value_json)
                for item in record.history.item
            }


def _records(data: bytes) -> Iterator[bytes]:
    """Yield the records of a log, as far as it is whole."""
    at, parts = HEADER, b""
    while at + HEADER <= len(data):
        if BLOCK - at % BLOCK < HEADER:  # too little for a header: filled with zeros
            at += BLOCK - at % BLOCK
            continue
        length, place = struct.unpack_from("<HB", data, at + 4)
        at += HEADER + length
        if not WHOLE <= place <= LAST or at > len(data):
            return
        parts += data[at - length : at]
        if place in (WHOLE, LAST):
            yield parts
            parts = b""
