"""HW-NAS-Bench: pickles written here from the description on the benchmark's page."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archrank.checks import quoted
from archrank.errors import TableError
from archrank.spaces import NASBench201
from archrank.tables import load_table
from archrank.tables.importers import Published, Summary, hw_nas_bench, import_table
from tests.tables.importers.files import CELLS

DATA = {"cifar10": 10, "cifar100": 100, "ImageNet16-120": 120}
NAMES = (
    *("edgegpu_latency", "edgegpu_energy", "raspi4_latency", "edgetpu_latency", "pixel3_latency"),
    *("eyeriss_latency", "eyeriss_energy", "fpga_latency", "fpga_energy"),
)
PRINTED = {  # for the first cell, in the benchmark's example
    "cifar10": (
        *(5.807418537139893, 24.226614330768584, 10.481976820010459, 0.9571811309997429),
        *(3.6058499999999998, 3.645620000000001, 0.6872827644999999, 2.57296, 18.01072),
    ),
    "cifar100": (
        *(5.866079330444336, 24.471327606836955, 10.432981719932286, 0.9669485199992778),
        *(5.04007, 3.648640000000001, 0.6874206219999999, 2.57296, 18.01072),
    ),
    "ImageNet16-120": (
        *(5.828042030334473, 24.238826804161075, 2.973176879895618, 0.7929624850075925),
        *(1.33656, 0.9145600000000003, 0.17677097200000003, 0.64912, 4.54384),
    ),
}


def content(cells: tuple[str, ...] = CELLS) -> dict[str, Any]:
    """Return what the file holds: lists and arrays of NumPy's numbers, settings of cells."""
    part: dict[str, Any] = {}
    for data, classes in DATA.items():
        part[data] = {
            name: np.array([value + i for i in range(len(cells))])
            for name, value in zip(NAMES, PRINTED[data], strict=True)
        }
        part[data]["eyeriss_arithmetic_intensity"] = [np.float64(7.5)] * len(cells)
        part[data]["config"] = [
            {"name": "infer.tiny", "C": 16, "N": 5, "arch_str": cell, "num_classes": classes}
            for cell in cells
        ]
    return {"nasbench201": part, "fbnet": {"fpga_latency": {"FC_Cin1504_Cout100": 0.1}}}


OPTIMA = hw_nas_bench.PUBLISHED.optima


@pytest.fixture(autouse=True)
def three(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hw_nas_bench, "PUBLISHED", Published(3))


def imported(path: Path, found: Any, **options: Any) -> Summary:
    path.write_bytes(pickle.dumps(found))
    return import_table("hw_nas_bench", path, path.parent / "t.parquet", force=True, **options)


def test_round_trip(tmp_path: Path) -> None:
    summary = imported(tmp_path / "HW-NAS-Bench-v1_0.pickle", content())
    assert (summary.rows, summary.space) == (3, "nasbench201")
    assert [r for r in summary.remarks if "FBNet" not in r] == []
    assert len(summary.columns) == 3 * 10
    space = NASBench201()
    table = load_table(summary.out, space)
    rows = table.rows(space.parse(list(CELLS)))
    for name, value in zip(NAMES, PRINTED["cifar10"], strict=True):
        unit = {"latency": "ms", "energy": "mj"}[name.rpartition("_")[2]]
        column = table.column(f"c10_{name}_{unit}")[rows]
        assert column.tolist() == pytest.approx([value, value + 1, value + 2])
        assert table.directions[f"c10_{name}_{unit}"] == "minimize"
    assert table.column("in16_fpga_latency_ms")[rows][0] == pytest.approx(0.64912)
    assert table.column("c100_eyeriss_arithmetic_intensity").tolist() == [7.5] * 3


def test_settings_of_cells_may_have_numbers_as_keys(tmp_path: Path) -> None:
    found = content()
    for known in found["nasbench201"].values():
        known["config"] = dict(reversed(list(enumerate(known["config"]))))
    summary = imported(tmp_path / "hw.pickle", found)
    assert summary.remarks == imported(tmp_path / "hw.pickle", content()).remarks


def test_other_values_than_published_are_told(tmp_path: Path) -> None:
    found = content()
    found["nasbench201"]["cifar10"]["fpga_latency"][0] = 3.0
    (remark, _) = imported(tmp_path / "hw.pickle", found).remarks
    assert remark.startswith(
        "c10_fpga_latency_ms of the first cell is 3, published is 2.57296; is this the official"
    )
    part = content()["nasbench201"]  # data sets that have changed places
    swapped = {"nasbench201": {**part, "cifar100": part["cifar10"], "cifar10": part["cifar100"]}}
    told = {remark.split()[0] for remark in imported(tmp_path / "hw.pickle", swapped).remarks}
    assert told == {
        f"{data}_{name}_{'ms' if name.endswith('latency') else 'mj'}"
        for data in ("c10", "c100")
        for name in NAMES
        if not name.startswith("fpga")  # which are equal
    }


def test_known_optima_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hw_nas_bench, "PUBLISHED", Published(3, optima=OPTIMA))
    remarks = imported(tmp_path / "hw.pickle", content()).remarks
    assert remarks[-2:] == (
        "the best c10_pixel3_latency_ms is 3.60585, published is 0.003277 (the copy in the data of "
        "HELP, Lee et al. 2021); is this the official file?",
        "the best c10_fpga_latency_ms is 2.57296, published is 1.13296 (the copy in the data of "
        "HELP, Lee et al. 2021); is this the official file?",
    )
    found = content()
    found["nasbench201"]["cifar10"]["pixel3_latency"][2] = 0.003277
    found["nasbench201"]["cifar10"]["fpga_latency"][1] = 1.13296
    assert len(imported(tmp_path / "hw.pickle", found).remarks) == 1  # of FBNet


