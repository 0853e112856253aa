"""HW-NAS-Bench's costs of FBNet's blocks: files and sums as the benchmark's code describes them."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archrank.checks import quoted
from archrank.errors import SettingsError, TableError, UnknownNameError
from archrank.evaluators import BlockCosts
from archrank.hardware import block_latency
from archrank.spaces import SPACES
from archrank.tables.importers import Summary, import_table

WIDTHS, DEPTHS = (16, 24, 32, 64, 112, 184, 352), (1, 4, 4, 4, 4, 4, 1)
OPERATIONS = [  # kernel, expansion, groups, in the order of the benchmark's indices
    *[(3, 1, 1), (3, 1, 2), (3, 3, 1), (3, 6, 1), (5, 1, 1), (5, 1, 2), (5, 3, 1), (5, 6, 1)]
]
NETWORKS = {  # side, stride of the first convolution, strides of stages, head, classes
    "fbnet_cifar": (32, 1, (1, 1, 2, 2, 1, 2, 1), 1504, 100),
    "fbnet_wide": (224, 2, (1, 2, 2, 2, 1, 2, 1), 1984, 1000),
}
MEASURED = {
    "edgegpu_latency": "edgegpu_latency_ms",
    "edgegpu_energy": "edgegpu_energy_mj",
    "raspi4_latency": "raspi4_latency_ms",
    "pixel3_latency": "pixel3_latency_ms",
    "eyeriss_latency": "eyeriss_latency_ms",
    "eyeriss_energy": "eyeriss_energy_mj",
    "fpga_latency": "fpga_latency_ms",
    "fpga_energy": "fpga_energy_mj",
}
EDGE_GPU = {  # what the official file holds for the network whose blocks are all k3_e1 on ImageNet
    "ConvNorm_H224_W224_Cin3_Cout16_kernel3_stride2_group1": 0.8272547721862793,
    "ConvBlock_H112_W112_Cin16_Cout16_exp1_kernel3_stride1_group1": 0.7372536659240723,
    "ConvBlock_H112_W112_Cin16_Cout24_exp1_kernel3_stride2_group1": 0.5856709480285645,
    "ConvBlock_H56_W56_Cin24_Cout24_exp1_kernel3_stride1_group1": 0.5521979331970215,
    "ConvBlock_H56_W56_Cin24_Cout32_exp1_kernel3_stride2_group1": 0.5245695114135742,
    "ConvBlock_H28_W28_Cin32_Cout32_exp1_kernel3_stride1_group1": 0.5363650321960449,
    "ConvBlock_H28_W28_Cin32_Cout64_exp1_kernel3_stride2_group1": 0.5274348258972168,
    "ConvBlock_H14_W14_Cin64_Cout64_exp1_kernel3_stride1_group1": 0.5578269958496094,
    "ConvBlock_H14_W14_Cin64_Cout112_exp1_kernel3_stride1_group1": 0.5442473888397217,
    "ConvBlock_H14_W14_Cin112_Cout112_exp1_kernel3_stride1_group1": 0.5417394638061523,
    "ConvBlock_H14_W14_Cin112_Cout184_exp1_kernel3_stride2_group1": 0.5500829219818115,
    "ConvBlock_H7_W7_Cin184_Cout184_exp1_kernel3_stride1_group1": 0.8174364566802979,
    "ConvBlock_H7_W7_Cin184_Cout352_exp1_kernel3_stride1_group1": 0.8269546031951904,
    "ConvNorm_H7_W7_Cin352_Cout1984_kernel1_stride1_group1": 1.1461849212646484,
    "AvgP_H7_W7_Cin1984_Cout1984_kernel7_stride1": 0.4557015895843506,
    "FC_Cin1984_Cout1000": 0.6891121864318848,
}
PRINTED = 16.431164979934692  # its latency, in the benchmark's example


def keys(name: str, arch: list[int]) -> Iterator[str]:
    """Yield the key of everything in a network, from the first layer to the last."""
    side, stride, strides, head, classes = NETWORKS[name]
    yield f"ConvNorm_H{side}_W{side}_Cin3_Cout16_kernel3_stride{stride}_group1"
    side, c, ops = side // stride, 16, iter(arch)
    for width, depth, first in zip(WIDTHS, DEPTHS, strides, strict=True):
        for i in range(depth):
            op, s = next(ops), first if i == 0 else 1
            shape = f"H{side}_W{side}_Cin{c}_Cout{width}"
            if op == 8:
                yield f"Skip_{shape}_stride{s}"
            else:
                k, e, g = OPERATIONS[op]
                yield f"ConvBlock_{shape}_exp{e}_kernel{k}_stride{s}_group{g}"
            side, c = side // s, width
    yield f"ConvNorm_H{side}_W{side}_Cin352_Cout{head}_kernel1_stride1_group1"
    yield f"AvgP_H{side}_W{side}_Cin{head}_Cout{head}_kernel{side}_stride1"
    yield f"FC_Cin{head}_Cout{classes}"


def content(seed: int = 0) -> dict[str, Any]:
    """Return what the file holds, with made-up numbers of several types."""
    rng = np.random.default_rng(seed)
    known = {k: None for name in NETWORKS for op in range(9) for k in keys(name, [op] * 22)}
    known["FC_Cin1504_Cout10"] = None  # which no network of the two data sets has
    part: dict[str, Any] = {}
    for measured in MEASURED:
        kind = np.float64 if measured.startswith("fpga") else float
        part[measured] = {key: kind(rng.uniform(0.1, 2)) for key in known}
    return {"nasbench201": {}, "fbnet": part}


def imported(path: Path, found: Any, space: str, **options: Any) -> Summary:
    path.write_bytes(pickle.dumps(found))
    out = path.parent / f"{space}.parquet"
    return import_table("hw_nas_bench", path, out, space=space, force=True, **options)


@pytest.mark.parametrize("name", NETWORKS)
def test_sums_are_those_of_the_parts(tmp_path: Path, name: str) -> None:
    found = content()
    summary = imported(tmp_path / "hw.pickle", found, name)
    assert summary.columns == tuple(MEASURED.values())
    assert (summary.space, summary.rows, summary.what) == (name, 22 * 9 + 4, "options of blocks")
    space = SPACES.get(name)()
    archs = space.sample(20, rng=np.random.default_rng(1))
    evaluator = BlockCosts(summary.out).bind(space)
    values = evaluator.evaluate(archs)
    for measured, column in MEASURED.items():
        table = found["fbnet"][measured]
        expected = [sum(table[key] for key in keys(name, row)) for row in archs.tolist()]
        assert values[column].tolist() == pytest.approx(expected, rel=1e-12)
    assert {m.direction for m in evaluator.metrics} == {"minimize"}
    model = block_latency(space, summary.out, "pixel3_latency_ms")
    assert model(archs).tolist() == pytest.approx(values["pixel3_latency_ms"].tolist())


def test_published_costs_of_a_network(tmp_path: Path) -> None:
    """The official file's own numbers add up to what its authors print, without a remark."""
    found = content()
    found["fbnet"]["edgegpu_latency"] |= EDGE_GPU
    summary = imported(tmp_path / "hw.pickle", found, "fbnet_wide")
    space = SPACES.get("fbnet_wide")()
    values = BlockCosts(summary.out).bind(space).evaluate(np.zeros((1, 22), dtype=np.uint8))
    assert values["edgegpu_latency_ms"][0] == pytest.approx(PRINTED, rel=1e-12)
    remarks = {remark.split()[0]: remark for remark in summary.remarks}
    assert set(remarks) == set(MEASURED.values()) - {"edgegpu_latency_ms"}
    assert "of the network whose blocks are all k3_e1" in remarks["fpga_energy_mj"]
    assert "published is 205.953; is this the official file?" in remarks["fpga_energy_mj"]
    found["fbnet"]["edgegpu_latency"]["FC_Cin1984_Cout1000"] += 1e-3
    assert len(imported(tmp_path / "hw.pickle", found, "fbnet_wide").remarks) == 8


