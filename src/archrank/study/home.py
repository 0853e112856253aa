"""The home of a process: others on the same machine can tell at once that it has ended."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

_PROC = Path("/proc")
_BOOT = _PROC / "sys/kernel/random/boot_id"


def home() -> str:
    """Return the place of this process as text: its host and number, and what makes it unique."""
    return json.dumps({"host": socket.gethostname(), "pid": os.getpid(), **_unique(os.getpid())})


def name_of(text: str) -> str:
    """Return the place of a process for people: ``host, process 123``."""
    try:
        found = json.loads(text)
        return f"{found['host']}, process {found['pid']}"
    except (ValueError, TypeError, KeyError):
        return "a process"


def has_ended(text: str) -> bool:
    """Tell whether a process of this machine has ended; False where that cannot be known.

    Args:
        text: what :func:`home` returned there.
    """
    try:
        found = json.loads(text)
        here = _unique(os.getpid())
        known = {name: found.get(name) for name in ("boot", "namespace")}
        if not here or any(here[name] != value for name, value in known.items()):
            return False
        pid = int(found["pid"])
        there = _unique(pid)
        return there["started"] != found["started"] if there else not _is_hidden(pid)
    except (ValueError, TypeError, KeyError, AttributeError):
        return False


def _is_hidden(pid: int) -> bool:
    """Tell whether there is a process that this user may not look at, as with ``hidepid``."""
    try:
        os.kill(pid, 0)  # which sends nothing
    except PermissionError:
        return True
    except ProcessLookupError:
        return False
    return True


def _unique(pid: int) -> dict[str, Any]:
    """Return what tells a process from all others, also after a restart.

    Empty if it has ended, or is not to be seen, as on systems other than Linux.
    """
    try:
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        return {
            "boot": _BOOT.read_text().strip(),
            "namespace": os.readlink(_PROC / "self/ns/pid"),
            "started": None if fields[0] in "ZX" else fields[19],
        }
    except OSError:
        return {}
