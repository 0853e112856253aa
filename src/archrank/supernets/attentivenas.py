"""Supernet of the AttentiveNAS spaces: every architecture is a part of the largest one.

As Wang et al. train it (CVPR 2021; BigNAS, Yu et al., ECCV 2020): an architecture resizes the
images to its resolution and runs the first blocks of each stage, each with the first channels of
every weight (of a block's expanded channels, too, whatever its input's width), the centre of the
depthwise kernels, and scale and shift of the first channels of the batch norms. The shortcut of the
first block of a stage has a 1x1 convolution, which runs where the number of channels changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import linear
from torch.nn.modules.dropout import _DropoutNd

from archrank.errors import SettingsError
from archrank.networks.attentivenas import (
    HEAD_EXPAND,
    AttentiveNASNetwork,
    Block,
    Settings,
    Stage,
    drop_examples,
    drop_rates,
    make_divisible,
    resize,
)
from archrank.networks.initial_weights import he_by_fan_out
from archrank.supernets.base import Supernet
from archrank.supernets.slicing import copy_first, pointwise, run_first
from archrank.supernets.statistics import use_batch_statistics
from archrank.training.layout import channels_last
from archrank.types import Archs

if TYPE_CHECKING:
    from archrank.spaces.base import Space

Row = NDArray[np.uint8]


class Step(NamedTuple):
    """One block of an architecture.

    Attributes:
        number: of the stage.
        place: of the block in its stage.
        stage: settings of its stage, with a depth of 0: equal blocks have equal steps.
        drop: share of the drop-connect probability, from 0 to 1; 0 where nothing is dropped.
    """

    number: int
    place: int
    stage: Stage
    drop: float


class FirstFeatures(nn.Linear):
    """Linear layer of which an architecture uses the first inputs."""

    def forward(self, x: Tensor) -> Tensor:
        """Map (b, first features) to (b, out)."""
        return linear(x, self.weight[:, : x.shape[1]], self.bias)


class DropConnect(_DropoutNd):
    """Leave out what a block adds to its shortcut, for some examples of a training batch."""

    def forward(self, y: Tensor, share: float) -> Tensor:
        """Drop examples of ``y: (b, c, h, w)`` with ``share`` times the probability ``p``."""
        rate = self.p * share
        return drop_examples(y, rate) if self.training and rate > 0 else y


class ElasticBlock(Block):
    """Block of which an architecture runs a part.

    Args:
        c_in: most input channels.
        stage: largest settings.
        stride: of this block.
        projects: whether its shortcut has a 1x1 convolution for some architectures.
    """

    def __init__(self, c_in: int, stage: Stage, stride: int, *, projects: bool) -> None:
        super().__init__(c_in, stage, stride)
        if projects and c_in == stage.width:  # the largest architecture alone does without
            self.shortcut.project = nn.Conv2d(c_in, stage.width, 1, bias=False)

    def run(self, x: Tensor, step: Step, drop: DropConnect) -> Tensor:
        """Run the part for the width, kernel and expansion of a step.

        Args:
            x: the first channels of the block's input, ``(b, c_in, h, w)``.
            step: of the architecture.
            drop: drops what is added to the shortcut, if that is the identity.

        Returns:
            ``(b, width, h', w')``.
        """
        c_in, width, kernel, y = x.shape[1], step.stage.width, step.stage.kernel, x
        mid = make_divisible(c_in * step.stage.expand)
        *layers, projection, norm = self.main
        if step.stage.expand > 1:
            y, layers = pointwise(layers[0], y, mid), layers[1:]
        for layer in layers:
            y = run_first(layer, y, mid, kernel)
        y = run_first(norm, pointwise(projection, y, width), width)
        shortcut = self.shortcut.pool(x)
        if c_in != width:
            shortcut = pointwise(self.shortcut.project, shortcut, width)
        elif self.shortcut.stride == 1:
            y = drop(y, step.drop)
        return y + shortcut


class AttentiveNASSupernet(Supernet):
    """Supernet of a space that is built like AttentiveNAS's.

    Args:
        space: of the architectures.
        largest: settings of the largest network, of which all others are parts.
        widths: options of the width of the first convolution and of every stage.
        settings: tells the settings of a row.
        build: makes the stand-alone network of a row.
        n_classes: size of the output.
        in_channels: of the images.
        drop_connect: probability with which training leaves out the deepest block for an example,
            see :func:`~archrank.networks.attentivenas.drop_rates`. AttentiveNAS takes 0.2, for the
            largest network alone; :class:`~archrank.supernets.updates.Sandwich` runs all others in
            evaluation mode, in which nothing is dropped.
        zero_gamma: let the last batch norm of each block begin with a scale of 0, so that a block
            is its shortcut at first, as AttentiveNAS does.

    Raises:
        SettingsError: ``drop_connect`` is no probability below 1.
    """

    def __init__(
        self,
        space: Space,
        *,
        largest: Settings,
        widths: Sequence[Sequence[int]],
        settings: Callable[[Row], Settings],
        build: Callable[[Row], nn.Module],
        n_classes: int,
        in_channels: int,
        drop_connect: float = 0.0,
        zero_gamma: bool = False,
    ) -> None:
        super().__init__()
        if not 0 <= drop_connect < 1:
            raise SettingsError(
                f"drop_connect is {drop_connect!r}, expected a number from 0 to below 1"
            )
        self.space = space
        self.options = {"drop_connect": drop_connect, "zero_gamma": zero_gamma}
        self._settings, self._build = settings, build
        whole = AttentiveNASNetwork(*largest, n_classes=n_classes, in_channels=in_channels)
        self.first, self.widen, self.last = whole.first, whole.widen, whole.last
        self.classifier = FirstFeatures(largest.last, n_classes)
        copy_first(whole.classifier, self.classifier)
        self.stages = nn.ModuleList(map(_blocks, largest.stages, widths, widths[1:]))
        he_by_fan_out(self.stages)
        if zero_gamma:
            for stage in self.stages:
                for block in stage:  # type: ignore[attr-defined]
                    nn.init.zeros_(block.main[-1].weight)
        self.drop_connect = DropConnect(drop_connect)
        use_batch_statistics(self)

    def forward(self, x: Tensor, arch: Row) -> Tensor:
        """Run ``arch: (d,)`` with the shared weights: ``x: (b, c, h, w)`` -> ``(b, classes)``."""
        settings = self._settings(arch)
        x = self._stem(x, settings)
        for step in self._steps(settings):
            x = self._block(step).run(x, step, self.drop_connect)
        return self._head(x, settings)

    def forward_each(self, inputs: Sequence[Tensor], archs: Archs) -> Iterator[tuple[int, Tensor]]:
        """Run ``archs: (n, d)`` on one batch of images: yields place and outputs, in another order.

        Networks that begin alike have what they begin with computed once.
        """
        (x,) = inputs
        settings = [self._settings(arch) for arch in archs]
        paths: list[tuple[int | Step, ...]] = [
            (each.resolution, each.first, *self._steps(each)) for each in settings
        ]
        last: tuple[int | Step, ...] = ()
        states: list[Tensor] = []  # outputs of the stem and of the steps of the last path
        for place in sorted(range(len(archs)), key=paths.__getitem__):
            path = paths[place]
            pairs = enumerate(zip(path, last, strict=False))
            same = next((i for i, (a, b) in pairs if a != b), len(last))
            del states[max(0, same - 1) :]  # numbers 0 and 1 are those of the stem
            if not states:
                states.append(self._stem(x, settings[place]))
            for step in path[1 + len(states) :]:
                assert isinstance(step, Step)
                states.append(self._block(step).run(states[-1], step, self.drop_connect))
            last = path
            yield place, self._head(states[-1], settings[place])

    def _steps(self, settings: Settings) -> list[Step]:
        """Return the blocks of an architecture, in order."""
        drops = self.drop_connect.training and self.drop_connect.p > 0
        shares = iter(drop_rates([stage.depth for stage in settings.stages], float(drops)))
        return [
            Step(number, place, stage._replace(depth=0), next(shares))
            for number, stage in enumerate(settings.stages)
            for place in range(stage.depth)
        ]

    def _block(self, step: Step) -> ElasticBlock:
        """Return the block that has the weights of a step."""
        block: ElasticBlock = self.stages[step.number][step.place]  # type: ignore[index]
        return block

    def _stem(self, x: Tensor, settings: Settings) -> Tensor:
        """Map images (b, c, h, w) to (b, first, r / 2, r / 2)."""
        x = channels_last(resize(x, settings.resolution))  # products of channels need no copies
        return run_first(self.first, x, settings.first)

    def _head(self, x: Tensor, settings: Settings) -> Tensor:
        """Map (b, width, h, w) to (b, classes)."""
        widening, norm, swish = self.widen
        wide = HEAD_EXPAND * x.shape[1]
        x = swish(run_first(norm, pointwise(widening, x, wide), wide))
        last, swish = self.last
        x = swish(pointwise(last, x.mean(dim=(2, 3), keepdim=True), settings.last)).flatten(1)
        logits: Tensor = self.classifier(x)
        return logits

    def extract(self, arch: Row) -> nn.Module:
        """Return the network that the space builds for ``arch: (d,)``, with copies of the weights.

        Its outputs equal those of :meth:`forward` for the same input and mode; its batch norms
        normalise by the batch, until they are recalibrated.
        """
        network = use_batch_statistics(self.placed(self._build(arch)))
        assert isinstance(network, AttentiveNASNetwork)
        for step, block in zip(self._steps(self._settings(arch)), network.blocks, strict=True):
            copy_first(self._block(step), block)
        for name in ("first", "widen", "last", "classifier"):
            copy_first(self.get_submodule(name), network.get_submodule(name))
        return network


def _blocks(stage: Stage, before: Sequence[int], widths: Sequence[int]) -> nn.ModuleList:
    """Return the blocks of a stage.

    Args:
        stage: its largest settings.
        before: options of its input's width.
        widths: options of its own width.
    """
    blocks = []
    for place in range(stage.depth):
        c_in, stride = (max(before), stage.stride) if place == 0 else (stage.width, 1)
        projects = place == 0 and any(a != b for a, b in product(before, widths))
        blocks.append(ElasticBlock(c_in, stage, stride, projects=projects))
    return nn.ModuleList(blocks)
