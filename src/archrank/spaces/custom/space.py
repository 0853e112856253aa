"""Your own space: named choices and a function that builds a network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, SupportsIndex

import numpy as np
from numpy.typing import NDArray

from archrank.checks import instance
from archrank.errors import ArchitectureError, SpaceError
from archrank.spaces.calling import make_module
from archrank.spaces.conditions import existing
from archrank.spaces.custom.conditional import ConditionalSpace
from archrank.spaces.custom.declaration import Choices, read_space
from archrank.spaces.custom.layout import configured, flattened, joint
from archrank.spaces.custom.pickling import by_reference, sendable
from archrank.spaces.custom.rules import Conditions

if TYPE_CHECKING:
    from torch import nn

    from archrank.networks.blueprint import Blueprint
    from archrank.spaces.networks import Networks
    from archrank.supernets.base import Supernet
    from archrank.tasks.base import Task


class CustomSpace(ConditionalSpace):
    """A space of named choices with a user's ``build`` function.

    Args:
        choices: ``{name: options}``, or ``(name, options)`` pairs. Options are a list of numbers or
            strings, or one of their kinds: :class:`Int` and :class:`Float` on a grid,
            :class:`Bool`, :class:`Ordered`, :class:`Categorical`; or a :class:`Subset` of members,
            or a :class:`Repeat` of a block of choices.
        build: ``build(config, task) -> nn.Module`` where ``config`` is ``{name: option}``. Inactive
            choices are left out of it, as in Optuna and ConfigSpace. A ``Subset`` is a tuple of its
            members there, a ``Repeat`` a list of dicts. ``None``: there are no networks, for
            evaluators of configurations alone, such as :class:`~archrank.evaluators.Function`.
        name: how messages and run folders call the space.
        active_if: ``{name: (other, options)}``: the choice exists only where ``other``, declared
            before it, exists and has one of ``options``. One condition per choice. Of a
            ``Subset``, ``options`` is one member, which has to be in; of a ``Repeat``, numbers of
            copies.
        supernet: ``supernet(task) -> nn.Module`` whose ``forward(x, config)`` runs any
            configuration with shared weights. Its batch norms are made to normalise by the batch
            always. ``extract(config)``, if it has that method, returns a network of its own with
            copies of the weights; otherwise ``build`` makes it, and its weights get the first
            numbers, along every dimension, of the supernet's weights of the same names.

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
        build: Callable[[dict[str, Any], Task], nn.Module] | None = None,
        name: str = "custom",
        *,
        active_if: Conditions | None = None,
        supernet: Callable[[Task], nn.Module] | None = None,
    ) -> None:
        if build is not None and not callable(build):
            raise SpaceError(f"build is a function build(config, task), got {build!r}")
        if supernet is not None and not callable(supernet):
            raise SpaceError(f"supernet is a function supernet(task), got {supernet!r}")
        instance(name, str, "from_choices: name")
        declared = read_space(choices, active_if)
        super().__init__(declared.choices, declared.conditions, declared.subsets)
        self._parts = declared.parts
        self._joint = joint(declared.parts)
        self.name = name
        self._function, self._own_supernet = build, supernet

    def config(self, arch: NDArray[np.uint8]) -> dict[str, Any]:
        """Return what ``build`` receives for ``arch: (d,)``.

        Options by name; a tuple of members of a ``Subset``, in order; a list of dicts of a
        ``Repeat``. What does not exist is left out.
        """
        exists = existing(arch[None], self.conditions)[0].tolist()
        return configured(self._parts, arch.tolist(), exists)

    def from_config(self, config: Mapping[str, Any]) -> NDArray[np.uint8]:
        """Inverse of :meth:`config`: the row ``(d,)`` of what ``build`` receives, in any order.

        Sets may be lists, as JSON has them, or ``"3+7"``; decisions may also have the names that
        strings have, such as ``blocks.0.width``.

        Raises:
            ArchitectureError: an unknown decision, option or member, a decision that is missing, or
                a set with too many or too few members.
        """
        if isinstance(config, Mapping):
            config = flattened(config, self._joint, self.name)
        row = super().from_config(config)
        try:
            self.validate(row[None])
        except ArchitectureError as error:
            fault = str(error).removeprefix("architecture 0: ")
            raise ArchitectureError(f"{self.name}: {fault}") from None
        return row

    def networks(self, task: Task | None = None) -> Networks:
        """Return the networks for ``task``.

        Raises:
            SpaceError: the space has no function ``build``.
        """
        if self._function is None:
            raise SpaceError(
                f"space {self.name} has no networks: give from_choices a function build(config, "
                "task), or evaluate configurations by a function of yours (--evaluate FILE.py:NAME)"
            )
        return super().networks(task)

    def _build(self, arch: NDArray[np.uint8], sizes: Task) -> nn.Module:
        assert self._function is not None  # networks() refuses
        return self._function(self.config(arch), sizes)

    def _blueprint(self, arch: NDArray[np.uint8], sizes: Task) -> Blueprint[Any]:
        from archrank.networks.blueprint import Blueprint

        assert self._function is not None
        return Blueprint(self._function, (self.config(arch), sizes))

    def _supernet(self, sizes: Task, **options: Any) -> Supernet:
        if self._own_supernet is None:
            raise SpaceError(
                f"{self.name} has no supernet; give from_choices a function supernet(task), or "
                "train its networks one by one"
            )
        if options:
            raise SpaceError(f"the supernet of {self.name} has no option {min(options)!r}")
        from archrank.spaces.custom.supernet import CustomSupernet

        call = f"{self.name}: supernet({sizes.name})"
        return CustomSupernet(self, make_module(call, self._own_supernet, sizes), sizes)

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[Any, ...]:
        """Pickle the values; or, where a function cannot be sent, the name of the variable."""
        functions = [f for f in (self._function, self._own_supernet) if f is not None]
        if sendable(functions):
            return super().__reduce_ex__(protocol)
        return by_reference(self, functions)


def from_choices(
    choices: Choices,
    build: Callable[[dict[str, Any], Task], nn.Module] | None = None,
    *,
    active_if: Conditions | None = None,
    supernet: Callable[[Task], nn.Module] | None = None,
    name: str = "custom",
) -> CustomSpace:
    """Return your own space of named choices; see :class:`CustomSpace` for the arguments.

    Example:
        >>> from_choices({"depth": [1, 2], "width": [8, 16]}, build=lambda config, task: None)
        <CustomSpace custom: 2 decisions, size 4>
    """
    return CustomSpace(choices, build, name, active_if=active_if, supernet=supernet)
