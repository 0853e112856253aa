from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from archrank.spaces import SPACES, NASBench201, Scale
from archrank.spaces.edge_cells.isomorphism import Form
from archrank.tasks.images.cifar import CIFAR10, CIFAR100
from archrank.testing import check_space


def cell(op: str) -> str:
    return f"|{op}~0|+|{op}~0|{op}~1|+|{op}~0|{op}~1|{op}~2|"


def test_contract(space: NASBench201) -> None:
    check_space(space)
    assert SPACES.get("nasbench201") is NASBench201


@pytest.mark.parametrize(
    ("form", "classes"), [("official", 6_466), ("live", 5_819), ("merged", 4_930)]
)
def test_number_of_classes(space: NASBench201, form: Form, classes: int) -> None:
    labels = space.classes(space.enumerate(), form)
    assert len(np.unique(labels)) == classes


def test_official_class_sizes(space: NASBench201) -> None:
    _, sizes = np.unique(space.classes(space.enumerate()), return_counts=True)
    assert sizes.sum() == 15_625
    assert sizes.max() == 275
    assert (sizes > 1).sum() == 1_350


def test_connected_cells(space: NASBench201) -> None:
    assert space.live(space.enumerate()).any(1).sum() == 15_284


@pytest.mark.parametrize(
    ("op", "macs", "params"),
    [("nor_conv_3x3", 220_119_680, 1_531_546), ("skip_connect", 7_783_040, 73_306)],
)
def test_published_costs(space: NASBench201, op: str, macs: int, params: int) -> None:
    cost = space.cost(space.parse([cell(op)]))
    assert cost["macs"][0] == macs
    assert cost["params"][0] == params


def test_official_partition_equals_the_published_one(space: NASBench201, nb201_csv: Path) -> None:
    table = pd.read_csv(nb201_csv, dtype={"ops": str})
    labels = space.classes(space.parse(table["arch"].tolist()))
    published = table["isomorph_class"].to_numpy()
    pairs = len(np.unique(np.stack([labels, published]), axis=1).T)
    assert pairs == len(np.unique(labels)) == len(np.unique(published)) == 6_466


def test_costs_equal_the_published_ones(space: NASBench201, nb201_csv: Path) -> None:
    table = pd.read_csv(nb201_csv, dtype={"ops": str})
    archs = space.parse(table["arch"].tolist())
    assert (archs == [[int(k) for k in ops] for ops in table["ops"]]).all()
    for task, name in ((CIFAR10(), "c10"), (CIFAR100(), "c100")):
        cost = space.networks(task).cost(archs)
        assert abs(cost["params"] / 1e6 - table[f"{name}_params_m"]).max() < 1e-6
        # The table counts the classifier's bias as one operation per class.
        bias = (table[f"{name}_flops_m"] * 1e6 - cost["macs"]).round(3)
        assert bias.isin([0, task.n_classes]).all()


def test_scale_changes_costs_and_the_fingerprint(space: NASBench201) -> None:
    small = NASBench201(Scale(channels=4, cells=1, reduction="pool"))
    archs = space.enumerate()[::1000]
    assert (small.cost(archs)["macs"] < space.cost(archs)["macs"]).all()
    assert small.fingerprint() != space.fingerprint()
    assert space.fingerprint() == NASBench201().fingerprint()
