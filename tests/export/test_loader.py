"""``load_model.py``: outputs of all networks where there is no archrank."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import nn

from archrank.export.loader.expressions import UnwritableError
from archrank.export.loader.expressions import written as written_value
from archrank.export.loader.made import Subject, load_model
from archrank.export.weights import state_of, to_bytes
from archrank.networks.inputs import run
from archrank.networks.noise import drawn, noise_like
from archrank.runs.named import make_space
from archrank.spaces import SPACES, NASBench201
from archrank.spaces.networks import Networks
from archrank.training.loop import initialise
from tests.export.networks import TASK, odd
from tests.spaces.test_networks_of_all_spaces import made_for

LARGE, HUGE = 1e7, 3e7  # parameters; smaller spaces have networks of the same modules
ALONE = Path(__file__).parent / "loading_alone.py"


def written(networks: Networks, row: np.ndarray, folder: Path, seed: int = 0) -> nn.Module:
    """Write ``load_model.py`` and weights of an untrained network; return the network."""
    assert networks.task is not None
    network = initialise(lambda: networks.build(row), seed).eval()
    x = networks.task.example(4)
    if len(networks.task.input_shape) < 3:  # tokens
        x = torch.randint(0, networks.task.n_outputs, (4, *networks.task.input_shape))
    state = state_of(network)
    string = networks.space.format(row[None])[0]
    subject = Subject(network, state, networks.blueprint(row), string, networks.task, x, {})
    folder.mkdir(exist_ok=True)
    if sum(p.numel() for p in network.parameters()) < LARGE:
        (folder / "weights.safetensors").write_bytes(to_bytes(state))
    (folder / "load_model.py").write_text(load_model(subject, folder, "weights.safetensors"))
    torch.save(run(network, drawn(noise_like(x), 2)), folder / "wanted.pt")
    return network


def alone(*folders: Path) -> None:
    """Load networks in a process that cannot import archrank, and compare their outputs."""
    command = [sys.executable, "-I", str(ALONE), *map(str, folders)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for folder in folders:
        found, wanted = (torch.load(folder / f"{name}.pt") for name in ("outputs", "wanted"))
        torch.testing.assert_close(found, wanted, rtol=1e-6, atol=1e-6, msg=folder.name)


def linted(*arguments: str) -> None:
    """Check files by ruff, which finds unused and missing names."""
    command = [sys.executable, "-m", "ruff", arguments[0], "--isolated", *arguments[1:]]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def small(networks: Networks) -> np.ndarray:
    """Return the architecture with the fewest parameters of some."""
    archs = networks.space.sample(12, rng=np.random.default_rng(0))
    row: np.ndarray = archs[networks.cost(archs)["params"].argmin()]
    return row


@torch.no_grad()
def test_every_space_of_archrank(tmp_path: Path) -> None:
    folders, large = [], []
    for name in SPACES.names():
        networks = make_space(name).networks(made_for(name))
        row, folder = small(networks), tmp_path / name
        params = networks.cost(row[None])["params"][0]
        if params < HUGE:  # their code has been run and compared in this process
            written(networks, row, folder)
            assert "import archrank" not in (folder / "load_model.py").read_text()
        (folders if params < LARGE else large).append(folder)
    alone(*folders)
    assert {f.name.partition("_")[0] for f in large} <= {f.name.partition("_")[0] for f in folders}
    linted("check", "--select", "E9,F,I", str(tmp_path))
    linted("format", "--check", "--line-length", "100", str(tmp_path))


MINE = """
import archrank as ar
from torch import nn


def build(config, task):
    pixels = task.input_shape[1] * task.input_shape[2]
    hidden = nn.Linear(pixels, config["width"])
    last = nn.Linear(config["width"], task.n_outputs)
    return nn.Sequential(nn.Flatten(), hidden, nn.ReLU(), last)


def reads_data(config, task):
    task.load()
    return build(config, task)


