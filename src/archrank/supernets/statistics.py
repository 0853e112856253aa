"""Statistics of batch norms: of the batch, as in supernets, or recalibrated for one network."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from archrank.errors import SettingsError
from archrank.networks.inputs import Inputs, run
from archrank.training.data import even_batches
from archrank.training.layout import layout_of

if TYPE_CHECKING:
    from archrank.tasks.base import Split, Task

AUGMENTATION = 0  # seed of what calibration adds to training data, alike for all architectures


def batch_norms(network: nn.Module) -> list[_BatchNorm]:
    """Return the batch norms of a network, in its order."""
    return [module for module in network.modules() if isinstance(module, _BatchNorm)]


def use_batch_statistics(network: nn.Module) -> nn.Module:
    """Let every batch norm normalise by the batch, in evaluation mode too; returns the network."""
    for norm in batch_norms(network):
        norm.track_running_stats = False
        norm.running_mean = norm.running_var = norm.num_batches_tracked = None
    return network


def without_affine(network: nn.Module) -> nn.Module:
    """Take scale and shift from every batch norm, as in the Surgery's cells; returns the network.

    "A Surgery of the Neural Architecture Evaluators" trains the batch norms of cells without them.
    """
    for norm in batch_norms(network):
        norm.affine = False
        norm.weight = norm.bias = None  # type: ignore[assignment]
    return network


def at_least_float32(x: Tensor) -> Tensor:
    """Return the input of a batch norm without scale in a format that its statistics can be in.

    Under autocast norms with a scale take them in float32 anyway, but torch's kernel for CPUs keeps
    those of the others in the format of their input, of which bfloat16 has 8 bits.
    """
    return x.float() if x.itemsize < 4 and x.device.type == "cpu" else x


class _InFloat32:
    """Hook that gives a layer its input in float32."""

    def __call__(self, layer: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return (at_least_float32(args[0]), *args[1:])


def take_statistics_in_float32(network: nn.Module) -> nn.Module:
    """Let batch norms without scale take statistics in float32 under autocast; returns it."""
    for norm in batch_norms(network):
        if norm.weight is None:
            norm.register_forward_pre_hook(_InFloat32())
    return network


def calibration_batches(task: Task, network: nn.Module, count: int, size: int) -> list[Split]:
    """Return training data as a network sees them in training: the first batches, augmented.

    Statistics of images without the noise that training adds suit no image that has it: measured on
    letters with noise, they cost two points of accuracy, and rank sub-networks differently
    (``benchmarks/README.md``).

    Args:
        task: gives and augments the data.
        network: for which they are placed and laid out.
        count: batches, at least 1; fewer where there are fewer.
        size: examples per batch, at most.
    """
    generator = torch.Generator().manual_seed(AUGMENTATION)
    layout, device = layout_of(network), next(network.parameters()).device
    first = itertools.islice(even_batches(task.load().train, size), count)
    changed = (batch._replace(x=task.augment(batch.x, generator)) for batch in first)
    return [batch.map(lambda tensor: layout(tensor.to(device))) for batch in changed]


@torch.no_grad()
def recalibrate(network: nn.Module, inputs: Iterable[Inputs]) -> nn.Module:
    """Give a network's batch norms the mean statistics of some batches.

    Weights stay. The network then treats every example alone: its outputs no longer depend on what
    else is in the batch. It is left in evaluation mode. Without batch norms there is nothing to do.

    Args:
        network: a network, such as one that a supernet extracted; changed in place.
        inputs: batches of training inputs, all alike in size.

    Raises:
        SettingsError: there are batch norms, and no batch, or one of a single example.
    """
    norms = batch_norms(network)
    if not norms:
        return network.eval()
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.track_running_stats, norm.momentum = True, None  # the mean over all batches
        place = next(network.parameters())
        norm.running_mean = torch.zeros(norm.num_features, device=place.device)
        norm.running_var = torch.ones(norm.num_features, device=place.device)
        norm.num_batches_tracked = torch.tensor(0, device=place.device)
    network.train()
    seen = 0
    for x in map(_of_several, inputs):
        run(network, x)
        seen += 1
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    if not seen:
        raise SettingsError("batch norms cannot be recalibrated without any batch of inputs")
    return network.eval()


def _of_several(x: Inputs) -> Inputs:
    """Return a batch of inputs; refuse one of a single example."""
    if len(x[0] if isinstance(x, tuple) else x) < 2:
        raise SettingsError(
            "batch norms cannot be recalibrated with batches of 1 example, which say nothing about "
            "how examples vary; take a batch_size of at least 2"
        )
    return x
