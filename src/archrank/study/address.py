"""Addresses of databases, read and shown by their parts.

A file is a path, never a piece of text inside a URL, so every legal name of a folder works. A
password is used to connect and is kept nowhere else: neither in a run folder nor in a message.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, quote, quote_plus, unquote, urlsplit

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from archrank import errors
from archrank.checks import quoted
from archrank.errors import StorageError

ENVIRONMENT = "ARCHRANK_STORAGE"
"""Environment variable with a database's URL and its password, which is kept nowhere else."""

HIDDEN = "***"
LENIENT = "surrogatepass"  # half characters, as shells pass them on
_PLAIN = re.compile(r"[\w.-]+")  # a name of an option
_SECRET = re.compile(r"pass(?!file)|pwd|secret|token|odbc_connect", re.IGNORECASE)
_PAIRS = re.compile(
    r"([\w-]*(?:pass(?!file)|pwd|secret|token)[\w-]*\s*=\s*)[^\s&;]+", re.IGNORECASE
)


@dataclass(frozen=True)
class Address:
    """Address of a database.

    Attributes:
        url: its parts; the path of an SQLite file is absolute.
    """

    url: URL = field(repr=False)

    @classmethod
    def of(
        cls, storage: str | os.PathLike[str] | Address, *, base: str | os.PathLike[str] = ""
    ) -> Address:
        """Read an address: the path of an SQLite file, or an SQLAlchemy URL as text.

        A password that the URL lacks is taken from :data:`ENVIRONMENT`, if that names the same
        database.

        Args:
            storage: the path or URL.
            base: the folder that a relative path is relative to; the working directory if empty.

        Raises:
            StorageError: text that is no URL, or a database in memory, which keeps nothing.
        """
        if isinstance(storage, Address):
            return storage
        if not isinstance(storage, str | os.PathLike):
            raise errors.ArgumentError(f"storage is {quoted(storage)}, expected a path or a URL")
        if "\0" in str(storage):
            raise StorageError(f"storage {_masked(str(storage))!r}: no name has a zero byte")
        if not isinstance(storage, str):
            return cls(URL.create("sqlite", database=os.path.abspath(os.path.join(base, storage))))
        found = cls(_absolute(_parse(storage), base))
        given = os.environ.get(ENVIRONMENT)
        if given and found.file is None and found.url.password is None:
            known = cls(_absolute(_parse(given), base))
            return known if known.same(found) else found
        return found

    @property
    def file(self) -> Path | None:
        """The file of an SQLite database that is addressed without options; else ``None``."""
        plain = self.url.drivername in ("sqlite", "sqlite+pysqlite") and not self.url.query
        return Path(str(self.url.database)) if plain else None

    @property
    def is_server(self) -> bool:
        """True for a database that several processes may write to at a time, over a network."""
        return self.url.get_backend_name() != "sqlite"

    @property
    def public(self) -> str:
        """The URL without its secrets, as a run folder keeps it."""
        query = {k: v for k, v in self.url.query.items() if not _is_secret(k, v)}
        url = self.url.set(query=query)
        return url._replace(password=None).render_as_string(hide_password=False)

    def same(self, other: Address) -> bool:
        """Tell whether two addresses are of the same database, whoever connects to it."""
        return self._place == other._place

    @property
    def path(self) -> Path | None:
        """The file of an SQLite database, however it is addressed; ``None`` for a server."""
        if self.is_server:
            return None
        name = str(self.url.database)
        return Path(os.path.realpath(_uri_path(name) if _is_uri(self.url) else name))

    @property
    def _place(self) -> tuple[object, ...]:
        url, name = self.url, str(self.url.database)
        if not self.is_server:
            return ("sqlite", self.path)
        return (url.get_backend_name(), url.host, url.port, name, url.query.get("host"))

    def hide(self, text: str) -> str:
        """Return ``text``, such as the message of a driver, without this address's secrets."""
        for secret in sorted(self._secrets(), key=len, reverse=True):
            text = text.replace(secret, HIDDEN)
        return text

    def _secrets(self) -> set[str]:
        query = self.url.query.items()
        values = [v for k, v in query if _is_secret(k, v)]
        values += [k for k, _ in query if not _PLAIN.fullmatch(k)]
        plain = [t for v in values for t in ((v,) if isinstance(v, str) else v)]
        plain += [str(self.url.password)] if self.url.password else []
        return {
            form
            for t in plain
            if t
            for form in (t, repr(t)[1:-1], quote(t, errors=LENIENT), quote_plus(t, errors=LENIENT))
        }

    def __str__(self) -> str:
        if self.file is not None:
            return str(self.file)
        shown = {
            k if _PLAIN.fullmatch(k) else HIDDEN: HIDDEN if _is_secret(k, v) else v
            for k, v in self.url.query.items()
        }
        text = self.url.set(query=shown).render_as_string(hide_password=True)
        return text.replace(quote_plus(HIDDEN), HIDDEN)


