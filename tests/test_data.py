"""The folder of data sets, and files in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from archrank.data import VARIABLE, data_folder, find_data, need_folder
from archrank.errors import DataError


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one file beside the current one; the environment does not name it."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.delenv(VARIABLE, raising=False)
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "t.csv").write_text("")
    return folder


def test_the_users_folder_comes_before_the_environments(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert data_folder() is None
    monkeypatch.setenv(VARIABLE, "")
    assert data_folder() is None
    monkeypatch.setenv(VARIABLE, str(data))
    assert data_folder() == data
    assert data_folder("other") == Path("other")
    assert need_folder("tables") == data
    monkeypatch.setenv(VARIABLE, "~/tables")
    assert data_folder() == data_folder("~/tables") == Path.home() / "tables"


def test_files_are_found(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_data("t.csv") == Path("t.csv")
    assert find_data("t.csv", data) == data / "t.csv"
    monkeypatch.setenv(VARIABLE, str(data))
    assert find_data("t.csv") == data / "t.csv"
    assert find_data("other.csv") == Path("other.csv")  # named as it was typed
    assert find_data(data.parent / "t.csv") == data.parent / "t.csv"
    Path("t.csv").write_text("")  # the current folder comes first
    assert find_data("t.csv") == Path("t.csv")


def test_a_folder_that_is_needed(data: Path) -> None:
    with pytest.raises(DataError, match=f"tables are not part of archrank: .*--data .*{VARIABLE}"):
        need_folder("published tables")
    with pytest.raises(DataError, match=r"no folder .*nowhere; .* names the folder of the tables"):
        need_folder("tables", data / "nowhere")
    with pytest.raises(DataError, match=r"no folder .*t\.csv"):
        need_folder("tables", data / "t.csv")
