from __future__ import annotations

import json
import os
import pickle
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from archrank.cli.options import parse
from archrank.cli.tables_import import TablesImport
from archrank.errors import SettingsError, StorageError, TableError, UnknownNameError
from tests.tables.importers import files
from tests.tables.importers.test_hw_nas_bench_blocks import content


@pytest.fixture
def nats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A miniature archive; the current folder is empty."""
    folder = files.nats_folder(tmp_path / "NATS-tss-v1_0-3ffb9-simple")
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    return folder


def call(*arguments: Any) -> int:
    return parse(TablesImport, [str(a) for a in arguments], "archrank tables import")()


def test_import(nats: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("nats-bench", nats, "--partial", "--out", "t.parquet") == 0
    out, err = capsys.readouterr()
    lines = dict(line.split(maxsplit=1) for line in out.splitlines())
    assert lines["table"] == "t.parquet"
    assert (lines["space"], lines["architectures"]) == ("nasbench201", "3")
    assert "c10_val" in lines["metrics"].split()
    assert err == ""
    assert os.listdir() == ["t.parquet"]


def test_json(nats: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("nats-bench", nats, "--partial", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["out"] == "NATS-tss-v1_0-3ffb9-simple.parquet"
    assert (found["rows"], found["remarks"]) == (3, [])
    assert found["bytes"] == Path(found["out"]).stat().st_size


def test_remarks(nats: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = nats.parent / "DARTS.json"
    path.write_text(json.dumps([files.nds_job(0), files.nds_job(0)]))
    assert call("nds", path, "--partial") == 0
    assert "note: 2 jobs are 1 different networks" in capsys.readouterr().err


def test_costs_of_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("hw.pickle").write_bytes(pickle.dumps(content()))
    assert call("hw-nas-bench", "hw.pickle", "--space", "fbnet_wide", "--json") == 0
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert (told["out"], told["rows"]) == ("hw-fbnet_wide.parquet", 202)
    assert told["what"] == "options of blocks"
    assert len(told["remarks"]) == 8  # made-up costs
    assert call("hw-nas-bench", "hw.pickle", "--space", "fbnet_wide", "--force") == 0
    out, err = capsys.readouterr()
    assert re.search(r"^options of blocks +202$", out, flags=re.MULTILINE)
    assert err.count("is this the official file?") == 8
    with pytest.raises(SettingsError, match="--space fbnet: the space follows from the file"):
        call("nats-bench", "hw.pickle", "--space", "fbnet")


def test_refused(nats: Path) -> None:
    with pytest.raises(TableError, match="3 architectures, the published file 15,625"):
        call("nats-bench", nats)
    with pytest.raises(TableError, match="holds no file of an architecture"):
        call("nasbench201", nats, "--partial")
    with pytest.raises(TableError, match="is a folder"):
        call("nasbench101", nats, "--partial")
    with pytest.raises(UnknownNameError, match=r"did you mean .*'nats_bench'"):
        call("nats-bensch", nats)
    with pytest.raises(TableError, match="gone: there is no such file"):
        call("nds", "gone")
    with pytest.raises(StorageError, match=r"use --out t\.parquet"):
        call("nats-bench", nats, "--out", "t.csv")
    assert os.listdir() == []


def test_force(nats: Path) -> None:
    Path("t.parquet").touch()
    with pytest.raises(StorageError, match="use --force to replace it"):
        call("nats-bench", nats, "--partial", "--out", "t.parquet")
    assert call("nats-bench", nats, "--partial", "--out", "t.parquet", "--force") == 0
    assert Path("t.parquet").stat().st_size > 0


def test_interrupted(
    nats: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(path: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("archrank.tables.importers.nats_bench.read_bz2", stop)
    assert call("nats-bench", nats, "--partial") == 130
    assert "stopped; nothing was written" in capsys.readouterr().err
    assert os.listdir() == []


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_ctrl_c(nats: Path) -> None:
    mark = nats / "000002.pickle.pbz2"
    mark.unlink()
    os.mkfifo(mark)  # reading it waits for ever
    code = "import sys; from archrank.cli.tables_import import TablesImport; "
    code += "import pathlib; sys.exit(TablesImport('nats_bench', pathlib.Path(sys.argv[1]), "
    code += "partial=True)())"
    running = subprocess.Popen(
        [sys.executable, "-c", code, str(nats)],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline:
        try:  # opens only once somebody reads
            writer = os.open(mark, os.O_WRONLY | os.O_NONBLOCK)
            break
        except OSError:
            time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=600)
    os.close(writer)
    assert running.returncode == 130, err
    assert "stopped; nothing was written" in err
    assert os.listdir() == []
