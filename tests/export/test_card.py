from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any

import pytest

from archrank.export.card import model_card
from archrank.export.markdown import block, plain, table
from archrank.metrics import Metric
from archrank.tasks import Digits

HOSTILE = "a|b`c`\n# <script>x</script> [l](javascript:y) ![i](z) **b** ```\n---\n| - |"
DESCRIPTION: dict[str, Any] = {
    "architecture": "|none~0|```\n# x",
    "choices": {"0->1": "none", HOSTILE: HOSTILE},
    "task": {"class": "Digits", "copies": 1, "recipe": {"epochs": 1}},
    "input_shape": [1, 8, 8],
    "made_by": {"space": "digits", "task": "digits", "seed": 3},
    "metrics": {
        "valid_accuracy": 0.93127,
        "test_accuracy": None,
        "macs": 1234567.0,
        "params": 10.0,
    },
    "origin": "Trained once, with seed 3.",
    "differences": {"network.onnx": 3e-7},
    "lengths": "up to 48 tokens",
    "versions": {"archrank": "0", "torch": "1"},
    "search": {
        "run": HOSTILE,
        "evaluations": 60,
        "failed": 1,
        "seed": 0,
        "strategy": {"strategy": "guided", "batch_size": 8},
        "objectives": ["valid_accuracy:maximize"],
        "constraints": ["latency_ms <= 1"],
        "metrics": [{"name": "latency_ms", "value": 0.5, "unit": "ms"}],
        "devices": [["cpu", "A processor"]],
    },
}


@dataclass(frozen=True)
class Hostile(Digits):
    name = HOSTILE


METRICS = (Metric("valid_accuracy", unit="fraction"), Metric("test_accuracy", unit="fraction"))
FILES = {"weights.safetensors": b"w", "network.onnx": b"onnx", "vocabulary.json": b"{}"}


def outside(card: str) -> str:
    """The card without what is between fences."""
    return re.sub(r"^(`{3,})\w*\n.*?^\1$", "", card, flags=re.M | re.S)


def test_what_a_card_tells() -> None:
    card = model_card(DESCRIPTION, FILES, "nasbench201", Digits(), METRICS)
    for text in (
        r"| valid\_accuracy | 93.13 % | higher |",
        r"| test\_accuracy | – | higher |",
        r"| multiply-accumulates | 1,234,567 |",
        r"Trained once, with seed 3.",
        r"| constraints | latency\_ms \<= 1 |",
        r"| latency\_ms | 0.5 ms |",
        r"| cpu | A processor |",
        r"network.onnx and the network was 3e-07",
        "It takes up to 48 tokens.",
        r"![The architecture](architecture.svg)",
        hashlib.sha256(b"{}").hexdigest(),
        "file of the task",
        "onnxruntime.InferenceSession",
    ):
        assert text in card, text
    assert "torch.export" not in card.partition("## Files")[0]


def test_no_name_becomes_markup() -> None:
    card = outside(model_card(DESCRIPTION, FILES, HOSTILE, Hostile(), METRICS))
    headings = re.findall(r"^#+ .*$", card, re.M)
    assert [h for h in headings if not h.startswith("# Network of ")] == [
        *("## Architecture", "## Task and data", "## Metrics", "## Search", "## Load it"),
        *("## Files", "## Versions", "## Licence"),
    ]
    assert not re.search(r"(?<!\\)<", card)
    assert len(re.findall(r"(?<!\\)!?\[", card)) == 1  # the picture
    assert not re.search(r"(?<!\\)[`*]", card)


def test_markdown_of_texts() -> None:
    assert plain("1. a") == "1\\. a"
    assert plain("\x1b[31m\u202ex") == r"?\[31m?x"
    assert block("```` x").splitlines()[0] == "`````"
    assert table(("a", "b"), [("x|y", 1)]).splitlines()[-1] == r"| x\|y | 1 |"


@pytest.mark.parametrize("search", [None])
def test_a_network_that_no_run_has_found(search: None) -> None:
    card = model_card({**DESCRIPTION, "search": search}, FILES, "s", Digits())
    assert "## Search" not in card
