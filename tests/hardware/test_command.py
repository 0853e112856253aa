"""Latency by a command: real scripts, and all that may go wrong with them."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from archrank.errors import ArchrankError, EvaluationError
from archrank.hardware import LatencyCommand

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="scripts of a shell")


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An executable script; tests fill it in. The working directory is its folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ARCHRANK_LOCKS", str(tmp_path / "locks"))
    return write(tmp_path / "bench.sh", "echo 1")


def write(path: Path, body: str) -> Path:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def command(**settings: float) -> LatencyCommand:
    return LatencyCommand("./bench.sh {onnx} --batch {batch}", **settings)  # type: ignore[arg-type]


NO_MS = "which is no number of milliseconds such as 0.734"


@pytest.mark.parametrize(
    ("printed", "ms"),
    [
        ("1.25", 1.25),
        ("run 3 of 3: mean 2.5 ms", 2.5),
        ("2.5ms", 2.5),
        ("model v2 took 7e-1.", 0.7),
        ("latency_ms: 1.5\\n100 runs", 1.5),
        ("1.5,2.5,3.5", 3.5),
        ("1, 2, 3", 3),
        ("1.5 ms, 20", 20),
        ("3x faster than v1.2: 2.5.", 2.5),
        ('{"latency_ms": 2.5, "runs": 100}', 2.5),
        ('{"latency_ms":"2.5","runs":100}', 2.5),
        ("latency_ms = 9\\nlatency_ms = 1.5ms, 20 runs", 1.5),
    ],
)
def test_the_last_number_or_what_is_named(script: Path, printed: str, ms: float) -> None:
    write(script, f"printf '{printed}\\n'")
    found = command().measure(b"")
    assert not isinstance(found, str)
    assert found.ms == ms
    assert (found.spread, found.calls, found.noisy) == (0, 2, False)


def test_it_gets_the_file_and_the_batch(script: Path) -> None:
    write(script, 'test "$2 $3" = "--batch 8" || exit 1\nwc -c < "$1"')
    found = command(batch_size=8).measure(b"x" * 37)
    assert not isinstance(found, str)
    assert found.ms == 37
    assert not [p for p in script.parent.iterdir() if p.suffix == ".onnx"]


@pytest.mark.parametrize(
    ("values", "tries", "ms", "calls", "noisy"),
    [
        ("10 20 20.5", 3, 20, 3, False),
        ("10 20 40", 3, 20, 3, True),
        ("10 10.2", 3, 10.1, 2, False),
        ("10", 1, 10, 1, False),
        ("x 10 10", 3, 10, 3, False),
        ("x x 10", 3, 10, 3, True),
    ],
)
def test_it_is_called_until_two_agree(
    script: Path, values: str, tries: int, ms: float, calls: int, noisy: bool
) -> None:
    write(script, f'echo >> called\nset -- {values}\nshift $(($(wc -l < called) - 1))\necho "$1"')
    found = command(tries=tries).measure(b"")
    assert not isinstance(found, str)
    assert found[0] == pytest.approx(ms)
    assert (found.calls, found.noisy) == (calls, noisy)
    assert len(values.replace("x", "").split()) > 1 or found.spread == 0


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("echo no device >&2; exit 3", "ended with status 3: no device"),
        ("echo only here; exit 1", "ended with status 1: only here"),
        ("echo a; echo b >&2; exit 1", "ended with status 1: b"),
        ("kill -9 $$", "ended with SIGKILL"),
        ("echo fast", "printed no number: fast"),
        ("true", "printed no number"),
        ("echo latency_ms: nan", "printed nan; a latency is above 0 ms"),
        ("echo latency_ms: fast", f"printed latency_ms: fast, {NO_MS}"),
        ("echo latency_ms: 2,5", f"printed latency_ms: 2,5, {NO_MS}"),
        ("echo 0,734 ms", f"printed 0,734, {NO_MS}"),
        ("echo 1,234.5", f"printed 1,234.5, {NO_MS}"),
        ("echo 1.2.3", f"printed 1.2.3, {NO_MS}"),
        ("echo 12.5us", f"printed 12.5us, {NO_MS}"),
        ("echo 5; echo 734 us", f"printed 734 us, {NO_MS}"),
        ("echo 0.5 seconds", f"printed 0.5 seconds, {NO_MS}"),
        ("echo 5; echo NaN", "printed NaN; a latency is above 0 ms"),
        ("kill -40 $$", "ended with signal 40"),
        ("echo 0", "printed 0; a latency is above 0 ms"),
        ("echo -1.5", "printed -1.5; a latency is above 0 ms"),
    ],
)
def test_failures_are_told_in_one_line(script: Path, body: str, reason: str) -> None:
    write(script, f"echo >> called; {body}")
    found = command().measure(b"")
    assert found == f"latency command './bench.sh {{onnx}} --batch {{batch}}' {reason}"
    assert Path("called").read_text() == "\n" * 3  # it is tried again


def test_only_the_end_of_a_long_complaint_is_shown(script: Path) -> None:
    write(script, "seq 1 100000 >&2; exit 1")
    found = command(tries=1).measure(b"")
    assert isinstance(found, str)
    assert found.endswith(" 99999 100000")
    assert len(found) < 400


def test_one_that_takes_too_long_is_ended_with_all_that_it_began(script: Path) -> None:
    write(script, "sleep 100 & echo $! > child; echo waiting for a phone >&2; wait")
    start = time.monotonic()
    found = command(timeout=1).measure(b"")
    assert isinstance(found, str)
    assert found.endswith("took longer than 1 s: waiting for a phone")
    assert time.monotonic() - start < 60
    child = int(Path("child").read_text())
    for _ in range(600):  # until the system has cleaned up
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            return
        if Path(f"/proc/{child}/stat").read_text().split()[2] == "Z":
            return
        time.sleep(0.1)
    raise AssertionError("the child lives on")


def test_a_script_without_its_first_line(script: Path) -> None:
    script.write_bytes(b"\x00\x01")
    with pytest.raises(
        EvaluationError, match=r"cannot be started: Exec format error; a script beg"
    ):
        command().measure(b"")


@pytest.mark.parametrize(
    ("text", "settings", "message"),
    [
        ("./bench.sh", {}, r"gets no network: write \{onnx\} where the path"),
        ("./bensh.sh {onnx}", {}, r"'\./bensh\.sh \{onnx\}': there is no program \./bensh\.sh"),
        ("bench-no-such {onnx}", {}, "there is no program bench-no-such"),
        ("./plain {onnx}", {}, r"\./plain cannot be executed; chmod \+x \./plain"),
        ("./bench.sh '{onnx}", {}, "No closing quotation"),
        ("bench.sh {onnx}", {}, "a program in the working directory is called ./bench.sh"),
        ("./bench.sh {onnx} | tail -1", {}, r"called without a shell, which \| needs: put it into"),
        (7, {}, "latency command is 7, expected a text; such as"),
        ("./bench.sh {onnx}", {"batch_size": 0}, "batch_size must be at least 1, got 0"),
        ("./bench.sh {onnx}", {"tries": "many"}, "tries"),
        ("./bench.sh {onnx}", {"timeout": 0}, "timeout must be above 0, got 0"),
        ("./bench.sh {onnx}", {"spread": -1}, "spread must be above 0, got -1"),
    ],
)
def test_what_cannot_be_called(
    script: Path, text: str, settings: dict[str, float], message: str
) -> None:
    Path("plain").write_text("echo 1")
    with pytest.raises(ArchrankError, match=message):
        LatencyCommand(text, **settings)  # type: ignore[arg-type]
