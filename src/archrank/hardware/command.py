"""Latency on any device, by a command of the user's: it gets an ONNX file and prints milliseconds.

    archrank search --latency-command './bench.sh {onnx}' --constraint 'latency_ms<=8'

The last number on standard output counts, or what follows the last ``latency_ms:`` (or ``=``). One
with another unit of time, such as ``734 us``, or with a comma is refused rather than guessed at.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import NamedTuple

import numpy as np

from archrank.checks import instance, number, whole
from archrank.errors import EvaluationError, SettingsError
from archrank.formatting import signal_name
from archrank.isolation import alone

ONNX, BATCH = "{onnx}", "{batch}"
NAME = "network.onnx"
SHOWN = 300  # characters of what a command says about its failure
READ = 65_536  # bytes of its output, from the end
_NAMED = re.compile(r"""latency_ms["']?\s*[:=]\s*["']?([^\s,;"'})\]]+(?:,\d+)*)""")
_NUMBER = re.compile(
    r"(?<![\w.,])[-+]?(?:(?:\d|\.\d)[\d.,]*(?:[eE][-+]?\d+)?|nan\b|inf(?:inity)?\b)"
    r"(?:ms\b|\s*(?:[uµμn]?s|sec|seconds?)\b|(?![\w,]|\.\d))",
    re.IGNORECASE,
)
SHELL = frozenset({"|", "||", "&&", "&", ";", ">", ">>", "<", "2>", "2>&1"})


class CommandTiming(NamedTuple):
    """Latency that a command printed.

    Attributes:
        ms: Median of what it printed, in milliseconds.
        spread: Standard deviation over mean of these; 0 of a single one.
        calls: Number of calls, failed ones included.
        noisy: True if no two of several calls agree.
    """

    ms: float
    spread: float
    calls: int
    noisy: bool


@dataclass(frozen=True)
class LatencyCommand:
    """Command that measures the latency of the network in an ONNX file.

    It is called without a shell (put pipes into a script), in the working directory, when no
    training and no other measurement of archrank runs on the machine. It is called again until two
    results agree, and again if it fails.

    Attributes:
        text: As typed. ``{onnx}`` stands for the path of the file, whose first dimension, the
            batch, is free; ``{batch}`` for the number of inputs per run.
        batch_size: Inputs per run.
        timeout: Seconds after which a call is given up, with all processes that it began; it is
            not made again then.
        tries: Calls at most.
        spread: Difference of two results over their mean, up to which they agree.

    Raises:
        SettingsError: There is no such program, or it gets no file.
    """

    text: str
    batch_size: int = 1
    timeout: float = 300.0
    tries: int = 3
    spread: float = 0.05

    def __post_init__(self) -> None:
        instance(self.text, str, "latency command", "such as './bench.sh {onnx}'")
        for name in ("batch_size", "tries"):
            value = getattr(self, name)
            whole(value, f"latency command: {name}", at_least=1, error=SettingsError)
        for name in ("timeout", "spread"):
            if not number(getattr(self, name), f"latency command: {name}", error=SettingsError) > 0:
                raise SettingsError(
                    f"latency command: {name} must be above 0, got {getattr(self, name)!r}"
                )
        if ONNX not in self.text:
            raise SettingsError(
                f"latency command {self.text!r} gets no network: write {ONNX} where the path of "
                "its file belongs"
            )
        self._require_program()

    @property
    def words(self) -> list[str]:
        """The program and its arguments, placeholders included.

        Raises:
            SettingsError: A quotation mark is missing.
        """
        try:
            return [os.path.expanduser(word) for word in shlex.split(self.text)]
        except ValueError as error:
            raise SettingsError(
                f"latency command {self.text!r}: {error}; add the quotation mark that is missing"
            ) from None

    def _require_program(self) -> None:
        program, *arguments = self.words
        mark = next((word for word in arguments if word in SHELL), None)
        if mark is not None:
            raise SettingsError(
                f"latency command {self.text!r} is called without a shell, which {mark} needs: put "
                "it into a script"
            )
        if shutil.which(program) is not None:
            return
        file = Path(program)
        if not file.is_file():
            raise SettingsError(f"latency command {self.text!r}: there is no program {program}")
        if os.access(file, os.X_OK):
            raise SettingsError(
                f"latency command {self.text!r}: a program in the working directory is called "
                f"./{program}"
            )
        raise SettingsError(
            f"latency command {self.text!r}: {program} cannot be executed; chmod +x {program}"
        )

    def measure(
        self, onnx: bytes, waiting: Callable[[], object] = lambda: None
    ) -> CommandTiming | str:
        """Measure a network; return the reason where that fails.

        Args:
            onnx: Content of its file.
            waiting: Called once if others have to end before.

        Raises:
            EvaluationError: The program cannot be started at all.

        Warns:
            IsolationWarning: Trainings cannot be kept from running beside.
        """
        found: list[float] = []
        problem, calls, agreed = "", 0, self.tries == 1
        with tempfile.TemporaryDirectory(prefix="archrank-") as folder, alone(waiting):
            file = Path(folder, NAME)
            file.write_bytes(onnx)
            while calls < self.tries:
                calls += 1
                result = self._call(file)
                if isinstance(result, float):
                    found.append(result)
                else:
                    problem, timed_out = result
                    if timed_out:
                        break
                if any(abs(found[-1] - v) <= self.spread * (found[-1] + v) / 2 for v in found[:-1]):
                    agreed = True
                    break
        if not found:
            return problem
        spread = float(np.std(found) / np.mean(found))
        return CommandTiming(float(np.median(found)), spread, calls, not agreed)

    def _call(self, file: Path) -> float | tuple[str, bool]:
        """Call it once: the latency, or the reason of a failure and whether it took too long."""
        filled = {ONNX: str(file), BATCH: str(self.batch_size)}
        words = [_filled(word, filled) for word in self.words]
        out, err = file.with_suffix(".out"), file.with_suffix(".err")
        with out.open("wb") as to_out, err.open("wb") as to_err:
            try:
                process = subprocess.Popen(
                    words,
                    stdin=subprocess.DEVNULL,
                    stdout=to_out,
                    stderr=to_err,
                    start_new_session=True,
                )
            except (OSError, ValueError) as error:  # ValueError: characters that no path has
                reason = getattr(error, "strerror", None) or error
                raise EvaluationError(
                    f"latency command {self.text!r} cannot be started: {reason}; "
                    "a script begins with a line such as #!/bin/sh"
                ) from None
            try:
                status = process.wait(self.timeout)
            except subprocess.TimeoutExpired:
                _end(process)
                return self._failed(f"took longer than {self.timeout:g} s", err), True
            finally:
                _end(process)
        if status != 0:
            how = f"status {status}" if status > 0 else signal_name(-status)
            return self._failed(f"ended with {how}", err, out), False
        return self._read(out, err)

    def _read(self, out: Path, err: Path) -> float | tuple[str, bool]:
        """Read the latency from what was printed."""
        printed = _end_of(out)
        named = _NAMED.findall(printed)
        texts = named or _NUMBER.findall(printed)
        if not texts:
            return self._failed("printed no number", err, out), False
        text = texts[-1].rstrip(".,;")
        ms = _ms(text)
        if ms is None:
            shown = f"latency_ms: {text}" if named else text
            fault = f"printed {shown}, which is no number of milliseconds such as 0.734"
            return self._failed(fault, err), False
        if not (isfinite(ms) and ms > 0):
            return self._failed(f"printed {text}; a latency is above 0 ms", err), False
        return ms

    def _failed(self, what: str, *files: Path) -> str:
        """Describe a failure in one line, with the end of what the command says about it."""
        said = next((text for file in files if (text := " ".join(_end_of(file).split()))), "")
        shown = said if len(said) <= SHOWN else f"...{said[-SHOWN:]}"
        return f"latency command {self.text!r} {what}" + (f": {shown}" if shown else "")


def _ms(text: str) -> float | None:
    """Return the last number of a text such as ``0.5``, ``0.5ms`` or ``0.5,0.75``; None without.

    A single comma, or one between whole numbers, may be a decimal comma or divide thousands.
    """
    *others, last = text.removesuffix("ms").split(",")
    if others and not all("." in part for part in (*others, last)):
        return None
    try:
        return float(last)
    except ValueError:
        return None


def _filled(word: str, values: dict[str, str]) -> str:
    for placeholder, value in values.items():
        word = word.replace(placeholder, value)
    return word


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a command and all processes that it has begun, unless it has ended by itself."""
    if process.poll() is not None:
        return
    with suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def _end_of(file: Path) -> str:
    with file.open("rb") as content:
        content.seek(max(0, file.stat().st_size - READ))
        return content.read().decode(errors="replace")
