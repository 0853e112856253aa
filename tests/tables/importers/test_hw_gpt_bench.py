"""HW-GPT-Bench: pickles of three scales and CSV, written here from the format's description."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from archrank.errors import TableError
from archrank.evaluators import Table
from archrank.spaces import GPTL, GPTM, GPTS
from archrank.tables import load_table
from archrank.tables.importers import Summary, hw_gpt_bench, import_table
from archrank.tables.importers.base import Published

KINDS = {"s": GPTS, "m": GPTM, "l": GPTL}
RNG = np.random.default_rng(0)


def names(scale: str, n: int) -> list[dict[str, Any]]:
    """Draw architectures of a scale, from its published options."""
    widths = {"s": (192, 384, 768), "m": (256, 512, 1024), "l": (320, 640, 1280)}[scale]
    heads = {"s": (4, 8, 12), "m": (8, 12, 16), "l": (8, 16, 20)}[scale]
    depths = {"s": (10, 11, 12), "m": (22, 23, 24), "l": (34, 35, 36)}[scale]
    found = []
    for _ in range(n):
        depth = int(RNG.choice(depths))
        found.append(
            {
                "embed_dim": int(RNG.choice(widths)),
                "n_layer": depth,
                "mlp_ratio": RNG.choice((2, 3, 4), depth).tolist(),
                "n_head": RNG.choice(heads, depth).tolist(),
                "bias": bool(RNG.integers(2)),
            }
        )
    return found


def key(scale: str, arch: dict[str, Any]) -> str:
    parts = [arch["n_layer"], arch["embed_dim"], *arch["mlp_ratio"], *arch["n_head"], arch["bias"]]
    return "-".join(["gpt", scale, *map(str, parts)])


def params(arch: dict[str, Any]) -> int:
    """Count weights layer by layer, for a network as the benchmark's paper describes it."""
    dim, inside, total = arch["embed_dim"], 64, 2 * 50_254 * arch["embed_dim"]
    for heads, ratio in zip(arch["n_head"], arch["mlp_ratio"], strict=True):
        total += 4 * dim * inside * heads + 3 * dim * ratio * dim + 4 * dim
        if arch["bias"]:
            total += 3 * inside * heads + dim + 2 * ratio * dim + dim
    return total + 2 * dim


def stats(scale: str, n: int = 6) -> dict[str, Any]:
    """Return what a pickle of the benchmark holds, with NumPy's numbers in places."""
    return {
        key(scale, arch): {
            "perplexity": np.float64(30.0 - i),
            "accuracy": 0.3 + i / 100,
            "params": params(arch),
            "flops": np.int64(10**12 + i),
            "bfloat16_memory": [100.0 + i, 102.0 + i, 101.0 + i],
            "a100": {"latencies": np.array([3.0, 9.0, 4.0]) + i, "energies": [0.5, 0.25, 1.0]},
            "cpu_amd_7452": {"latencies": [2.0, 1.0], "energies": 0.125 * i},
        }
        for i, arch in enumerate(names(scale, n))
    }


@pytest.fixture(autouse=True)
def six(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hw_gpt_bench, "COUNT", 6)


def write(path: Path, content: Any) -> Path:
    path.write_bytes(pickle.dumps(content))
    return path


def imported(path: Path, **options: Any) -> Summary:
    return import_table("hw-gpt-bench", path, path.parent / "table.parquet", force=True, **options)


@pytest.mark.parametrize("scale", KINDS)
def test_pickles_of_every_scale(scale: str, tmp_path: Path) -> None:
    content = stats(scale)
    summary = imported(write(tmp_path / "stats.pkl", content))
    assert (summary.rows, summary.space) == (6, f"gpt_{scale}")
    assert not [r for r in summary.remarks if "parameters" in r]
    space = KINDS[scale]()
    table = load_table(summary.out, space)
    assert table.column("perplexity").tolist() == [30.0, 29.0, 28.0, 27.0, 26.0, 25.0]
    assert table.column("a100_latency").tolist() == [4.0, 5.0, 6.0, 7.0, 8.0, 9.0]
    assert table.column("a100_energy").tolist() == [0.5] * 6
    assert table.column("cpu_amd_7452_latency").tolist() == [1.5] * 6
    assert table.column("bfloat16_memory").tolist() == [101.0 + i for i in range(6)]
    assert table.column("params").tolist() == space.cost(table.archs)["params"].tolist()
    for name in ("perplexity", "a100_latency", "a100_energy", "bfloat16_memory", "params"):
        assert table.directions[name] == "minimize", name
    found = Table(summary.out, "perplexity").bind(space).evaluate(table.archs[2:3])
    assert found["perplexity"].tolist() == [28.0]


