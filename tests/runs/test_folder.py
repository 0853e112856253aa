from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock

from archrank.errors import (
    BudgetError,
    ChangedRunError,
    ResumeError,
    StorageError,
    UnknownNameError,
)
from archrank.locking import LOCK, locked
from archrank.runs.folder import SETTINGS, load_settings, open_run
from archrank.runs.reading import load
from archrank.runs.settings import SearchSettings, to_json
from archrank.spaces import NASBench201
from archrank.study.storage import DATABASE
from tests.study.helpers import told


@pytest.fixture
def settings(space: NASBench201, tmp_path: Path) -> SearchSettings:
    archs = space.enumerate()[::400]
    lines = [
        f"{s},{a.sum() / 25},{9 - a[0]}" for s, a in zip(space.format(archs), archs, strict=True)
    ]
    (tmp_path / "table.csv").write_text("\n".join(["arch,acc,ms", *lines]) + "\n")
    return SearchSettings(table=str(tmp_path / "table.csv"), metric=("acc",), strategy="random")


def test_begin_continue_and_read(settings: SearchSettings, tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "run"
    with open_run(folder, settings, budget=3) as study:
        first = told(study.run(3))
    assert {p.name for p in folder.iterdir()} >= {SETTINGS, DATABASE}
    assert load_settings(folder) == settings
    with open_run(folder, settings, budget=6) as study:
        assert told(study) == first
        longer = told(study.run(6))
    assert longer[:3] == first
    assert told(load(folder)) == longer


def test_bad_budgets_leave_no_folder(settings: SearchSettings, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    for budget, minutes in ((0, None), (41, None), (None, -1.0)):
        with (
            pytest.raises(BudgetError),
            open_run(folder, settings, budget=budget, minutes=minutes),
        ):
            pass
    assert not folder.exists()


def test_bad_settings_leave_no_folder(tmp_path: Path) -> None:
    with (
        pytest.raises(UnknownNameError),
        open_run(tmp_path / "run", SearchSettings(space="nowhere"), budget=3),
    ):
        pass
    assert not (tmp_path / "run").exists()


def test_one_process_at_a_time(settings: SearchSettings, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    with (
        FileLock(folder / LOCK),
        pytest.raises(StorageError, match="in use by another archrank process") as caught,
        open_run(folder, settings, budget=3),
    ):
        pass
    assert str(folder) in str(caught.value)
    assert "--run DIR" in str(caught.value)
    with open_run(folder, settings, budget=3):  # it is free again
        pass


def test_the_lock_is_let_go_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), locked(tmp_path):
        raise ZeroDivisionError
    with locked(tmp_path) as folder:
        assert folder == tmp_path


def test_a_folder_that_cannot_be_written(settings: SearchSettings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    for folder in (tmp_path / "file", tmp_path / "file" / "run"):
        with (
            pytest.raises(StorageError, match=r"cannot write to run folder .*--run DIR"),
            open_run(folder, settings, budget=3),
        ):
            pass


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"seed": 3}, "--seed: 0 -> 3"),
        ({"metric": ("ms",)}, "--metric: acc -> ms"),
        ({"strategy": "evolution"}, "--strategy: random -> evolution"),
        ({"constraint": ("ms<=5",)}, "--constraint: none -> ms<=5"),
        ({"batch": 3}, "--batch: not set -> 3"),
        ({"ahead": 2}, "--ahead: 0 -> 2"),
        ({"latency_batch": 2}, "--latency-batch: 1 -> 2"),
    ],
)
def test_another_search_is_refused(
    settings: SearchSettings, tmp_path: Path, change: dict[str, object], named: str
) -> None:
    from dataclasses import asdict

    folder = tmp_path / "run"
    folder.mkdir()
    (folder / SETTINGS).write_text(json.dumps(to_json(settings)))
    other = SearchSettings(**{**asdict(settings), **change})  # type: ignore[arg-type]
    with (
        pytest.raises(
            ResumeError,
            match=f"holds another search \\(stored -> now\\): {named}\\. Name another folder",
        ),
        open_run(folder, other, budget=3),
    ):
        pass


