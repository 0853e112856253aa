"""Your own space: named choices and a function that builds a network."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, SupportsIndex

import numpy as np
from numpy.typing import NDArray

from archrank.errors import SpaceError
from archrank.spaces.custom.calling import check_output, count_module, make_module
from archrank.spaces.custom.conditional import ConditionalSpace
from archrank.spaces.custom.declaration import Choices, Conditions, read_choices, read_conditions
from archrank.spaces.custom.pickling import by_reference, sendable
from archrank.types import Archs, Floats

if TYPE_CHECKING:
    from torch import nn
    from typing_extensions import Self

    from archrank.tasks.base import Task


class CustomSpace(ConditionalSpace):
    """A space of named choices with a user's ``build`` function.

    Args:
        choices: ``{name: options}``, or ``(name, options)`` pairs; options are numbers or strings.
        build: ``build(config, task) -> nn.Module`` where ``config`` is ``{name: option}``. Inactive
            choices are left out of it, as in Optuna and ConfigSpace.
        name: how messages and run folders call the space.
        active_if: ``{name: (other, options)}``: the choice exists only where ``other``, declared
            before it, exists and has one of ``options``. One condition per choice.

    Raises:
        SpaceError: choices or conditions that cannot be used; says which.

    Example:
        >>> space = CustomSpace({"depth": [1, 2, 3], "width": [8, 16]}, build=lambda c, task: None)
        >>> space.size, space.format(space.enumerate())[-1]
        (6, 'depth=3,width=16')
        >>> space = CustomSpace(
        ...     {"depth": [1, 2], "width1": [8, 16], "width2": [8, 16, 32]},
        ...     build=lambda config, task: None,
        ...     active_if={"width2": ("depth", [2])},
        ... )
        >>> space.size, space.format(space.enumerate())[1:3]  # 2 of depth 1, 2 * 3 of depth 2
        (8, ['depth=1,width1=16', 'depth=2,width1=8,width2=8'])
    """

    def __init__(
        self,
        choices: Choices,
        build: Callable[[dict[str, Any], Task], nn.Module],
        name: str = "custom",
        *,
        active_if: Conditions | None = None,
    ) -> None:
        if not callable(build):
            raise SpaceError(f"build is a function build(config, task), got {build!r}")
        declared = read_choices(choices)
        super().__init__(declared, read_conditions(active_if, declared))
        self.name = name
        self._build = build
        self._task: Task | None = None
        self._declared: CustomSpace = self  # the space that this one is a copy of, without a task
        self._counts: dict[bytes, tuple[float, float]] = {}
        self._named: set[str] = set()  # operations that the user has been warned of

    def config(self, arch: NDArray[np.uint8]) -> dict[str, Any]:
        """The chosen option of every active decision of ``arch: (d,)``, by name."""
        active = self.active(arch[None])[0].tolist()
        chosen = zip(self.choices, arch.tolist(), active, strict=True)
        return {c.name: c.options[k] for c, k, exists in chosen if exists}

    def for_task(self, task: Task) -> Self:
        """The same space, counting costs of the networks for ``task``."""
        bound = object.__new__(type(self))
        bound.__dict__.update(self.__dict__)
        bound._task = task
        bound._counts = {}
        return bound

    def cost(self, archs: Archs) -> dict[str, Floats]:
        """MACs and parameters, counted by running each network on the meta device: ``(n,)`` each.

        Milliseconds per architecture, each counted once. Operations that count are listed in
        :mod:`archrank.spaces.custom.counting`; the others are named in an
        ``UncountedOperationWarning``, each once.

        Raises:
            SpaceError: no task is known yet (use :meth:`for_task`).
            BuildError: a network cannot be built or run, or its outputs do not suit the task.
        """
        if self._task is None:
            raise SpaceError(f"{self.name}: costs depend on the task; use space.for_task(task)")
        canonical = self.canonical(self.validate(archs))
        rows, inverse = np.unique(canonical, axis=0, return_inverse=True)
        counted = [self._count(row, self._task) for row in rows]
        totals = np.array(counted, dtype=np.float64).reshape(-1, 2)[inverse.reshape(-1)]
        return {"macs": totals[:, 0], "params": totals[:, 1]}

    def _count(self, arch: NDArray[np.uint8], task: Task) -> tuple[float, float]:
        """MACs and parameters of one network."""
        key = arch.tobytes()
        if key not in self._counts:
            what = self._what(arch)
            found = count_module(
                what, lambda: self._make(arch, task), task.input_shape, self._named
            )
            check_output(what, found.output, task)
            self._counts[key] = (found.macs, found.params)
        return self._counts[key]

    def build(self, arch: NDArray[np.uint8], task: Task) -> nn.Module:
        """Call the user's ``build`` with the chosen options of ``arch: (d,)``.

        Raises:
            BuildError: it raised, returned no ``torch.nn.Module``, or one whose outputs do not
                suit the task.
        """
        from archrank.spaces.custom.counting import output_of

        arch = self.validate(arch[None])[0]
        network = self._make(arch, task)
        if task is not None:
            check_output(self._what(arch), output_of(network, task.input_shape), task)
        return network

    def _make(self, arch: NDArray[np.uint8], task: Task) -> nn.Module:
        config = self.config(arch)
        return make_module(f"{self.name}: build({config})", self._build, config, task)

    def _what(self, arch: NDArray[np.uint8]) -> str:
        return f"{self.name}: the network of {self.config(arch)}"

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[Any, ...]:
        """Pickle the values; or, where ``build`` cannot be sent, the name of the variable."""
        if sendable([self._build]):
            return super().__reduce_ex__(protocol)
        return by_reference(self._declared, self._task, [self._build])

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what was counted: workers receive spaces often."""
        return {**self.__dict__, "_counts": {}}
