"""Commands of the guides: each is parsed, so that every option and name in it exists."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from archrank.cli import main
from archrank.rankers import RANKERS
from archrank.spaces import SPACES
from archrank.strategies import STRATEGIES
from archrank.tasks import TASKS

ROOT = Path(__file__).parents[1]
GUIDES = [ROOT / "README.md", *sorted([*ROOT.glob("docs/*.md"), *ROOT.glob("docs/papers/*.md")])]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", flags=re.DOTALL | re.MULTILINE)
KNOWN = {
    "--space": SPACES.names(),
    "--task": TASKS.names(),
    "--ranker": RANKERS.names(),
    "--rankers": RANKERS.names(),
    "--strategy": [*STRATEGIES.names(), "attentivenas", "ranknas-random"],
}


def commands(guide: Path) -> list[list[str]]:
    """Return the commands in a guide's blocks of a shell, as lists of arguments."""
    found = BLOCK.findall(guide.read_text(encoding="utf-8"))
    blocks = [text for language, text in found if language in ("", "bash", "sh", "console")]
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    plain = [line.removeprefix("$ ") for line in lines]
    typed = [shlex.split(line, comments=True) for line in plain if line.startswith("archrank ")]
    return [words[1:] for words in typed if not any(word[0] in "[·" for word in words)]  # synopses


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_commands_can_be_typed(guide: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[Callable[[], int]] = []
    monkeypatch.setattr(main, "run_user_code", lambda command: parsed.append(command) or 0)
    found = commands(guide)
    for words in found:
        assert main.run(words) == 0, words
        option = ""
        for word in words:
            if word.startswith("--"):
                option = word
            elif option in KNOWN and not re.search(r"[:.]", word):
                assert word.lower().replace("-", "_") in {
                    name.lower().replace("-", "_") for name in KNOWN[option]
                }, words
    assert len(parsed) == len([words for words in found if words[1:2] != ["--help"]])


def test_guides_have_commands() -> None:
    counts: dict[str, Any] = {guide.stem: len(commands(guide)) for guide in GUIDES}
    assert min(counts[name] for name in ("ranknas", "latency", "text", "supernets")) > 1
