"""Golden files of error messages: one text file per room, one line per message.

After a message has been changed on purpose::

    pytest tests/messages --update-golden -p no:xdist

Then read ``git diff tests/golden`` as a user would: does each message repeat what was typed, and
name the remedy?
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from archrank.errors import ArchrankError

FOLDER = Path(__file__).parents[1] / "golden"

Cases = Mapping[str, Callable[[], object]]
"""Descriptions of mistakes, and functions that make them."""


def read(room: str) -> dict[str, str]:
    """Read the messages of a room: ``{mistake: message}``."""
    path = FOLDER / f"{room}.txt"
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return dict(zip(lines[::3], [line.strip() for line in lines[1::3]], strict=True))


def write(room: str, messages: Mapping[str, str]) -> None:
    """Write the messages of a room: a line per mistake and a line per message."""
    FOLDER.mkdir(exist_ok=True)
    text = "\n".join(f"{mistake}\n    {message}\n" for mistake, message in messages.items())
    (FOLDER / f"{room}.txt").write_text(text, encoding="utf-8")


def message_of(mistake: Callable[[], object]) -> str:
    """Make a mistake and return the error's class and message."""
    with pytest.raises(ArchrankError) as raised:
        mistake()
    message = str(raised.value)
    assert "\n" not in message
    return f"{type(raised.value).__name__}: {message}"


def compare(room: str, messages: Mapping[str, str], *, update: bool) -> None:
    """Compare all messages of a room with its golden file, or replace the file."""
    if update:
        write(room, messages)
    assert dict(messages) == read(room)
