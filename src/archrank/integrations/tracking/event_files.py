"""Event files of TensorBoard: one record per step, written at once.

TensorBoard's own writer has a thread, in which a full disk prints a traceback, and a record per
number, so that a kill leaves part of a step.
"""

from __future__ import annotations

import io
import os
import socket
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

FILES = "events.out.tfevents.*"


class EventFile:
    """A new event file in a folder, which TensorBoard reads after those that are there.

    Args:
        folder: made where it is missing.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        before = sorted(folder.glob(FILES))
        stamps = [int(s) for file in before if (s := file.name.split(".")[3]).isdigit()]
        stamp = max([int(time.time()), *stamps])  # files are read in the order of their names
        name = f"{stamp:010d}.{len(before):04d}.{socket.gethostname()}.{os.getpid()}"
        self._file = open(folder / FILES.replace("*", name), "xb", buffering=0)  # noqa: SIM115
        self._add(file_version="brain.Event:2")

    def add(self, summaries: Iterable[Any], step: int) -> None:
        """Write summaries, which are protocol buffers, as one record.

        Raises:
            OSError: it cannot be written; the file is as before, and closed.
        """
        from tensorboard.compat.proto.summary_pb2 import Summary

        values = [value for summary in summaries for value in summary.value]
        self._add(step=step, summary=Summary(value=values))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _add(self, **content: Any) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.summary.writer.record_writer import RecordWriter

        record = io.BytesIO()
        event = Event(wall_time=time.time(), **content)
        RecordWriter(record).write(event.SerializeToString())
        left, size = memoryview(record.getvalue()), self._file.tell()
        try:
            while left:
                left = left[self._file.write(left) :]
        except OSError:
            self._file.truncate(size)
            self._file.close()
            raise


def scalars(folder: Path) -> Iterator[tuple[int, dict[str, float]]]:
    """Yield the steps of the event files in a folder, with their numbers by tag.

    What comes after a record that cannot be read is not there.
    """
    from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader

    for file in sorted(folder.glob(FILES)):
        for event in LegacyEventFileLoader(str(file)).Load():
            numbers = {v.tag: v.simple_value for v in event.summary.value if _is_number(v)}
            if numbers:
                yield event.step, numbers


def _is_number(value: Any) -> bool:
    return bool(value.HasField("simple_value"))
