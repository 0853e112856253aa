"""The supernet that a user's space brings: a module that runs any configuration of its choices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from archrank.errors import BuildError
from archrank.spaces.calling import check_output, make_module, run_own
from archrank.supernets.base import Supernet
from archrank.supernets.statistics import use_batch_statistics

if TYPE_CHECKING:
    from archrank.spaces.custom.space import CustomSpace
    from archrank.tasks.base import Task


class CustomSupernet(Supernet):
    """Supernet around a user's module, which is called as ``module(x, config)``.

    Args:
        space: whose choices ``config`` names, as in ``build``.
        module: the user's; its batch norms are made to normalise by the batch.
        task: what it is trained on.
    """

    space: CustomSpace

    def __init__(self, space: CustomSpace, module: nn.Module, task: Task) -> None:
        super().__init__()
        self.space, self._task = space, task
        self.module = use_batch_statistics(module)

    def forward(self, *inputs: Any) -> Tensor:
        """Run ``arch: (d,)``, the last argument, with the shared weights.

        Raises:
            BuildError: the user's module raised, or returned what does not suit the task; names
                the line.
        """
        *x, arch = inputs
        config = self.space.config(arch)
        call = f"{self.space.name}: supernet(x, {config})"
        outputs = run_own(call, self.module, *x, config)
        is_tensor = isinstance(outputs, Tensor)
        check_output(
            call, tuple(outputs.shape) if is_tensor else type(outputs).__name__, self._task
        )
        return outputs  # type: ignore[no-any-return]

    def extract(self, arch: NDArray[np.uint8]) -> nn.Module:
        """Return a network of its own: the module's ``extract(config)``, or else a copy by names.

        Without such a method, the network is what the space builds, and each of its weights gets
        the first numbers, along every dimension, of the supernet's weight of the same name.

        Raises:
            BuildError: the user's code raised, the network shares weights with the supernet, or a
                weight has no larger namesake in the supernet.
        """
        config = self.space.config(arch)
        own = getattr(self.module, "extract", None)
        if own is None:
            build = self.space.networks(self._task).build
            network = self.placed(use_batch_statistics(build(arch)))
            self._copy_into(network, config)
            return network
        call = f"{self.space.name}: supernet.extract({config})"
        network = use_batch_statistics(make_module(call, own, config))
        shared = {t.data_ptr() for t in self.state_dict().values() if t.numel()}
        if any(t.data_ptr() in shared for t in network.state_dict().values()):
            raise BuildError(f"{call} returned weights of the supernet; return copies of them")
        return self.placed(network)

    @torch.no_grad()
    def _copy_into(self, network: nn.Module, config: dict[str, Any]) -> None:
        """Give a network the first numbers of the weights of the same name."""
        weights, shared = dict(network.named_parameters()), self.module.state_dict()
        for name, tensor in network.state_dict().items():
            whole = shared.get(name)
            shape, most = tuple(tensor.shape), None if whole is None else tuple(whole.shape)
            if most is not None and len(most) == len(shape) and all(map(int.__le__, shape, most)):
                tensor.copy_(whole[tuple(map(slice, shape))])  # type: ignore[index]
            elif name in weights:
                has = "no such weight" if most is None else f"one of shape {most}"
                raise BuildError(
                    f"{self.space.name}: build({config}) has a weight {name!r} of shape {shape}, "
                    f"the supernet has {has}; name them alike, or give the supernet a method "
                    "extract(config) that returns the network"
                )
