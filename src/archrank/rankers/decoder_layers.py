"""Number of decoder layers as a ranking, ties by multiply-accumulates: a baseline of latency."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from archrank.criteria.correlation import kendall_tau
from archrank.errors import SpaceError, UnknownNameError
from archrank.rankers.base import Ranker
from archrank.spaces.numbers import is_numeric
from archrank.types import Archs, Floats

if TYPE_CHECKING:
    from archrank.spaces.base import Space

DEPTHS = ("dec_layers", "n_layer", "layers", "depth")  # decisions, in order of preference


class DecoderLayers(Ranker):
    """Orders architectures by their number of layers, and those of one number by their MACs.

    Decoders work token by token, so their depth alone orders most of the latencies of Transformers:
    what any latency ranker has to beat. Labels decide the direction alone: whether more layers
    score higher or lower. Spaces without such a decision are ordered by MACs alone. MACs are those
    of the published networks; where a space has none, architectures of one depth are equal.

    Args:
        space: The space of the architectures.
        decision: Name of the decision that counts layers; ``None``: the first that the space has
            of ``dec_layers``, ``n_layer``, ``layers``, ``depth``.
        seed: Unused, the fit is deterministic; here because every ranker takes one.

    Raises:
        UnknownNameError: ``fit``: no decision of the space is called ``decision``.
        SpaceError: ``fit``: its options are no numbers; or the space has neither a decision on the
            number of layers nor published networks.

    Example:
        >>> import numpy as np
        >>> from archrank.spaces import HAT
        >>> space = HAT()
        >>> archs = space.sample(20, rng=np.random.default_rng(0))
        >>> layers = space.values(archs, "dec_layers")[:, 0]
        >>> DecoderLayers(space).fit(archs, -layers).score(archs, -layers) > 0.9
        True
    """

    def __init__(self, space: Space, decision: str | None = None, *, seed: int = 0) -> None:
        self.space = space
        self.decision = decision
        self.seed = seed

    def _fit(self, archs: Archs, scores: Floats) -> None:
        self.column_ = self._column()
        macs = self._macs(archs)
        if self.column_ is None and macs is None:
            raise SpaceError(
                f"{self.space.name} has no decision on the number of layers "
                f"({', '.join(DEPTHS)}) and no published networks to count; name a decision, "
                "DecoderLayers(space, 'my_depth'), or choose another ranker"
            )
        self.usual_ = 1.0 if macs is None else float(np.median(macs)) or 1.0
        self.sign_ = 1.0
        order, _ = self._predict(archs, return_std=False)
        if np.ptp(order) > 0 and np.ptp(scores) > 0 and kendall_tau(order, scores) < 0:
            self.sign_ = -1.0

    def _column(self) -> int | None:
        """Return the column of the decision that counts layers; ``None`` if there is none."""
        names = {choice.name: j for j, choice in enumerate(self.space.choices)}
        if self.decision is None:
            usable = [n for n in DEPTHS if n in names and is_numeric(self.space.choices[names[n]])]
            return names[usable[0]] if usable else None
        if self.decision not in names:
            raise UnknownNameError(f"decision of {self.space.name}", str(self.decision), names)
        choice = self.space.choices[names[self.decision]]
        if not is_numeric(choice):
            raise SpaceError(
                f"decision {choice.name!r} of {self.space.name} has options that are no numbers: "
                f"{', '.join(map(str, choice.options))}"
            )
        return names[self.decision]

    def _macs(self, archs: Archs) -> Floats | None:
        try:
            return self.space.cost(archs)["macs"]
        except SpaceError:  # costs depend on a task, of which a ranker knows nothing
            return None

    def _predict(self, archs: Archs, return_std: bool) -> tuple[Floats, Floats | None]:
        order, gap, macs = np.zeros(len(archs)), 1.0, self._macs(archs)
        if self.column_ is not None:
            options = np.array(self.space.choices[self.column_].options, dtype=np.float64)
            order, gap = (
                options[archs[:, self.column_]],
                float(np.diff(np.sort(options)).min(initial=options.max() + 1)),
            )
        if macs is not None:
            order = order + gap * macs / (macs + self.usual_)  # below one layer
        return self.sign_ * order, None
