from __future__ import annotations

import sys
from dataclasses import replace
from types import ModuleType

import pytest
import torch

from archrank.errors import DataError
from archrank.networks.language_models import LanguageModel
from archrank.networks.transformer_layers import LayerSpec, StackSpec
from archrank.tasks import TASKS, Recipe, Topics
from archrank.tasks.text import topics as module
from archrank.testing import check_task
from archrank.training.loop import initialise, train
from tests.tasks.text.frequencies import perplexity_of_frequencies

SHORT = Topics(input_shape=(32,))


def test_the_contract() -> None:
    check_task(SHORT)
    assert TASKS.get("topics") is Topics


def test_text_of_every_split_stands_in_the_corpus_once_and_apart() -> None:
    text = module.corpus()
    assert len(text) > 300_000
    places = []
    for split in SHORT.load():
        shifted = torch.equal(split.inputs[0][:, 1:], split.y[:, :-1])
        assert shifted
        assert set(split.y.unique().tolist()) <= set(range(3, SHORT.vocabulary))
        places.append({text.find(SHORT.text_of(row.tolist())) for row in split.y[5:50]})
    plain = [found - {-1} for found in places]
    assert min(map(len, plain)) > 30  # some characters are not in the alphabet
    assert not plain[0] & plain[1]
    assert not plain[1] & plain[2]
    paragraphs = [p for p in text.split("\n\n") if len(p) > 80]
    assert len(set(paragraphs)) == len(paragraphs)
    sizes = [len(split.y) for split in SHORT.load()]
    assert 0.08 < sizes[1] / sum(sizes) < 0.12
    assert abs(sizes[1] - sizes[2]) <= module.BLOCK // 32


def test_another_text_is_another_task(monkeypatch: pytest.MonkeyPatch) -> None:
    before = Topics().identity()
    assert replace(Topics(), input_shape=(64,)).identity() != before
    other = ModuleType("pydoc_data.topics")
    other.topics = {"a": "One.\n\nTwo.", "b": "Two.\n\n“Three”."}  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", other)
    module.corpus.cache_clear()
    try:
        assert module.corpus() == 'One.\n\nTwo.\n\n"Three".'
        assert Topics().identity()["text"] != before["text"]
        monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
        module.corpus.cache_clear()
        with pytest.raises(DataError, match="comes without pydoc_data"):
            Topics().identity()
    finally:
        module.corpus.cache_clear()


def test_a_transformer_learns_it() -> None:
    torch.set_num_threads(1)
    task = Topics(
        input_shape=(32,), recipe=Recipe(epochs=1, batch_size=32, optimizer="adamw", lr=1e-2)
    )
    spec = LayerSpec(dim=16, ffn=32, heads=2, relative=8, qkv_dim=16, pre=True)
    network = initialise(lambda: LanguageModel(StackSpec((spec,)), task.vocabulary), 0)
    found = train(network, task, seed=0).metrics
    assert found["valid_perplexity"] < 0.7 * perplexity_of_frequencies(task)
