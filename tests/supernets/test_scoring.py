"""One-shot scores against stand-alone networks, one architecture at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import log_loss
from torch import nn

from archrank.errors import ArchitectureError, SettingsError
from archrank.spaces import NASBench201, Scale
from archrank.supernets import Supernet
from archrank.supernets.readout import refit_classifier
from archrank.supernets.scoring import mean_of_classes, mean_of_supernets, one_shot_scores
from archrank.supernets.statistics import recalibrate
from archrank.tasks import Augmentation, Digits
from archrank.tasks.base import Split, Splits
from archrank.training.loop import initialise

SPACE = NASBench201(Scale(channels=3, cells=1, reduction="pool"))
TASK = Digits(copies=1)
ARCHS = SPACE.sample(5, rng=np.random.default_rng(0))


@pytest.fixture
def supernet() -> Supernet:
    torch.set_num_threads(1)
    return initialise(SPACE.networks(TASK).supernet, 0)  # type: ignore[return-value]


@pytest.mark.parametrize("split", ["valid", "test"])
def test_batch_statistics(supernet: Supernet, split: Any) -> None:
    scores = one_shot_scores(supernet, TASK, ARCHS, split=split, batch_size=200)
    assert scores.keys() == {"loss", "accuracy"}
    data = getattr(TASK.load(), split)
    parts = np.array_split(np.arange(len(data.y)), -(-len(data.y) // 200))
    for i, arch in enumerate(ARCHS):
        network = supernet.extract(arch).eval()
        with torch.no_grad():
            outputs = torch.cat([network(data.x[torch.as_tensor(part)]) for part in parts])
        loss = float(nn.functional.cross_entropy(outputs, data.y))
        assert scores["loss"][i] == pytest.approx(loss, rel=1e-4)
        accuracy = float((outputs.argmax(dim=1) == data.y).float().mean())
        assert scores["accuracy"][i] == pytest.approx(accuracy, abs=2.5 / len(data.y))


def test_recalibrated_statistics_do_not_depend_on_the_batch(supernet: Supernet) -> None:
    small, large = (
        one_shot_scores(
            supernet, TASK, ARCHS, statistics="recalibrated", batch_size=size, calibration=10**6
        )
        for size in (150, 450)
    )
    assert small["loss"] == pytest.approx(large["loss"], rel=0.05)
    batch = one_shot_scores(supernet, TASK, ARCHS)
    assert not np.allclose(large["loss"], batch["loss"], rtol=1e-4)


def test_recalibration_sees_what_training_saw(supernet: Supernet) -> None:
    rows = [torch.arange(450), torch.arange(450, 900)]
    generator = torch.Generator().manual_seed(0)
    seen = [TASK.augment(TASK.load().train.x[each], generator) for each in rows]
    network = recalibrate(supernet.extract(ARCHS[0]), seen)
    data = TASK.load().valid
    with torch.no_grad():
        wanted = float(nn.functional.cross_entropy(network(data.x), data.y))
    settings: Any = {"statistics": "recalibrated", "batch_size": 450}
    found = one_shot_scores(supernet, TASK, ARCHS[:1], calibration=2, **settings)
    assert found["loss"][0] == pytest.approx(wanted, rel=1e-4)
    plain = replace(TASK, augmentation=Augmentation())
    assert found["loss"][0] != one_shot_scores(supernet, plain, ARCHS[:1], **settings)["loss"][0]


def test_some_examples_spread_over_the_split(supernet: Supernet) -> None:
    data = TASK.load().valid
    rows = np.linspace(0, len(data.y) - 1, 40).astype(int)  # float32 and float64 agree here
    found = one_shot_scores(supernet, TASK, ARCHS[:1], examples=40)
    with torch.no_grad():
        outputs = supernet.eval()(data.x[rows], ARCHS[0])
    assert found["loss"][0] == pytest.approx(
        float(nn.functional.cross_entropy(outputs, data.y[rows])), rel=1e-5
    )
    every = one_shot_scores(supernet, TASK, ARCHS[:1], examples=10**6)
    assert every["loss"][0] == one_shot_scores(supernet, TASK, ARCHS[:1])["loss"][0]
    with pytest.raises(SettingsError, match="examples must be at least 1, got 0"):
        one_shot_scores(supernet, TASK, ARCHS, examples=0)


def test_a_read_out_is_that_of_discriminant_analysis(supernet: Supernet) -> None:
    found = one_shot_scores(supernet, TASK, ARCHS[:2], readout=True, calibration=2)
    data = TASK.load()
    batches = np.array_split(np.arange(len(data.train.y)), -(-len(data.train.y) // 512))[:2]
    generator = torch.Generator().manual_seed(0)
    seen = [TASK.augment(data.train.x[rows], generator) for rows in batches]
    for i, arch in enumerate(ARCHS[:2]):
        network = supernet.extract(arch).eval()
        features: list[torch.Tensor] = []
        network.classifier.register_forward_pre_hook(
            lambda _, x, found=features: found.append(x[0])
        )  # type: ignore[union-attr,operator]
        with torch.no_grad():
            for images in seen:
                network(images)
            network(data.valid.x)
        x, y = torch.cat(features[:2]).numpy(), data.train.y[np.concatenate(batches)].numpy()
        oracle = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.01).fit(x, y)
        held_out = features[2].numpy()
        accuracy = oracle.score(held_out, data.valid.y.numpy())
        assert found["accuracy"][i] == pytest.approx(accuracy, abs=2.5 / len(held_out))
        loss = log_loss(data.valid.y.numpy(), oracle.predict_proba(held_out))
        assert found["loss"][i] == pytest.approx(loss, rel=1e-3)
    assert not np.allclose(found["loss"], one_shot_scores(supernet, TASK, ARCHS[:2])["loss"])
    both = one_shot_scores(
        supernet, TASK, ARCHS[:2], readout=True, statistics="recalibrated", calibration=2
    )
    assert not np.allclose(found["loss"], both["loss"])


def test_a_read_out_of_two_classes_and_of_no_classifier() -> None:
    torch.manual_seed(0)
    x = torch.randn(60, 3)
    y = (x[:, 0] + 0.3 * torch.randn(60) > 0).long()
    network = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2, bias=False))
    refit_classifier(network, [Split(x, y)])
    with torch.no_grad():
        assert (network(x).argmax(1) == y).float().mean() > 0.8
    with pytest.raises(SettingsError, match="ends in a linear classifier"):
        refit_classifier(nn.Sequential(nn.Linear(3, 2), nn.ReLU()), [Split(x, y)])
    with pytest.raises(SettingsError, match="examples of all 2 classes, got 1"):
        refit_classifier(network, [Split(x, 0 * y)])


def test_the_supernet_is_left_as_it_was(supernet: Supernet) -> None:
    before = {name: tensor.clone() for name, tensor in supernet.state_dict().items()}
    supernet.train()
    one_shot_scores(supernet, TASK, ARCHS[:2])
    one_shot_scores(supernet, TASK, ARCHS[:2], statistics="recalibrated")
    assert supernet.training
    assert all(torch.equal(before[n], t) for n, t in supernet.state_dict().items())


def test_a_cell_without_a_path_scores_as_chance(supernet: Supernet) -> None:
    scores = one_shot_scores(supernet, TASK, np.zeros((1, 6), dtype=np.uint8))
    assert np.isfinite(scores["loss"]).all()
    assert scores["accuracy"][0] < 0.2


def test_outputs_that_are_not_finite_are_nan(supernet: Supernet) -> None:
    with torch.no_grad():
        supernet.get_parameter("network.classifier.bias").fill_(float("inf"))
    scores = one_shot_scores(supernet, TASK, ARCHS[:2])
    assert np.isnan(scores["accuracy"]).all()
    assert np.isnan(scores["loss"]).all()


def test_progress(supernet: Supernet) -> None:
    done: list[int] = []
    one_shot_scores(supernet, TASK, ARCHS, progress=done.append)
    assert done == [1, 2, 3, 4, 5]


@dataclass(frozen=True)
class Unchecked(Digits):
    """Digits without anything to validate on."""

    def load(self) -> Splits:
        splits = super().load()
        return splits._replace(valid=splits.valid.take(slice(0, 0)))


def test_bad_input(supernet: Supernet) -> None:
    with pytest.raises(SettingsError, match="has no examples in its valid split"):
        one_shot_scores(supernet, Unchecked(), ARCHS)
    with pytest.raises(ArchitectureError, match="expects archs of shape"):
        one_shot_scores(supernet, TASK, ARCHS[0])
    with pytest.raises(SettingsError, match="batch_size must be at least 1, got 0"):
        one_shot_scores(supernet, TASK, ARCHS, batch_size=0)
    with pytest.raises(SettingsError, match="at least one supernet"):
        mean_of_supernets([])
    wide = NASBench201(Scale(channels=4, cells=1, reduction="pool")).networks(TASK).supernet()
    with pytest.raises(SettingsError, match="different shapes"):
        mean_of_supernets([supernet, wide])


def test_means_over_classes() -> None:
    rng = np.random.default_rng(0)
    classes, scores = rng.integers(0, 7, 60), rng.random(60)
    expected = [scores[classes == c].mean() for c in classes]
    assert mean_of_classes(scores, classes) == pytest.approx(expected)
    scores[0] = np.nan
    assert np.array_equal(np.isnan(mean_of_classes(scores, classes)), classes == classes[0])


def test_mean_weights(supernet: Supernet) -> None:
    other = initialise(SPACE.networks(TASK).supernet, 1)
    mean = mean_of_supernets([supernet, other])  # type: ignore[list-item]
    name = "network.stem.0.weight"
    expected = (supernet.state_dict()[name] + other.state_dict()[name]) / 2
    assert torch.allclose(mean[name], expected)
    supernet.load_state_dict(mean)
