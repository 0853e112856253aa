"""Databases of studies: their URLs, opening to write or to read, and their errors."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

from optuna.storages import BaseStorage, InMemoryStorage, RDBStorage
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from archrank.errors import ArchrankError, MissingExtraError, StorageError

WAIT = 30  # seconds for others who use a database file


def sqlite_url(path: Path) -> str:
    """Return the storage URL of a database file.

    Raises:
        StorageError: the path has a ``?``, which would begin the URL's options.
    """
    if "?" in str(path):
        raise StorageError(f"run folder {path.parent}: choose a name without '?'")
    return f"sqlite:///{path}"


def shown(url: str) -> str:
    """Return a storage URL without its password, as messages show it."""
    return re.sub(r"(://[^:/@]*:).*@", r"\1***@", url)


def open_storage(url: str | None) -> BaseStorage:
    """Open a storage to write, and create its tables if it has none.

    Args:
        url: SQLAlchemy URL; ``None`` is a storage in memory.

    Raises:
        StorageError: the storage cannot be opened.
        MissingExtraError: the driver of a PostgreSQL database is not installed.
    """
    try:
        return _connect(url)
    except ArchrankError:
        raise
    except Exception as error:
        raise storage_error(shown(url or "memory"), error) from error


def _connect(url: str | None, *, skip_table_creation: bool = False) -> BaseStorage:
    if url is None:
        return InMemoryStorage()
    try:
        # wait for other readers of the file (a dashboard, a report) instead of giving up at once
        options = {"connect_args": {"timeout": WAIT}} if url.startswith("sqlite") else {}
        return RDBStorage(url, engine_kwargs=options, skip_table_creation=skip_table_creation)
    except ImportError as error:
        if url.startswith("postgres"):
            raise MissingExtraError("psycopg", "postgres", f"storage {shown(url)}") from error
        raise StorageError(f"storage {shown(url)}: {error}") from error


def open_to_read(url: str | None, study_name: str) -> BaseStorage:
    """Open a storage that exists, and change nothing in it: a file needs no write permission.

    A search that was killed while it wrote leaves a journal, which SQLite must roll back before
    anyone can read; that is the one change that is made, where it is permitted.

    Raises:
        StorageError: the storage cannot be opened, or holds no studies.
    """
    file = _file_of(url)
    try:
        if file is None:
            return _connect(url, skip_table_creation=True)
        try:
            uri = f"{file.absolute().as_uri()}?mode=ro"
            options = {"creator": lambda: sqlite3.connect(uri, uri=True, timeout=WAIT)}
            return RDBStorage("sqlite://", engine_kwargs=options, skip_table_creation=True)
        except Exception as error:
            if "readonly" not in _reason(error):  # readonly: a journal to roll back
                raise
        return _connect(url, skip_table_creation=True)
    except ArchrankError:
        raise
    except Exception as error:
        where = shown(url or "memory")
        if any(text in _reason(error) for text in ("no such table", "does not exist")):
            raise StorageError(f"{where} holds no study {study_name!r}") from None
        raise storage_error(where, error, to_read=True) from error


def _file_of(url: str | None) -> Path | None:
    """Return the file of an SQLite URL without options; ``None`` for any other URL."""
    if url is None or not url.startswith("sqlite:"):
        return None
    try:
        parsed = make_url(url)
    except ArgumentError:
        return None
    return Path(parsed.database) if parsed.database and not parsed.query else None


def storage_error(where: str, error: Exception, *, to_read: bool = False) -> StorageError:
    """Return an error that says what a database said, and what the user can do about it."""
    text = _reason(error)
    hint = ""
    if to_read and "readonly" in text:
        hint = (
            "; a search was killed while it wrote, so the file must be repaired: read a copy of "
            "the run folder that you may write to"
        )
    elif not to_read and ("readonly" in text or "unable to open" in text):
        hint = "; choose a run folder that you may write to (--run DIR)"
    elif "unable to open" in text:
        hint = "; is it there, and may you read it?"
    elif "locked" in text:
        hint = "; another process is writing to it"
    elif "not a database" in text:
        hint = "; the file is damaged or not a database"
    return StorageError(f"cannot use storage {where}: {text}{hint}")


def _reason(error: Exception) -> str:
    """Return the first line of what the database itself said."""
    cause: BaseException = error
    while cause.__cause__ is not None and not hasattr(cause, "orig"):
        cause = cause.__cause__
    return str(getattr(cause, "orig", None) or cause).splitlines()[0]
