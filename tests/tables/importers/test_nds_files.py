"""The reader of the published NDS files, on miniatures of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archrank.errors import TableError
from archrank.spaces import NDS, SPACES
from archrank.spaces.nds.families import FAMILIES
from archrank.spaces.nds.space import KINDS
from archrank.tables.importers.nds_files import read_nds

SPACES_ON_CIFAR = {family: NDS(family) for family in FAMILIES}


def a_job(space: NDS, seed: int) -> dict[str, Any]:
    row = space.sample(1, rng=np.random.default_rng(seed))[0]
    cells = dict(zip(KINDS, space.genotype(row), strict=True))
    genotype: dict[str, Any] = {kind: [list(p) for p in cell.pairs] for kind, cell in cells.items()}
    genotype |= {f"{kind}_concat": list(cell.concat) for kind, cell in cells.items()}
    cost = space.cost(row[None])
    return {
        "params": cost["params"][0],
        "flops": cost["macs"][0],
        "min_test_top1": 6.5,
        "test_ep_top1": [50.0, 6.5, 7.0 + seed],
        "net": {
            "width": space.widths[row[-2]],
            "depth": space.depths[row[-1]],
            "aux": False,
            "genotype": genotype,
        },
    }


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("form", ["list", "top and mid"])
def test_published_files(family: str, form: str, tmp_path: Path) -> None:
    space = SPACES_ON_CIFAR[family]
    jobs = [a_job(space, seed) for seed in range(5)]
    path = tmp_path / "jobs.json"
    path.write_text(json.dumps(jobs if form == "list" else {"top": jobs[:2], "mid": jobs[2:]}))
    table = read_nds(path, space)
    archs = np.concatenate([space.sample(1, rng=np.random.default_rng(s)) for s in range(5)])
    assert (table.archs == archs).all()
    assert table.column("final_accuracy").tolist() == [93, 92, 91, 90, 89]
    assert table.column("best_accuracy").tolist() == [93.5] * 5
    assert (table.column("params") == space.cost(archs)["params"]).all()
    assert table.directions["final_accuracy"] == "maximize"
    assert table.directions["flops"] == "minimize"
    assert table.rows(archs).tolist() == list(range(5))


def test_repeated_trainings_are_averaged(tmp_path: Path) -> None:
    space = SPACES_ON_CIFAR["enas"]
    twice = [a_job(space, 0), a_job(space, 1), a_job(space, 0) | {"test_ep_top1": [9.0]}]
    path = tmp_path / "jobs.json"
    path.write_text(json.dumps(twice))
    assert read_nds(path, space).column("final_accuracy").tolist() == [92, 92]


def test_damaged_files(tmp_path: Path) -> None:
    space = SPACES_ON_CIFAR["enas"]
    path = tmp_path / "jobs.json"
    with pytest.raises(TableError, match="cannot be read"):
        read_nds(path, space)
    for jobs, message in (
        ([], "expected a list of jobs"),
        ({"top": []}, "expected a list of jobs"),
        ([a_job(space, 0), {}], "job 1: no 'net'"),
        ([a_job(SPACES_ON_CIFAR["nasnet"], 3)], "job 0: normal cell.*unknown operation"),
    ):
        path.write_text(json.dumps(jobs))
        with pytest.raises(TableError, match=message):
            read_nds(path, space)
    path.write_text("[" * 100_000)
    with pytest.raises(TableError, match="cannot be read as JSON: maximum recursion depth"):
        read_nds(path, space)
    path.write_bytes(b'["\xff"]')
    with pytest.raises(TableError, match="cannot be read as JSON: 'utf-8' codec"):
        read_nds(path, space)
    for value in (10**400, float("nan"), "3", None, True, -1):
        path.write_text(json.dumps([a_job(space, 0) | {"params": value}]))
        with pytest.raises(
            TableError, match=r"job 0: params is .*, expected a number of at least 1"
        ):
            read_nds(path, space)
    job = a_job(space, 0)
    job["net"]["genotype"]["normal_concat"] = [2]
    path.write_text(json.dumps([job]))
    with pytest.raises(TableError, match=r"normal_concat is \[2\]"):
        read_nds(path, space)


def test_imagenet_file(tmp_path: Path) -> None:
    space = SPACES.get("nds_darts_in")()
    path = tmp_path / "DARTS_in.json"
    path.write_text(json.dumps([a_job(space, seed) for seed in range(3)]))
    assert read_nds(path, space).column("final_accuracy").tolist() == [93, 92, 91]
    with pytest.raises(TableError, match=r"job 0: .* is not one of .*nds_darts_fixwd\?"):
        read_nds(path, SPACES.get("nds_darts_fixwd")())


@pytest.mark.parametrize("family", FAMILIES)
def test_a_file_of_another_space_is_refused(family: str, tmp_path: Path) -> None:
    path = tmp_path / "jobs.json"
    path.write_text(json.dumps([a_job(SPACES_ON_CIFAR[family], seed) for seed in range(8)]))
    made = FAMILIES[family]
    for other, made_there in FAMILIES.items():
        alike = (made.nodes, made.loose) == (made_there.nodes, made_there.loose)
        if alike and set(made.ops) <= set(made_there.ops):
            continue  # every ENAS cell is one of Amoeba's and of NASNet's
        with pytest.raises(TableError, match=rf"job \d: .*is this nds_{other}\?"):
            read_nds(path, SPACES_ON_CIFAR[other])


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"test_ep_top1": []}, "job 1: test_ep_top1 is empty"),
        ({"test_ep_top1": "7.0"}, "job 1: test_ep_top1 is '7.0', expected a list of errors"),
        ({"test_ep_top1": [107.0]}, "job 1: test_ep_top1 ends with 107.0"),
        ({"min_test_top1": -1.0}, "job 1: min_test_top1 is -1.0"),
        ({"min_test_top1": float("nan")}, "job 1: min_test_top1 is nan"),
        ({"min_test_top1": "low"}, "job 1: min_test_top1 is 'low'"),
        ({"params": None}, "job 1: params is None"),
        ({"flops": 0}, "job 1: flops is 0"),
        ({"net": 3}, "job 1: net is 3, expected a dictionary"),
        ({"net": {"width": 16, "depth": 8, "genotype": {"reduce": []}}}, "job 1: no 'normal'"),
        ({"net": {"width": 16, "depth": 8, "genotype": {"normal": 5, "reduce": []}}}, "job 1: "),
        (
            {"net": {"width": 16, "depth": 8, "genotype": {"normal": [["a"]] * 10, "reduce": []}}},
            "job 1: normal .*expected .operation, input.",
        ),
    ],
)
def test_damaged_jobs(fault: dict[str, Any], message: str, tmp_path: Path) -> None:
    space = SPACES_ON_CIFAR["enas"]
    path = tmp_path / "jobs.json"
    path.write_text(json.dumps([a_job(space, 0), a_job(space, 1) | fault]))
    with pytest.raises(TableError, match=message):
        read_nds(path, space)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1, 2]", "job 0: the job is 1, expected a dictionary"),
        ('{"top": 1, "mid": []}', "expected a list of jobs"),
        ('{"top": [], "mid": []}', "expected a list of jobs"),
        ('[{"net": ', "cannot be read as JSON"),
        ("", "cannot be read as JSON"),
    ],
)
def test_damaged_json(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "jobs.json"
    path.write_text(text)
    with pytest.raises(TableError, match=message):
        read_nds(path, SPACES_ON_CIFAR["enas"])


def test_a_binary_file_is_not_json(tmp_path: Path) -> None:
    path = tmp_path / "data.zip"
    path.write_bytes(b"PK\x03\x04\xff\xfe")
    with pytest.raises(TableError, match="cannot be read as JSON"):
        read_nds(path, SPACES_ON_CIFAR["enas"])
