from __future__ import annotations

import bz2
import importlib.util
import pickle
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archrank.errors import TableError
from archrank.tables.importers import IMPORTERS, Imported, Published, import_table, trials_files
from archrank.tables.importers.trials import ACCURACIES, COLUMNS, SEEDS, to_columns
from tests.tables.importers import files


def read(kind: str, path: Path, *, partial: bool = True, **options: Any) -> Imported:
    found: Imported = IMPORTERS.get(kind)().read(
        path, partial=partial, progress=lambda done, of: None, **options
    )
    return found


def torch_file(path: Path, value: Any) -> Path:
    """PyTorch's older format, as NAS-Bench-201 was written in, with one tensor's bytes after."""
    machine = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"int": 4}}
    parts = (0x1950A86A20F9469CFC6C, 1001, machine, value, ["0"])
    data = b"".join(pickle.dumps(part, protocol=2) for part in parts)
    path.write_bytes(data + struct.pack("<qf", 1, 0.5))
    return path


def nats_folder(path: Path) -> tuple[str, Path]:
    return "nats-bench", files.nats_folder(path / "NATS-tss-v1_0-3ffb9-simple")


def nats_file(path: Path) -> tuple[str, Path]:
    file = path / "NATS-tss-v1_0-3ffb9.pickle.pbz2"
    files.write_bz2(file, files.whole({k: files.nats_state(k) for k in (2, 0, 1)}))
    return "nats-bench", file


def archive(path: Path) -> tuple[str, Path]:
    for k in range(3):
        torch_file(path / f"{k:06d}-FULL.pth", files.nas201_state(k))
    return "nasbench201", path


def pth(path: Path) -> tuple[str, Path]:
    states = {k: files.nas201_state(k) for k in (2, 0, 1)}
    return "nasbench201", torch_file(path / "NAS-Bench-201-v1_1-096897.pth", files.whole(states))


LAYOUTS = (nats_folder, nats_file, archive, pth)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_columns(layout: Callable[[Path], tuple[str, Path]], tmp_path: Path) -> None:
    found = read(*layout(tmp_path))
    assert found.strings == list(files.CELLS)
    assert found.space.name == "nasbench201"
    assert found.remarks == ()
    for epochs, suffix in ((200, ""), (12, "_e12")):
        for name, (data, split) in ACCURACIES.items():
            each = [
                [
                    files.accuracy(k, epochs, data, split, seed, epochs - 1)
                    for seed in (seeds if epochs == 200 else (777,))
                ]
                for k, seeds in enumerate(files.SEEDS)
            ]
            expected = [np.mean(values) for values in each]
            np.testing.assert_allclose(found.columns[name + suffix], expected, rtol=1e-14)
    for seed in SEEDS:
        values = [
            files.accuracy(k, 200, "cifar100", "x-test", seed, 199) if seed in seeds else np.nan
            for k, seeds in enumerate(files.SEEDS)
        ]
        np.testing.assert_array_equal(found.columns[f"c100_test_s{seed}"], values)
    np.testing.assert_allclose(found.columns["in16_latency_ms"], [12.5, 25, 37.5])
    np.testing.assert_allclose(found.columns["c10_params_m"], files.PARAMS)
    np.testing.assert_allclose(found.columns["c10_train_time_s_e12"], [18.0, 30.0, 42.0])
    if "nats" in str(layout):
        np.testing.assert_allclose(found.columns["c100_train_time_s"], [300.0, 500.0, 700.0])
    else:  # the older files have no times of the long schedule
        assert "c100_train_time_s" not in found.columns
    assert [name for name in COLUMNS if name in found.columns] == list(found.columns)


def test_as_the_official_package_reads(tmp_path: Path) -> None:
    if importlib.util.find_spec("nats_bench") is None:
        pytest.skip("pip install 'archrank[nats]' compares with the official reader")
    from nats_bench import create

    kind, folder = nats_folder(tmp_path)
    columns = read(kind, folder).columns
    api = create(str(folder), "tss", fast_mode=True, verbose=False)
    for k in range(3):
        ask = {"hp": "200", "is_random": False}
        valid = api.get_more_info(k, "cifar10-valid", **ask)
        assert columns["c10_val"][k] == pytest.approx(valid["valid-accuracy"])
        assert columns["c10_test_trainvalsplit"][k] == pytest.approx(valid["test-accuracy"])
        assert columns["c10_train_time_s"][k] == pytest.approx(valid["train-all-time"])
        test = api.get_more_info(k, "cifar10", **ask)
        assert columns["c10_test"][k] == pytest.approx(test["test-accuracy"])
        for name, data in (("c100", "cifar100"), ("in16", "ImageNet16-120")):
            info = api.get_more_info(k, data, **ask)
            assert columns[f"{name}_val"][k] == pytest.approx(info["valid-accuracy"])
            assert columns[f"{name}_test"][k] == pytest.approx(info["test-accuracy"])
            short = api.get_more_info(k, data, hp="12", is_random=False)
            assert columns[f"{name}_val_e12"][k] == pytest.approx(short["valid-accuracy"])
            cost = api.get_cost_info(k, data, hp="200")
            assert columns[f"{name}_params_m"][k] == pytest.approx(cost["params"])
            assert columns[f"{name}_flops_m"][k] == pytest.approx(cost["flops"])
            assert columns[f"{name}_latency_ms"][k] == pytest.approx(1000 * cost["latency"])


