from __future__ import annotations

import traceback
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import URL

from archrank.errors import StorageError
from archrank.study.address import ENVIRONMENT, Address
from archrank.study.storage import TrialStore
from tests.study.helpers import make

DESCRIPTION = make().description
SECRETS = st.text(
    st.characters(codec="utf-8", exclude_characters="\0*"), min_size=3, max_size=12
).filter(lambda text: "secret" not in text and text.strip())


@pytest.mark.parametrize("name", ["s.db", "a%41/b", "{x}", "x?y=1", "a#b", "é\n", "-", "a@b:c"])
def test_a_path_is_itself(name: str, tmp_path: Path) -> None:
    address = Address.of(tmp_path / name)
    assert address.file == tmp_path / name
    assert str(address) == str(tmp_path / name)
    assert Address.of(address.public).file == tmp_path / name  # as it is kept in search.json


def test_relative_files_are_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Address.of("sqlite:///s.db").file == tmp_path / "s.db"
    assert Address.of(Path("s.db")).file == tmp_path / "s.db"
    assert Address.of("sqlite:///../s.db", base=tmp_path / "run").file == tmp_path / "s.db"
    with_options = Address.of("sqlite:///s.db?timeout=3")
    assert with_options.file is None
    assert with_options.url.database == str(tmp_path / "s.db")
    inner = Address.of("sqlite:///file:a%2520b.db?mode=rwc&uri=true")
    assert inner.url.database == f"file:{tmp_path}/a%20b.db"
    assert inner.same(Address.of(tmp_path / "a b.db"))


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite+pysqlite:///:memory:",
        "sqlite:///file::memory:?uri=true",
        "sqlite:///file::memory:?cache=shared&uri=true",
        "sqlite:///file:name?mode=memory&uri=true",
        "sqlite:///name?mode=memory",
        "sqlite:///file:/name?vfs=memdb&uri=true",
        "sqlite://?timeout=3",
    ],
)
def test_databases_in_memory_are_refused(url: str) -> None:
    with pytest.raises(StorageError, match="in memory, which keeps nothing: name a file"):
        make(path=url)  # type: ignore[arg-type]


def test_a_file_that_is_written_like_a_server() -> None:
    with pytest.raises(StorageError, match="three slashes before its name, sqlite:///FILE"):
        Address.of("sqlite://s.db")


def test_the_same_database(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    assert Address.of(tmp_path / "s.db").same(Address.of(f"sqlite:///{tmp_path}/link/s.db"))
    assert not Address.of(tmp_path / "s.db").same(Address.of(tmp_path / "t.db"))
    one = Address.of("postgresql://me:old@host/x")
    assert one.same(Address.of("postgresql+psycopg://you:new@host/x"))
    for other in ("postgresql://me@host/y", "postgresql://me@host:1/x", "mysql://me@host/x"):
        assert not one.same(Address.of(other))


# ---- secrets -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql+psycopg://me:secret@localhost/x", "postgresql+psycopg://me:***@localhost/x"),
        ("postgresql://me@corp:secret@host/x", "postgresql://me%40corp:***@host/x"),
        ("postgresql://host/x?user=me&password=secret", "postgresql://host/x?password=***&user=me"),
        ("postgresql://h/x?sslpassword=secret", "postgresql://h/x?sslpassword=***"),
        ("mysql://me:secret@h/x?passwd=secret", "mysql://me:***@h/x?passwd=***"),
        ("postgresql://me@localhost:5432/x", "postgresql://me@localhost:5432/x"),
        ("postgresql://h/x?passfile=there", "postgresql://h/x?passfile=there"),
    ],
)
def test_passwords_are_neither_shown_nor_kept(url: str, shown: str) -> None:
    address = Address.of(url)
    assert str(address) == shown
    assert "secret" not in address.public + repr(address)
    assert Address.of(address.public).same(address)


@pytest.mark.parametrize(
    "url",
    [
        "me:secret@host/x",
        "me:secret/host",
        "host/x?password=secret",
        "host=h user=me password=secret dbname=x",
        "postgresql://dom/me:secret@host/x",
        "postgresql://me:se@c/secret@host/x",
        "postgresql://me:secret@host:port/x",
        "postgresql://me:s:secret@c/r@host:port/x",
        "sqlite://me:secret@host/x",
        "nonsense://me:secret@host/x",
        "postgresql+nonsense://me:secret@host/x",
        "mys/me:secret@host.ql://me:secret@host/x",
        "nonsense://me:other@host/x?timeout=1postgresql://me:secret@host/x",
        "nonsense://me:other@host/x?time%2Fme%3Asecret%40host=1",
        "nonsense://me:secret@host/x?\udc8d=\udc8d@",
        "nonsense://me:secret\udc8d@host/x",
    ],
)
def test_passwords_in_addresses_that_cannot_be_used(url: str) -> None:
    with pytest.raises(StorageError) as caught:
        TrialStore(url, create=DESCRIPTION)
    lines = traceback.format_exception(caught.value)
    assert not [line for line in lines if "secret" in line and "TrialStore(" not in line]


@given(password=SECRETS, in_query=st.booleans())
def test_any_password_is_hidden(password: str, in_query: bool) -> None:
    query = {"password": password} if in_query else {}
    url = URL.create(
        "postgresql", "me", None if in_query else password, "host", None, "x", query=query
    )
    address = Address.of(url.render_as_string(hide_password=False))
    plain = "postgresql://me@host/x"
    assert str(address) == (f"{plain}?password=***" if in_query else "postgresql://me:***@host/x")
    assert address.public == plain
    assert address.hide(f"no {password}!") == "no ***!" or password in "no ***!"


def test_a_password_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVIRONMENT, "postgresql://me:secret@host/x")
    assert Address.of("postgresql://me@host/x").url.password == "secret"
    assert Address.of("postgresql://me@host/x").public == "postgresql://me@host/x"
    assert Address.of("postgresql://me:other@host/x").url.password == "other"
    for elsewhere in ("postgresql://me@evil/x", "postgresql://me@host:99/x"):
        assert Address.of(elsewhere).url.password is None
    assert Address.of(Path("s.db")).file is not None
