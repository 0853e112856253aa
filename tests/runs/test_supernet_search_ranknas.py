"""RankNAS's search in supernets of Transformers, with the weights of their initialisation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archrank.errors import InfeasibleError, ResumeError, SettingsError, UnknownNameError
from archrank.evaluators.latency import Latency
from archrank.rankers import RANKERS
from archrank.runs.supernet_search import search as engine
from archrank.runs.supernet_search.results import SubnetSearch, read_search
from archrank.runs.supernet_search.search import search_supernet
from archrank.runs.supernet_search.settings import SubnetSettings
from archrank.spaces import HAT, RankNASLanguageModel, Space
from archrank.spaces.networks import Networks
from archrank.strategies.patient_random import PatientRandom
from archrank.strategies.population_evolution import PopulationEvolution
from archrank.supernets import one_shot_scores
from archrank.supernets.checkpoints import checkpoint, load_supernet
from archrank.supernets.recipes import start_training
from archrank.tables import load_table
from archrank.tasks.base import Task
from archrank.torch_state import torch_threads
from tests.supernets.transformers import Counting, Reversal

SETTINGS = SubnetSettings(
    strategy="ranknas", archs=40, examples=8, finalists=2, timed=12, repeats=1
)
SMALL = PopulationEvolution(parents=6, mutants=8, mixtures=8, generations=4)
TRANSLATION = HAT("small").networks(Reversal())


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    with torch_threads(1):
        yield


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kept(TRANSLATION, tmp_path_factory.mktemp("net"))


def kept(networks: Networks, folder: Path) -> Path:
    start_training(networks, epochs=1).save(checkpoint(folder, 1))
    return folder


def search(net: Path, folder: Path, settings: SubnetSettings = SETTINGS, **more: Any) -> Any:
    return search_supernet(net, TRANSLATION, settings, folder, search=SMALL, **more)


def by_macs(self: Latency, archs: Any) -> dict[str, Any]:
    """Latencies of 1 ms per 10,000 MACs."""
    return {"latency_ms": TRANSLATION.cost(archs)["macs"] / 1e4}


def test_of_the_fast_enough_the_one_of_the_lowest_loss(
    net: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Latency, "evaluate", by_macs)
    ms = by_macs(None, TRANSLATION.space.sample(200, rng=np.random.default_rng(1)))["latency_ms"]  # type: ignore[arg-type]
    limit = float(np.median(ms))
    settings = replace(SETTINGS, limit=(f"latency_ms<={limit:.6g}",), timed=60)
    found = search(net, tmp_path, settings)
    assert (found.metric, found.direction, found.cost) == ("valid_loss", "minimize", "latency_ms")
    assert (found.strategy, found.calibrated) == ("ranknas", False)
    assert found.evaluations == SMALL.evaluations
    table = load_table(tmp_path / "evaluations.parquet", TRANSLATION.space)
    assert table.column("latency_ms").max() <= limit * 1.000001  # predicted
    best = found.best()
    inside = [f for f in found.finalists if f.value("latency_ms") <= limit]
    assert best.value("valid_loss") == min(f.value("valid_loss") for f in inside)
    rows = TRANSLATION.space.parse([f.architecture for f in found.finalists])
    supernet = load_supernet(checkpoint(net, 1), TRANSLATION)
    losses = one_shot_scores(supernet, Reversal(), rows)["loss"]
    np.testing.assert_allclose([f.value("valid_loss") for f in found.finalists], losses, rtol=1e-5)
    assert len(rows) <= 4  # two within the limit, two within 95 % of it
    assert read_search(tmp_path) == found
    with pytest.raises(SettingsError, match=r"the fastest found, .* ms, the slowest found"):
        search(net, tmp_path, replace(settings, limit=("latency_ms<=0.001",)))


def test_the_labels_are_losses_and_the_ranker_is_ranknas(
    net: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    get = type(RANKERS).get

    def told(self: Any, name: str) -> Any:
        if self is RANKERS:
            made.append(name)
        return get(self, name)

    monkeypatch.setattr(type(RANKERS), "get", told)
    found = search(net, tmp_path)
    sampled = load_table(tmp_path / "sampled.parquet", TRANSLATION.space)
    supernet = load_supernet(checkpoint(net, 1), TRANSLATION)
    losses = one_shot_scores(supernet, Reversal(), sampled.archs[:5], examples=8)["loss"]
    np.testing.assert_allclose(sampled.column("valid_loss")[:5], losses, rtol=1e-5)
    assert found.ranker["labels"] == 20
    search(net, tmp_path, replace(SETTINGS, ranker="linear" if "linear" in RANKERS.names() else
                                  "random_forest"))  # fmt: skip
    assert made[0] == "ranknas" != made[1]


def test_a_limit_of_parameters_without_one_of_latency(net: Path, tmp_path: Path) -> None:
    low, high = TRANSLATION.cost(np.stack([TRANSLATION.smallest, TRANSLATION.largest]))["params"]
    middle = round((low + high) / 2)
    found = search(net, tmp_path, replace(SETTINGS, limit=(f"params<={middle}",)))
    assert found.cost == "params"
    assert found.best().value("params") <= middle
    free = search(net, tmp_path)
    assert free.limits == {}
    assert list(free.winners) == [""]
    losses = [f.value("valid_loss") for f in free.finalists]
    assert free.best().value("valid_loss") == min(losses)


def test_random_search_and_other_metrics(net: Path, tmp_path: Path) -> None:
    settings = replace(SETTINGS, strategy="ranknas-random", metric="accuracy")
    found = search_supernet(
        net, TRANSLATION, settings, tmp_path, search=PatientRandom(batch=10, patience=2)
    )
    assert (found.metric, found.strategy) == ("valid_accuracy", "ranknas-random")
    assert found.direction == "maximize"
    with pytest.raises(UnknownNameError, match="perplexity"):
        search(net, tmp_path, replace(settings, metric="perplexitty"))
    with pytest.raises(UnknownNameError, match="ranknas-random"):
        search(net, tmp_path, replace(settings, strategy="ranknas_random"))  # type: ignore[arg-type]


def test_the_published_searches_are_the_default(net: Path) -> None:
    made = []

    def searched(settings: SubnetSettings) -> Any:
        parts = engine._Search(*[None] * 3, settings, *[None] * 4)  # type: ignore[arg-type]
        made.append(parts._published(0.0, 1.0))
        return made[-1]

    assert searched(SETTINGS) == PopulationEvolution()
    assert searched(replace(SETTINGS, strategy="ranknas-random")) == PatientRandom()
    assert SubnetSettings(strategy="ranknas").labels == 400
    assert SubnetSettings().labels == 1024


def test_a_stopped_search_goes_on(
    net: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored: list[int] = []

    def count(supernet: Any, task: Task, archs: Any, **options: Any) -> Any:
        if len(scored) == 3:
            scored.append(0)
            raise KeyboardInterrupt
        scored.append(len(archs))
        return one_shot_scores(supernet, task, archs, **options)

    monkeypatch.setattr(engine, "AT_ONCE", 8)
    monkeypatch.setattr(engine, "one_shot_scores", count)
    with pytest.raises(KeyboardInterrupt):
        search(net, tmp_path / "a")
    found: SubnetSearch = search(net, tmp_path / "a")
    labels = load_table(tmp_path / "a" / "sampled.parquet", TRANSLATION.space)
    assert sum(scored) == len(labels) + 2 * len(found.finalists)
    again = search(net, tmp_path / "b")
    assert replace(again, seconds=0.0) == replace(found, seconds=0.0)


def test_language_models(tmp_path: Path) -> None:
    networks = RankNASLanguageModel("small").networks(Counting())
    folder = kept(networks, tmp_path)
    found = search_supernet(folder, networks, SETTINGS, tmp_path / "s", search=SMALL)
    assert found.metric == "valid_loss"
    assert np.isfinite(found.best().value("test_loss"))


def test_a_pruned_space_is_searched_with_the_whole_supernet(net: Path, tmp_path: Path) -> None:
    whole = TRANSLATION.space
    name = whole.choices[0].name
    kept_option = whole.choices[0].options[-1]
    small: Space = whole.restrict({name: [kept_option]})
    networks = small.networks(Reversal())
    found = search_supernet(net, networks, SETTINGS, tmp_path, search=SMALL)
    rows = whole.parse([f.architecture for f in found.finalists])
    assert {whole.config(row)[name] for row in rows} == {kept_option}
    losses = one_shot_scores(load_supernet(checkpoint(net, 1), TRANSLATION), Reversal(), rows)
    np.testing.assert_allclose(
        [f.value("valid_loss") for f in found.finalists], losses["loss"], rtol=1e-5
    )
    other = HAT("small").restrict({name: [kept_option]}).networks(Reversal(length=4))
    with pytest.raises(ResumeError, match="another supernet"):
        search_supernet(net, other, SETTINGS, tmp_path / "other")


def test_decisions_that_matter_little_are_fixed(
    net: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Latency, "evaluate", by_macs)
    space = TRANSLATION.space
    first = space.choices[0].name

    def scores(supernet: Any, task: Any, archs: Any, **options: Any) -> dict[str, Any]:
        return {"loss": 1.0 + archs[:, 0] + 1e-3 * archs[:, 1:].sum(axis=1)}

    monkeypatch.setattr(engine, "one_shot_scores", scores)
    settings = replace(SETTINGS, archs=80, ranker="random_forest", prune="60:1.6")
    found = search(net, tmp_path / "a", settings)
    kind = max(found.importance, key=lambda name: found.importance[name])
    assert first.startswith(kind) or kind.startswith(first)
    assert first not in found.fixed
    assert len(found.fixed) >= space.d // 2
    table = load_table(tmp_path / "a" / "evaluations.parquet", space)
    columns = [j for j, c in enumerate(space.choices) if c.name in found.fixed]
    canonical = space.canonical(table.archs)
    active = space.active(canonical)[:, columns].all(axis=1)
    assert active.any()
    assert len(np.unique(canonical[active][:, columns], axis=0)) == 1
    assert found.best().value("valid_loss") < 1.5  # the important decision is searched
    assert read_search(tmp_path / "a") == found

    ms = TRANSLATION.cost(space.sample(200, rng=np.random.default_rng(1)))["macs"] / 1e4
    limit = (f"latency_ms<={np.median(ms):.6g}",)
    fast = search(net, tmp_path / "b", replace(settings, limit=limit, timed=60))
    assert set(fast.fixed) < set(found.fixed)  # some decisions matter to the latency alone
    assert fast.best().value("latency_ms") <= np.median(ms)
    mistakes = {"60": "N:THRESHOLD", "60:0.5": "at least 1", "300:1.2": "--archs 300"}
    for wrong, text in mistakes.items():
        with pytest.raises(SettingsError, match=text):
            search(net, tmp_path / "c", replace(settings, prune=wrong))
    with pytest.raises(SettingsError, match="--timed 60"):
        search(net, tmp_path / "c", replace(settings, limit=limit))
    with pytest.raises(SettingsError, match="needs a ranker"):
        search(net, tmp_path / "c", replace(settings, score_by="supernet"))


def test_nothing_is_predicted_to_be_fast_enough(
    net: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Latency, "evaluate", by_macs)
    monkeypatch.setattr(
        engine, "predicted_latency", lambda *parts: (lambda archs: 999.0 + 0 * archs[:, 0], {})
    )
    ends = np.stack([TRANSLATION.smallest, TRANSLATION.largest])
    middle = TRANSLATION.cost(ends)["macs"].mean() / 1e4
    with pytest.raises(InfeasibleError, match="is predicted to keep"):
        search(net, tmp_path, replace(SETTINGS, limit=(f"latency_ms<={middle:.4g}",)))
