"""Messages that commands print for mistakes in their options."""

from __future__ import annotations

from pathlib import Path

import pytest

from archrank.cli.main import main
from tests.messages.golden import compare

CELLS = "digits201"
SEARCH = f"search --table {CELLS} --metric valid_accuracy --strategy random"
ASSESS = f"assess --table {CELLS} --labels valid_accuracy --rankers default"

COMMANDS = (
    "serch",
    "search --spaec nasbench101",
    "search --output here",
    "search --train_sizes 20",
    "search -s 3",
    "search here",
    "search --budget ten",
    "search --minutes soon",
    "search --budget",
    "assess",
    "assess --table digits201 --label valid_accuracy",
    "reproduce surgery-fig4 --tables mine",
    "list task",
    "tables verfy digits201",
    "tables build --seds 3",
    "tables import nds",
    "tables import hw-gpt-bench stats.pkl",
    "tables import hw-nas-bench HW-NAS-Bench-v1_0.pickle --out hw.csv",
    "search --space nasbench202",
    "search --space mine.py:space",
    "search --task digit",
    "search --table cells.csv",
    f"search --table {CELLS} --metric acuracy",
    f"{SEARCH} --strategy radnom",
    f"{SEARCH} --ranker gates",
    f"{SEARCH} --initial 5",
    f"search --table {CELLS} --metric valid_accuracy --ranker gate",
    f"search --table {CELLS} --metric valid_accuracy --ranker gbdt --weak macs",
    f"search --table {CELLS} --metric valid_accuracy --weak macs",
    f"search --table {CELLS} --metric valid_accuracy --weak cells.csv:macs",
    f"{SEARCH} --constraint macs=1e6",
    f"{SEARCH} --constraint mac<=1e6",
    f"{SEARCH} --constraint macs<=many",
    f"{SEARCH} --metric valid_accuracy:up",
    f"{SEARCH} --budget 0",
    f"{SEARCH} --budget 100000",
    f"{SEARCH} --minutes 0",
    f"{SEARCH} --confirm 5",
    f"{SEARCH} --confirm -1",
    "search --table digits201 --metric valid_accuracy_ep12_seed0 --budget 40 --confirm 40",
    "search --table digits201 --metric valid_accuracy test_accuracy --confirm 5",
    f"{SEARCH} --seed -1",
    f"{SEARCH} --batch 0",
    f"{SEARCH} --workers 0",
    f"{SEARCH} --workers 2 --cluster tcp://localhost:8786",
    f"{SEARCH} --prune 200",
    f"{SEARCH} --prune 200:0.9",
    f"{SEARCH} --prune 5:1.15",
    f"search --table {CELLS} --metric valid_accuracy --strategy acenas --prune 200:1.15",
    f"{SEARCH} --evaluate latncy",
    f"{SEARCH} --track tensorbord",
    f"{SEARCH} --run file/run",
    f"{SEARCH} --storage mysql",
    "best",
    "ask",
    "ask --metric accuracy -n 0",
    "ask --space mine.py:space --metric accuracy",
    "tell",
    "tell x=1 accuracy=0.9",
    "tell x=1 --file results.csv",
    "tell --file results.csv --forget",
    "search --strategy ranknas --space attentive_small --constraint params<=1",
    "search --strategy ranknas --space hat_small --task dates --constraint params<=100",
    "search --strategy ranknas --initial 5",
    "search --strategy ranknas --space attentive_small --prune 5:1.15",
    "best runs/none",
    "front runs/none",
    "compare",
    "compare runs/none runs/one",
    "compare runs/none --budget many",
    "report --run runs/none",
    "export runs/none",
    f"assess --table {CELLS} --labels accuracy --rankers default",
    f"{ASSESS} --truth accuracy",
    f"{ASSESS} --rankers gate",
    f"{ASSESS} --train-sizes 0",
    f"{ASSESS} --train-sizes 100000",
    f"{ASSESS} --seeds 0",
    f"{ASSESS} --where space",
    f"{ASSESS} --where valid_accuracy=2",
    f"{ASSESS} --top 5",
    f"{ASSESS} --weak-rows 5",
    f"{ASSESS} --weak cells.csv:macs",
    f"{ASSESS} --judge test_accuracy test_accuracy",
    f"{ASSESS} --fine-tune 5",
    f"{ASSESS} --transfer accuracy",
    f"{ASSESS} --transfer-space hat",
    "importance",
    "importance runs/none",
    f"importance --table {CELLS}",
    "importance runs/none --labels valid_accuracy",
    f"importance --table {CELLS} --labels accuracy",
    f"importance --table {CELLS} --labels valid_accuracy --threshold 0.5",
    f"importance --table {CELLS} --labels valid_accuracy --archs 100000",
    f"importance --table {CELLS} --labels valid_accuracy --ranker gate",
    "reproduce surgery-fig5b",
    "reproduce surgery-fig4",
    "reproduce surgery-fig4 --seeds 0",
    "reproduce surgery-supernets",
    "reproduce --quick",
    "draw",
    "draw conv",
    "draw random --seed -1",
    "draw random --out picture.png",
    "draw random --out no/folder/a.svg",
    "draw random --out - --json",
    "tables list digit201",
    "tables build mine",
    "tables build digits201 --seeds 0",
    "tables build digits201 --archs 100000",
    "tables verify digit201",
    "tables verify digits201 --archs 0",
    "tables import nasbench file.json",
    "tables import nds DARTS.json",
    "supernet train --settle 2",
    "supernet train --settle-archs 50",
    "supernet study",
    "supernet study --table digits201 --metric test_acuracy",
    "supernet study --table digits201 --parts smaples",
    "supernet study --table digits201 --task glyphs",
    "supernet study --table digits201 --epochs 0",
    "supernet study --table digits201 --archs 5",
    "supernet study --table digits201 --checkpoints 2",
    "supernet study --table digits201 --samples 1",
    "supernet study --table digits201 --lr 0",
    "supernet study --table digits201 --run file/run",
    "supernet search",
    "supernet search nowhere",
    "supernet search file --limt macs<=1e6",
    "supernet search file --score-by chance",
    "supernet search file --strategy rank-nas",
    "supernet front nowhere",
    "supernet front",
    "supernet export nowhere",
    "supernet export file --format tf",
)


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ARCHRANK_DATA", raising=False)
    (tmp_path / "file").write_text("")


def test_messages(update_golden: bool, capsys: pytest.CaptureFixture[str]) -> None:
    messages = {}
    for command in COMMANDS:
        with pytest.raises(SystemExit) as ended:
            main(command.split())
        printed = capsys.readouterr()
        assert (ended.value.code, printed.out) == (2, ""), (command, printed)
        messages[f"archrank {command}"] = printed.err.rstrip("\n")
    compare("commands", messages, update=update_golden)
