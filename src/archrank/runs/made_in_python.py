"""Studies that were made in Python: the command that goes on with one."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archrank.evaluators import EVALUATORS
from archrank.runs.settings import SearchSettings
from archrank.spaces import SPACES
from archrank.strategies import STRATEGIES
from archrank.tasks import TASKS

if TYPE_CHECKING:
    from archrank.study.record import Description

OWN = "FILE.py:NAME"
"""Stands for a part of the user's, whose name in a file nothing tells."""


def command_of(folder: Path, description: Description) -> str:
    """Return the command that goes on with a study; ``FILE.py:NAME`` where a part is a user's.

    Args:
        folder: of the run.
        description: of the study.
    """
    options = {"--run": [str(folder)], **_options(description)}
    words = [f"{key} {shlex.quote(value)}" for key, values in options.items() for value in values]
    return f"archrank search {' '.join(words)}"


def _options(description: Description) -> dict[str, list[str]]:
    """Return the options that say what a study is, but for those that say what is usual."""
    identity, usual = description.identity, SearchSettings()
    parts = list(_parts(identity["evaluator"]))
    named = [_named(part.get("evaluator"), EVALUATORS.names()) for part in parts]
    tasks = {_task(part["task"]) for part in parts if isinstance(part.get("task"), dict)}
    options = {
        "--space": [_named(description.space, SPACES.names())],
        "--task": sorted(tasks),
        "--evaluate": [OWN if name == "function" else name for name in named],
        "--metric": list(identity["objectives"]),
        "--constraint": list(identity["constraints"]),
        "--strategy": [_named(identity["strategy"].get("strategy"), STRATEGIES.names())],
        "--seed": [str(identity["seed"])],
    }
    plain = {"--strategy": usual.strategy, "--seed": str(usual.seed)}
    return {key: values for key, values in options.items() if values != [plain.get(key)]}


def _parts(evaluator: Any) -> Iterator[dict[str, Any]]:
    """Yield the descriptions of the evaluators that one consists of."""
    if isinstance(evaluator, dict):
        inner = evaluator.get("parts")
        if not isinstance(inner, list):
            yield evaluator
        for part in inner if isinstance(inner, list) else ():
            yield from _parts(part)


def _named(name: Any, known: list[str]) -> str:
    return name if isinstance(name, str) and name in known else OWN


def _task(identity: dict[str, Any]) -> str:
    """Return the name of archrank's task of a class; a user's may have any."""
    return _named(str(identity.get("class")).lower(), TASKS.names())
