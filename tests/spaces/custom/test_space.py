from __future__ import annotations

import pickle
import sys
import types
import warnings
from typing import Any

import numpy as np
import pytest

import archrank as ar
from archrank.errors import BuildError, SpaceError, UncountedOperationWarning
from archrank.evaluators import Cost, Function, Training
from archrank.spaces import CustomSpace, Networks
from archrank.tasks import Digits
from archrank.testing import check_space

CHOICES = {"depth": [0, 2], "width": [8, 16]}
TASK = Digits()


def mlp(config: dict[str, Any], task: object) -> Any:
    from torch import nn

    width = config["width"]
    layers: list[nn.Module] = [nn.Flatten(), nn.Linear(64, width)]
    for _ in range(config["depth"]):
        layers += [nn.ReLU(), nn.Linear(width, width)]
    return nn.Sequential(*layers, nn.Linear(width, 10))


def returning(value: Any) -> Networks:
    return CustomSpace(CHOICES, lambda config, task: value).networks(TASK)


def test_config_names_the_options() -> None:
    space = CustomSpace(CHOICES, mlp)
    assert space.config(np.array([1, 0], dtype=np.uint8)) == {"depth": 2, "width": 8}


def test_from_choices() -> None:
    rule = {"width": ("depth", [2])}
    space = ar.spaces.from_choices(CHOICES, build=mlp, active_if=rule, name="nets")
    assert isinstance(space, CustomSpace)
    assert ar.spaces.Space is ar.Space
    assert (space.name, space.size) == ("nets", 3)
    check_space(ar.spaces.from_choices(list(CHOICES.items()), mlp))


@pytest.mark.parametrize("rule", [None, {"b": ("a", [0, 1])}])
def test_sampling_draws_every_option_of_every_choice(rule: Any) -> None:
    space = CustomSpace({"a": range(2), "b": range(5), "c": range(3)}, mlp, active_if=rule)
    archs = space.sample(30_000, rng=np.random.default_rng(0))
    for column, radix in enumerate(space.radices):
        share = np.bincount(archs[:, column], minlength=radix) / len(archs)
        np.testing.assert_allclose(share, 1 / radix, atol=0.02)


def test_costs_are_counted() -> None:
    space = CustomSpace(CHOICES, mlp)
    assert int(np.prod(TASK.input_shape)) == 64
    cost = space.networks(TASK).cost(space.enumerate())
    weights = [64 * w + depth * w * w + 10 * w for depth in (0, 2) for w in (8, 16)]
    biases = [w + depth * w + 10 for depth in (0, 2) for w in (8, 16)]
    assert cost["macs"].tolist() == weights
    assert cost["params"].tolist() == [a + b for a, b in zip(weights, biases, strict=True)]


def test_costs_need_a_task() -> None:
    space = CustomSpace(CHOICES, mlp)
    for use in (space.networks, lambda: space.cost(space.enumerate())):
        with pytest.raises(SpaceError, match=r"use space\.networks\(task\)\.cost\(archs\)"):
            use()


def test_each_network_is_counted_once() -> None:
    built = []

    def build(config: dict[str, Any], task: object) -> Any:
        built.append(config)
        return mlp({"width": 8, **config}, task)

    rule = {"width": ("depth", [2])}
    networks = CustomSpace(CHOICES, build, active_if=rule).networks(TASK)
    rows = np.array([[0, 0], [0, 1], [1, 1], [0, 0]], dtype=np.uint8)
    first = networks.cost(rows)["macs"]
    assert built == [{"depth": 0}, {"depth": 2, "width": 16}]
    assert (networks.cost(rows)["macs"] == first).all()
    assert len(built) == 2
    assert len(networks.cost(rows[:0])["macs"]) == 0


def test_uncounted_operations_are_named_once() -> None:
    def build(config: dict[str, Any], task: object) -> Any:
        import torch
        from torch import nn

        class Fourier(nn.Module):
            def forward(self, x: Any) -> Any:
                return torch.fft.fft2(x).abs()

        return nn.Sequential(Fourier(), mlp(config, task))

    space = CustomSpace(CHOICES, build, "waves")
    networks = space.networks(TASK)
    with pytest.warns(UncountedOperationWarning, match=r"waves: .* leave out aten\._fft") as caught:
        networks.cost(space.enumerate()[:2])
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = networks.cost(space.enumerate())
    plain = CustomSpace(CHOICES, mlp).networks(TASK).cost(space.enumerate())
    assert (again["macs"] == plain["macs"]).all()


# ---- networks that cannot be used ----------------------------------------------------------------


def test_build_must_return_a_module() -> None:
    rows = CustomSpace(CHOICES, mlp).enumerate()
    with pytest.raises(SpaceError, match=r"build\(\{'depth': 0, 'width': 8\}\) returned 3"):
        returning(3).build(rows[0])
    with pytest.raises(BuildError, match="returned 3, expected a torch"):
        returning(3).cost(rows)
    with pytest.raises(BuildError, match="returned None"):
        returning(None).build(rows[0])


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (ValueError("odd"), BuildError, r"build\(\{'depth': 0, .*\) failed: ValueError: odd"),
        (KeyError("w"), BuildError, "failed: KeyError: 'w'"),
        (
            ImportError("No module named 'timm'"),
            SpaceError,
            "cannot import .*No module named 'timm'",
        ),
    ],
)
def test_a_build_that_raises(error: Exception, kind: type[Exception], message: str) -> None:
    def build(config: dict[str, Any], task: object) -> Any:
        raise error

    space = CustomSpace(CHOICES, build)
    networks = space.networks(TASK)
    for call in (
        lambda: networks.build(space.enumerate()[0]),
        lambda: networks.cost(space.enumerate()),
    ):
        with pytest.raises(SpaceError, match=message) as caught:
            call()
        assert type(caught.value) is kind


