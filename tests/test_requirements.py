"""What is required of other packages: lower bounds alone, and tested versions within them."""

from __future__ import annotations

import re
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]


def requirements() -> list[Requirement]:
    """Read all dependencies in pyproject.toml, extras included."""
    text = (ROOT / "pyproject.toml").read_text()
    project = text.partition("[project]")[2].partition("[project.scripts]")[0]
    return [Requirement(found) for found in re.findall(r'"([\w\[\]-]+>=[^"]*)"', project)]


def test_no_upper_bounds() -> None:
    found = {r.name: r for r in requirements() if r.name != "python"}
    assert {"torch", "numpy", "distributed", "pytest"} <= set(found)
    for requirement in found.values():
        assert {s.operator for s in requirement.specifier} == {">="}, requirement


def test_tested_versions_are_allowed_and_installed_by_make() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [Requirement(line) for line in lines if not line.startswith("#")]
    assert [p.name for p in pins] == ["torch"]
    for pin in pins:
        (version,) = [s.version for s in pin.specifier]
        allowed = [r.specifier for r in requirements() if r.name == pin.name]
        assert allowed
        assert all(version in specifier for specifier in allowed)
    installs = re.findall("-m pip install.*", (ROOT / "Makefile").read_text())
    assert len(installs) == 3  # for users, for tests, for the site
    assert all("--constraint constraints.txt" in line for line in installs)
