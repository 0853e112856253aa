from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from archrank.errors import ArchitectureError
from archrank.spaces import SPACES, NASBench201, Scale
from archrank.spaces.edge_cells.transnas101 import TransNAS101Micro
from archrank.tables import load_table
from archrank.testing import check_space


@pytest.fixture(scope="module")
def micro() -> TransNAS101Micro:
    return TransNAS101Micro()


def test_contract(micro: TransNAS101Micro) -> None:
    check_space(micro)
    assert micro.size == 4_096
    assert SPACES.get("transnas101_micro") is TransNAS101Micro


def test_digits_are_the_edges_of_nasbench201(micro: TransNAS101Micro) -> None:
    rows = micro.enumerate()
    assert (NASBench201().parse(micro.as_cells(rows)) == rows).all()
    assert (micro.parse(micro.as_cells(rows)) == rows).all()
    cost, other = micro.cost(rows), NASBench201().cost(rows)
    assert all((cost[name] == other[name]).all() for name in ("macs", "params"))


def test_published_strings(micro: TransNAS101Micro) -> None:
    forms = ["64-41414-1_02_333", "1_02_333", "102333", " 102333 "]
    assert (micro.parse(forms) == [1, 0, 2, 3, 3, 3]).all()
    assert micro.format(micro.parse(["000102"])) == ["000102"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("00010", "architecture 0: expected 6 digits like 102333 or 1_02_333, got '00010'"),
        ("10_2_333", "expected 6 digits"),
        ("000104", "unknown operation 4 in '000104'. Known: 0 none"),
        ("|avg_pool_3x3~0|+|none~0|none~1|+|none~0|none~1|none~2|", "unknown operation 'avg_pool"),
        ("nonsense", "architecture 0: expected"),
        ("", "architecture 0: expected"),
    ],
)
def test_parse_names_the_fault(micro: TransNAS101Micro, text: str, message: str) -> None:
    with pytest.raises(ArchitectureError, match=message):
        micro.parse([text])


def test_the_published_table_loads(micro: TransNAS101Micro, data_dir: Path) -> None:
    path = data_dir / "transnas101_micro.csv.gz"
    if not path.is_file():
        pytest.skip(f"no {path}")
    table = load_table(path, micro)
    assert len(table) == 4_096
    assert (np.sort(micro.index(table.archs)) == np.arange(4_096)).all()
    assert table.raw.text["arch"][0] == "000000"  # as written, not the number 0
    best = table.column("class_scene").argmax()
    assert micro.live(table.archs[best : best + 1]).any()


def test_scale_changes_costs_and_the_fingerprint(micro: TransNAS101Micro) -> None:
    small = TransNAS101Micro(Scale(channels=4, cells=1))
    rows = micro.enumerate()[::500]
    assert (small.cost(rows)["macs"] < micro.cost(rows)["macs"]).all()
    assert micro.fingerprint() == "transnas101_micro"
    assert small.fingerprint().startswith("transnas101_micro(Scale")


def test_networks_run_and_count_alike(micro: TransNAS101Micro) -> None:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from archrank.tasks import Digits

    task = Digits()
    networks = micro.networks(task)
    archs = np.concatenate(
        [micro.parse(["333333", "123231"]), micro.sample(4, rng=np.random.default_rng(0))]
    )
    cost = networks.cost(archs)
    live = (micro.live(archs) | (archs < 2)).all(1)  # dead convolutions are counted, never run
    for i, arch in enumerate(archs):
        network = networks.build(arch)
        x = torch.zeros(2, *task.input_shape)
        network(x).sum().backward()
        assert sum(p.numel() for p in network.parameters()) == cost["params"][i]
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            network.eval()(x[:1])
        if live[i]:
            assert counter.get_total_flops() == 2 * cost["macs"][i]
