"""Files of a release agree about its version and its Pythons."""

from __future__ import annotations

import re
from importlib.metadata import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def stated(file: str, pattern: str) -> list[str]:
    """Return what a pattern finds in a file, line by line."""
    return re.findall(pattern, (ROOT / file).read_text(encoding="utf-8"), re.M)


VERSION = stated("pyproject.toml", r'^version = "(.*)"$')


@pytest.mark.parametrize(
    ("file", "pattern"),
    [
        ("CITATION.cff", r"^version: (.*)$"),
        ("CHANGELOG.md", r"^## \[(\d[\d.]*)\]"),
        ("docs/faq.md", r"version = \{(.*)\}"),
        ("docs/installing.md", r"of archrank (\d[\d.]*) and"),
    ],
)
def test_one_version(file: str, pattern: str) -> None:
    assert len(VERSION) == 1
    assert stated(file, pattern)[:1] == VERSION


def test_security_policy_supports_this_version() -> None:
    assert VERSION[0].startswith(stated("SECURITY.md", r"^\| ([\d.]+) \(newest\) \| yes")[0])


def test_the_changelog_has_one_section_per_version() -> None:
    found = stated("CHANGELOG.md", r"^## (.*)$")
    assert len(found) == len(set(found))
    assert all(
        re.fullmatch(r"\[\d+\.\d+\.\d+\] - (\d{4}-\d\d-\d\d|not released yet)", s) for s in found
    )


def test_installed_metadata_has_what_an_index_shows() -> None:
    found = metadata("archrank")
    assert found["Requires-Python"] == ">=3.10"
    assert "Typing :: Typed" in found.get_all("Classifier", [])


def test_every_extra_is_told() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    section = project.partition("[project.optional-dependencies]\n")[2].partition("\n[")[0]
    extras = re.findall(r"^(\w+) = \[", section, re.M)
    told = re.findall(r"`archrank\[(\w+)\]`", (ROOT / "docs/installing.md").read_text("utf-8"))
    assert len(extras) > 5
    assert sorted(set(told)) == sorted(set(extras))
