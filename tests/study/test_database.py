from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import optuna
import pytest

from archrank.errors import MissingExtraError, StorageError
from archrank.study.address import Address
from archrank.study.database import add_study, open_storage
from archrank.study.storage import TrialStore, run_names
from tests.study.helpers import make, told

DESCRIPTION = make().description


def test_unusable_databases(tmp_path: Path) -> None:
    garbage = tmp_path / "garbage.db"
    garbage.write_bytes(b"this is no database at all, but it is long enough to look at" * 20)
    with pytest.raises(StorageError, match=r"garbage\.db: .*not a database; the file is damaged"):
        TrialStore(garbage, create=DESCRIPTION)
    with pytest.raises(StorageError, match=r"unable to open.*choose a run folder"):
        TrialStore(tmp_path / "missing" / "s.db", create=DESCRIPTION)
    with pytest.raises(StorageError, match=r"there is no database .*gone\.db"):
        TrialStore(tmp_path / "gone.db")
    assert not (tmp_path / "gone.db").exists()  # reading makes no file
    (tmp_path / "empty.db").touch()
    with pytest.raises(StorageError, match="holds no study 'archrank'"):
        TrialStore(tmp_path / "empty.db")
    assert (tmp_path / "empty.db").stat().st_size == 0
    with pytest.raises(
        StorageError, match="storage 'nonsense' is no database URL; a file is sqlite:///FILE"
    ):
        TrialStore("nonsense", create=DESCRIPTION)


def test_postgres_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("psycopg", "psycopg2"):
        monkeypatch.setitem(__import__("sys").modules, name, None)
    with pytest.raises(MissingExtraError, match=r"psycopg.*archrank\[postgres\]"):
        TrialStore("postgresql+psycopg://localhost/x", create=DESCRIPTION)
    with pytest.raises(MissingExtraError, match=r"psycopg.*archrank\[postgres\]"):
        TrialStore("postgresql+psycopg://localhost/x")  # to read


def test_other_drivers_are_no_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "MySQLdb", None)
    with pytest.raises(
        StorageError, match=r"storage mysql://me:\*\*\*@host/x: Failed to import"
    ) as caught:
        TrialStore("mysql://me:secret@host/x", create=DESCRIPTION)
    assert not isinstance(caught.value, MissingExtraError)


def test_reading_by_a_url_with_options(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    make(path=path).run(2)
    assert len(TrialStore(f"sqlite:///{path}?check_same_thread=false").records()) == 2
    (tmp_path / "empty.db").touch()
    with pytest.raises(StorageError, match="holds no study 'archrank'"):
        TrialStore(f"sqlite:///{tmp_path / 'empty.db'}?check_same_thread=false")
    assert (tmp_path / "empty.db").stat().st_size == 0


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
    before = {p.name: p.read_bytes() for p in tmp_path.glob("copy*")}
    assert len(before) == 2
    assert len(TrialStore(copy).records()) == 3
    assert {p.name: p.read_bytes() for p in tmp_path.glob("copy*")} == before  # nothing repaired
    assert len(make(path=copy).records) == 3  # a search repairs it


def test_a_file_that_is_kept_in_wal_mode_is_read(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    make(path=path).run(3)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    assert len(TrialStore(path).records()) == 3


@pytest.mark.parametrize(
    "name", ["%", "x%41", "{x}", "%s{}", "a b", "#1", "what?", "ä", ".hidden", "-rf", "a\nb", "[b]"]
)
def test_every_legal_name_of_a_folder_is_used(name: str, tmp_path: Path) -> None:
    path = tmp_path / name / name / "study.db"
    path.parent.mkdir(parents=True)
    done = told(make(path=path).run(2))
    assert told(make(path=path)) == done
    assert len(TrialStore(path).records()) == len(done)
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == [path]


def test_two_files_whose_names_are_alike_as_urls(tmp_path: Path) -> None:
    for name, budget in (("xA.db", 4), ("x%41.db", 2)):
        make(path=tmp_path / name).run(budget)
    assert [len(TrialStore(tmp_path / n).records()) for n in ("xA.db", "x%41.db")] == [4, 2]


def test_a_study_and_its_marks_appear_at_once(tmp_path: Path) -> None:
    storage = open_storage(Address.of(tmp_path / "s.db"))
    add_study(storage, "one", ["minimize", "maximize"], {"a": "1", "b": "2"})
    study = optuna.load_study(study_name="one", storage=storage)
    assert [d.name for d in study.directions] == ["MINIMIZE", "MAXIMIZE"]
    assert study.user_attrs == {"a": "1", "b": "2"}
    with pytest.raises(optuna.exceptions.DuplicatedStudyError):
        add_study(storage, "one", ["minimize"], {"a": "3"})
    assert study.user_attrs == {"a": "1", "b": "2"}


BOTH = """
import sys, time
from pathlib import Path
from tests.study.helpers import make
study = make(path=Path(sys.argv[1]), name=sys.argv[2])
Path(sys.argv[3]).touch()
while len(list(Path(sys.argv[3]).parent.glob("ready*"))) < 3:
    pass
study.open()
"""


def test_first_runs_at_once(tmp_path: Path) -> None:
    """Processes that create the tables of one database, or one study, together all succeed."""
    path, names = tmp_path / "s.db", ("a", "a", "b")
    root = str(Path(__file__).parents[2])
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", BOTH, path, name, tmp_path / f"ready{i}"],
            cwd=root,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([root, *sys.path])},
            stderr=subprocess.PIPE,
            text=True,
        )
        for i, name in enumerate(names)
    ]
    errors = [process.communicate()[1] for process in processes]
    assert [p.returncode for p in processes] == [0, 0, 0], errors
    assert sorted(run_names(path)) == sorted(set(names))
    for name in names:
        assert told(make(path=path, name=name).run(3)) == told(make().run(3))
