"""Circumstances of a run: what may change without making it another one, and whether it matters.

A run's identity says what was asked for. Its circumstances say what measured it: the user's own
code, the contents of a table, the version of torch. When they have changed, a run goes on by
itself where earlier evaluations stay comparable, and otherwise only when the user says so.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from archrank.evaluators.base import Evaluator
from archrank.spaces.base import Space
from archrank.strategies.base import Strategy
from archrank.user_code import user_code

Circumstances = dict[str, dict[str, str]]

MEASURES, PROPOSES, CONTENTS, VERSIONS = "code", "strategy's code", "contents", "versions"


@dataclass(frozen=True)
class Changes:
    """Sentences about what has changed since a run was last continued.

    Attributes:
        serious: what may make earlier evaluations incomparable with later ones.
        harmless: what cannot.
    """

    serious: tuple[str, ...]
    harmless: tuple[str, ...]


def circumstances(space: Space, evaluator: Evaluator, strategy: Strategy) -> Circumstances:
    """Return the circumstances of a run, as JSON values.

    The space's code measures only where its networks are built, and torch where they are run.

    Args:
        space: the space that is searched.
        evaluator: bound to ``space``.
        strategy: proposes architectures.
    """
    parts = evaluator.parts()
    own = [not type(part).__module__.startswith("archrank.") for part in parts]
    builds = any(own) or any(part.task is not None for part in parts)
    measuring = [evaluator, space] if builds else [evaluator]
    code, packages = user_code(*measuring)
    proposing, _ = user_code(strategy, space)
    runs = any(part.task is not None and not part.cheap for part in parts)
    contents: dict[str, str] = {}
    for part in parts:
        for name, digest in part.contents().items():
            same = [known for known in contents if known.split(" #")[0] == name]
            contents[f"{name} #{len(same) + 1}" if same else name] = digest
    return {
        MEASURES: code,
        PROPOSES: {k: v for k, v in proposing.items() if k not in code},
        CONTENTS: contents,
        VERSIONS: _version("torch") if runs or "torch" in packages else {},
    }


def changed(known: Circumstances, now: Circumstances, used: Collection[str]) -> Changes:
    """Compare stored circumstances with those of today.

    Args:
        known: stored ones.
        now: today's.
        used: names of contents that objectives and constraints use.
    """
    serious, told = _edits(known, now, MEASURES)
    harmless = [*told, *(sentence for found in _edits(known, now, PROPOSES) for sentence in found)]
    before, after = known.get(CONTENTS, {}), now.get(CONTENTS, {})
    for name in [*before, *(n for n in after if n not in before)]:
        if name not in before or (name not in after and name not in used):
            harmless.append(f"{name} is {'new' if name in after else 'gone'}")
        elif before[name] != after.get(name):
            serious.append(f"{name} has changed")
    before, after = known.get(VERSIONS, {}), now.get(VERSIONS, {})
    for name in [n for n in before if before[n] != after.get(n, before[n])]:
        serious.append(f"{name} was {before[name]} and is {after[name]}")
    return Changes(tuple(serious), tuple(harmless))


def _edits(known: Circumstances, now: Circumstances, kind: str) -> tuple[list[str], list[str]]:
    """Return what was edited or exchanged, and what was only added or left out."""
    before, after = known.get(kind, {}), now.get(kind, {})
    edited = [f"{n} was edited" for n in before if n in after and before[n] != after[n]]
    gone = [f"{n} is no longer used" for n in before if n not in after]
    new = [f"{n} is used now" for n in after if n not in before]
    if edited or (gone and new):
        return edited or [*gone, *new], []
    return [], [*gone, *new]


def _version(package: str) -> dict[str, str]:
    try:
        return {package: version(package)}
    except PackageNotFoundError:  # a copy that was not installed as a package
        return {}