def test_parts_that_are_missing(tmp_path: Path) -> None:
    path = tmp_path / "hw.pickle"
    found = content()
    del found["nasbench201"]["cifar100"]
    with pytest.raises(TableError, match="no data set cifar100; is the download complete"):
        imported(path, found)
    assert len(imported(path, found, partial=True).columns) == 2 * 10
    del found["nasbench201"]["cifar10"]["raspi4_latency"]
    assert len(imported(path, found, partial=True).columns) == 2 * 10 - 1
    found = content()
    del found["nasbench201"]["cifar100"]["raspi4_latency"]
    with pytest.raises(TableError, match="cifar100: there is no raspi4_latency_ms; is the down"):
        imported(path, found)


def test_latencies_agree_with_those_of_another_benchmark(data_dir: Path) -> None:
    """HELP's table took the Pixel 3 and FPGA latencies of the first cell from this benchmark."""
    import pandas as pd

    path = data_dir / "nb201_latency.csv.gz"
    if not path.is_file():
        pytest.skip(f"no {path}")
    first = pd.read_csv(path, nrows=1).iloc[0]
    assert first["arch"] == hw_nas_bench.FIRST == CELLS[0]
    for device in ("pixel3", "fpga"):
        assert first[device] == pytest.approx(hw_nas_bench.KNOWN[f"c10_{device}_latency_ms"])


def test_optima_are_those_of_another_benchmark(data_dir: Path) -> None:
    import pandas as pd

    path = data_dir / "nb201_latency.csv.gz"
    if not path.is_file():
        pytest.skip(f"no {path}")
    frame = pd.read_csv(path)
    three = frame.sort_values("index").head(3)  # the example prints these, too
    assert three["pixel3"].tolist() == [3.60585, 17.2381, 15.723]
    assert three["fpga"].tolist() == [2.57296, 5.31536, 5.28656]
    best = {f"c10_{device}_latency_ms": frame[device].min() for device in ("pixel3", "fpga")}
    assert {o.column: o.best for o in OPTIMA} == pytest.approx(best)


class Shell:
    def __reduce__(self) -> Any:
        return os.system, ("touch executed",)


def test_nothing_is_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TableError, match=r"asks for posix\.system.*nothing was executed"):
        imported(tmp_path / "hw.pickle", {"nasbench201": Shell()})
    assert not Path("executed").exists()


def test_damaged_files_are_refused_with_place(tmp_path: Path) -> None:
    path = tmp_path / "hw.pickle"
    whole = pickle.dumps(content())
    for size in (0, 10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(TableError, match="cannot be read as a pickle"):
            import_table("hw_nas_bench", path, tmp_path / "t.parquet")

    def broken(change: Any) -> str:
        found = content()
        change(found["nasbench201"])
        with pytest.raises(TableError) as raised:
            imported(path, found)
        return str(raised.value)

    def put(data: str, name: str, place: int, value: Any) -> Any:
        def change(part: Any) -> None:
            part[data][name] = list(part[data][name])
            part[data][name][place] = value

        return change

    assert "has no part 'nasbench201'" in broken(lambda part: part.clear())
    for value in (10**400, 1 << 2000, True, -1.0, float("inf"), None, [1.0]):
        assert f"cifar10, fpga_energy, cell 1: {quoted(value)} is no measurement" in broken(
            put("cifar10", "fpga_energy", 1, value)
        )
    assert "cifar10: its cell 'a' has no number" in broken(
        lambda part: part["cifar10"].update(config={0: {}, "a": {}})
    )
    for name in (5, "latency", "_latency"):
        assert f"cifar10: {name!r} is no device and quantity" in broken(
            lambda part, name=name: part["cifar10"].update({name: [1.0, 2.0, 3.0]})
        )
    assert "cifar10, fpga_energy, cell 1: nan is no measurement" in broken(
        put("cifar10", "fpga_energy", 1, float("nan"))
    )
    assert "cifar100, raspi4_latency, cell 2: '3' is no measurement" in broken(
        put("cifar100", "raspi4_latency", 2, "3")
    )
    assert "cifar10, edgegpu_energy: 2 numbers, expected one for each of 3 cells" in broken(
        lambda part: part["cifar10"].update(edgegpu_energy=[1.0, 2.0])
    )
    assert "cifar10: there is no list 'config'" in broken(
        lambda part: part["cifar10"].pop("config")
    )
    assert "cifar10, cell 1: it has no 'arch_str'" in broken(
        put("cifar10", "config", 1, {"name": "infer.tiny"})
    )
    assert "its cells are others" in broken(lambda part: part["cifar100"]["config"].reverse())
    assert "occurs twice, as number 0 and 2" in broken(
        lambda part: [known["config"].__setitem__(2, known["config"][0]) for known in part.values()]
    )
    assert "wrong|cell" in broken(
        lambda part: [k["config"].__setitem__(1, {"arch_str": "wrong|cell"}) for k in part.values()]
    )
    assert "holds 3 architectures, the published file" in str(_few(path))


def _few(path: Path) -> TableError:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hw_nas_bench, "PUBLISHED", Published(15_625))
        with pytest.raises(TableError) as raised:
            imported(path, content())
        assert imported(path, content(), partial=True).rows == 3
    return raised.value
