from __future__ import annotations

import pytest
import torch
from torch import nn

from archrank.tasks.images.augmentation import Augmentation, random_flip, random_shift


def test_shift_is_a_crop_of_the_padded_image() -> None:
    x = torch.arange(1.0, 33).reshape(2, 1, 4, 4).repeat(50, 1, 1, 1)
    moved = random_shift(x, 1, torch.Generator().manual_seed(0))
    padded = nn.functional.pad(x, [1] * 4)
    seen = set()
    for image, wide in zip(moved, padded, strict=True):
        crops = {(i, j): wide[:, i : i + 4, j : j + 4] for i in range(3) for j in range(3)}
        (found,) = [at for at, crop in crops.items() if torch.equal(crop, image)]
        seen.add(found)
    assert len(seen) == 9


def test_flip_mirrors_about_half_of_the_images() -> None:
    x = torch.randn(400, 3, 2, 5)
    flipped = random_flip(x, torch.Generator().manual_seed(0))
    mirrored = (flipped == x.flip(3)).flatten(1).all(1)
    assert bool((mirrored | (flipped == x).flatten(1).all(1)).all())
    assert 150 < int(mirrored.sum()) < 250


def test_augment_leaves_its_input_alone_and_adds_the_asked_noise() -> None:
    x = torch.zeros(500, 1, 8, 8)
    noisy = Augmentation(noise=0.7)(x, torch.Generator().manual_seed(0))
    assert float(x.abs().max()) == 0
    assert float(noisy.std()) == pytest.approx(0.7, rel=0.02)
    assert Augmentation()(x, torch.Generator()) is x
