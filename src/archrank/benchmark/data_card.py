"""The data card of a benchmark table: its content, origin and reliability."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from archrank.benchmark.build import BUILTIN, ONE_SHOT, SCORED, Benchmark
from archrank.benchmark.table import Built
from archrank.files import write_text
from archrank.supernets.recipes import start_training

COLUMNS = (
    ("arch", "architecture string; one row stands for all cells isomorphic to it"),
    ("valid_{m}, test_{m}", "mean over seeds after the last epoch; accuracy is a fraction"),
    ("valid_loss, test_loss", "mean over seeds of the task's loss (cross-entropy)"),
    ("cpu_seconds", "mean over seeds of the processor time of training and measuring"),
    ("{what}_epE_seedS", "the same after epoch E of the run with seed S"),
    ("macs, params", "multiply-accumulates for one image, and parameters"),
    ("synflow, jacob_cov, naswot, snip, grad_norm", "zero-cost proxies of the untrained network"),
    (
        "oneshot_{m}, oneshot_loss",
        "mean over supernets, whose weights all architectures share, on validation images",
    ),
    ("latency_ms", "one image on one thread of the processor named below, trimmed mean"),
)


DATA_PACKAGES = ("numpy", "torch", "scikit-learn", "matplotlib", "pillow")  # images and trainings


def data_card(benchmark: Benchmark, built: Built, size: int) -> str:
    """Write the card as Markdown: recipe, seeds, agreement, columns, machine, commit, commands.

    Args:
        benchmark: the benchmark.
        built: its measurements.
        size: size of the file in bytes.
    """
    name = built.about["name"]
    parts = [
        f"# {name}",
        _summary(benchmark, built, size),
        "## How it was made",
        _recipe(benchmark, built),
        "## How far to trust it",
        _trust(benchmark, built),
        "## Columns",
        _columns(benchmark, built),
        "## Where and when",
        _provenance(built.about["provenance"]),
        "## Make it again",
        _again(benchmark, name),
    ]
    return "\n\n".join(parts) + "\n"


def _summary(benchmark: Benchmark, built: Built, size: int) -> str:
    everything = built.about["classes"]
    n = len(built.archs)
    whole = (
        f"all {n:,} architectures of {benchmark.space.name} that are not isomorphic"
        if n == everything
        else f"a uniform random sample of {n:,} of the {everything:,} architectures of "
        f"{benchmark.space.name} that are not isomorphic"
    )
    return (
        f"Real trainings of {whole}, on the task `{benchmark.task.name}`; "
        f"{_many(benchmark.settings.seeds, 'seed')} each; {size / 1000:.0f} kB. Nothing is "
        "interpolated."
    )


def _many(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def _recipe(benchmark: Benchmark, built: Built) -> str:
    epochs = ", ".join(map(str, built.about["epochs"]))
    return (
        f"```\n{benchmark.task!r}\n```\n\n"
        "Every network was trained with this recipe, from initial weights and in a data order that "
        f"depend on the seed and the architecture alone, and measured after epochs {epochs} on the "
        "validation and the test split. The last epoch counts; nothing was selected on either."
        + _supernets(benchmark)
    )


def _supernets(benchmark: Benchmark) -> str:
    if ONE_SHOT not in benchmark.stages:
        return ""
    training, recipe = start_training(benchmark.networks), benchmark.space.supernet_recipe
    return (
        f" One-shot scores are means over {_many(benchmark.settings.supernets, 'supernet')} of the "
        f"recipe `{recipe}` ({training.epochs} epochs, {type(training.sampler).__name__} "
        f"sampling), on {SCORED} validation images, with the statistics of the batch."
    )


def _trust(benchmark: Benchmark, built: Built) -> str:
    key = f"valid_{benchmark.task.metrics[0].name}"
    values = built.columns[key]
    quartiles = np.nanpercentile(values, [0, 25, 50, 75, 100])
    spread = " / ".join(f"{100 * q:.1f}" for q in quartiles)
    best = benchmark.space.format(built.archs[[int(np.nanargmax(values))]])[0]
    lines = [
        f"- {key} in percent, minimum / quartiles / maximum: {spread}.",
        f"- The best: `{best}`.",
    ]
    found = built.about["agreement"]
    if found:
        lines += [
            f"- Kendall tau between seeds 0 and 1 ({key}): {found['tau']:.3f} over all, "
            f"{found['tau_upper_half']:.3f} over the better half (by the mean of both).",
            "- A mean over seeds is closer to the truth than either: no ranker can be expected to "
            "agree with it better than two such means would with each other.",
        ]
    else:
        lines.append(
            "- One seed: the noise of training is in every value; the task's documentation says "
            "how far two seeds agree."
        )
    missing = int(np.isnan(values).sum())
    lines.append(f"- Runs that diverged: {missing} architectures have no mean." if missing else "")
    lines += [
        "- Losses, times and proxies are stored with 12 binary digits, accuracies as float32.",
        "- Training again gives the same values bit for bit on the same kind of processor with one "
        "thread and the same torch; elsewhere rounding differs, and values agree within the noise "
        "between seeds. `archrank tables verify` tells.",
    ]
    undefined = {p: int(np.isnan(built.columns[p]).sum()) for p in benchmark.settings.proxies}
    gaps = ", ".join(f"{proxy} {count}" for proxy, count in undefined.items() if count)
    lines.append(
        f"- Proxies that are not defined somewhere, and are empty there: {gaps}." * bool(gaps)
    )
    return "\n".join(line for line in lines if line)


def _columns(benchmark: Benchmark, built: Built) -> str:
    rows = ["| column | meaning |", "|---|---|"]
    metric = benchmark.task.metrics[0].name
    for names, meaning in COLUMNS:
        shown = names.replace("{m}", metric).replace("{what}", "valid_loss, ...")
        first = shown.split(",")[0]
        if first == "arch" or first in built.columns or "_epE" in names:
            rows.append(f"| {shown} | {meaning} |")
    return "\n".join(rows)


def _provenance(provenance: dict[str, Any]) -> str:
    shown = ("commit", "python", *DATA_PACKAGES, "processor")
    rows = [f"| stage | {' | '.join(shown)} |", "|---" * (len(shown) + 1) + "|"]
    for stage, where in provenance.items():
        cells = (where.get(key, "unknown") for key in shown)
        rows.append(f"| {stage} | {' | '.join(cells)} |")
    return "\n".join(rows)


def _again(benchmark: Benchmark, name: str) -> str:
    if name in BUILTIN:
        verify = f"archrank tables verify {name} --archs 50\n"
        build = f"archrank tables build {name} --seeds {benchmark.settings.seeds} --workers 2\n"
        return f"```\n{build}{verify}```"
    made = benchmark.settings
    options = f"--task {made.task} --space {made.space} --seeds {made.seeds}"
    if len(benchmark.strategy.listed(benchmark.space)) > benchmark.archs:
        options += f" --archs {benchmark.archs}"
    if made.checkpoints:
        options += f" --checkpoints {' '.join(map(str, made.checkpoints))}"
    return f"```\narchrank tables build {name} {options}\n```"


def write_table(benchmark: Benchmark, built: Built, path: Path) -> Path:
    """Write the Parquet file and its data card beside it; return the card's path.

    Raises:
        StorageError: a file cannot be written.
    """
    built.write(path, benchmark.space.format(built.archs))
    card = path.with_suffix(".md")
    return write_text(card, data_card(benchmark, built, path.stat().st_size))