def test_data_may_move(settings: SearchSettings, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with open_run(folder, settings, budget=3) as study:
        study.run(1)
    with open_run(folder, replace(settings, data=tmp_path), budget=3) as study:
        assert len(study.records) == 1


def test_another_storage(settings: SearchSettings, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'elsewhere.db'}"
    folder = tmp_path / "run"
    with open_run(folder, settings, budget=2, storage=url) as study:
        done = told(study.run(2))
    assert not (folder / DATABASE).exists()
    assert told(load(folder)) == done
    with open_run(folder, settings, budget=3) as study:  # it need not be named again
        assert told(study) == done
    assert not (folder / DATABASE).exists()
    with open_run(tmp_path / "beside", replace(settings, seed=1), budget=2, storage=url) as study:
        study.run(2)  # a storage holds several runs
    assert told(load(folder)) == done


def test_a_run_stays_where_it_is(settings: SearchSettings, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'elsewhere.db'}"
    for begun, now, message in (
        (
            None,
            url,
            r"keeps its evaluations in .*study\.db, not in .*elsewhere\.db\. Leave --storage out",
        ),
        (url, f"{url}2", r"in .*elsewhere\.db, not in .*elsewhere\.db2"),
    ):
        folder = tmp_path / str(begun is None)
        with open_run(folder, settings, budget=2, storage=begun):
            pass
        with (
            pytest.raises(ResumeError, match=message),
            open_run(folder, settings, budget=2, storage=now),
        ):
            pass


# ---- whatever the folder is called, and wherever the user is -------------------------------------


def test_folders_whose_names_are_alike_as_urls(settings: SearchSettings, tmp_path: Path) -> None:
    done = {}
    for name, budget in (("xA", 4), ("x%41", 2), ("{x} %s{}#?", 3)):
        with open_run(tmp_path / name, settings, budget=budget) as study:
            done[name] = told(study.run(budget))
    assert [len(rows) for rows in done.values()] == [4, 2, 3]
    assert {name: told(load(tmp_path / name)) for name in done} == done
    assert {p.name for p in tmp_path.iterdir()} == {*done, "table.csv"}


def test_a_relative_storage(
    settings: SearchSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, folder, other = "sqlite:///s.db", tmp_path / "run", tmp_path / "other"
    monkeypatch.chdir(tmp_path)
    with open_run(folder, settings, budget=3, storage=url) as study:
        done = told(study.run(3))
    other.mkdir()
    monkeypatch.chdir(other)
    with open_run(folder, settings, budget=4) as study:
        assert told(study) == done
    assert told(load(folder)) == done
    with (
        pytest.raises(ResumeError, match=rf"in {tmp_path}/s\.db, not in {other}/s\.db\. Leave"),
        open_run(folder, settings, budget=4, storage=url),
    ):
        pass
    assert list(other.iterdir()) == []


def test_a_storage_that_has_moved(settings: SearchSettings, tmp_path: Path) -> None:
    old, new, folder = tmp_path / "old.db", tmp_path / "new.db", tmp_path / "run"
    with open_run(folder, settings, budget=3, storage=f"sqlite:///{old}") as study:
        done = told(study.run(3))
    old.rename(new)
    with pytest.raises(StorageError, match=r'old\.db\); correct "storage" in .*search\.json'):
        load(folder)
    with open_run(folder, settings, budget=4, storage=f"sqlite:///{new}") as study:
        assert told(study) == done
    assert told(load(folder)) == done


def test_a_storage_in_memory(settings: SearchSettings, tmp_path: Path) -> None:
    for url in ("sqlite://", "sqlite:///:memory:"):
        with (
            pytest.raises(StorageError, match="in memory, which keeps nothing"),
            open_run(tmp_path / "run", settings, budget=3, storage=url),
        ):
            pass
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("how", ["deleted", "emptied", "the study is deleted"])
@pytest.mark.parametrize("shared", [False, True])
def test_lost_evaluations(how: str, shared: bool, settings: SearchSettings, tmp_path: Path) -> None:
    import optuna

    folder = tmp_path / "run"
    database = tmp_path / "s.db" if shared else folder / DATABASE
    url = f"sqlite:///{database}"
    with open_run(folder, settings, budget=3, storage=url if shared else None) as study:
        done = told(study.run(3))
    content = database.read_bytes()
    if how == "deleted":
        database.unlink()
    elif how == "emptied":
        database.write_bytes(b"")
    else:
        optuna.delete_study(study_name="run" if shared else "archrank", storage=url)
    with (
        pytest.raises(StorageError, match=r"has lost its evaluations: .*db is gone or empty\. Put"),
        open_run(folder, settings, budget=4),
    ):
        pass
    with pytest.raises(StorageError, match=r"has lost its (study\.db|database)"):
        load(folder)
    database.write_bytes(content)
    with open_run(folder, settings, budget=4) as study:
        assert told(study) == done
    database.unlink()
    (folder / SETTINGS).unlink()  # as the message says
    with open_run(folder, settings, budget=2) as study:
        assert study.records == []


def test_files_may_be_named_from_another_folder(
    settings: SearchSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    with open_run(folder, settings, budget=3) as study:
        done = told(study.run(3))
    monkeypatch.chdir(tmp_path)
    with open_run(folder, replace(settings, table="table.csv"), budget=3) as study:
        assert told(study) == done
    text = (tmp_path / "table.csv").read_text()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "table.csv").write_text(text.replace(",9\n", ",7\n"))
    with (
        pytest.raises(ChangedRunError, match="table column ms has changed"),
        open_run(folder, replace(settings, table="other/table.csv"), budget=3),
    ):
        pass


def test_the_user_is_asked(settings: SearchSettings, tmp_path: Path) -> None:
    folder, table = tmp_path / "run", tmp_path / "table.csv"
    with open_run(folder, settings, budget=3) as study:
        study.run(3)
    table.write_text(table.read_text().replace(",9\n", ",7\n"))
    asked: list[str] = []

    def answer(question: str) -> bool:
        asked.append(question)
        return len(asked) > 1

    with pytest.raises(ChangedRunError), open_run(folder, settings, budget=4, ask=answer):
        pass
    with open_run(folder, settings, budget=4, ask=answer) as study:
        assert len(study.run(4).records) == 4
        assert study.changes == ("table column ms has changed",)
    assert len(asked) == 2
    assert "table column ms has changed" in asked[0]


# ---- what is kept --------------------------------------------------------------------------------


def test_no_password_is_kept(settings: SearchSettings, tmp_path: Path) -> None:
    from archrank.runs.folder import Place, _write_settings, load_place
    from archrank.study.address import Address

    old = {**to_json(settings), "storage": "postgresql://me:secret@host/x", "study": "run"}
    (tmp_path / SETTINGS).write_text(json.dumps(old))  # as earlier versions wrote it
    place = load_place(tmp_path)
    assert place.database.url.password == "secret"
    _write_settings(tmp_path, settings, place)
    assert "secret" not in (tmp_path / SETTINGS).read_text()
    assert str(load_place(tmp_path).database) == "postgresql://me@host/x"
    for url in ("postgresql://h/x?password=secret", "mysql://me@co:secret@h/x?passwd=secret"):
        _write_settings(tmp_path, settings, Place(Address.of(url), "run"))
        assert "secret" not in (tmp_path / SETTINGS).read_text()
        assert load_place(tmp_path).database.same(Address.of(url))


def test_missing_runs(settings: SearchSettings, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"no run in .*gone .*search\.json.*archrank search"):
        load(tmp_path / "gone")
    near = tmp_path / "near"
    near.mkdir()
    (near / SETTINGS).write_text("{}")
    with pytest.raises(StorageError, match="runs beside it: near"):
        load(tmp_path / "gone")
    with pytest.raises(StorageError, match=r"has lost its study\.db"):
        load(near)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"space": "nasb', r"search\.json cannot be read: "),
        ("\x00\x01", r"search\.json cannot be read: "),
        ("[1, 2]", r"search\.json does not hold the settings of a search"),
        ('{"seed": "three"}', r"search\.json: seed: .*got 'three'"),
        ("[" * 100_000, r"search\.json cannot be read: it is nested too deeply"),
        ('{"a":' * 5_000 + "1" + "}" * 5_000, r"search\.json cannot be read: it is nested"),
        ('{"seed": 1, "seed": 2}', r"search\.json cannot be read: 'seed' stands there twice"),
        ('{"seed": NaN}', r"search\.json cannot be read: NaN is no number of JSON"),
        ('{"seed": 1e999}', r"search\.json cannot be read: "),
        ('{"seed": ' + "9" * 5_000 + "}", r"search\.json cannot be read: Exceeds the limit"),
        ('{"space": "\\ud800"}', r"search\.json cannot be read: .*surrogates not allowed"),
        ('{"space": ["' + "x" * 10_000 + '"]}', r"search\.json: space: .{0,400}\.\.\."),
        ('{"storage": 3}', r"search\.json: storage is text or null, got 3"),
        ('{"storage": "sqlite:///s.db", "study": []}', r"search\.json: study is text or null"),
        (
            '{"storage": "sqlite:///s\\u0000.db"}',
            r"search\.json: .*no name has a zero byte",
        ),
        ('{"storage": "sqlite://"}', r"search\.json: storage .* in memory"),
        ('{"storage": "me:secret@host/x"}', r"search\.json: storage '\*\*\*@host/x' is no"),
        ('{"metric": [1]}', r"search\.json: metric\.0: .*got 1"),
    ],
)
def test_damaged_settings(
    settings: SearchSettings, tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / SETTINGS).write_text(text)
    with pytest.raises(StorageError, match=message):
        load(tmp_path)
    with pytest.raises(StorageError, match=message), open_run(tmp_path, settings, budget=2):
        pass


def test_settings_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / SETTINGS).write_bytes(b"\xff\xfe\xff")
    with pytest.raises(StorageError, match="cannot be read"):
        load_settings(tmp_path)


def test_a_damaged_database(settings: SearchSettings, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with open_run(folder, settings, budget=2) as study:
        study.run(2)
    (folder / DATABASE).write_bytes(b"garbage" * 1000)
    with pytest.raises(StorageError, match=r"study\.db: .*not a database; the file is damaged"):
        load(folder)
    with pytest.raises(StorageError, match="damaged"), open_run(folder, settings, budget=2):
        pass