def _is_secret(name: str, value: str | tuple[str, ...]) -> bool:
    """Tell whether an option is a secret: by its name, or since an address got into it."""
    odd = "@" in str(value) or "://" in str(value) or not _PLAIN.fullmatch(name)
    return odd or bool(_SECRET.search(name))


def _parse(text: str) -> URL:
    """Return the parts of a URL.

    Raises:
        StorageError: text that has no such parts; shown without what may be a password.
    """
    if "://" not in text:
        raise StorageError(
            f"storage {_masked(text)!r} is no database URL; a file is sqlite:///FILE, a server "
            "postgresql+psycopg://USER@HOST/DATABASE"
        )
    try:
        url = make_url(text)
        probe = make_url(text.replace("%40", "_"))
    except (ArgumentError, ValueError):  # whose messages may repeat the password
        raise _unreadable(text) from None
    if url.get_backend_name() != "sqlite" and "@" in f"{probe.host}{probe.database}":
        raise _unreadable(text)  # a part of a password, taken for a part of the address
    plain_file = url.get_backend_name() == "sqlite" and not url.query
    if not plain_file and re.search("[\ud800-\udfff]", text):
        raise _unreadable(text)  # half characters, which no driver takes
    return url


def _unreadable(text: str) -> StorageError:
    return StorageError(
        f"storage {_masked(text)} cannot be read as DRIVER://USER@HOST:PORT/DATABASE; in names and "
        "passwords write @ as %40, / as %2F and : as %3A"
    )


def _masked(text: str) -> str:
    """Return text that is no URL without what may be a password in it."""
    begin, there, _ = text.partition("://")
    _, at, host = text.rpartition("@")
    if at and there and "@" not in begin:
        shown = f"{begin}://{HIDDEN}@{host}"
    elif at:
        shown = f"{HIDDEN}@{host}"
    elif not there and ":" in text:
        shown = f"{text.partition(':')[0]}:{HIDDEN}"
    else:
        shown = text
    return _PAIRS.sub(rf"\g<1>{HIDDEN}", shown)


def _absolute(url: URL, base: str | os.PathLike[str]) -> URL:
    """Return ``url``, the path of an SQLite file made absolute.

    Raises:
        StorageError: a database in memory, or a file that is written like a server.
    """
    if url.get_backend_name() != "sqlite":
        return url
    name = url.database or ""
    if url.host or url.username:
        raise StorageError(
            f"storage {url.render_as_string(hide_password=True)}: a file has three slashes before "
            "its name, sqlite:///FILE"
        )
    if _in_memory(url):
        raise StorageError(
            f"storage {url.drivername}:///{name} is a database in memory, which keeps nothing: "
            "name a file, sqlite:///FILE, or leave the storage out"
        )
    if _is_uri(url):
        options = name.partition("?")[1:]
        path = quote(os.path.abspath(os.path.join(base, _uri_path(name))))
        return url.set(database=f"file:{path}{''.join(options)}")
    return url.set(database=os.path.abspath(os.path.join(base, name)))


def _is_uri(url: URL) -> bool:
    """Tell whether the database of an SQLite URL is a URI of its own, ``file:...``."""
    return str(url.database).startswith("file:") and "uri" in url.query


def _uri_path(name: str) -> str:
    return unquote(urlsplit(name).path)


def _in_memory(url: URL) -> bool:
    """Tell whether an SQLite database is kept in memory, or in a file that SQLite removes."""
    name = url.database or ""
    if not name or name == ":memory:" or dict(_options(url)).get("mode") == "memory":
        return True
    return _is_uri(url) and (
        _uri_path(name) in ("", ":memory:") or dict(_options(url)).get("vfs") == "memdb"
    )


def _options(url: URL) -> Iterator[tuple[str, str]]:
    """Yield the options of an SQLite database: those of the URL, and of the URI inside it."""
    for key, value in url.query.items():
        yield key, value if isinstance(value, str) else value[-1]
    for key, values in parse_qs(urlsplit(url.database or "").query).items():
        yield key, values[-1]
