"""The folder of an export: room is kept before training, and nothing trained is lost after."""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from archrank.errors import StorageError
from archrank.files import read_json, write_file

WEIGHTS = "weights.safetensors"
DESCRIPTION = "architecture.json"
LOADER, CARD, PICTURE = "load_model.py", "MODEL_CARD.md", "architecture.svg"
RESULTS = (  # entries of the description that say nothing about which network it is
    *("metrics", "sha256", "differences", "lengths"),
    *("origin", "search", "versions"),
)


@contextmanager
def reserved(
    folder: Path, content: bytes, description: Mapping[str, Any], remedy: str
) -> Iterator[None]:
    """Check that an export can be written, and keep room for it in ``folder`` meanwhile.

    Args:
        folder: where it will be; made if need be.
        content: weights of the untrained network, as large as those to come.
        description: of the export, without what training decides.
        remedy: what the user can do where ``folder`` cannot be used; ends messages.

    Raises:
        StorageError: ``folder`` cannot be written, is too small, or holds something else.
    """
    room = folder / f".{secrets.token_hex(8)}.tmp"
    try:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _check(folder, description, remedy)
            with room.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            if isinstance(error, StorageError):
                raise
            reason = error.strerror or error
            raise StorageError(
                f"cannot write to {folder}: {reason}; nothing was trained, {remedy}"
            ) from None
        yield
    finally:
        with contextlib.suppress(OSError):
            room.unlink(missing_ok=True)


def _check(folder: Path, description: Mapping[str, Any], remedy: str) -> None:
    """Refuse a folder whose files are in the way: other things, or another export."""
    for name in (WEIGHTS, DESCRIPTION, LOADER, CARD, PICTURE):
        if (folder / name).is_dir():
            raise StorageError(f"cannot write {folder / name}: it is a folder; {remedy}")
    path = folder / DESCRIPTION
    if not path.exists():
        for name in (LOADER, CARD):  # which people write, too
            if (folder / name).exists():
                raise StorageError(
                    f"{folder / name} exists, and is of no export (there is no {DESCRIPTION}); "
                    f"{remedy}"
                )
        return
    found = read_json(path, "the description of an export", remedy=remedy)
    other = [k for k in description if k not in RESULTS and found.get(k) != description[k]]
    if other:
        key = "architecture" if "architecture" in other else other[0]
        raise StorageError(
            f"{folder} holds the export of {key} {found.get(key)!r}, which this one of "
            f"{description[key]!r} would replace; {remedy}"
        )


def keep(folder: Path, files: Mapping[str, bytes], remedy: str) -> None:
    """Write ``files: {name: content}`` to ``folder``, or elsewhere if that fails now.

    Raises:
        StorageError: they are not in ``folder``; the message says where they are.
    """
    try:
        _write(folder, files)
    except StorageError as error:
        try:
            elsewhere = Path(tempfile.mkdtemp(prefix="archrank-export-"))
            _write(elsewhere, files)
        except OSError as second:
            raise StorageError(f"{error}, nor elsewhere: {second}; {remedy}") from None
        raise StorageError(f"{error}; the trained network is in {elsewhere} instead") from None


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        write_file(folder / name, partial(_put, content), parents=True)


def _put(content: bytes, file: BinaryIO) -> None:
    file.write(content)
