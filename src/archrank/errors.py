"""Errors that archrank raises for a user's mistake.

Messages repeat what the user typed and name a remedy. All errors derive from
:class:`ArchrankError`, and each also from a built-in class (``ValueError``, ``KeyError``, ...), so
that code that does not know archrank can catch them.
"""

from __future__ import annotations

import difflib
import sysconfig
import traceback
from collections.abc import Iterable
from pathlib import Path

FAILURES = (Exception, SystemExit)
"""All by which a user's code fails: a ``sys.exit()`` in it must not end a command as done."""

INSTALLED = ("stdlib", "platstdlib", "purelib", "platlib")
"""Folders of Python itself and of installed packages, by the names that sysconfig gives them."""

MAX_LISTED = 24  # known names in a message; tables can have hundreds of columns


class ArchrankError(Exception):
    """Base class of all errors that archrank raises on purpose."""


def describe(error: BaseException, *, line: bool = False) -> str:
    """Write an error of a user's code in one line: its class and message.

    Args:
        error: that was raised.
        line: name the innermost line that is a user's: neither archrank's, nor Python's, nor of an
            installed package. ``sys.exit`` is always told with its line.

    >>> describe(KeyError("depth")), describe(SystemExit(0))
    ("KeyError: 'depth'", 'it called sys.exit(0)')
    """
    if not isinstance(error, SystemExit):
        return f"{type(error).__name__}: {error}{_line(error) if line else ''}"
    frames = _users(error)
    who = f"{Path(frames[-1].filename).name}, line {frames[-1].lineno}," if frames else "it"
    return f"{who} called sys.exit({'' if error.code is None else repr(error.code)})"


def _line(error: BaseException) -> str:
    """Name the innermost line of a user's, in brackets; nothing if there is none."""
    frames = _users(error)
    return f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""


def _users(error: BaseException) -> list[traceback.FrameSummary]:
    """Return the frames of an error that are a user's: not ours, Python's or a package's."""
    foreign = {Path(__file__).parent, *map(Path, map(sysconfig.get_path, INSTALLED))}
    return [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_absolute() and foreign.isdisjoint(Path(frame.filename).parents)
    ]


class UnknownNameError(ArchrankError, KeyError):
    """Unknown name of a space, task, ranker, metric and so on; the message lists close matches."""

    def __init__(self, kind: str, name: str, known: Iterable[str], hint: str = "") -> None:
        name = name if isinstance(name, str) else repr(name)[:80]
        options = sorted(known)
        close = difflib.get_close_matches(
            name.lower(), [o.lower() for o in options], n=3, cutoff=0.5
        )
        meant = [o for o in options if o.lower() in close]
        guess = f", did you mean {' or '.join(map(repr, meant))}?" if meant else "."
        listed = ", ".join(options[:MAX_LISTED]) if options else "none"
        if len(options) > MAX_LISTED:
            listed += f" and {len(options) - MAX_LISTED} more"
        self.message = f"unknown {kind} {name!r}{guess} Known: {listed}" + (
            f". {hint}" if hint else ""
        )
        super().__init__(self.message)

    def __str__(self) -> str:  # KeyError would print the repr of the message
        return self.message


class ArgumentError(ArchrankError, TypeError):
    """Argument of a type that cannot be used; the message quotes it."""


class SpaceError(ArchrankError, ValueError):
    """Search space that is declared wrongly, or does not offer the requested view."""


class BuildError(SpaceError):
    """Failure of a user's function to build the network of one architecture."""


class UncountedOperationWarning(UserWarning):
    """Warning that a count of multiply-accumulates leaves out operations without a formula."""


class ArchitectureError(ArchrankError, ValueError):
    """Architecture that is malformed or outside its space."""


class TableError(ArchrankError, ValueError):
    """Benchmark table that cannot be used; the message names row and column."""


class LabelError(ArchrankError, ValueError):
    """Scores that cannot be learnt from: NaN, all equal, too few, or of the wrong length."""


class ObjectiveError(ArchrankError, ValueError):
    """Objective or constraint that cannot be parsed."""


class BudgetError(ArchrankError, ValueError):
    """Budget or other count below 1, or above the number of architectures."""


class BudgetWarning(UserWarning):
    """Warning that a run has ended before its budget was spent; says why."""


class EvaluationError(ArchrankError, RuntimeError):
    """Evaluator that broke its contract, or run without a single usable evaluation."""


class TellError(ArchrankError, ValueError):
    """Evaluation that cannot be told: it is known already, or a value is missing."""


class InfeasibleError(EvaluationError):
    """Search in which no architecture keeps the constraints; the message names the nearest."""


class WorkerError(EvaluationError):
    """Worker process that died during a call; the message says how.

    Attributes:
        seconds: wall-clock time that the call had taken.
    """

    def __init__(self, message: str, seconds: float = 0.0) -> None:
        super().__init__(message)
        self.seconds = seconds


class UnstartedError(EvaluationError):
    """Worker process that ended before it could take a call; the message says why."""


class SettingsError(ArchrankError, ValueError):
    """Settings that contradict each other."""


class UsageError(SettingsError):
    """Command line that cannot be understood."""


class StorageError(ArchrankError, OSError):
    """Run folder, file or database that cannot be read, written or locked."""


class NoStudyError(StorageError):
    """Database that does not exist, or holds no study of the name that is asked for."""


class ResumeError(ArchrankError, ValueError):
    """Run folder that holds a run with other settings than the requested one."""


class ChangedRunError(ResumeError):
    """Run whose circumstances have changed, so that its evaluations may not compare any more."""


class ChangedRunWarning(UserWarning):
    """Warning that a run goes on although something has changed since it was begun."""


class CallbackWarning(UserWarning):
    """Warning that a callback of a run has failed, such as a tracker; the run goes on."""


class IsolationWarning(UserWarning):
    """Warning that time is measured although something else may run beside."""


class NoisyLatencyWarning(UserWarning):
    """Warning that repeated measurements of a latency differ too much to be trusted."""


class DataError(ArchrankError, ValueError):
    """Data set on disk that is missing, truncated or not in the published format."""


class DataWarning(UserWarning):
    """Warning that data can be used, but measures less than it seems to."""


class MissingExtraError(ArchrankError, ImportError):
    """Optional dependency that is not installed."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs {package}: pip install 'archrank[{extra}]'")