def test_wrong_outputs() -> None:
    from torch import nn

    row = CustomSpace(CHOICES, mlp).enumerate()[:1]
    five = returning(nn.Sequential(nn.Flatten(), nn.Linear(64, 5)))
    pair = returning(nn.LSTM(8, 10))
    for networks, message in (
        (five, r"of \{'depth': 0, 'width': 8\} returns a tensor of shape \(b, 5\), .*\(b, 10\)"),
        (returning(nn.MaxPool2d(8)), r"\(b, 1, 1, 1\), task 'digits' needs \(b, 10\)"),
    ):
        with pytest.raises(BuildError, match=message):
            networks.cost(row)
        with pytest.raises(BuildError, match=message):
            networks.build(row[0])
    with pytest.raises(BuildError, match=r"cannot run on one input of shape \(1, 8, 8\)"):
        pair.cost(row)
    with pytest.raises(BuildError, match="mat1 and mat2"):
        returning(nn.Sequential(nn.Flatten(), nn.Linear(63, 10))).cost(row)


def test_other_losses_know_what_they_need() -> None:
    from dataclasses import dataclass

    from torch import nn

    @dataclass(frozen=True)
    class Regression(Digits):
        def loss(self, outputs: Any, y: Any) -> Any:
            return ((outputs[:, 0] - y) ** 2).mean()

    space = CustomSpace(CHOICES, lambda c, t: nn.Sequential(nn.Flatten(), nn.Linear(64, 1)))
    networks = space.networks(Regression())
    assert networks.cost(space.enumerate()[:1])["macs"].tolist() == [64]
    networks.build(space.enumerate()[0])


def test_failures_are_one_architectures() -> None:
    def build(config: dict[str, Any], task: object) -> Any:
        if config["depth"] == 0:
            raise RuntimeError("too shallow")
        return mlp(config, task) if config["width"] == 8 else None

    recipe = ar.tasks.Recipe(epochs=1)
    evaluator = ar.evaluators.Combined(
        ar.evaluators.Training(Digits(recipe=recipe, copies=1)), ar.evaluators.Cost()
    )
    space = CustomSpace(CHOICES, build)
    result = evaluator.bind(space).evaluate(space.enumerate())
    assert np.isnan(result["params"]).tolist() == [True, True, False, True]
    assert np.isnan(result["valid_accuracy"]).tolist() == [True, True, False, True]
    assert result.reasons[2] is None
    assert str(result.reasons[0]).count("RuntimeError: too shallow") == 1  # not once per part
    assert "returned None, expected a torch.nn.Module" in str(result.reasons[3])


# ---- declarations --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({}, "at least one choice"),
        ({"depth": []}, "'depth' needs 1 to 256 different options"),
        ({"depth": [1, 1]}, r"different options, got \[1, 1\]"),
        ({"a b": [1]}, "Python identifiers, got 'a b'"),
        ({"class": [1]}, "Python identifiers, got 'class'"),
    ],
)
def test_wrong_declarations(choices: dict[str, list[Any]], message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        CustomSpace(choices, mlp)


def test_build_is_a_function() -> None:
    with pytest.raises(SpaceError, match=r"build is a function build\(config, task\), got 3"):
        CustomSpace(CHOICES, 3)  # type: ignore[arg-type]


def test_a_space_without_networks_is_for_functions_of_configurations() -> None:
    space = pickle.loads(pickle.dumps(CustomSpace(CHOICES, name="bare")))
    assert space.size == CustomSpace(CHOICES, mlp).size
    found = Function(lambda config: float(config["depth"]), ["depth"]).bind(space)
    archs = space.enumerate()
    assert (found.evaluate(archs)["depth"] == [space.config(arch)["depth"] for arch in archs]).all()
    for evaluator in (Training(TASK), Cost(TASK)):
        with pytest.raises(SpaceError, match=r"bare has no networks: give from_choices a function"):
            evaluator.bind(space)


# ---- pickling ------------------------------------------------------------------------------------


def test_pickles_by_value() -> None:
    space = CustomSpace(CHOICES, mlp, "nets", active_if={"width": ("depth", [2])})
    networks = space.networks(TASK)
    rows = space.parse(["depth=2,width=8", "depth=2,width=16"])
    cost = networks.cost(rows)
    copy = pickle.loads(pickle.dumps(networks))
    assert copy.fingerprint() == networks.fingerprint()
    assert copy.space.fingerprint() == space.fingerprint()
    assert networks._counts
    assert not copy._counts
    assert (copy.cost(rows)["macs"] == cost["macs"]).all()


def test_pickles_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("module_of_lambdas")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec("build = lambda config, task: mlp(config, task)", module.__dict__)
    module.__dict__.update(mlp=mlp, space=CustomSpace(CHOICES, module.build))
    assert pickle.loads(pickle.dumps(module.space)) is module.space
    networks = pickle.loads(pickle.dumps(module.space.networks(TASK)))
    assert networks.space is module.space
    assert networks.cost(module.space.enumerate()[:1])["macs"].tolist() == [64 * 8 + 80]


def test_what_cannot_be_pickled_says_why() -> None:
    with pytest.raises(SpaceError, match="cannot be sent to worker processes: it holds a lambda"):
        pickle.dumps(returning(None))
