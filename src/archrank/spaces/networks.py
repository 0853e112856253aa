"""The networks of a space for one task: their costs, and how they are built."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from archrank.checks import quoted
from archrank.errors import FAILURES, ArgumentError, SpaceError
from archrank.types import Archs, Floats

if TYPE_CHECKING:
    from torch import nn

    from archrank.networks.blueprint import Blueprint
    from archrank.networks.inputs import Inputs
    from archrank.spaces.base import Space
    from archrank.spaces.samplers.flops import FlopsSampler
    from archrank.supernets.base import Supernet
    from archrank.tasks.base import Task

BINS = 69.44  # of 25 MFLOPs between the smallest and the largest network of AttentiveNAS
SAMPLED = 1_000_000  # architectures whose FLOPs tell how they are distributed
COUNTED = 2_000  # where there is no closed form


@dataclass(frozen=True)
class Networks:
    """The networks that a space builds for one task.

    Made by :meth:`Space.networks <archrank.spaces.Space.networks>`. Costs, networks and supernets
    come from one value, so they cannot be of different sizes. Pickles are small: counts stay here.

    Attributes:
        space: whose architectures are built.
        task: what they are built for; ``None`` for the published networks.

    Raises:
        SpaceError: the task does not suit the space, or there is none and nothing was published.

    Example:
        >>> from archrank.spaces import NASBench201
        >>> from archrank.tasks import Digits
        >>> space = NASBench201()
        >>> skip = np.ones((1, 6), dtype=np.uint8)
        >>> space.networks().cost(skip)["params"].tolist()  # as published
        [73306.0]
        >>> networks = space.networks(Digits())
        >>> sum(p.numel() for p in networks.build(skip[0]).parameters())
        1122
        >>> networks.cost(skip)["params"].tolist()
        [1122.0]
    """

    space: Space
    task: Task | None = None

    def __post_init__(self) -> None:
        if not callable(getattr(self.space, "networks", None)):
            raise ArgumentError(f"Networks: space is {quoted(self.space)}, expected a Space")
        if self.task is not None and not hasattr(self.task, "input_shape"):
            raise ArgumentError(
                f"networks are built for a task, got {quoted(self.task)}; such as "
                "archrank.tasks.Digits()"
            )
        self.sizes  # noqa: B018  # a task that does not suit is refused here

    @cached_property
    def sizes(self) -> Any:
        """Everything but the architecture that the networks' sizes depend on, as a value.

        Of spaces that archrank ships it is a small frozen value, such as
        :class:`~archrank.spaces.images.CellSizes`; a user's function receives the task itself.
        """
        return self.space._sizes(self.task)

    def cost(self, archs: Archs) -> dict[str, Floats]:
        """Return multiply-accumulates and trainable parameters of ``archs: (n, d)``.

        Where a space has no closed form, each different network is built and run once on torch's
        meta device, which takes milliseconds. Operations that count are listed in
        :mod:`archrank.spaces.counting`; the others are named in an ``UncountedOperationWarning``.

        Returns:
            ``{"macs": (n,), "params": (n,)}`` of one input each.

        Raises:
            BuildError: a user's network cannot be built or run, or does not suit the task.
        """
        archs = self.space.validate(archs)
        known = self.space._cost(archs, self.sizes)
        return self._counted(archs) if known is None else known

    @cached_property
    def closed_form(self) -> bool:
        """True if costs are computed; else each network is built, which touches torch's state."""
        radices = self.space.radices
        rows = np.arange(int(radices.max()))[:, None] % radices  # all options, some priced once
        return self.space._cost(rows.astype(np.uint8), self.sizes) is not None

    @cached_property
    def smallest(self) -> NDArray[np.uint8]:
        """The architecture with the fewest MACs: ``(d,)``, see :mod:`archrank.spaces.extremes`."""
        row: NDArray[np.uint8] = self._extremes[0]
        return row

    @cached_property
    def largest(self) -> NDArray[np.uint8]:
        """The architecture with the most MACs: ``(d,)``."""
        row: NDArray[np.uint8] = self._extremes[1]
        return row

    @cached_property
    def _extremes(self) -> Archs:
        from archrank.spaces.extremes import extremes

        return extremes(self)

    @cached_property
    def flops_prior(self) -> FlopsSampler:
        """Draws architectures by their FLOPs, as AttentiveNAS does, in millions of MACs.

        The distribution comes from a million random architectures with a fixed seed (2,000 where
        each network has to be built to be counted). The published bins of 25 MFLOPs are the same
        part of the range from the smallest to the largest network in every space.
        """
        from archrank.spaces.samplers.flops import FlopsSampler

        smallest, largest = self.cost(self._extremes)["macs"] / 1e6
        return FlopsSampler(
            self.space,
            lambda archs: self.cost(archs)["macs"] / 1e6,
            rng=np.random.default_rng(0),
            sample=SAMPLED if self.closed_form else COUNTED,
            bin_mflops=float(f"{(largest - smallest) / BINS:.3g}") or 1.0,
        )

    def build(self, arch: NDArray[np.uint8]) -> nn.Module:
        """Build the network of ``arch: (d,)``, untrained.

        Raises:
            ArchitectureError: ``arch`` is not of the space.
            BuildError: a user's function raised, returned no ``torch.nn.Module``, or one whose
                outputs do not suit the task.
        """
        row = self.space.validate(arch[None])[0]
        network = self._make(row)
        if self._by_user and self.task is not None:
            from archrank.spaces.calling import check_output
            from archrank.spaces.counting import output_of

            output = output_of(network, self.task.input_shape, self._example)
            check_output(self._named(row), output, self.task)
        return network

    def blueprint(self, arch: NDArray[np.uint8]) -> Blueprint[Any] | None:
        """Return the call that builds the network of ``arch: (d,)``.

        ``None`` where a user's class of spaces builds it, also one that extends archrank's.
        """
        builds = next(kind for kind in type(self.space).__mro__ if "_build" in vars(kind))
        if "_blueprint" not in vars(builds):
            return None
        return self.space._blueprint(self.space.validate(arch[None])[0], self.sizes)

    def supernet(self, **options: Any) -> Supernet:
        """Return a new supernet, which contains every architecture of the space.

        Args:
            **options: of the space's supernet, named in ``space.supernet_options``. Those of
                archrank's spaces have ``dropout``: the part of the features before the classifier
                that is dropped in training (0). Cells and ProxylessNAS have ``affine``: whether
                batch norms of cells, or of the searched blocks, have a scale and a shift (True),
                as in the networks. AttentiveNAS has ``drop_connect`` and ``zero_gamma``, see
                :mod:`archrank.supernets.attentivenas`. A supernet of your own has none.

        Raises:
            SpaceError: the space has none, or not that option.
        """
        known = self.space.supernet_options
        unknown = sorted(set(options) - set(known))
        if unknown and known:
            raise SpaceError(
                f"the supernet of {self.space.name} has no option {unknown[0]!r}; it has "
                f"{', '.join(known)}"
            )
        dropout = options.pop("dropout", 0.0)
        supernet = self.space._supernet(self.sizes, **options)
        if not dropout:
            return supernet
        from archrank.supernets.dropout import drop_features

        return drop_features(supernet, dropout)

    def fingerprint(self) -> str:
        """Return the identity of the networks: that of the space, and their sizes."""
        sizes = self.sizes
        if self.task is not None and sizes is self.task:
            sizes = f"{self.task.name}{tuple(self.task.input_shape)}"
        return f"{self.space.fingerprint()} as {sizes}"

    def __hash__(self) -> int:
        return hash(self.fingerprint())  # tasks may hold arrays, which have no hash

    def __getstate__(self) -> dict[str, Any]:
        return {"space": self.space, "task": self.task}

    # ---- networks that users build -------------------------------------------------------------

    @property
    def _by_user(self) -> bool:
        """True if a user's code builds the networks, so that what it returns is checked."""
        return self.sizes is self.task

    def _make(self, row: NDArray[np.uint8]) -> nn.Module:
        if not self._by_user:
            return self.space._build(row, self.sizes)
        from archrank.spaces.calling import make_module

        call = f"{self.space.name}: build({self.space.config(row)})"
        return make_module(call, self.space._build, row, self.sizes)

    def _named(self, row: NDArray[np.uint8]) -> str:
        """Name the network of ``row: (d,)`` in a message."""
        return f"{self.space.name}: the network of {self.space.config(row)}"

    @cached_property
    def _example(self) -> Inputs | None:
        """An input as the task makes them up; ``None`` if its own code fails, which others tell."""
        try:
            return self.task.example(1) if self.task is not None else None
        except FAILURES:
            return None

    # ---- counting ------------------------------------------------------------------------------

    @cached_property
    def _counts(self) -> dict[bytes, tuple[float, float]]:
        """MACs and parameters of the networks counted so far, by canonical row."""
        return {}

    @cached_property
    def _warned(self) -> set[str]:
        """Operations that the user has been warned of."""
        return set()

    def _counted(self, archs: Archs) -> dict[str, Floats]:
        """MACs and parameters by running each different network once: ``(n,)`` each."""
        canonical = self.space.canonical(archs)
        rows, inverse = np.unique(canonical, axis=0, return_inverse=True)
        counted = [self._count(row) for row in rows]
        totals = np.array(counted, dtype=np.float64).reshape(-1, 2)[inverse.reshape(-1)]
        return {"macs": totals[:, 0], "params": totals[:, 1]}

    def _count(self, row: NDArray[np.uint8]) -> tuple[float, float]:
        """MACs and parameters of one network."""
        from archrank.spaces.calling import check_output, count_module

        assert self.task is not None  # only a task says what a user's network is run on
        key = row.tobytes()
        if key not in self._counts:
            name = self._named(row)
            shape = self.task.input_shape
            example = self._example
            found = count_module(name, lambda: self._make(row), shape, self._warned, example)
            check_output(name, found.output, self.task)
            self._counts[key] = (found.macs, found.params)
        return self._counts[key]
