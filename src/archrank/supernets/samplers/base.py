"""Base class of samplers: the architectures that one update of a supernet trains."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from archrank.errors import SettingsError
from archrank.identity import identity_of
from archrank.types import Archs, Floats

if TYPE_CHECKING:
    from archrank.spaces.networks import Networks

TRIES = 1000  # draws in which rows that suit are looked for, before it is given up


class Sampler(ABC):
    """Base class of samplers: settings and no state.

    All rows of one call run on the same batch and make one update together. The result depends on
    the arguments alone, so that a resumed training draws the same rows. They are drawn in a thread,
    ahead of the update that needs them. Of several processes that train together, each calls it
    with a generator of its own.

    A sampler may draw several candidates for each architecture that is trained, and let their
    losses on the batch choose one (:attr:`candidates`, :meth:`choose`). It may have a ranker that
    learns from the supernet while that is trained (:attr:`learns`, :meth:`taught`).

    Attributes:
        candidates: rows that are drawn for each architecture that is trained. If there are several,
            the training measures their losses on the batch, without gradients and without dropout,
            and trains what :meth:`choose` returns.
        shares_draws: all processes draw the same rows.
        shares_losses: losses of candidates are summed over all processes, so that each chooses the
            same ones; they must draw the same rows.
        learns: numbers of trained epochs after which architectures are scored and :meth:`taught` is
            called.
        labels: random architectures that are scored for that.
    """

    candidates: int = 1
    shares_draws: bool = False
    shares_losses: bool = False
    learns: Sequence[int] = ()
    labels: int = 512
    _described_apart: tuple[str, ...] = ()

    @abstractmethod
    def sample(self, networks: Networks, *, rng: np.random.Generator) -> Archs:
        """Draw the architectures of one update: ``(m, d)``, ``m`` of at least 1.

        Args:
            networks: of the space and the task that the supernet is for; costs depend on both.
            rng: of this update and process.

        Raises:
            SettingsError: the sampler does not suit the space.
        """

    def choose(self, rows: Archs, losses: Floats) -> Archs:
        """Return the architectures that are trained, of the rows that were drawn.

        Args:
            rows: ``(m * candidates, d)``, as :meth:`sample` returned them.
            losses: of each row on the batch, ``(m * candidates,)``.

        Returns:
            ``(m, d)``.
        """
        return rows

    def taught(self, archs: Archs, scores: Floats) -> Sampler:
        """Return this sampler with what it learns from scored architectures.

        Args:
            archs: random ones, ``(n, d)``.
            scores: their scores with the shared weights, ``(n,)``, higher is better.
        """
        return self

    def describe(self) -> dict[str, Any]:
        """Return name and settings as JSON values; they must agree for a training to go on.

        Settings that equal their default are left out, but for the number of architectures, so
        that settings may be added later.
        """
        settings = identity_of(self, leave_out=self._described_apart)
        name, m = settings.pop("class"), getattr(self, "m", None)
        return {"name": name, **({} if m is None else {"m": m}), **settings}


def collected(m: int, draw: Callable[[], Archs]) -> Archs:
    """Return the first ``m`` rows of repeated draws; fewer if :data:`TRIES` draws have not as many.

    Args:
        m: rows that are wanted.
        draw: returns ``(k, d)`` rows, k from 0.
    """
    found: list[Archs] = []
    missing = m
    for _ in range(TRIES):
        found.append(draw()[:missing])
        missing -= len(found[-1])
        if not missing:
            break
    return np.concatenate(found)


def require_count(who: object, m: object) -> None:
    """Check a number of architectures per update.

    Raises:
        SettingsError: it is no whole number of at least 1.
    """
    if isinstance(m, bool) or not isinstance(m, int) or m < 1:
        raise SettingsError(
            f"{type(who).__name__} trains at least 1 architecture per update, got m={m!r}"
        )
