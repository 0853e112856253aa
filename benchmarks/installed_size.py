"""What ``pip install archrank`` brings along, and the size of each package on disk.

    python -m venv fresh && fresh/bin/pip install archrank
    fresh/bin/python benchmarks/installed_size.py --extras onnx text

Needs nothing but archrank itself: packages are followed through their metadata from archrank's
requirements, without extras, and files are those that pip recorded, compiled ones included. CUDA's
libraries, which torch from the package index brings on Linux, are told as one.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution

CUDA = re.compile(r"nvidia-|cuda-|triton$")
SHOWN = 12
EXTRA = re.compile(r"extra\s*==\s*['\"]([\w-]+)['\"]")


def required(name: str, extras: tuple[str, ...] = ()) -> dict[str, Distribution]:
    """Return ``{name: distribution}`` of a package and all that it requires and that is there."""
    found: dict[str, Distribution] = {}
    todo = [(name, extras)]
    while todo:
        name, extras = todo.pop()
        try:
            package = distribution(name)
        except PackageNotFoundError:  # for another system, or another Python
            continue
        known = plain(name) in found
        found[plain(name)] = package
        if not known or extras:
            todo += list(_requirements(package, extras))
    return found


def _requirements(
    package: Distribution, extras: tuple[str, ...]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    for text in package.requires or []:
        asked = EXTRA.search(text)
        if asked and asked[1] not in extras:
            continue
        words = re.match(r"([\w.-]+)\s*(?:\[([\w,\s-]+)\])?", text)
        assert words is not None
        yield words[1], tuple((words[2] or "").replace(" ", "").split(",")) if words[2] else ()


def plain(name: str) -> str:
    """Return the name of a package as indices spell it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def size(package: Distribution) -> int:
    """Return the bytes of a package's files."""
    paths = [package.locate_file(file) for file in package.files or []]
    return sum(path.stat().st_size for path in paths if path.is_file())  # type: ignore[attr-defined]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--all", action="store_true", help="a line for each package")
    parser.add_argument("--extras", nargs="+", default=[], help="what these bring beside the rest")
    args = parser.parse_args()
    packages = required("archrank")
    for extra in args.extras:
        more = required("archrank", (extra,)).items()
        own = [package for name, package in more if name not in packages]
        print(f"archrank[{extra}]: {len(own)} packages, {sum(map(size, own)) / 1e6:,.0f} MB")
    sizes = {name: size(package) for name, package in packages.items()}
    cuda = {name: n for name, n in sizes.items() if CUDA.match(name)}
    rows = {f"{name} {packages[name].version}": n for name, n in sizes.items() if name not in cuda}
    if cuda:
        rows[f"CUDA for torch, {len(cuda)} packages"] = sum(cuda.values())
    ordered = sorted(rows.items(), key=lambda row: -row[1])
    shown = len(ordered) if args.all else SHOWN
    print("| package | MB |\n|---|---|")
    for name, n in ordered[:shown]:
        print(f"| {name} | {n / 1e6:,.1f} |")
    if rest := ordered[shown:]:
        print(f"| {len(rest)} others | {sum(n for _, n in rest) / 1e6:,.1f} |")
    print(f"| **all {len(sizes)} packages** | **{sum(sizes.values()) / 1e6:,.0f}** |")


if __name__ == "__main__":
    main()
