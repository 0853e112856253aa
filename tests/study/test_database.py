from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from archrank.errors import ArchrankError, MissingExtraError, StorageError
from archrank.study.database import shown, sqlite_url
from archrank.study.storage import TrialStore
from tests.study.helpers import make, told

OBJECTIVES = make().objectives


def test_unusable_databases(tmp_path: Path) -> None:
    garbage = tmp_path / "garbage.db"
    garbage.write_bytes(b"this is no database at all, but it is long enough to look at" * 20)
    with pytest.raises(StorageError, match=r"garbage\.db: .*not a database; the file is damaged"):
        TrialStore(sqlite_url(garbage), create=OBJECTIVES)
    with pytest.raises(StorageError, match=r"unable to open.*choose a run folder"):
        TrialStore(sqlite_url(tmp_path / "missing" / "s.db"), create=OBJECTIVES)
    with pytest.raises(StorageError, match=r"gone\.db: unable to open .*; is it there"):
        TrialStore(sqlite_url(tmp_path / "gone.db"))
    assert not (tmp_path / "gone.db").exists()  # reading makes no file
    (tmp_path / "empty.db").touch()
    with pytest.raises(StorageError, match="holds no study 'archrank'"):
        TrialStore(sqlite_url(tmp_path / "empty.db"))
    assert (tmp_path / "empty.db").stat().st_size == 0
    with pytest.raises(StorageError, match="cannot use storage nonsense"):
        TrialStore("nonsense", create=OBJECTIVES)


def test_postgres_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("psycopg", "psycopg2"):
        monkeypatch.setitem(__import__("sys").modules, name, None)
    with pytest.raises(MissingExtraError, match=r"psycopg.*archrank\[postgres\]"):
        TrialStore("postgresql+psycopg://localhost/x", create=OBJECTIVES)
    with pytest.raises(MissingExtraError, match=r"psycopg.*archrank\[postgres\]"):
        TrialStore("postgresql+psycopg://localhost/x")  # to read


def test_other_drivers_are_no_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "MySQLdb", None)
    with pytest.raises(
        StorageError, match=r"storage mysql://me:\*\*\*@host/x: Failed to import"
    ) as caught:
        TrialStore("mysql://me:secret@host/x", create=OBJECTIVES)
    assert not isinstance(caught.value, MissingExtraError)


def test_reading_by_a_url_with_options(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    make(path=path).run(2)
    assert len(TrialStore(f"{sqlite_url(path)}?check_same_thread=false").records()) == 2
    (tmp_path / "empty.db").touch()
    with pytest.raises(StorageError, match="holds no study 'archrank'"):
        TrialStore(f"{sqlite_url(tmp_path / 'empty.db')}?check_same_thread=false")
    assert (tmp_path / "empty.db").stat().st_size == 0


def test_passwords_are_not_shown() -> None:
    url = "postgresql+psycopg://me:secret@localhost/x"
    assert shown(url) == "postgresql+psycopg://me:***@localhost/x"
    assert shown("postgresql://me:s:e@c/r@host:port/x") == "postgresql://me:***@host:port/x"
    for url in ("nonsense", "sqlite:///a:b@c.db", "postgresql://me@localhost:5432/x"):
        assert shown(url) == url
    for url in ("sqlite://me:secret@host/x", "postgresql://me:secret@host:port/x"):
        with pytest.raises(ArchrankError) as caught:
            TrialStore(url, create=OBJECTIVES)
        assert "secret" not in str(caught.value)


def test_names_of_files_with_signs_of_urls_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a#b c&d=e.db"
    done = told(make(path=path).run(2))
    assert len(TrialStore(sqlite_url(path)).records()) == len(done)


def test_a_database_whose_writer_was_killed(tmp_path: Path) -> None:
    path, copy = tmp_path / "s.db", tmp_path / "copy.db"
    make(path=path).run(3)
    writer = sqlite3.connect(path)
    writer.execute("PRAGMA cache_size = 1")  # so that unfinished changes reach the file
    for i in range(500):
        writer.execute("INSERT INTO studies (study_name) VALUES (?)", (f"{i}" * 100,))
    for suffix in ("", "-journal"):
        Path(f"{copy}{suffix}").write_bytes(Path(f"{path}{suffix}").read_bytes())
    writer.close()
    assert len(TrialStore(sqlite_url(copy)).records()) == 3
