"""Studies on a real PostgreSQL server."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import optuna
import pytest
from optuna.storages import RDBStorage
from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from archrank.errors import NoStudyError, StorageError
from archrank.runs.folder import SETTINGS, open_run
from archrank.runs.reading import load
from archrank.runs.settings import SearchSettings
from archrank.study import trials
from archrank.study.address import ENVIRONMENT, Address
from archrank.study.database import open_storage
from archrank.study.storage import TrialStore, run_names
from tests.postgres import PostgresServer, collect_connections
from tests.study.helpers import make, told

# the connection of a storage that could not be opened is closed when it is collected
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
PASSWORD = "se/c@r:e t%41{x}"  # every sign that a URL could misread


class Server(NamedTuple):
    """URLs of a new database, for a user who owns it and one who may only read it."""

    owner: URL
    reader: URL


def connected(url: URL) -> Connection:
    return create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool).connect()


@pytest.fixture
def server(postgres: PostgresServer) -> Iterator[Server]:
    name = f"archrank_{secrets.token_hex(4)}"
    boss = make_url(postgres.url)
    own = boss.set(database=name)
    reader, owner = f"{name}_reader", f"{name}_owner"
    with connected(boss) as connection:
        for role in (owner, reader):
            statement = f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'"
            connection.execute(text(statement.replace(":", r"\:")))
        connection.execute(text(f"CREATE DATABASE {name} OWNER {owner}"))
    with connected(own) as connection:
        connection.execute(
            text(
                f"ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT SELECT ON TABLES TO {reader}; "
                f"GRANT CREATE ON SCHEMA public TO {owner}"
            )
        )
    yield Server(*(own.set(username=role, password=PASSWORD) for role in (owner, reader)))
    collect_connections()


def with_password(url: URL) -> str:
    return url.render_as_string(hide_password=False)


def without(url: URL) -> str:
    return URL.create(**{**url._asdict(), "password": None}).render_as_string()


def table_counts(server: Server) -> list[tuple[str, int]]:
    with connected(server.owner) as connection:
        names = connection.execute(
            text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        ).scalars()
        return [
            (name, connection.execute(text(f'SELECT count(*) FROM "{name}"')).scalar_one())
            for name in list(names)
        ]


def test_a_run_is_written_continued_and_read(server: Server) -> None:
    url = with_password(server.owner)
    done = told(make(path=url).run(5))  # type: ignore[arg-type]
    assert told(make(path=url).run(8))[:5] == done  # type: ignore[arg-type]
    assert len(TrialStore(url).records()) == 8
    assert run_names(url) == ["archrank"]
    study = optuna.load_study(study_name="archrank", storage=url)
    assert study.best_trial.user_attrs["arch"] == make(path=url).best.string  # type: ignore[arg-type]


def test_reading_with_the_right_to_select_only(server: Server) -> None:
    make(path=with_password(server.owner)).run(3)  # type: ignore[arg-type]
    before = table_counts(server)
    reader = with_password(server.reader)
    assert len(TrialStore(reader).records()) == 3
    assert run_names(reader) == ["archrank"]
    with pytest.raises(NoStudyError, match="holds no study 'other'"):
        TrialStore(reader, "other")
    assert table_counts(server) == before
    with pytest.raises(StorageError, match=r"permission denied.*this user may only read"):
        make(path=reader).run(4)  # type: ignore[arg-type]
    assert table_counts(server) == before


def test_reading_an_empty_database_makes_no_tables(server: Server) -> None:
    for url in (server.owner, server.reader):
        with pytest.raises(NoStudyError, match="holds no study 'archrank'"):
            TrialStore(with_password(url))
    assert table_counts(server) == []


def test_reading_as_the_owner_writes_nothing(server: Server) -> None:
    url = with_password(server.owner)
    make(path=url).run(3)  # type: ignore[arg-type]
    before = table_counts(server)
    store = TrialStore(url)
    assert len(store.records()) == 3
    with pytest.raises(StorageError, match="read-only transaction"):
        store.append(store.records()[0], store.description)
    assert table_counts(server) == before


BOTH = """
import os, sys, time
from pathlib import Path
from tests.postgres import PostgresServer, collect_connections
from tests.study.helpers import make
study = make(path=os.environ["URL"], name=sys.argv[1])
Path(sys.argv[2]).touch()
while len(list(Path(sys.argv[2]).parent.glob("ready*"))) < 3:
    time.sleep(0.001)
