"""A PostgreSQL server of one's own: on loopback, in a temporary folder, gone at the end.

Also if the tests are killed: a process beside them waits for their end, and stops it then.

From Debian's package ``postgresql``, or any whose programs are on the path. The server refuses to
be root, so root starts it as another user.
"""

from __future__ import annotations

import gc
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

USERS = ("postgres", "nobody")  # whom root starts the server as; the first that there is
PATIENCE = 60  # seconds that a program may take
END = 'read line; "$0" -D "$1/data" -m immediate -w stop; rm -rf "$1"'  # of pg_ctl and a folder


class NoServerError(Exception):
    """There is no PostgreSQL here, or it does not start; says why."""


class PostgresServer:
    """A server that was started.

    Args:
        folder: of its data; it belongs to ``user`` then.
        user: who runs it; ``None`` is the user of this process.
        settings: of the server, ``name=value``.

    Attributes:
        url: SQLAlchemy URL for its superuser.
    """

    def __init__(self, folder: Path, user: str | None, *settings: str) -> None:
        self._folder, self._user, self._settings = folder, user, settings
        self._port, password = _free_port(), secrets.token_hex(8)
        (folder / "password").write_text(password)
        if user is not None:
            for path in (folder, folder / "password"):
                shutil.chown(path, user)
        self._call(
            *("initdb", "--pgdata", folder / "data", "--auth", "scram-sha-256", "--no-sync"),
            *("--username", "boss", "--pwfile", folder / "password", "--encoding", "UTF8"),
        )
        self.url = f"postgresql+psycopg://boss:{password}@127.0.0.1:{self._port}/postgres"
        self._end = subprocess.Popen(
            ["sh", "-c", END, _found("pg_ctl"), folder],
            **self._as_user(),
            cwd="/",
            start_new_session=True,  # Ctrl-C is for the tests, which end then
            stdin=subprocess.PIPE,  # is closed with the tests, however they end
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.start()

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        options = [
            *("-p", str(self._port), "-h", "127.0.0.1", "-k", str(self._folder)),
            *(part for setting in self._settings for part in ("-c", setting)),
        ]
        log = self._folder / "log"
        self._call("pg_ctl", *self._data, "-l", log, "-w", "-o", " ".join(options), "start")

    def new_database(self) -> str:
        """Return the URL of an empty schema, which is as good as a database, and made at once."""
        name = f"archrank_{secrets.token_hex(4)}"
        engine = create_engine(self.url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
        with engine.connect() as connection:
            connection.execute(text(f"CREATE SCHEMA {name}"))
        return f"{self.url}?options=-csearch_path%3D{name}"

    def stop(self, mode: str = "fast") -> None:
        """Stop the server: ``fast`` breaks connections off, ``immediate`` is a crash."""
        self._call("pg_ctl", *self._data, "-m", mode, "-w", "stop")

    def end(self) -> None:
        """Stop the server, if it runs, and remove its folder."""
        self._end.communicate(timeout=PATIENCE)

    def restart(self, mode: str = "fast") -> None:
        """Stop the server, and start it again."""
        self.stop(mode)
        self.start()

    def _as_user(self) -> dict[str, Any]:
        """Return options of ``subprocess`` to be the user of the server."""
        if self._user is None:
            return {}
        group = pwd.getpwnam(self._user).pw_gid
        return {"user": self._user, "group": group, "extra_groups": []}

    @property
    def _data(self) -> tuple[str | Path, ...]:
        return "-D", self._folder / "data"

    def _call(self, program: str, *arguments: str | Path) -> None:
        with (self._folder / "called").open("w+") as said:  # a server would keep a pipe open
            done = subprocess.run(
                [_found(program), *arguments],
                **self._as_user(),
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                timeout=PATIENCE,
                check=False,
            )
            said.seek(0)
            if done.returncode:
                raise NoServerError(f"{program}: {said.read().strip()}")


def _found(program: str) -> str:
    """Return the path of a program of PostgreSQL; Debian keeps most of them off the path."""
    known = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))
    path = shutil.which(program) or (str(known[-1]) if known else None)
    if path is None:
        raise NoServerError(f"there is no {program}: install Debian's package postgresql")
    return path


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def postgres_server(*settings: str) -> Iterator[PostgresServer]:
    """Start a server for the time of a ``with`` block.

    Args:
        settings: of the server, ``name=value``.

    Raises:
        NoServerError: that is impossible here.
    """
    _found("initdb")
    user = None
    if os.getuid() == 0:
        names = {entry.pw_name for entry in pwd.getpwall()}
        user = next((name for name in USERS if name in names), None)
    folder = Path(tempfile.mkdtemp(prefix="archrank-postgres-"))
    try:
        server = PostgresServer(folder, user, *settings)
        try:
            yield server
        finally:
            server.end()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def collect_connections() -> None:
    """Close what a server, or a refusal, left open: otherwise a later test is told of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
