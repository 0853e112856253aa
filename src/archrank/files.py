"""Write files whole or not at all, name them, and read settings that are kept as JSON.

A file is written under another name in the same folder, forced to disk, and renamed: a reader sees
the old file or the new one, never half of either, and an error leaves the old one as it was.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from archrank.errors import ArchrankError, StorageError

PLAIN = re.compile(r"[\w=+][\w.,=+-]*(?<!\.)", re.ASCII)  # texts that are names on every system
DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # Windows' files
LARGEST = 10_000_000  # bytes of a file of settings
DEEPEST = 100  # lists and objects inside each other
LONGEST = 120  # characters of a value in a message


def file_name(text: str, *, longest: int = 120) -> str:
    """Return a name for a file or folder from any text, such as a metric that a user typed.

    It is one name, never a path: no separators, no ``..``, nothing hidden. Plain texts stay as
    they are; others get a hash of the whole text, so different texts have different names.

    Args:
        text: anything.
        longest: number of characters.

    Example:
        >>> file_name("valid_accuracy"), file_name("../../etc")
        ('valid_accuracy', 'etc-74ccf3c5')
    """
    if PLAIN.fullmatch(text) and not DEVICES.fullmatch(text) and len(text) <= longest:
        return text
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:8]
    words = re.sub(r"[^\w.,=+-]+", "_", text, flags=re.ASCII).strip("._,-")
    return f"{words[: longest - 9] or 'name'}-{digest}"


def user_path(typed: str | os.PathLike[str]) -> Path:
    """Return the path that a user typed; ``~`` is the home folder, a user without one a name."""
    return Path(os.path.expanduser(typed))


def write_file(
    path: str | os.PathLike[str],
    write: Callable[[BinaryIO], object],
    *,
    parents: bool = False,
    error: type[ArchrankError] = StorageError,
    remedy: str = "",
) -> Path:
    """Replace a file in one step.

    Devices and pipes, which cannot be replaced, are written to directly. A link stays a link: the
    file it points to is replaced. Permissions are those of any new file.

    Args:
        path: the file; it need not exist.
        write: writes the content to the open file that it is called with.
        parents: create the folder if it is missing.
        error: raised if the file cannot be written.
        remedy: what the user can do then; ends the message.

    Returns:
        The path of the file.

    Raises:
        ArchrankError: as ``error``; the file cannot be written, and nothing has changed.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = write_file(folder + "/a.txt", lambda file: file.write(b"text"))
        ...     path.read_text()
        'text'
    """
    path = Path(path)
    try:
        if parents:
            path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not (path.is_file() or path.is_dir()):
            with path.open("wb") as file:
                write(file)
        else:
            _replace(Path(os.path.realpath(path)), write)
    except OSError as reason:
        end = f"; {remedy}" if remedy else ""
        raise error(f"cannot write {path}: {reason.strerror or reason}{end}") from None
    return path


def write_text(path: str | os.PathLike[str], text: str, **options: Any) -> Path:
    """Write ``text`` as UTF-8, with the options and errors of :func:`write_file`."""
    return write_file(path, lambda file: file.write(text.encode()), **options)


def write_json(path: str | os.PathLike[str], value: object, **options: Any) -> Path:
    """Write ``value`` as indented JSON, with the options and errors of :func:`write_file`."""
    return write_text(path, json.dumps(value, indent=2) + "\n", **options)


def read_json(path: Path, content: str, *, remedy: str = "") -> dict[str, Any]:
    """Read the JSON object in a file.

    Args:
        path: the file.
        content: what it should hold, for messages, such as ``the settings of a search``.
        remedy: what the user can do about a damaged file; ends the message.

    Raises:
        StorageError: the file cannot be read, or holds something else: no object, a key twice,
            numbers or text that JSON does not have, lists inside lists without end.
    """
    end = f"; {remedy}" if remedy else ""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise ValueError(f"it has more than {LARGEST:,} bytes")
        value = json.loads(
            data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_number
        )
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)  # refuses 1e999
        text.encode("utf-8", "surrogateescape")  # but names of files, half characters
        if _depth(value) > DEEPEST:  # parsers of some versions of Python take any depth
            raise RecursionError
    except RecursionError:
        raise StorageError(f"{path} cannot be read: it is nested too deeply{end}") from None
    except (OSError, ValueError) as error:
        raise StorageError(f"{path} cannot be read: {shorten(error)}{end}") from None
    if not isinstance(value, dict):
        raise StorageError(f"{path} does not hold {content}{end}")
    return value


def _depth(value: object) -> int:
    """Return how many lists and objects are inside each other, up to one more than DEEPEST."""
    depth, level = 0, [value]
    while level and depth <= DEEPEST:
        inner = [v for v in level if isinstance(v, dict | list)]
        level = [w for v in inner for w in (v.values() if isinstance(v, dict) else v)]
        depth += bool(inner)
        if not inner:
            break
    return depth


def shorten(value: object) -> str:
    """Write a value of somebody's file for a message: on one line, and not all of a long one."""
    text = str(value) if isinstance(value, Exception) else ascii(value)
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        left = iter(pairs)
        twice = next(key for key, _ in left if found.pop(key, left) is left)
        raise ValueError(f"{shorten(twice)} stands there twice")
    return found


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number of JSON")


def _replace(target: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write beside ``target``, then rename; remove what was written if either fails."""
    temporary = target.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:  # also an interrupt
        temporary.unlink(missing_ok=True)
        raise