def test_costs_are_of_the_space_that_was_asked_for(tmp_path: Path) -> None:
    out = imported(tmp_path / "hw.pickle", content(), "fbnet_cifar").out
    with pytest.raises(TableError, match=r"row 0: .*of fbnet_cifar, not of fbnet_wide; use --sp"):
        BlockCosts(out).bind(SPACES.get("fbnet_wide")())
    smaller = SPACES.get("fbnet_cifar")().restrict({"s1b1": ["k5_e6", "skip"], "s7b1": "k3_e3"})
    whole = BlockCosts(out).bind(smaller.origin)
    archs = smaller.sample(9, rng=np.random.default_rng(0))
    expected = whole.evaluate(smaller.to_origin(archs))
    found = BlockCosts(out).bind(smaller).evaluate(archs)
    for name in MEASURED.values():
        assert found[name].tolist() == expected[name].tolist()


def test_the_file_is_named_after_the_space(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    Path("HW-NAS-Bench-v1_0.pickle").write_bytes(pickle.dumps(content()))
    summary = import_table("hw_nas_bench", "HW-NAS-Bench-v1_0.pickle", space="fbnet_wide")
    assert summary.out == Path("HW-NAS-Bench-v1_0-fbnet_wide.parquet")


def test_spaces_without_costs_of_blocks(tmp_path: Path) -> None:
    path = tmp_path / "hw.pickle"
    for name in ("fbnet", "nasbench201", "fbnet_wid"):
        with pytest.raises(UnknownNameError, match=r"Known: fbnet_cifar, fbnet_wide\. The ben"):
            imported(path, content(), name)
    with pytest.raises(SettingsError, match="--space fbnet: the space follows from the file"):
        import_table("nds", path, tmp_path / "t.parquet", space="fbnet")
    assert not list(tmp_path.glob("*.parquet"))


class Shell:
    def __reduce__(self) -> Any:
        return os.system, ("touch executed",)


def test_nothing_is_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = content()
    found["fbnet"]["fpga_energy"]["FC_Cin1504_Cout10"] = Shell()
    with pytest.raises(TableError, match=r"asks for posix\.system.*nothing was executed"):
        imported(tmp_path / "hw.pickle", found, "fbnet_cifar")
    assert not Path("executed").exists()


def test_damaged_files_are_refused_with_place(tmp_path: Path) -> None:
    path = tmp_path / "hw.pickle"
    whole = pickle.dumps(content())
    for size in (0, 10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(TableError, match="cannot be read as a pickle"):
            import_table("hw_nas_bench", path, tmp_path / "t.parquet", space="fbnet_wide")

    def broken(change: Any, **options: Any) -> str:
        found = content()
        change(found["fbnet"])
        with pytest.raises(TableError) as raised:
            imported(path, found, "fbnet_wide", **options)
        return str(raised.value)

    skip = "Skip_H14_W14_Cin64_Cout112_stride1"
    for value in (float("nan"), float("inf"), -0.5, "0.5", True, None, [0.5], 10**400):
        told = broken(lambda part, value=value: part["pixel3_latency"].update({skip: value}))
        assert f"fbnet, pixel3_latency, {skip}: {quoted(value)} is no measurement" in told
    assert f"raspi4_latency: there is no {skip}; is the file complete?" in broken(
        lambda part: part["raspi4_latency"].pop(skip), partial=True
    )
    assert "eyeriss_energy: expected a dictionary of blocks, got list" in broken(
        lambda part: part.update(eyeriss_energy=[1.0])
    )
    assert "fbnet: there is no fpga_latency, fpga_energy; is the download complete?" in broken(
        lambda part: (part.pop("fpga_latency"), part.pop("fpga_energy"))
    )
    assert "has no part 'fbnet' with costs such as edgegpu_latency" in broken(dict.clear)
    for other in ([1], {}, {"fbnet": None}, {1: 2}, 3):
        with pytest.raises(TableError, match="has no part 'fbnet'"):
            imported(path, other, "fbnet_cifar")


def test_a_part_of_the_devices(tmp_path: Path) -> None:
    found = content()
    for measured in list(MEASURED)[1:]:
        del found["fbnet"][measured]
    summary = imported(tmp_path / "hw.pickle", found, "fbnet_cifar", partial=True)
    assert summary.columns == ("edgegpu_latency_ms",)
