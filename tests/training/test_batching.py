"""Batches by tokens: all examples once, within the limit, trimmed; resumable."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from archrank.errors import SettingsError
from archrank.tasks import Digits, Recipe, Split
from archrank.tasks.text.translation import pairs
from archrank.training.batching import batch_sizes, sorted_by_length, trimmed
from archrank.training.data import Draws
from archrank.training.evaluation import evaluate
from archrank.training.loop import initialise, train
from tests.tasks.tiny import BEGIN, END, PAD, Counting, Reversal, network_for

TASK = Reversal()


def some(lengths: list[int]) -> Split:
    """Sentences of given lengths, whose first token tells which one it is."""
    sources = [[100 + i, *[5] * (n - 1)] for i, n in enumerate(lengths)]
    return pairs(sources, [[6] * max(0, n - 2) for n in lengths], begin=BEGIN, end=END, padding=PAD)


def draws(data: Split, limit: int, seed: int = 0, part: tuple[int, int] = (0, 1)) -> Draws:
    generator = torch.Generator().manual_seed(seed)
    return Draws(TASK, data, Recipe(batch_tokens=limit), generator, part=part)


@settings(deadline=None, max_examples=60)
@given(lengths=st.lists(st.integers(1, 30), min_size=1, max_size=80), limit=st.integers(30, 200))
def test_every_sentence_once_within_the_limit_and_trimmed(lengths: list[int], limit: int) -> None:
    found = draws(some(lengths), limit)
    seen = []
    batches = list(found.epoch())
    assert len(batches) == found.batches
    assert found.smallest == min(len(batch.y) for batch in batches)
    for batch in batches:
        source, shifted = batch.inputs
        assert shifted.shape == batch.y.shape
        assert len(source) * max(source.shape[1], shifted.shape[1]) <= limit
        assert bool((source[:, -1] != PAD).any())
        assert bool((batch.y[:, -1] != PAD).any())
        seen += (source[:, 0] - 100).tolist()
        assert [int((row != PAD).sum()) for row in source] == [
            lengths[i] for i in (source[:, 0] - 100).tolist()
        ]
    assert sorted(seen) == list(range(len(lengths)))


def greedy(lengths: list[int], limit: int) -> list[int]:
    """Sizes of batches that are filled one sentence after the other."""
    sizes = [0]
    for length in sorted(lengths):
        if (sizes[-1] + 1) * length > limit:
            sizes.append(0)
        sizes[-1] += 1
    return sizes


@settings(deadline=None, max_examples=60)
@given(lengths=st.lists(st.integers(1, 30), min_size=1, max_size=80), limit=st.integers(30, 200))
def test_batches_are_as_full_as_they_can_be(lengths: list[int], limit: int) -> None:
    told = torch.tensor([[n, max(1, n // 2)] for n in lengths])
    sizes = batch_sizes(TASK, told, len(lengths), Recipe(batch_tokens=limit))
    assert sizes == greedy(lengths, limit)


def content(batches: list[Split]) -> list[list[int]]:
    return [batch.inputs[0][:, 0].tolist() for batch in batches]


def test_epochs_follow_the_seed_and_differ() -> None:
    data = some([1 + i % 9 for i in range(60)])
    first, second = draws(data, 40), draws(data, 40)
    epochs = [content(list(first.epoch())) for _ in range(2)]
    assert [content(list(second.epoch())) for _ in range(2)] == epochs
    assert epochs[0] != epochs[1]
    assert {frozenset(b) for b in epochs[0]} != {frozenset(b) for b in epochs[1]}  # neighbours too
    assert content(list(draws(data, 40, seed=1).epoch())) != epochs[0]


def test_goes_on_inside_an_epoch() -> None:
    data = some([1 + i % 9 for i in range(60)])
    whole = draws(data, 40)
    wanted = [content(list(whole.epoch())) for _ in range(2)]
    begun = draws(data, 40)
    iterator = begun.epoch()
    seen = content([next(iterator), next(iterator)])
    other = draws(data, 40, seed=9)
    other.load_state_dict(begun.state_dict())
    assert seen + content(list(other.epoch())) == wanted[0]
    assert content(list(other.epoch())) == wanted[1]


def test_processes_divide_every_batch() -> None:
    data = some([1 + i % 9 for i in range(60)])
    alone = content(list(draws(data, 60).epoch()))
    parts = [content(list(draws(data, 60, part=(i, 2)).epoch())) for i in range(2)]
    assert [a + b for a, b in zip(*parts, strict=True)] == alone
    with pytest.raises(SettingsError, match="batches of 1 examples cannot be divided among 2"):
        draws(some([9, 9, 9]), 9, part=(0, 2))


def test_mistakes() -> None:
    with pytest.raises(SettingsError, match="batch_tokens is 8, but a sequence of task 'reversal'"):
        draws(some([3, 9]), 8)
    generator = torch.Generator()
    images = Split(torch.zeros(4, 1, 8, 8), torch.zeros(4, dtype=torch.int64))
    with pytest.raises(SettingsError, match="task 'digits' has no sequences of tokens"):
        Draws(Digits(), images, Recipe(batch_tokens=9), generator)
    with pytest.raises(SettingsError, match="batch_tokens must be at least 1"):
        Recipe(batch_tokens=0)


def test_windows_are_trimmed_only_at_the_end() -> None:
    task = Counting()
    x = torch.tensor([[3, 4, 5, PAD], [3, PAD, PAD, PAD]])
    y = torch.tensor([[4, 5, PAD, PAD], [PAD, PAD, 7, PAD]])  # inner padding hides context
    assert trimmed(task, Split(x, y)).y.tolist() == y[:, :3].tolist()
    assert task.lengths(Split(x, y)).tolist() == [[3], [3]]
    full = replace(task, padding=None)
    assert full.lengths(Split(x, y)).tolist() == [[4], [4]]
    assert torch.equal(trimmed(full, Split(x, y)).y, y)
    assert batch_sizes(full, full.lengths(Split(x, y)), 2, Recipe(batch_tokens=4)) == [1, 1]


def test_sorting_by_length_leaves_others_alone() -> None:
    data = some([5, 2, 9])
    assert (sorted_by_length(TASK, data).inputs[0][:, 0] - 100).tolist() == [1, 0, 2]
    images = Split(torch.zeros(4, 1, 8, 8), torch.zeros(4, dtype=torch.int64))
    assert sorted_by_length(Digits(), images) is images


class Watching(torch.nn.Module):
    """Knows the widths that it was called with."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.widths = network_for(TASK), set[int]()

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        self.widths.add(target.shape[1])
        outputs: Tensor = self.inner(source, target)
        return outputs


def test_training_and_evaluation_by_tokens() -> None:
    torch.set_num_threads(1)
    task = replace(TASK, recipe=replace(TASK.recipe, batch_size=1, batch_tokens=80))
    made = [initialise(Watching, 0) for _ in range(2)]
    first, second = (train(network, task, seed=0) for network in made)
    assert first.metrics == second.metrics
    assert first.metrics["valid_accuracy"] > 0.5
    assert isinstance(made[0], Watching)
    assert len(made[0].widths) > 1
    found = evaluate(made[0], task, task.load().valid)
    assert found["loss"] == pytest.approx(first.metrics["valid_loss"])
