"""Pages of the command line: every command and option, in text that says the same."""

from __future__ import annotations

import re

import pytest
from commands import commands, escaped, page
from docutils import nodes
from docutils.core import publish_doctree

from archrank.cli.options import options_of

COMMANDS = dict(commands())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_its_entry(name: str) -> None:
    text = page(name, COMMANDS[name])
    entries = re.findall(r"^\.\. option:: (.*)$", text, re.M)
    options = list(options_of(COMMANDS[name]))
    assert len(entries) == len(options) + 1  # --help
    for option, entry in zip(options, entries, strict=False):
        assert entry.startswith(option.flag)


def test_commands_of_groups_are_among_them() -> None:
    assert {"search", "supernet train", "tables import", "list"} <= set(COMMANDS)


@pytest.mark.parametrize(
    "text",
    [
        "a*b",
        "FILE:COLUMN",
        "oneshot_ of",
        "a|b|",
        "`x",
        r"back\slash",
        "*.npz and _x_",
        "(--all) ends",
    ],
)
def test_text_is_shown_as_it_is(text: str) -> None:
    shown = publish_doctree(escaped(text), settings_overrides={"report_level": 5})
    assert shown.astext() == text
    assert not list(shown.findall(nodes.reference))