@pytest.mark.parametrize("scale", KINDS)
def test_csv_of_every_scale_is_recognised(scale: str, tmp_path: Path) -> None:
    found = names(scale, 6)
    frame = pd.DataFrame(found).assign(perplexity=np.arange(6) + 20.5)
    for name in ("n_head", "mlp_ratio"):
        frame[name] = ["-".join(map(str, layers)) for layers in frame[name]]
    frame["bias"] = frame["bias"].astype(int)
    path = tmp_path / "gpt.csv"
    frame.to_csv(path, index=False)
    table = load_table(path)  # without an import
    assert table.space.name == f"gpt_{scale}"
    summary = imported(path)
    assert summary.space == f"gpt_{scale}"
    again = load_table(summary.out, KINDS[scale]())
    assert (again.archs == table.archs).all()
    assert again.column("perplexity").tolist() == frame["perplexity"].tolist()


def test_the_published_table(data_dir: Path, tmp_path: Path, monkeypatch: Any) -> None:
    path = data_dir / "hwgpt_s.csv.gz"
    if not path.is_file():
        pytest.skip(f"no {path}")
    monkeypatch.setattr(hw_gpt_bench, "COUNT", 10_000)
    summary = import_table("hw-gpt-bench", path, tmp_path / "s.parquet")
    assert (summary.rows, summary.space, summary.remarks) == (10_000, "gpt_s", ())
    best = load_table(summary.out, GPTS()).column("perplexity").min()
    assert best == pytest.approx(hw_gpt_bench.BEST.best)


def test_other_best_values_and_parameters_are_told(tmp_path: Path) -> None:
    content = stats("s")
    next(iter(content.values()))["params"] += 1
    remarks = " ".join(imported(write(tmp_path / "stats.pkl", content)).remarks)
    assert "the best perplexity is 25, published is 22.1591" in remarks
    assert "1 architectures have another number of parameters than their network" in remarks


class Shell:
    def __reduce__(self) -> Any:
        return os.system, ("touch executed",)


def test_nothing_is_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TableError, match=r"asks for posix\.system.*nothing was executed"):
        imported(write(tmp_path / "stats.pkl", {"gpt-s-10": Shell()}))
    assert not Path("executed").exists()


def test_damaged_pickles_are_refused(tmp_path: Path) -> None:
    path, content = tmp_path / "stats.pkl", stats("m")
    whole = pickle.dumps(content)
    for size in (0, 1, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(TableError, match="cannot be read as a pickle"):
            imported(path)
    first = next(iter(content))
    cases: dict[str, Any] = {
        "expected a dictionary of architectures": [1, 2],
        "its first architecture is called 'nets'": {"nets": {}},
        "expected gpt-m-LAYERS-WIDTH": {first: content[first], first[:-9]: content[first]},
        "n_head": {first.replace("-8-", "-9-"): content[first]},
        "perplexity is nan": {first: {**content[first], "perplexity": float("nan")}},
        "expected gpt-m-LAYERS": {first.replace(f"-{first.split('-')[2]}-", "-²-", 1): {}},
        "gpt-m-LAYERS-WIDTH": {"gpt-m-" + "9" * 5000 + "-1024-True": {}},
        "perplexity is an int, expected": {first: {**content[first], "perplexity": 10**5000}},
        r"perplexity is 10+\.\.\.": {first: {**content[first], "perplexity": 10**400}},
        "perplexity is None": {first: {**content[first], "perplexity": None}},
        "a100 latencies is": {first: {**content[first], "a100": {"latencies": ["3"]}}},
        "expected a dictionary with perplexity": {first: {"params": 3}},
        "holds 1 architectures, the published file 6": {first: content[first]},
    }
    for message, wrong in cases.items():
        with pytest.raises(TableError, match=message):
            imported(write(path, wrong))
    assert imported(write(path, {first: content[first]}), partial=True).rows == 1


def test_damaged_csv_is_refused_with_row_and_column(tmp_path: Path) -> None:
    head = "embed_dim,n_layer,n_head,mlp_ratio,bias,perplexity"
    layers = "-".join(["4"] * 10), "-".join(["2"] * 10)
    good = [f"{dim},10,{layers[0]},{layers[1]},{bias},{dim / 10}" for dim in (192, 384, 768)
            for bias in (0, 1)]  # fmt: skip
    path = tmp_path / "s.csv"

    def message(lines: list[str], first: str = head) -> str:
        path.write_text("\n".join([first, *lines]) + "\n")
        with pytest.raises(TableError) as raised:
            imported(path)
        return str(raised.value)

    assert "row 2 (line 4)" in message([*good[:2], good[2].rsplit(",", 1)[0] + ",", *good[3:]])
    assert "there is no number" in message([good[0].rsplit(",", 1)[0] + ",", *good[1:]])
    text = message([*good[:5], good[5].rsplit(",", 1)[0] + ",low"])
    assert "'perplexity'" in text
    assert "row 5 (line 7)" in text
    assert "row 0 (line 2) and row 6 (line 8) are the same architecture" in message(
        [*good, good[0]]
    )
    wrong = message([good[0], good[1].replace("384", "384").replace("192", "200"), *good[2:]])
    assert "row 1 (line 3)" in wrong
    assert "embed_dim" in wrong
    assert "is it a table of HW-GPT-Bench" in message(good, head.replace("n_head", "heads"))
    assert "has no column perplexity" in message(good, head.replace("perplexity", "loss"))
    assert "holds 4 architectures, the published file 6" in message(good[:4])
    assert Published(6).count == 6
