"""The model card of an export, in Markdown: what people should know of the network."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from archrank.export.formats import STATE
from archrank.export.markdown import block, plain, table
from archrank.export.place import CARD, DESCRIPTION, LOADER, PICTURE, WEIGHTS
from archrank.formatting import format_value
from archrank.metrics import Metric
from archrank.networks.graphs import ONNX, PROGRAM

if TYPE_CHECKING:
    from archrank.tasks.base import Task

COSTS = ("macs", "params")
LEFT_OUT = ("recipe", "n_classes")  # of a task: how it trains, and what its outputs tell
WAYS = {"maximize": "higher", "minimize": "lower"}
ABOUT = {
    WEIGHTS: "the state dict, which safetensors reads",
    STATE: "the state dict, for torch.load with weights_only=True",
    PROGRAM: "the network without its code, for torch.export.load",
    ONNX: "the network without its code, for onnxruntime and others",
    DESCRIPTION: "the architecture, its choices and all numbers, for programs",
    LOADER: "the network's code",
    PICTURE: "picture of the architecture",
}


def model_card(
    description: Mapping[str, Any],
    files: Mapping[str, bytes],
    space: str,
    task: Task,
    metrics: Sequence[Metric] = (),
) -> str:
    """Return the model card.

    Args:
        description: of the export.
        files: all others, ``{name: content}``.
        space: its name.
        task: that the network was made for.
        metrics: units and directions of the measured metrics.
    """
    shown = description["choices"].items()
    sections = [
        f"# Network of {plain(space)} for {plain(task.name)}",
        "Found by archrank. Numbers below were measured when it was exported, unless they say "
        "otherwise.",
        f"![The architecture]({PICTURE})",
        "## Architecture",
        block(description["architecture"], "text"),
        table(("choice", "option"), shown),
        "## Task and data",
        table(("", ""), _task(description, task)),
        "## Metrics",
        plain(description["origin"]),
        table(("metric", "value", "better"), _measured(description["metrics"], metrics)),
        "Costs of one input:",
        table(("cost", "value"), _costs(description["metrics"])),
        *_search(description.get("search")),
        "## Load it",
        _loading(files, description.get("differences") or {}, description.get("lengths", "")),
        "## Files",
        table(("file", "bytes", "SHA-256", "holds"), _files(files)),
        "## Versions",
        table(("", ""), description["versions"].items()),
        "## Licence",
        f"The weights have none yet: state it here. The modules in {LOADER} are archrank's, under "
        "the Apache License 2.0, if its first lines say so.",
    ]
    return "\n\n".join(sections) + "\n"


def _task(description: Mapping[str, Any], task: Task) -> list[tuple[str, object]]:
    rows: list[tuple[str, object]] = [
        ("task", task.name),
        ("shape of one input", " x ".join(map(str, description["input_shape"]))),
        ("outputs", task.n_outputs),
    ]
    known = description["task"].items()
    return rows + [(key, _text(value)) for key, value in known if key not in LEFT_OUT]


def _measured(found: Mapping[str, Any], metrics: Sequence[Metric]) -> list[tuple[str, str, str]]:
    known = {m.name: m for m in metrics}
    rows = []
    for name, value in found.items():
        metric = known.get(name, Metric(name))
        if name not in COSTS:
            better = WAYS.get(metric.direction or "", "")
            rows.append((name, format_value(_number(value), metric), better))
    return rows


def _costs(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        ("multiply-accumulates" if name == "macs" else "parameters", f"{found[name]:,.0f}")
        for name in COSTS
        if found.get(name) is not None
    ]


def _search(search: Mapping[str, Any] | None) -> list[str]:
    """Return the section on how the architecture was found."""
    if search is None:
        return []
    rows = [(key, search[key]) for key in ("run", "evaluations", "failed", "seed")]
    rows += [(key, ", ".join(search[key])) for key in ("objectives", "constraints") if search[key]]
    rows += [(f"strategy: {key}", _text(value)) for key, value in search["strategy"].items()]
    found = ["## Search", table(("", ""), rows)]
    if search["metrics"]:
        cells = [
            (m["name"], format_value(_number(m["value"]), Metric(m["name"], unit=m["unit"])))
            for m in search["metrics"]
        ]
        found += ["The search measured of this architecture:", table(("metric", "value"), cells)]
    if search["devices"]:
        found += ["Latencies are of:", table(("device", "processor"), search["devices"])]
    return found


def _loading(files: Mapping[str, bytes], differences: Mapping[str, float], lengths: str) -> str:
    """Return code for every way to load the network, and what is known of the files."""
    lines = [
        f"from load_model import load_network  # {LOADER}; this folder is on the path",
        "network = load_network()",
        "",
        "import archrank",
        'network = archrank.load("this folder").network',
    ]
    if PROGRAM in files:
        lines += ["", "import torch", f'network = torch.export.load("{PROGRAM}").module()']
    if ONNX in files:
        lines += ["", "import onnxruntime", f'session = onnxruntime.InferenceSession("{ONNX}")']
    text = block("\n".join(lines), "python")
    for name, difference in differences.items():
        text += (
            f"\n\nThe largest difference of outputs between {plain(name)} and the network was "
            f"{difference:.2g}, on held-out inputs and on noise in batches of several sizes."
        )
        text += f" It takes {lengths}." if lengths else ""
    return text


def _files(files: Mapping[str, bytes]) -> list[tuple[str, str, str, str]]:
    return [
        (
            name,
            f"{len(content):,}",
            hashlib.sha256(content).hexdigest(),
            ABOUT.get(name, "file of the task, which inputs and outputs are made with"),
        )
        for name, content in sorted(files.items())
        if name != CARD
    ]


def _text(value: Any) -> str:
    """Write a setting: texts as they are, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)
