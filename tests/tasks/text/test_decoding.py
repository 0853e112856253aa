"""Translations of a trained network, in the order of the split, and their BLEU."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from archrank.errors import SettingsError
from archrank.networks.decoding import BeamSearch
from archrank.networks.transformer import EncoderDecoder
from archrank.networks.transformer_layers import LayerSpec, StackSpec
from archrank.tasks.text.decoding import check_bleu, finished_bleu, translations
from archrank.training.loop import initialise, train
from tests.tasks.tiny import PAD, Counting, Reversal

TASK = Reversal()


def transformer() -> EncoderDecoder:
    spec = LayerSpec(dim=16, ffn=32, heads=2, qkv_dim=16)
    stacks = StackSpec((spec,)), StackSpec((replace(spec, cross_heads=2),))
    return EncoderDecoder(*stacks, TASK.n_sources, TASK.vocabulary, pad=PAD)


def test_a_trained_network_translates() -> None:
    torch.set_num_threads(1)
    recipe = replace(TASK.recipe, epochs=20, lr=0.01)
    task = replace(TASK, recipe=recipe)
    network = initialise(transformer, 0)
    train(network, task, seed=0)
    greedy = BeamSearch(end=task.end, beam=1)
    found = translations(network, task, split="train", search=greedy)
    data = task.load().train
    wanted = [" ".join(str(t) for t in row if t > 2) for row in data.y.tolist()]
    assert found.references == wanted  # in the order of the split
    sources = [[t for t in row if t != PAD] for row in data.x[0].tolist()]
    backwards = [" ".join(str(t + 1) for t in reversed(source)) for source in sources]
    assert found.references == backwards
    right = sum(a == b for a, b in zip(found.hypotheses, found.references, strict=True))
    assert right > len(wanted) / 2  # and so are the translations
    first = translations(network, task, split="train", search=greedy, sentences=9)
    assert first.hypotheses == found.hypotheses[:9]
    assert finished_bleu(network, task)["test_bleu"] > 20  # by a beam of 5, of other sentences
    assert 50 < found.bleu(tokenize="none") < 100.1


def test_other_networks_cannot() -> None:
    with pytest.raises(SettingsError, match="a Linear cannot translate: it is no EncoderDecoder"):
        translations(nn.Linear(1, 1), TASK)
    with pytest.raises(SettingsError, match="'counting' is none"):
        check_bleu(transformer(), Counting())
    check_bleu(transformer(), TASK)
