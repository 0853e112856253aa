"""Adaptive computation time: which labels are thought about, and when a thought ends."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from archrank.rankers.recursive.network import RecursiveNetwork, State


class Stream:
    """Labels in random order, all of them before any comes again."""

    def __init__(self, n: int, generator: torch.Generator) -> None:
        self.n, self.generator = n, generator
        self.queue = torch.empty(0, dtype=torch.int64)

    def take(self, count: int) -> Tensor:
        """The next ``(count,)`` rows."""
        while len(self.queue) < count:
            self.queue = torch.cat([self.queue, torch.randperm(self.n, generator=self.generator)])
        rows, self.queue = self.queue[:count], self.queue[count:]
        return rows


@dataclass
class Slots:
    """Labels under thought, one per row of the batch: adaptive computation time (ACT).

    Every step of the optimizer thinks one step further about each slot. A slot that halts takes a
    new label and starts afresh, the others go on.
    """

    rows: Tensor  # (b,) the label in each slot
    state: State
    steps: Tensor  # (b,) steps thought
    halted: Tensor  # (b,) takes a new label before the next step

    @classmethod
    def empty(cls, b: int, length: int, network: RecursiveNetwork) -> Slots:
        """``b`` slots that wait for their first label."""
        rows = torch.zeros(b, dtype=torch.int64, device=network.cos.device)
        return cls(rows, network.start(b, length), rows.clone(), torch.ones_like(rows).bool())

    def refill(self, rows: Tensor, network: RecursiveNetwork) -> None:
        """Put as many new labels ``rows`` as slots have halted into those slots."""
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
        """Count a step, and halt at ``max_steps`` or where the head ``halt: (b,)`` says so.

        With probability ``exploration`` a slot must have thought a random number of steps, 2 to
        ``max_steps``, whatever the head says.
        """
        b = len(self.rows)
        self.state = state
        self.steps = self.steps + 1
        explore = torch.rand(b, generator=generator) < exploration  # (b,)
        least = torch.randint(2, max(2, max_steps) + 1, (b,), generator=generator)
        least = torch.where(explore, least, 0).to(self.steps.device)  # (b,)
        self.halted = ((halt > 0) & (self.steps >= least)) | (self.steps >= max_steps)
