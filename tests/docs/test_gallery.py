"""Examples as the gallery reads them: still programs, with a title that their docstring begins."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from docutils.core import publish_doctree
from gallery import RUN, titled

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("[0-9]*.py"))


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_the_program_is_the_same_below_its_docstring(file: Path) -> None:
    source = file.read_text(encoding="utf-8")
    before, after = ast.parse(source), ast.parse(titled(source))
    assert [ast.dump(part) for part in before.body[1:]] == [
        ast.dump(part) for part in after.body[1:]
    ]
    old, new = ast.get_docstring(before), ast.get_docstring(after)
    assert old is not None
    assert new is not None
    title, line, *_ = new.splitlines()
    assert line == "=" * len(title)
    assert old.replace("\n", " ").startswith(title)
    publish_doctree(new, settings_overrides={"halt_level": 2, "report_level": 5})


def test_examples_that_are_run_exist() -> None:
    assert {file.stem[:2] for file in EXAMPLES} >= set(RUN)
