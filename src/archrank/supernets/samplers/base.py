"""Base class of samplers: the architectures that one update of a supernet trains."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from archrank.errors import SettingsError
from archrank.identity import identity_of
from archrank.types import Archs

if TYPE_CHECKING:
    from archrank.spaces.networks import Networks


class Sampler(ABC):
    """Base class of samplers: settings and no state.

    All rows of one call run on the same batch and make one update together. The result depends on
    the arguments alone, so that a resumed training draws the same rows. Of several processes that
    train together, each calls it with a generator of its own.
    """

    @abstractmethod
    def sample(self, networks: Networks, *, rng: np.random.Generator) -> Archs:
        """Draw the architectures of one update: ``(m, d)``, ``m`` of at least 1.

        Args:
            networks: of the space and the task that the supernet is for; costs depend on both.
            rng: of this update and process.

        Raises:
            SettingsError: the sampler does not suit the space.
        """

    def describe(self) -> dict[str, Any]:
        """Return name and settings as JSON values; they must agree for a training to go on.

        Settings that equal their default are left out, but for the number of architectures, so
        that settings may be added later.
        """
        settings = identity_of(self)
        name, m = settings.pop("class"), getattr(self, "m", None)
        return {"name": name, **({} if m is None else {"m": m}), **settings}


def require_count(who: object, m: object) -> None:
    """Check a number of architectures per update.

    Raises:
        SettingsError: it is no whole number of at least 1.
    """
    if isinstance(m, bool) or not isinstance(m, int) or m < 1:
        raise SettingsError(
            f"{type(who).__name__} trains at least 1 architecture per update, got m={m!r}"
        )
