"""Commands ask and tell, in an empty folder, with a space of one's own."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from archrank.locking import locked
from tests.cli.conftest import Cli

SPACE = """
import archrank as ar

space = ar.spaces.from_choices(
    {"depth": [1, 2, 3, 4], "width": [8, 16, 32], "act": ["relu", "silu"]},
    build=lambda config, task: None,
)
"""
BEGIN = ("ask", "--space", "mine.py:space", "--metric", "accuracy", "--run", "here")


@pytest.fixture
def ask(cli: Cli) -> Cli:
    Path("mine.py").write_text(SPACE)
    return cli


def test_a_run_from_the_first_question_to_the_report(
    ask: Cli, monkeypatch: pytest.MonkeyPatch, real_report: None
) -> None:
    first = ask(*BEGIN, "-n", 3, "--json")
    assert first.status == 0, first.err
    asked = json.loads(first.out)
    assert "3 await an answer; run folder here" in first.err
    again = ask("ask", "--run", "here", "--outstanding")
    assert again.out.splitlines() == [each["arch"] for each in asked]
    more = ask("ask", "--run", "here")  # as begun: another one
    assert more.out.strip() not in again.out

    told = ask("tell", asked[1]["arch"], "--run", "here", "accuracy=0.5")
    assert told.status == 0, told.err
    assert "told 1: 1 asked for, 0 not, 0 failed; 1 evaluation, 3 await an answer" in told.err
    choices = json.dumps(dict(reversed(asked[0]["choices"].items())))
    assert ask("tell", choices, "accuracy=0.75", "--run", "here").status == 0
    assert ask("tell", asked[2]["arch"], "--failed", "out of memory", "--run", "here").status == 0
    assert ask("tell", more.out.strip(), "--forget", "--run", "here").status == 0
    lines = [
        {"arch": "depth=4,width=32,act=silu", "accuracy": 0.9},
        {"depth": 4, "width": 8, "act": "relu", "metrics": {"accuracy": 0.6}, "seconds": 3},
    ]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(map(json.dumps, lines))))
    found = json.loads(ask("tell", "--file", "-", "--run", "here", "--json").out)
    assert [row["metrics"]["accuracy"] for row in found["told"]] == [0.9, 0.6]
    assert (found["evaluations"], found["outstanding"]) == (5, 0)

    best = json.loads(ask("best", "here", "--json").out)
    assert best["arch"] == "depth=4,width=32,act=silu"
    assert (best["evaluations"], best["failures"]) == (5, 1)
    assert ask("front", "here").status == 0
    assert ask("report", "here").status == 0
    assert "out of memory" in Path("here", "report.html").read_text()
    assert ask("draw", "--run", "here", "--out", "best.svg").status == 0
    refused = ask("search", "--run", "here", "--budget", 9)
    assert refused.status == 2
    assert "accuracy cannot be measured here, only told" in refused.err


def test_a_csv_is_told_whole_or_not_at_all(ask: Cli) -> None:
    assert ask(*BEGIN).status == 0
    file = Path("found.csv")
    file.write_text(
        "depth,act,width,accuracy,failed\n1,relu,8,0.5,\n2,silu,8,,out of memory\n3,relu,9,0.5,\n"
    )
    refused = ask("tell", "--file", file, "--run", "here")
    assert refused.status == 2
    assert "found.csv, line 4: custom: expected width=<8|16|32>, got '9'" in refused.err
    file.write_text(file.read_text().replace(",9,", ",16,"))
    assert "told 3: " in ask("tell", "--file", file, "--run", "here").err
    assert json.loads(ask("best", "here", "--json").out)["evaluations"] == 3
    twice = ask("tell", "--file", file, "--run", "here")
    assert "found.csv, line 2: depth=1,width=8,act=relu has been evaluated already" in twice.err
    assert ask("tell", "--file", file, "--replace", "--run", "here").status == 0


SETS = """
import archrank as ar