def test_several_at_once(tmp_path: Path) -> None:
    kind, folder = nats_folder(tmp_path)
    with ThreadPoolExecutor(2) as executor:
        found = read(kind, folder, executor=executor)
    assert found.strings == list(files.CELLS)


def test_progress(tmp_path: Path) -> None:
    kind, folder = nats_folder(tmp_path)
    progress: list[tuple[int, int]] = []
    IMPORTERS.get(kind)().read(folder, partial=True, progress=lambda *at: progress.append(at))
    assert progress == [(0, 3), (1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_incomplete(layout: Callable[[Path], tuple[str, Path]], tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"3 architectures, .* 15,625; .*--partial"):
        read(*layout(tmp_path), partial=False)


def test_measured_on_another_cell(tmp_path: Path) -> None:
    state = files.nats_state(0)
    for trial in state["200"]["all_results"].values():
        trial["params"] = 0.5
    files.write_bz2(tmp_path / "000000.pickle.pbz2", state)
    (remark,) = read("nats-bench", tmp_path).remarks
    assert "1 architectures have another number of parameters" in remark
    assert "number 0: 0.500000 M" in remark


def change(*keys: Any, value: Any = None) -> dict[str, Any]:
    """A schedule with one entry changed, or left out."""
    state: Any = files.nats_state(0)
    at = state
    for key in keys[:-1]:
        at = at[key]
    if value is None:
        del at[keys[-1]]
    else:
        at[keys[-1]] = value
    return dict(state)


TRIAL = ("200", "all_results", ("cifar10", 777))


@pytest.mark.parametrize(
    ("contents", "reason"),
    [
        ([1, 2], "expected a dictionary with '200' or '12'"),
        ({"90": {}}, "expected a dictionary with '200' or '12'"),
        (change("200", "arch_str"), "there is no 'arch_str'"),
        (change("200", "all_results"), "there is no 'all_results'"),
        (change(*TRIAL), r"there is no \('cifar10', 777\)"),
        (change(*TRIAL, "eval_acc1es", "ori-test@199"), "there is no 'ori-test@199'"),
        (
            change(*TRIAL, "eval_acc1es", "ori-test@199", value=101.0),
            "not as official files are: accuracy on ori-test is 101",
        ),
        (change(*TRIAL, "eval_acc1es", "ori-test@199", value="x"), "not as official files are"),
        (change(*TRIAL, value=7), "not as official files are"),
        (change(*TRIAL, "epochs", value=float("inf")), "not as official files are"),
        (change("200", "all_results", ("cifar10-valid", 777), "params", value=10**400), "not as"),
        (
            change("200", "all_results", ("cifar10-valid", 777), "flop", value=float("nan")),
            "not as official files are: one of 3 measurements is not finite",
        ),
        (change("12", "arch_str", value="other"), "expected one architecture, got"),
    ],
)
def test_other_contents(contents: Any, reason: str, tmp_path: Path) -> None:
    files.write_bz2(tmp_path / "000007.pickle.pbz2", contents)
    with pytest.raises(TableError, match=rf"000007.pickle.pbz2: {reason}"):
        read("nats-bench", tmp_path)


def column(folder: Path, state: Any, name: str) -> float:
    files.write_bz2(folder / "000000.pickle.pbz2", state)
    return float(read("nats-bench", folder).columns[name][0])


def test_a_split_that_was_not_measured_counts_for_nothing(tmp_path: Path) -> None:
    state = files.nats_state(0)
    whole = column(tmp_path, state, "c10_test")
    seeds = state["200"]["dataset_seed"]["cifar10"]
    results = state["200"]["all_results"]
    last: dict[str, Any] = results["cifar10", seeds[-1]]
    last["eval_names"] = [name for name in last["eval_names"] if name != "ori-test"]
    others = [results["cifar10", seed]["eval_acc1es"]["ori-test@199"] for seed in seeds[:-1]]
    assert column(tmp_path, state, "c10_test") == pytest.approx(np.mean(others))
    assert whole != pytest.approx(np.mean(others))


@pytest.mark.parametrize("value", [0.0, 100.0])
def test_the_ends_of_accuracy_are_accuracies(value: float, tmp_path: Path) -> None:
    state = change(*TRIAL, "eval_acc1es", "ori-test@199", value=value)
    assert column(tmp_path, state, "c10_test_s777") == value


def test_size_search_space(tmp_path: Path) -> None:
    state = files.nats_state(0)
    for schedule in state.values():
        schedule["arch_str"] = "8:16:24:32:40"
    files.write_bz2(tmp_path / "000000.pickle.pbz2", state)
    with pytest.raises(TableError, match=r"8:16:24.*size search space \(sss\)"):
        read("nats-bench", tmp_path)


@pytest.mark.parametrize("kind", ["nats-bench", "nasbench201"])
def test_no_benchmark(kind: str, tmp_path: Path) -> None:
    with pytest.raises(TableError, match="holds no file of an architecture; expected: "):
        read(kind, tmp_path)


def test_single_architecture_given_as_the_whole(tmp_path: Path) -> None:
    _, folder = nats_folder(tmp_path)
    with pytest.raises(TableError, match=r"has no 'arch2infos'.*give their folder"):
        read("nats-bench", folder / "000000.pickle.pbz2")


@pytest.mark.parametrize("cut", [0, 0.3, 0.9, 0.999])
def test_truncated(cut: float, tmp_path: Path) -> None:
    kind, folder = nats_folder(tmp_path)
    file = folder / "000001.pickle.pbz2"
    data = file.read_bytes()
    file.write_bytes(data[: int(cut * len(data))])
    with pytest.raises(TableError, match=r"000001.pickle.pbz2: cannot be read.*again"):
        read(kind, folder)


def test_one_kind_given_as_another(tmp_path: Path) -> None:
    file = tmp_path / "000000.pickle.pbz2"
    file.write_bytes(bz2.compress(b"not a pickle"))
    with pytest.raises(TableError, match="cannot be read as a bz2-compressed pickle"):
        read("nats-bench", tmp_path)
    with pytest.raises(TableError, match="cannot be read as a PyTorch file"):
        read("nasbench201", file)


def test_columns_without_numbers_are_left_out() -> None:
    columns = to_columns([{"c10_val": 90.0}, {"c10_test": 91.0}])
    assert list(columns) == ["c10_val", "c10_test"]
    np.testing.assert_array_equal(columns["c10_val"], [90.0, np.nan])


def test_two_files_of_an_architecture(tmp_path: Path) -> None:
    kind, folder = archive(tmp_path)
    (folder / "000001-SIMPLIFY.pth").write_bytes((folder / "000002-FULL.pth").read_bytes())
    with pytest.raises(
        TableError, match=r"000001-FULL.pth and 000001-SIMPLIFY.pth are both architecture 1; leave"
    ):
        read(kind, folder)


def test_architectures_without_numbers(tmp_path: Path) -> None:
    states = {0: files.nas201_state(0), "a": files.nas201_state(1)}
    file = torch_file(tmp_path / "all.pth", files.whole(states))
    with pytest.raises(TableError, match=r"all\.pth: architecture 'a' has no number"):
        read("nasbench201", file)


# ---- known best values --------------------------------------------------------------------------


@pytest.mark.parametrize("layout", LAYOUTS)
def test_known_optima_are_checked(
    layout: Callable[[Path], tuple[str, Path]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, path = layout(tmp_path)
    best = {
        name: max(v for v in read(kind, path).columns[name].tolist() if v == v)
        for name in ("c10_val", "c10_test", "c100_val", "c100_test", "in16_test")
    }
    published = trials_files.PUBLISHED.optima
    assert {o.column: o.best for o in published} == {
        "c10_val": 91.61,
        "c10_test": 94.37,
        "c100_val": 73.49,
        "c100_test": 73.51,
        "in16_test": 47.31,
    }
    out = tmp_path / "t.parquet"
    monkeypatch.setattr(trials_files, "PUBLISHED", Published(3, optima=published))
    told = [r for r in import_table(kind, path, out).remarks if r.startswith("the best")]
    assert [remark.split()[2] for remark in told] == list(best)
    for remark, (name, value) in zip(told, best.items(), strict=True):
        assert remark.startswith(f"the best {name} is {value:.6g}, published is ")
    mine = tuple(replace(o, best=best[o.column]) for o in published)
    monkeypatch.setattr(trials_files, "PUBLISHED", Published(3, optima=mine))
    assert not [r for r in import_table(kind, path, out, force=True).remarks if "the best" in r]


def test_the_optima_are_those_of_all_cells(data_dir: Path) -> None:
    import pandas as pd

    path = data_dir / "nb201.csv.gz"
    if not path.is_file():
        pytest.skip(f"no {path}")
    frame = pd.read_csv(path)
    there = [o for o in trials_files.PUBLISHED.optima if o.column in frame]
    assert len(there) == 4  # it has no ImageNet16-120
    for optimum in there:
        assert frame[optimum.column].max() == pytest.approx(optimum.best, abs=optimum.tolerance)