space = ar.spaces.from_choices({"width": [4, 8], "name": ["a'\\"b", "c"]}, build)
anonymous = ar.spaces.from_choices({"width": [4, 8], "name": ["a", "c"]}, lambda c, t: build(c, t))
curious = ar.spaces.from_choices({"width": [4, 8], "name": ["a", "c"]}, reads_data)
"""


@pytest.fixture
def mine(tmp_path: Path) -> str:
    (tmp_path / "it's mine.py").write_text(MINE)
    return str(tmp_path / "it's mine.py")


@torch.no_grad()
def test_functions_of_users(mine: str, tmp_path: Path) -> None:
    networks = make_space(f"{mine}:space").networks(TASK)
    folder = tmp_path / "runs" / "export"
    folder.parent.mkdir()
    written(networks, np.array([1, 0], dtype=np.uint8), folder)
    text = (folder / "load_model.py").read_text()
    assert 'SOURCE = (HERE / "../../it\'s mine.py").resolve()' in text
    done = subprocess.run(
        [sys.executable, "load_model.py"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    lines = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    assert lines["input"] == "(2, 1, 8, 8) torch.float32"
    assert lines["output"] == "(2, 10) torch.float32"
    assert lines["weights"] == str(64 * 8 + 8 + 8 * 10 + 10)
    value, then = lines["checksum"].removesuffix(" when it was exported").split(", ")
    assert float(value) == pytest.approx(float(then), rel=1e-5)
    Path(mine).unlink()
    done = subprocess.run(
        [sys.executable, "load_model.py"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "mine.py: correct SOURCE in" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("name", "reason"),
    [("anonymous", "<lambda> is no function"), ("curious", "no attribute 'load'")],
)
def test_what_only_archrank_can_load(name: str, reason: str, mine: str, tmp_path: Path) -> None:
    networks = make_space(f"{mine}:{name}").networks(TASK)
    written(networks, np.array([1, 0], dtype=np.uint8), tmp_path)
    text = " ".join((tmp_path / "load_model.py").read_text().split())
    assert reason in text.replace(" # ", " ")
    assert "archrank.load(HERE, space=space, task=task, own_code=True)" in text
    linted("check", "--select", "E9,F", str(tmp_path / "load_model.py"))


def test_a_class_of_spaces_is_loaded_by_archrank(tmp_path: Path) -> None:
    class Mine(NASBench201):
        def _build(self, arch: np.ndarray, sizes: object) -> nn.Module:
            return nn.Sequential(super()._build(arch, sizes), nn.Linear(10, 10))  # type: ignore[arg-type]

    written(Mine().networks(TASK), np.ones(6, dtype=np.uint8), tmp_path)
    assert "a class of spaces of your own" in (tmp_path / "load_model.py").read_text()


def test_state_that_no_plain_code_restores(tmp_path: Path) -> None:
    written(odd.networks(TASK), np.ones(1, dtype=np.uint8), tmp_path)
    assert "a state beside plain tensors" in (tmp_path / "load_model.py").read_text()


class Named(NamedTuple):
    size: int
    step: float = 0.5
    names: tuple[str, ...] = ()


@pytest.mark.parametrize(
    "value",
    [
        None,
        [True, 1, -2.5, float("inf"), np.float32(0.5), np.int64(3)],
        ("a'b", 'c"d', "\\n\n", "é", ""),
        {"k": [], 3: (), "long": list(range(60)), "deep": {"x": ("y",)}},
        Named(3),
        [Named(1, 0.25, ("x" * 60, "y" * 60)), (Named(2),)],
    ],
)
def test_values_are_written_as_code(value: object) -> None:
    for before in (0, 40):
        code = written_value(value, before=before)
        assert eval(code, {"Named": Named}) == value


@pytest.mark.parametrize("value", [object(), {1, 2}, lambda: 0, [b"x"], Named.__new__])
def test_values_that_are_not_plain(value: object) -> None:
    with pytest.raises(UnwritableError):
        written_value(value)
