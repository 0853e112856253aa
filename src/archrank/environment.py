"""Description of the environment of a measurement: versions, machine, commit."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PACKAGES = (
    *("numpy", "scipy", "scikit-learn", "lightgbm", "torch", "optuna"),
    *("matplotlib", "pillow"),  # they draw images of built-in tasks
)


def environment() -> dict[str, str]:
    """Return the versions of libraries, read without importing them, and the kind of machine."""
    from archrank import __version__

    found = {"archrank": __version__, "python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # noqa: PERF203  # six names
            continue
    found["system"] = f"{platform.system()} {platform.machine()}"
    found["processor"] = f"{_processor()}, {os.cpu_count()} logical cores"
    return found


def commit() -> str | None:
    """Return the git commit of this code, with a ``+`` if files have been changed since.

    ``None`` unless archrank runs from its own git checkout.
    """
    here = Path(__file__)
    try:
        _git(here.parent, "ls-files", "--error-unmatch", here.name)  # not just inside some checkout
        changed = _git(here.parent, "status", "--porcelain", "--untracked-files=no", ".")
        return _git(here.parent, "rev-parse", "--short=10", "HEAD") + ("+" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            named = [line for line in lines if line.startswith("model name")]
        return named[0].partition(":")[2].strip()
    except (OSError, IndexError):  # not Linux, or a processor without a name there
        return platform.processor() or "unknown processor"
