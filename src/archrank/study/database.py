"""Databases of studies: opening to write or to read, and what their errors mean."""

from __future__ import annotations

import json
import logging
import os
import random
import sqlite3
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from optuna.exceptions import DuplicatedStudyError
from optuna.storages import BaseStorage, InMemoryStorage, RDBStorage
from optuna.storages._rdb import models  # one transaction for a study and its attributes
from optuna.study import StudyDirection
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.pool import NullPool, QueuePool, StaticPool

from archrank.errors import ArchrankError, MissingExtraError, NoStudyError, StorageError
from archrank.study.address import ENVIRONMENT, Address

WAIT = 30  # seconds for others who use a database file
ATTEMPTS = 20  # to create tables while other processes do the same

OUTAGE = 3600  # seconds that a run waits for a server
SIGNS = {  # of life, without which a server's host is out of reach: after a minute, not two hours
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
HELD = 60  # seconds after which a server ends the transaction of a process that is held up
SHORTEST, TELL, LONGEST = 0.1, 0.8, 12.8  # seconds between tries; doubled each time

T = TypeVar("T")

_LOG = logging.getLogger("archrank")
_REFUSALS = ("password", "authentication", "permission denied", "does not exist", "read-only")
_RACED = (
    "already exists",
    "duplicate key",
    "unique constraint",
    "deadlock",
    "concurrently updated",
    "starting up",  # a server that is restarted
    "shutting down",
)
_ABSENT = ("no such table", "does not exist", "doesn't exist")


def open_storage(address: Address | None) -> BaseStorage:
    """Open a storage to write, and create its tables if it has none.

    Processes that create the same tables at once get into each other's way: all but one fail, and
    find the tables when they try again.

    Args:
        address: the database; ``None`` is a storage in memory.

    Raises:
        StorageError: the storage cannot be opened.
        MissingExtraError: the driver of a PostgreSQL database is not installed.
    """
    if address is None:
        return InMemoryStorage()
    for _ in range(ATTEMPTS - 1):
        with suppress(_RacedError):
            return _open_once(address)
        time.sleep(random.uniform(0.01, 0.2))  # no result depends on it
    return _open_once(address)


class _RacedError(StorageError):
    """Failure that is soon over: others create the tables now, or the server is restarted."""


def _open_once(address: Address) -> BaseStorage:
    file = address.file
    try:
        if file is None:
            return _connect(address)
        return _sqlite(
            lambda: sqlite3.connect(file, timeout=WAIT, check_same_thread=False), pool=QueuePool
        )
    except ArchrankError:
        raise
    except Exception as error:
        found = storage_error(address, error)
        if _says(error, _RACED):
            raise _RacedError(str(found)) from None
        raise found from _shareable(address, error)


def open_to_read(address: Address | None, study_name: str) -> BaseStorage:
    """Open a storage that exists, and change nothing in it: no write permission is needed.

    Raises:
        NoStudyError: there is no such file, or it holds no studies.
        StorageError: the storage cannot be opened.
    """
    if address is None:
        return InMemoryStorage()
    try:
        if address.file is None:
            return _connect(address, to_read=True)
        return _read_file(address.file)
    except ArchrankError:
        raise
    except Exception as error:
        if _says(error, _ABSENT):
            raise NoStudyError(f"{address} holds no study {study_name!r}") from None
        if address.file is not None and not os.path.exists(address.file):
            raise NoStudyError(f"there is no database {address}") from None
        raise storage_error(address, error, to_read=True) from _shareable(address, error)


# ---- connections ---------------------------------------------------------------------------------


def _connect(address: Address, *, to_read: bool = False) -> BaseStorage:
    """Open the database of a URL, by its own driver."""
    backend = address.url.get_backend_name()
    options: dict[str, Any] = {}
    if backend == "sqlite":
        options["connect_args"] = {"timeout": WAIT}
    else:
        options["pool_pre_ping"] = True  # a server may have been restarted
    if backend == "postgresql" and not to_read:
        options["pool_events"] = [(_let_others_go_on, "connect")]
        if address.url.get_driver_name() in ("psycopg", "psycopg2"):
            given = address.url.query
            options["connect_args"] = {k: v for k, v in SIGNS.items() if k not in given}
    if to_read:
        options["poolclass"] = NullPool  # leaves no connection open
    if to_read and backend == "postgresql":
        options["execution_options"] = {"postgresql_readonly": True}
    if to_read and backend in ("mysql", "mariadb"):
        options["connect_args"] = {"init_command": "SET SESSION TRANSACTION READ ONLY"}
    url = address.url.render_as_string(hide_password=False)
    try:
        return RDBStorage(
            url.replace("{", "{{").replace("}", "}}"),  # Optuna formats it
            engine_kwargs=options,
            skip_table_creation=to_read,
        )
    except ImportError as error:
        if backend == "postgresql":
            raise MissingExtraError("psycopg", "postgres", f"storage {address}") from None
        raise StorageError(f"storage {address}: {address.hide(str(error))}") from None


def _let_others_go_on(connection: Any, *rest: Any) -> None:
    """Have a server end what a process has begun to write if it is stopped, or its host is gone.

    Otherwise all others would wait for what it has locked.
    """
    with suppress(Exception), closing(connection.cursor()) as cursor:  # a server may not know it
        cursor.execute(f"SET idle_in_transaction_session_timeout = {HELD * 1000}")
    connection.commit()


def _sqlite(
    connect: Callable[[], sqlite3.Connection], *, to_read: bool = False, pool: type[Any] = NullPool
) -> BaseStorage:
    """Open a database file by a function: its path is no part of any URL."""
    options = {"creator": connect, "poolclass": pool}
    return RDBStorage("sqlite://", engine_kwargs=options, skip_table_creation=to_read)


def _read_file(file: Path) -> BaseStorage:
    """Open a database file that may neither be written nor lie where anything can be written."""
    uri = file.as_uri()

    def opened(options: str) -> BaseStorage:
        return _sqlite(
            lambda: sqlite3.connect(
                f"{uri}?{options}", uri=True, timeout=WAIT, check_same_thread=False
            ),
            to_read=True,
        )

    try:
        return opened("mode=ro")
    except Exception as error:
        if not file.exists() or not _says(error, ("readonly", "read-only", "unable to open")):
            raise
        logs = [Path(f"{file}{suffix}") for suffix in ("-journal", "-wal")]
        if not any(log.exists() and log.stat().st_size for log in logs):
            return opened("mode=ro&immutable=1")  # there is no place for the locks of a WAL file
    whole = _rolled_back(file, logs)
    return _sqlite(lambda: whole, to_read=True, pool=StaticPool)


def _rolled_back(file: Path, logs: list[Path]) -> sqlite3.Connection:
    """Return a copy in memory of a file whose writer was killed while it wrote.

    SQLite undoes the unfinished changes in the copy, so nothing is changed where it lies.
    """
    with tempfile.TemporaryDirectory(prefix="archrank-") as folder:
        copy = Path(folder, "copy")
        for part in (file, *(log for log in logs if log.exists())):
            Path(f"{copy}{str(part)[len(str(file)) :]}").write_bytes(part.read_bytes())
        source = sqlite3.connect(copy)
        whole = sqlite3.connect(":memory:", check_same_thread=False)
        try:
            source.backup(whole)
        finally:
            source.close()
    whole.execute("PRAGMA query_only = 1")
    return whole


# ---- studies -------------------------------------------------------------------------------------


def add_study(
    storage: BaseStorage, name: str, directions: Sequence[str], attributes: Mapping[str, str]
) -> None:
    """Create a study with its attributes in one transaction, so that none is ever half made.

    Raises:
        DuplicatedStudyError: there is a study of this name.
    """
    ways = [StudyDirection[direction.upper()] for direction in directions]
    if not isinstance(storage, RDBStorage):
        study_id = storage.create_new_study(ways, name)
        for key, value in attributes.items():
            storage.set_study_user_attr(study_id, key, value)
        return
    study = models.StudyModel(
        study_name=name,
        directions=[
            models.StudyDirectionModel(objective=i, direction=way) for i, way in enumerate(ways)
        ],
        user_attributes=[
            models.StudyUserAttributeModel(key=key, value_json=json.dumps(value))
            for key, value in attributes.items()
        ],
    )
    with storage.scoped_session() as session:
        try:
            session.add(study)
            session.commit()
        except IntegrityError as error:
            session.rollback()
            raise DuplicatedStudyError(name) from error


# ---- outages -------------------------------------------------------------------------------------


@dataclass
class Reach:
    """Makes calls that need a database; what it raises becomes a :class:`.StorageError`.

    Attributes:
        address: of the database; ``None`` is memory.
        patient: whether calls are made again after an outage; see :func:`patiently`.
    """

    address: Address | None
    patient: bool = False

    def __call__(self, call: Callable[[], T], *, to_read: bool = False) -> T:
        """Make a call, and return what it returns.

        Args:
            call: the call.
            to_read: whether it reads alone, for the message of an error.

        Raises:
            StorageError: the database raised an error, or holds what cannot be read.
            ArchrankError: what the call raises itself.
        """
        try:
            return patiently(call, self.address) if self.patient else call()
        except ArchrankError:
            raise
        except Exception as error:
            raise storage_error(self.address, error, to_read=to_read) from None


def patiently(call: Callable[[], T], address: Address | None) -> T:
    """Make a call that needs a database, again while a server cannot be reached.

    Such as while it restarts. The call must be one transaction that may be repeated, since an
    answer may be lost that tells of its success.

    Raises:
        Exception: what ``call`` raises for another reason, or :data:`OUTAGE` seconds after it
            could be made last.
    """
    start, wait = time.monotonic(), SHORTEST
    while True:
        try:
            return call()
        except Exception as error:
            if not _is_outage(error) or time.monotonic() - start > OUTAGE:
                raise
            if wait == TELL:
                _LOG.warning(
                    "storage %s cannot be reached (%s); what is finished is kept, and it is tried "
                    "again for %d minutes",
                    address,
                    "" if address is None else address.hide(_reason(error)),
                    OUTAGE // 60,
                )
        time.sleep(wait * random.uniform(0.8, 1.2))  # no result depends on it
        wait = min(2 * wait, LONGEST)


def _is_outage(error: Exception) -> bool:
    """Tell whether a server was out of reach, or broke a connection off; also a deadlock."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OperationalError | InterfaceError):
            return not _says(error, _REFUSALS)
        if isinstance(cause, DBAPIError) and cause.connection_invalidated:
            return True
        cause = cause.__cause__
    return False


# ---- errors --------------------------------------------------------------------------------------


def storage_error(
    address: Address | None, error: Exception, *, to_read: bool = False
) -> StorageError:
    """Return an error that says what a database said, and what the user can do about it."""
    where = "memory" if address is None else str(address)
    text = _reason(error) if address is None else address.hide(_reason(error))
    return StorageError(f"cannot use storage {where}: {text}{_remedy(text.lower(), to_read)}")


def _remedy(text: str, to_read: bool) -> str:
    if "unable to open" in text and to_read:
        return "; is it there, and may you read it?"
    if any(part in text for part in ("readonly", "read-only", "unable to open")):
        return "; choose a run folder that you may write to (--run DIR)"
    if "locked" in text:
        return "; another process is writing to it"
    if "not a database" in text:
        return "; the file is damaged or not a database"
    if "permission denied" in text and not to_read:
        return "; this user may only read it"
    if "password" in text or "access denied" in text:
        return (
            f"; put the URL with its password in the environment variable {ENVIRONMENT}, or the "
            "password where the driver looks for it (~/.pgpass)"
        )
    return ""


def _says(error: Exception, parts: tuple[str, ...]) -> bool:
    text = _reason(error).lower()
    return any(part in text for part in parts)


def _shareable(address: Address, error: Exception) -> Exception | None:
    """Return ``error`` as the cause of another, unless its text repeats a password."""
    chain: BaseException | None = error
    while chain is not None:
        if address.hide(str(chain)) != str(chain):
            return None
        chain = chain.__cause__ or chain.__context__
    return error


def _reason(error: Exception) -> str:
    """Return the first line of what the database itself said."""
    cause: BaseException = error
    while cause.__cause__ is not None and not hasattr(cause, "orig"):
        cause = cause.__cause__
    text = str(getattr(cause, "orig", None) or cause).strip()
    return text.splitlines()[0] if text else type(cause).__name__