study.run(3)
"""


def test_first_runs_at_once(server: Server, tmp_path: Path) -> None:
    root = str(Path(__file__).parents[2])
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([root, *sys.path]),
        "URL": with_password(server.owner),
    }
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", BOTH, name, tmp_path / f"ready{i}"],
            cwd=root,
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        for i, name in enumerate(("a", "a", "b"))
    ]
    errors = [process.communicate()[1] for process in processes]
    assert [p.returncode for p in processes] == [0, 0, 0], errors
    url = with_password(server.owner)
    assert sorted(run_names(url)) == ["a", "b"]
    assert [len(TrialStore(url, name).records()) for name in "ab"] == [3, 3]


def test_no_password_is_kept_or_shown(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = SearchSettings(table="digits201", strategy="random", metric=("valid_accuracy",))
    folder, url = tmp_path / "run", with_password(server.owner)
    with open_run(folder, settings, budget=2, storage=url) as study:
        done = told(study.run(2))
    secret = server.owner.render_as_string(hide_password=False).split(":")[2].split("@")[0]
    for file in folder.iterdir():
        assert PASSWORD.encode() not in file.read_bytes()
        assert secret.encode() not in file.read_bytes()
    assert json.loads((folder / SETTINGS).read_text())["storage"] == without(server.owner)
    with pytest.raises(
        StorageError, match=f"password.*environment variable {ENVIRONMENT}"
    ) as caught:
        load(folder)
    assert PASSWORD not in "".join(traceback.format_exception(caught.value))
    monkeypatch.setenv(ENVIRONMENT, url)
    assert told(load(folder)) == done  # type: ignore[arg-type]
    monkeypatch.delenv(ENVIRONMENT)
    with open_run(folder, settings, budget=2, storage=url) as study:
        assert told(study) == done
    monkeypatch.setenv("PGPASSWORD", PASSWORD)  # libpq's own way
    assert told(load(folder)) == done  # type: ignore[arg-type]
    wrong = server.owner.set(password="wr0ng/p@ss")
    monkeypatch.delenv("PGPASSWORD")
    with pytest.raises(StorageError, match="password authentication failed") as caught:
        TrialStore(with_password(wrong))
    assert "wr0ng" not in "".join(
        line for line in traceback.format_exception(caught.value) if "TrialStore(" not in line
    )


def test_a_server_out_of_reach_is_noticed(database: str) -> None:
    for more, idle in (("", "30"), ("&keepalives_idle=7", "7")):
        storage = open_storage(Address.of(database + more))
        assert isinstance(storage, RDBStorage)
        connection: Any = storage.engine.raw_connection()
        found = connection.driver_connection.info.get_parameters()
        assert (found["keepalives_idle"], found["keepalives_count"]) == (idle, "3")
        connection.close()
        storage.engine.dispose()


def test_tables_of_a_later_optuna_are_refused(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise two processes would store everything twice."""
    monkeypatch.setattr(trials, "LAYOUT", "of a later version")
    with pytest.raises(StorageError, match="has tables that this archrank does not know"):
        make(path=database).open()  # type: ignore[arg-type]


def test_killed_tests_leave_no_server_behind() -> None:
    program = (
        "from tests.postgres import postgres_server\n"
        "with postgres_server('fsync=off') as server:\n"
        "    print(server.url, server._folder, flush=True)\n"
        "    input()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *sys.path]),
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as killed:
        assert killed.stdout is not None
        said = killed.stdout.readline().split()
        if not said:
            pytest.skip("no PostgreSQL server")
        url, folder = make_url(said[0]), Path(said[1])
        with connected(url) as connection:
            assert connection.execute(text("SELECT 1")).scalar() == 1
        killed.kill()
    until = time.monotonic() + 60
    while folder.exists():
        assert time.monotonic() < until
        time.sleep(0.05)
    with pytest.raises(OperationalError):
        connected(url)
