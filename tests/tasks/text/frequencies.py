"""Perplexity of guessing by the frequency of tokens, which any network must beat."""

from __future__ import annotations

import torch

from archrank.tasks.text.base import TokenPrediction


def perplexity_of_frequencies(task: TokenPrediction) -> float:
    """Return the validation perplexity of the training data's frequencies, plus one each."""
    splits = task.load()
    counts = torch.bincount(splits.train.y[task.real(splits.train.y)], minlength=task.vocabulary)
    shares = (counts + 1).double() / (counts + 1).sum()
    found = splits.valid.y[task.real(splits.valid.y)]
    return float((-shares[found].log().mean()).exp())
