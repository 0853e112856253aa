"""Adaptive computation time (ACT): a training batch in which each label takes its own time."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from archrank.rankers.recursive.network import RecursiveNetwork, State


class Stream:
    """Endless stream of row numbers in random order; every row comes once per pass."""

    def __init__(self, n: int, generator: torch.Generator) -> None:
        self.n, self.generator = n, generator
        self.queue = torch.empty(0, dtype=torch.int64)

    def take(self, count: int) -> Tensor:
        """Return the next ``count`` row numbers: ``(count,)``."""
        while len(self.queue) < count:
            self.queue = torch.cat([self.queue, torch.randperm(self.n, generator=self.generator)])
        rows, self.queue = self.queue[:count], self.queue[count:]
        return rows


@dataclass
class Slots:
    """Batch of labels in progress, one per slot.

    Every step of the optimizer runs the recursive network one step further on each slot. A slot
    that halts receives a new label and the initial state; the others continue.
    """

    rows: Tensor  # (b,) the label in each slot
    state: State
    steps: Tensor  # (b,) steps since the slot received its label
    halted: Tensor  # (b,) slots that receive a new label before the next step

    @classmethod
    def empty(cls, b: int, length: int, network: RecursiveNetwork) -> Slots:
        """Make ``b`` slots that wait for their first label."""
        rows = torch.zeros(b, dtype=torch.int64, device=network.cos.device)
        return cls(rows, network.start(b, length), rows.clone(), torch.ones_like(rows).bool())

    def refill(self, rows: Tensor, network: RecursiveNetwork) -> None:
        """Put new labels, ``rows: (halted slots,)``, into the slots that have halted."""
        self.rows, self.steps = self.rows.clone(), self.steps.clone()
        self.rows[self.halted] = rows.to(self.rows.device)
        self.steps[self.halted] = 0
        fresh = network.start(*self.state.high.shape[:2])
        stop = self.halted[:, None, None]
        self.state = State(
            torch.where(stop, fresh.high, self.state.high),  # (b, l, hidden)
            torch.where(stop, fresh.low, self.state.low),
        )
        self.halted = torch.zeros_like(self.halted)

    def advance(
        self,
        state: State,
        halt: Tensor,
        max_steps: int,
        exploration: float,
        generator: torch.Generator,
    ) -> None:
        """Count a step; halt slots at ``max_steps``, or where the logit ``halt: (b,)`` is positive.

        With probability ``exploration``, a slot may not halt before a random number of steps, 2 to
        ``max_steps``.
        """
        b = len(self.rows)
        self.state = state
        self.steps = self.steps + 1
        explore = torch.rand(b, generator=generator) < exploration  # (b,)
        least = torch.randint(2, max(2, max_steps) + 1, (b,), generator=generator)
        least = torch.where(explore, least, 0).to(self.steps.device)  # (b,)
        self.halted = ((halt > 0) & (self.steps >= least)) | (self.steps >= max_steps)
