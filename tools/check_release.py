"""Build wheel and sdist, install them away from the source tree, and use what was installed.

    python tools/check_release.py               # as CI does
    python tools/check_release.py --complete    # everything from the package index, per Python

CI must not download gigabytes, so without ``--complete`` the wheel goes into an environment that
sees the packages of the running one (their folder is on its path, the source tree is not), and into
an empty one of each Python that is found, with all packages that a search in a table needs, but
without torch. ``--complete`` installs as ``pip install archrank`` does. A Python that is not there
is skipped, and the reason printed.
"""

from __future__ import annotations

import argparse
import email
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
MINORS = range(10, 15)
HEAVY = ("lightgbm", "matplotlib", "torch")
"""Packages that a search in a table by the default ranker never loads."""
NEEDED = (
    "archrank/py.typed",
    "archrank/tables/builtin/digits201.parquet",
    "archrank/tables/builtin/digits201.md",
)
LARGEST = 600_000
"""Bytes of a file in a release: more is data that got there by accident."""
GOOD = """
import archrank as ar

space = ar.spaces.NASBench201()
study = ar.Study(space, ar.evaluators.Cost(), ar.strategies.Random(), seed=0)
best: str = study.run(budget=4).best.string
"""
BAD = GOOD.replace("best: str", "best: int")


def main() -> None:
    """Check, and tell each step with its seconds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--complete", action="store_true", help="install all that pip would")
    parser.add_argument("--only", type=int, nargs="+", default=MINORS, metavar="MINOR")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        wheel = build(Path(folder))
        if not args.complete:
            beside_this_environment(wheel, Path(folder) / "beside")
        for minor in args.only:
            in_python(minor, wheel, Path(folder) / f"python3.{minor}", args.complete)


def build(folder: Path) -> Path:
    """Build both, the wheel from the sdist; check what is in them, and return the wheel."""
    with step("build"):
        run(sys.executable, "-m", "build", "--outdir", folder, ROOT)
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as file:
        packed = {info.filename: info.file_size for info in file.infolist()}
    assert [name for name in NEEDED if name not in packed] == [], "the wheel lacks files"
    tops = {name.partition("/")[0] for name in packed}
    assert tops == {"archrank", f"archrank-{metadata(wheel)['Version']}.dist-info"}, tops
    with tarfile.open(sdist) as archive:
        source = {each.name.partition("/")[2]: each.size for each in archive.getmembers()}
    known = git("ls-files")
    assert not known or set(source) == {*known, "PKG-INFO"}, set(source) ^ {*known, "PKG-INFO"}
    large = [name for name, size in (packed | source).items() if size > LARGEST]
    assert large == [], large
    for made in (wheel, sdist):
        print(f"{made.name}: {made.stat().st_size / 1e6:.1f} MB")
    return wheel


def beside_this_environment(wheel: Path, folder: Path) -> None:
    """Install the wheel alone, beside the packages of this environment; use it, check types."""
    with step("install beside the packages of this environment"):
        python = environment(sys.executable, folder)
        (packages,) = folder.glob("lib/python*/site-packages")
        paths = {sysconfig.get_path(kind) for kind in ("purelib", "platlib")}
        (packages / "others.pth").write_text("\n".join(sorted(paths)))
        run(python, "-m", "pip", "install", "--quiet", "--no-deps", wheel)
    use(python, folder, metadata(wheel)["Version"])
    with step("types of a user's file"):
        for text, wrong in ((GOOD, False), (BAD, True)):
            file = folder / "mine.py"
            file.write_text(text)
            options = ("--strict", "--python-executable", python, "--cache-dir", folder / "mypy")
            found = subprocess.run(
                [sys.executable, "-m", "mypy", *map(str, options), str(file)],
                cwd=folder, capture_output=True, text=True, env=clean(),
            )  # fmt: skip
            assert bool(found.returncode) == wrong, found.stdout + found.stderr
            assert not wrong or "[assignment]" in found.stdout, found.stdout


def in_python(minor: int, wheel: Path, folder: Path, complete: bool) -> None:
    """Install the wheel in an empty environment of another Python, and use it."""
    found = interpreter(minor)
    if found is None:
        print(f"Python 3.{minor}: skipped, there is no python3.{minor} on this machine")
        return
    what = "everything" if complete else f"all but {', '.join(HEAVY)}"
    with step(f"Python 3.{minor}: install {what}"):
        python = environment(found, folder)
        if complete:
            run(python, "-m", "pip", "install", "--quiet", wheel)
        else:
            run(python, "-m", "pip", "install", "--quiet", *light(wheel))
            run(python, "-m", "pip", "install", "--quiet", "--no-deps", wheel)
    use(python, folder, metadata(wheel)["Version"], train=complete)
    shutil.rmtree(folder)


def use(python: Path, folder: Path, version: str, *, train: bool = True) -> None:
    """Use what was installed from an empty folder, as a user would: version, import, search."""
    command, place = python.with_name("archrank"), folder / "work"
    place.mkdir()
    with step("use"):
        said = run(command, "--version", cwd=place)
        assert said.strip() == f"archrank {version}", said
        home = run(python, "-c", "import archrank; print(archrank.__file__)", cwd=place)
        assert Path(home.strip()).is_relative_to(folder), home
        run(command, "search", "--table", "digits201", "--budget", "10", cwd=place)
        assert "valid_accuracy" in run(command, "best", cwd=place)
        if train:
            quick = ("--task", "digits", "--epochs", "1", "--budget", "1", "--run", "trained")
            run(command, "search", *quick, cwd=place)


def environment(python: str | Path, folder: Path) -> Path:
    """Make an empty environment; its interpreter."""
    run(python, "-m", "venv", folder)
    return folder / "bin" / "python"


def interpreter(minor: int) -> str | None:
    """Return an interpreter of Python 3.``minor`` that runs: on the path, or one of pyenv's."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    kept = sorted(root.glob(f"versions/3.{minor}.*/bin/python"))
    for python in filter(None, (shutil.which(f"python3.{minor}"), *map(str, kept))):
        told = subprocess.run([python, "--version"], capture_output=True, text=True)
        if told.returncode == 0 and told.stdout.startswith(f"Python 3.{minor}."):
            return python
    return None


