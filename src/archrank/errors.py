"""Every error archrank raises for a user's mistake: one base, one Python kin each.

Messages repeat what the user typed and name the remedy. Catch :class:`ArchrankError` for all of
them, or the Python kin (``ValueError``, ``KeyError``, ...) if you do not care whose they are.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ArchrankError(Exception):
    """Base of all errors that archrank raises on purpose."""


class UnknownNameError(ArchrankError, KeyError):
    """A name (space, task, ranker, metric, ...) that does not exist; lists close matches."""

    def __init__(self, kind: str, name: str, known: Iterable[str], hint: str = "") -> None:
        options = sorted(known)
        close = difflib.get_close_matches(
            name.lower(), [o.lower() for o in options], n=3, cutoff=0.5
        )
        meant = [o for o in options if o.lower() in close]
        guess = f", did you mean {' or '.join(map(repr, meant))}?" if meant else "."
        listed = ", ".join(options) if options else "none"
        self.message = f"unknown {kind} {name!r}{guess} Known: {listed}" + (
            f". {hint}" if hint else ""
        )
        super().__init__(self.message)

    def __str__(self) -> str:  # KeyError would print the repr of the message
        return self.message


class SpaceError(ArchrankError, ValueError):
    """A search space that is declared wrongly, or asked for a view it does not offer."""


class BuildError(SpaceError):
    """A user's function that failed to build the network of one architecture."""


class UncountedOperationWarning(UserWarning):
    """Multiply-accumulates that leave out operations nobody has told how to count."""


class ArchitectureError(ArchrankError, ValueError):
    """An architecture that is malformed or outside its space."""


class TableError(ArchrankError, ValueError):
    """A benchmark table that cannot be used as it is; the message names row and column."""


class LabelError(ArchrankError, ValueError):
    """Scores that nothing can be learnt from: NaN, constant, wrong length, too few."""


class ObjectiveError(ArchrankError, ValueError):
    """An objective or a constraint that cannot be read."""


class BudgetError(ArchrankError, ValueError):
    """A budget of nothing, or of more than the space holds."""


class EvaluationError(ArchrankError, RuntimeError):
    """An evaluator that broke its contract, or a whole run without one usable evaluation."""


class SettingsError(ArchrankError, ValueError):
    """Settings that contradict each other."""


class StorageError(ArchrankError, OSError):
    """A run folder or database that cannot be read, written or locked."""


class ResumeError(ArchrankError, ValueError):
    """A run folder that holds another run than the one asked for."""


class DataError(ArchrankError, ValueError):
    """A data set on disk that is missing, truncated or not in the published format."""


class MissingExtraError(ArchrankError, ImportError):
    """An optional dependency that is not installed."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs {package}: pip install 'archrank[{extra}]'")
