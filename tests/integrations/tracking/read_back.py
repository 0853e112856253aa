"""Read what trackers have written, by other code than theirs."""

from __future__ import annotations

import json
import struct
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Points = dict[str, list[tuple[int, float]]]


def tensorboard_points(folder: Path) -> Points:
    """Return the scalars of a folder of event files, as TensorBoard would draw them."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(folder), {"scalars": 0, "tensors": 0})
    found.Reload()
    names = found.Tags()["scalars"]
    return {name: [(e.step, e.value) for e in found.Scalars(name)] for name in names}


def mlflow_points(uri: str, experiment: str = "archrank") -> dict[str, Points]:
    """Return the metrics of every run of an experiment, by the run's number."""
    from mlflow.tracking import MlflowClient

    client = MlflowClient(uri)
    known = client.get_experiment_by_name(experiment)
    assert known is not None
    return {
        run.info.run_id: {
            name: [(m.step, m.value) for m in client.get_metric_history(run.info.run_id, name)]
            for name in run.data.metrics
        }
        for run in client.search_runs([known.experiment_id])
    }


def wandb_records(folder: Path) -> Iterator[Any]:
    """Yield the records of all offline runs in a folder: logs of LevelDB's format.

    Blocks of 32 KiB hold chunks with a header of 7 bytes (checksum, length, kind); a record is one
    chunk of kind 1, or several of kinds 2, 3 and 4. The first 7 bytes of a file are wandb's.
    """
    from wandb.proto import wandb_internal_pb2

    for file in sorted(folder.glob("offline-run-*/*.wandb")):
        data, at, parts = file.read_bytes(), 7, b""
        while at + 7 <= len(data):
            left = 32768 - at % 32768
            if left < 7:
                at += left
                continue
            _, length, kind = struct.unpack("<IHB", data[at : at + 7])
            if kind not in (1, 2, 3, 4) or at + 7 + length > len(data):
                break
            parts += data[at + 7 : at + 7 + length]
            at += 7 + length
            if kind in (1, 4):
                record = wandb_internal_pb2.Record()
                record.ParseFromString(parts)
                parts = b""
                yield record


def wait_for_wandb(folder: Path, seconds: float = 30.0) -> None:
    """Wait until all offline files are complete, which they are some moments after their end."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        ended = [r for r in wandb_records(folder) if r.WhichOneof("record_type") == "exit"]
        if len(ended) == len(list(folder.glob("offline-run-*/*.wandb"))):
            return
        time.sleep(0.05)


def wandb_points(folder: Path) -> Points:
    """Return the numbers that offline runs have logged, by their steps."""
    found: Points = defaultdict(list)
    for record in wandb_records(folder):
        if record.WhichOneof("record_type") != "history":
            continue
        items = {
            item.key or "/".join(item.nested_key): json.loads(item.value_json)
            for item in record.history.item
        }
        step = items.get("_step", record.history.step.num)
        for name, value in items.items():
            if not name.startswith("_") and isinstance(value, int | float):
                found[name].append((step, value))
    return dict(found)
