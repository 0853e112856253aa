"""Small parallel files and texts, written by the tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

NUMBERS = (("eins", "one"), ("zwei", "two"), ("drei", "three"), ("vier", "four"), ("fünf", "five"))


def sentences(n: int, first: int = 0) -> tuple[list[str], list[str]]:
    """Return sentences of numbers, and their translations, in the other order."""
    sides: tuple[list[str], list[str]] = ([], [])
    for i in range(first, first + n):
        words = [NUMBERS[(i * 7 + k * k) % 5] for k in range(1 + i % 6)]
        sides[0].append(" ".join(word[0] for word in words))
        sides[1].append(" ".join(word[1] for word in reversed(words)))
    return sides


def parallel(folder: Path, sizes: tuple[int, int, int] = (40, 12, 12)) -> list[tuple[str, str]]:
    """Write files to train, validate and test with; return their paths."""
    found, start = [], 0
    for part, n in zip(("train", "valid", "test"), sizes, strict=True):
        sides = sentences(n, start)
        paths = [folder / f"{part}.{language}" for language in ("de", "en")]
        for path, side in zip(paths, sides, strict=True):
            path.write_text("\n".join([*side, ""]), encoding="utf-8")
        found.append((str(paths[0]), str(paths[1])))
        start += n
    return found


def text(folder: Path, **other: Any) -> list[str]:
    """Write a text in the layout of WikiText-103; return the paths of its parts."""
    article = "\n = Number {} = \n\n the <unk> number {} is larger than {} . \n"
    parts = {
        "train": "".join(article.format(i, i, i - 1) for i in range(30)),
        "valid": "".join(article.format(i, i, i - 1) for i in range(30, 35)),
        "test": "".join(article.format(i, i, i - 2) for i in range(20, 26)),
    }
    paths = []
    for part, content in {**parts, **other}.items():
        path = folder / f"wiki.{part}.tokens"
        path.write_text(content, encoding="utf-8")
        paths.append(str(path))
    return paths