space = ar.spaces.from_choices(
    {
        "on": [True, False],
        "layers": ar.Subset(4, 2),
        "blocks": ar.Repeat({"width": [8, 16], "quantised": ar.Subset(["q", "k"], (0, 1))}, 2),
    },
    active_if={"layers": ("on", [True])},
)
"""


@pytest.mark.parametrize(
    "text",
    [
        "on,layers,blocks.0.width,blocks.0.quantised,blocks.1.width,blocks.1.quantised,accuracy\n"
        "true,0+3,8,none,16,k,0.5\nFALSE,,8,q,8,none,0.25\n",
        "arch;accuracy\non=True,layers=0+3,blocks.0.width=8,blocks.0.quantised=none,"
        "blocks.1.width=16,blocks.1.quantised=k;0.5\non=False,blocks.0.width=8,"
        "blocks.0.quantised=q,blocks.1.quantised=none,blocks.1.width=8;0.25\n",
        '{"on": true, "layers": [0, 3], "blocks": [{"width": 8, "quantised": []}, '
        '{"width": 16, "quantised": ["k"]}], "accuracy": 0.5}\n{"on": false, "layers": null, '
        '"blocks": [{"width": 8, "quantised": "q"}, {"width": 8, "quantised": []}], '
        '"accuracy": 0.25}\n',
    ],
    ids=["columns", "strings", "json"],
)
def test_sets_and_blocks_are_told_as_they_are_written(ask: Cli, text: str) -> None:
    Path("sets.py").write_text(SETS)
    assert (
        ask("ask", "--space", "sets.py:space", "--metric", "accuracy", "--run", "here").status == 0
    )
    Path("told.txt").write_text(text)
    found = ask("tell", "--file", "told.txt", "--run", "here", "--json")
    assert found.status == 0, found.err
    assert [each["arch"] for each in json.loads(found.out)["told"]] == [
        "on=True,layers=0+3,blocks.0.width=8,blocks.0.quantised=none,blocks.1.width=16,"
        "blocks.1.quantised=k",
        "on=False,blocks.0.width=8,blocks.0.quantised=q,blocks.1.width=8,blocks.1.quantised=none",
    ]


def test_a_search_in_the_same_folder_is_waited_for(
    ask: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ask(*BEGIN).status == 0
    monkeypatch.setattr("archrank.runs.folder.PATIENCE", 0.05)
    with locked(Path("here")):
        for command in (("ask",), ("tell", "1", "accuracy=1")):
            refused = ask(*command, "--run", "here")
            assert refused.status == 2
            assert "run folder here is in use by another archrank process" in refused.err


ARCH = "depth=1,width=8,act=relu"
WRONG = [
    (("tell", "1", "accuracy=1"), "there is no run under runs/ here"),
    (("tell",), "give an architecture and its metrics"),
    (("tell", "--run", "here"), "give an architecture and its metrics"),
    (("tell", ARCH, "--file", "x.csv", "--run", "here"), "give an architecture and its metrics"),
    (("tell", ARCH, "0.5", "--run", "here"), "'0.5': write METRIC=VALUE"),
    (("tell", ARCH, "accuracy=high", "--run", "here"), "accuracy is 'high', expected a number"),
    (("tell", ARCH, "accuracy=93%", "--run", "here"), "write 93 without the percent sign"),
    (("tell", ARCH, "acuracy=1", "--run", "here"), "did you mean 'accuracy'"),
    (("tell", ARCH, "accuracy=1", "accuracy=2", "--run", "here"), "accuracy is given twice"),
    (("tell", ARCH, "--run", "here"), "accuracy is missing: tell accuracy=NUMBER"),
    (
        ("tell", "depth=9,width=8,act=relu", "accuracy=1", "--run", "here"),
        "expected depth=<1|2|3|4>",
    ),
    (("tell", "--file", "none.csv", "--run", "here"), "cannot read none.csv"),
    (("tell", ARCH, "--forget", "--run", "here"), "awaits no answer"),
    (
        ("tell", "--forget", "--file", "x.csv", "--run", "here"),
        "--forget is about one architecture",
    ),
    (
        ("tell", ARCH, "accuracy=1", "--forget", "--run", "here"),
        "--forget takes an architecture alone",
    ),
    (("tell", ARCH, "accuracy=1", "--run", "nowhere"), "no run in nowhere"),
    (("ask", "-n", 0, "--run", "here"), "-n 0: ask for 1 to 100,000 architectures"),
    (("ask", "-n", "many", "--run", "here"), "'many' is not a whole number"),
    (("ask", "--space", "mine.py:space"), "name what you will tell: --metric accuracy"),
    (
        ("ask", "--space", "mine.py:space", "--metric", "pixels"),
        "pixels:minimize or pixels:maximize",
    ),
]


def test_what_is_typed_wrongly_is_told(ask: Cli) -> None:
    missing = ask(*WRONG[0][0])
    assert (missing.status, WRONG[0][1] in missing.err) == (2, True)
    assert ask(*BEGIN).status == 0
    for arguments, message in WRONG[1:]:
        found = ask(*arguments)
        assert found.status == 2, arguments
        assert message in found.err, arguments
        assert "Traceback" not in found.err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no results"),
        ("[1]", "entry 1: 1 is no result"),
        ('{"accuracy": 0.5}', "no architecture: give arch, or depth, width, act; it has accuracy"),
        ('{"arch": "x", "accuracy": 1}', "told.txt, entry 1: custom: "),
        ('{"arch": 3, "accuracy": "x"}', "accuracy is 'x', expected a number"),
        ('{"arch": 3, "failed": 3}', "failed is 3, expected a reason"),
        ('{"arch": 3, "metrics": 3}', "metrics are 3"),
        ('{"arch": 3,\n', "is no JSON"),
        ("arch,accuracy\ndepth=1,width=8,act=relu,0.5\n", "line 2: more cells than columns"),
        ("a,b\n1,2\n", "line 2: no architecture"),
        ('{"arch": 3, "accuracy": 1, "seconds": -1}', "seconds is -1, expected 0 or more"),
        ("arch,accuracy,seconds\n3,1,nan\n", "line 2: seconds is nan"),
    ],
)
def test_files_that_cannot_be_read(ask: Cli, text: str, message: str) -> None:
    assert ask(*BEGIN).status == 0
    Path("told.txt").write_text(text)
    found = ask("tell", "--file", "told.txt", "--run", "here")
    assert found.status == 2
    assert message in found.err