def metadata(wheel: Path) -> Message:
    """Return what a wheel says about itself."""
    with zipfile.ZipFile(wheel) as file:
        (name,) = [name for name in file.namelist() if name.endswith(".dist-info/METADATA")]
        return email.message_from_bytes(file.read(name))


def light(wheel: Path) -> list[str]:
    """Return what the wheel requires, without extras and heavy packages."""
    required = map(Requirement, metadata(wheel).get_all("Requires-Dist") or [])
    return [
        str(each)
        for each in required
        if each.name not in HEAVY and "extra" not in str(each.marker or "")
    ]


def git(*words: str) -> list[str]:
    """Return the lines that git prints about the source; none where it is not a git checkout."""
    told = subprocess.run(["git", "-C", ROOT, *words], capture_output=True, text=True)
    return told.stdout.splitlines() if told.returncode == 0 else []


@contextmanager
def step(what: str) -> Iterator[None]:
    """Tell what was done, and its seconds."""
    start = time.perf_counter()
    yield
    print(f"{what}: {time.perf_counter() - start:.0f} s", flush=True)


def run(*command: object, cwd: Path | None = None) -> str:
    """Run a command and return what it printed; say what it said if it fails."""
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, env=clean())
    if done.returncode:
        sys.exit(f"{' '.join(words)} failed\n{done.stdout}{done.stderr}")
    return done.stdout


def clean() -> dict[str, str]:
    """Return the environment without what would make the source tree importable."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


if __name__ == "__main__":
    main()
