"""Your own space: named choices and a function that builds a network."""

from __future__ import annotations

import keyword
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from archrank.errors import SpaceError
from archrank.spaces.base import Choice
from archrank.spaces.vector import VectorSpace
from archrank.types import Archs, Floats

if TYPE_CHECKING:
    from torch import nn

    from archrank.tasks.base import Task

MAX_OPTIONS = 256  # choice indices are uint8


class CustomSpace(VectorSpace):
    """A space of named choices with a user's ``build`` function.

    Args:
        choices: ``{name: options}``; options are numbers or strings.
        build: ``build(config, task) -> nn.Module`` where ``config`` is ``{name: option}``.
        name: how messages and run folders call the space.

    Example:
        >>> space = CustomSpace({"depth": [1, 2, 3], "width": [8, 16]}, build=lambda c, task: None)
        >>> space.size, space.format(space.enumerate())[-1]
        (6, 'depth=3,width=16')
    """

    def __init__(
        self,
        choices: Mapping[str, Sequence[str | int | float]],
        build: Callable[[dict[str, Any], Task], nn.Module],
        name: str = "custom",
    ) -> None:
        self.name = name
        self._build = build
        self._input: Task | None = None
        for choice, options in choices.items():
            if not 1 <= len(options) <= MAX_OPTIONS or len(set(options)) != len(options):
                raise SpaceError(
                    f"choice {choice!r} needs 1 to {MAX_OPTIONS} different options, got {options!r}"
                )
            if not choice.isidentifier() or keyword.iskeyword(choice):
                raise SpaceError(f"choice names are Python identifiers, got {choice!r}")
        if not choices:
            raise SpaceError("a space needs at least one choice")
        self.choices = tuple(Choice(n, tuple(o)) for n, o in choices.items())

    def config(self, arch: NDArray[np.uint8]) -> dict[str, Any]:
        """The chosen option of every decision, by name."""
        return {c.name: c.options[k] for c, k in zip(self.choices, arch.tolist(), strict=True)}

    def for_task(self, task: Task) -> CustomSpace:
        """The same space, counting costs of the networks for ``task``."""
        bound = CustomSpace({c.name: c.options for c in self.choices}, self._build, self.name)
        bound._input = task
        return bound

    def cost(self, archs: Archs) -> dict[str, Floats]:
        """MACs and parameters, counted by running each network on the meta device: ``(n,)`` each.

        Slow next to a closed form (milliseconds per architecture), so nothing on a hot path uses
        it. Operations unknown to :class:`torch.utils.flop_counter.FlopCounterMode` count as 0.

        Raises:
            SpaceError: no task is known yet (use :meth:`for_task`).
        """
        if self._input is None:
            raise SpaceError(f"{self.name}: costs depend on the task; use space.for_task(task)")
        counted = [self._count(arch, self._input) for arch in archs]
        totals = np.array(counted, dtype=np.float64).reshape(-1, 2)
        return {"macs": totals[:, 0], "params": totals[:, 1]}

    def _count(self, arch: NDArray[np.uint8], task: Task) -> tuple[float, float]:
        import torch
        from torch.utils.flop_counter import FlopCounterMode

        with torch.device("meta"):
            network = self.build(arch, task).eval()
            x = torch.empty(1, *task.input_shape)
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            network(x)
        params = sum(p.numel() for p in network.parameters() if p.requires_grad)
        return counter.get_total_flops() / 2, float(params)  # 1 MAC = 2 FLOPs

    def build(self, arch: NDArray[np.uint8], task: Task) -> nn.Module:
        """Call the user's ``build`` with the chosen options.

        Raises:
            SpaceError: it returned something else than a ``torch.nn.Module``.
        """
        from torch import nn

        config = self.config(self.validate(arch[None])[0])
        network = self._build(config, task)
        if not isinstance(network, nn.Module):
            raise SpaceError(
                f"{self.name}: build({config}) returned {type(network).__name__}, "
                "expected a torch.nn.Module"
            )
        return network
