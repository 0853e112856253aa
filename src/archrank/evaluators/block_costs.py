"""Costs that add up over the blocks of a network, such as latencies of a look-up table."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archrank.checks import instance
from archrank.evaluators.base import Evaluations, Evaluator
from archrank.metrics import Metric, infer_direction
from archrank.tables.block_costs import BlockCostTable, cost_columns, read_block_costs
from archrank.tables.files import read_raw
from archrank.types import Archs

if TYPE_CHECKING:
    from typing_extensions import Self

    from archrank.spaces.base import Space
    from archrank.tasks.base import Task


class BlockCosts(Evaluator):
    r"""Adds up costs of single blocks, which a file lists; see :mod:`archrank.tables.block_costs`.

    It is cheap, so a limit on one of the costs keeps candidates from being proposed.

    Args:
        path: a CSV or Parquet file with the columns ``decision`` and ``option``, and a number per
            cost.

    Raises:
        TableError: the file cannot be read, or holds no costs; ``bind``: they are not those of all
            options of the space.

    Example:
        >>> import pathlib, tempfile
        >>> from archrank.spaces import CustomSpace
        >>> choices = {"depth": [1, 2], "op": ["conv", "skip"]}
        >>> space = CustomSpace(choices, lambda config, task: None)
        >>> text = "decision,option,ms\n(constant),stem,5\ndepth,1,1\ndepth,2,2\n"
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "costs.csv")
        ...     _ = path.write_text(text + "op,conv,0.5\nop,skip,0\n")
        ...     found = BlockCosts(path).bind(space).evaluate(space.enumerate())
        >>> found["ms"].tolist()
        [6.5, 6.0, 7.5, 7.0]
    """

    cheap = True
    stage = 1

    def __init__(self, path: str | Path) -> None:
        if not isinstance(path, Path):
            instance(path, str, "BlockCosts: path", "the path of a file")
        self.path = str(path)
        names = cost_columns(read_raw(self.path))
        self.metrics = tuple(Metric(name, infer_direction(name)) for name in names)
        self._costs: BlockCostTable | None = None

    @property
    def costs(self) -> BlockCostTable:
        """The costs of the space's options.

        Raises:
            EvaluationError: not bound to a space yet.
            TableError: the file is not, or no longer, of the space.
        """
        if self._costs is None:
            self._costs = read_block_costs(self.path, self.space)
        return self._costs

    def bind(self, space: Space, *, task: Task | None = None, seed: int = 0) -> Self:
        """Return a copy for ``space``, its file read and checked."""
        bound = super().bind(space, task=task, seed=seed)
        bound._costs = None
        bound.costs  # noqa: B018  # refuses a file that cannot be used
        return bound

    def evaluate(self, archs: Archs) -> Evaluations:
        """Add up the costs of ``archs: (n, d)``."""
        costs = self.costs
        return Evaluations(dict(zip(costs.names, costs(self.space.validate(archs)), strict=True)))

    def describe(self) -> dict[str, Any]:
        """Return the kind; what the file holds is told by :meth:`contents`."""
        return {"evaluator": "block_costs"}

    def contents(self) -> dict[str, str]:
        """Return a digest of the costs."""
        costs = self.costs
        numbers = costs.constants.tobytes() + costs.options.tobytes()
        digest = hashlib.sha256(repr(costs.names).encode() + numbers).hexdigest()[:16]
        return {"costs of blocks": digest}
