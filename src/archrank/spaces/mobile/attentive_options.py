"""Options of the spaces that are built like AttentiveNAS's: the published ones, and small ones."""

from __future__ import annotations

from typing import NamedTuple


class StageOptions(NamedTuple):
    """Options of a stage of equal blocks; only the first block has the stride."""

    name: str
    widths: tuple[int, ...]
    depths: tuple[int, ...]
    kernels: tuple[int, ...]
    expands: tuple[int, ...]
    se: bool
    stride: int


class NetworkOptions(NamedTuple):
    """Options of all parts of a network, in rising order; channels are multiples of 8.

    Attributes:
        first: widths of the first convolution, which has stride 2.
        stages: the searched stages.
        last: widths of the last convolution.
    """

    first: tuple[int, ...]
    stages: tuple[StageOptions, ...]
    last: tuple[int, ...]


HEAD_EXPAND = 6  # the head first widens the last stage by this

RESOLUTIONS = (192, 224, 256, 288)
PUBLISHED = NetworkOptions(  # Wang et al., CVPR 2021, Table 2
    first=(16, 24),
    stages=(
        StageOptions("mb1", (16, 24), (1, 2), (3, 5), (1,), False, 1),
        StageOptions("mb2", (24, 32), (3, 4, 5), (3, 5), (4, 5, 6), False, 2),
        StageOptions("mb3", (32, 40), (3, 4, 5, 6), (3, 5), (4, 5, 6), True, 2),
        StageOptions("mb4", (64, 72), (3, 4, 5, 6), (3, 5), (4, 5, 6), False, 2),
        StageOptions("mb5", (112, 120, 128), (3, 4, 5, 6, 7, 8), (3, 5), (4, 5, 6), True, 1),
        StageOptions("mb6", (192, 200, 208, 216), (3, 4, 5, 6, 7, 8), (3, 5), (6,), True, 2),
        StageOptions("mb7", (216, 224), (1, 2), (3, 5), (6,), True, 1),
    ),
    last=(1792, 1984),
)

SMALL_RESOLUTIONS = (8, 10, 12, 16)
SMALL = NetworkOptions(
    first=(8, 16),
    stages=(
        StageOptions("mb1", (8, 16), (1, 2), (3, 5), (1,), False, 1),
        StageOptions("mb2", (16, 24), (1, 2, 3), (3, 5), (2, 3, 4), False, 2),
        StageOptions("mb3", (24, 32), (1, 2, 3, 4), (3, 5), (2, 3, 4), True, 1),
        StageOptions("mb4", (40, 48), (1, 2, 3, 4), (3, 5), (2, 3, 4), False, 2),
        StageOptions("mb5", (48, 56, 64), (1, 2), (3, 5), (4,), True, 1),
    ),
    last=(128, 160),
)
