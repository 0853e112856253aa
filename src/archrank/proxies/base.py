"""Zero-cost proxies as objects, and the computation of several from one pass."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import update_wrapper
from numbers import Integral
from typing import NamedTuple

from torch import Tensor, nn

from archrank.checks import quoted
from archrank.errors import FAILURES, SettingsError, describe
from archrank.networks.inputs import Inputs
from archrank.proxies.names import DEFAULT, PROXIES
from archrank.proxies.probe import Loss, Probe

BATCH = 64  # examples


class Proxy:
    """Zero-cost proxy: a function of a :class:`Probe`, callable on a network and a batch."""

    def __init__(self, of: Callable[[Probe], float]) -> None:
        self.of = of
        update_wrapper(self, of)

    def __call__(self, network: nn.Module, inputs: Inputs, targets: Tensor, loss: Loss) -> float:
        """Score ``network``, higher is better, without changing it.

        Args:
            network: Untrained network.
            inputs: ``(b, ...)``, or a tuple of such tensors, the network's arguments.
            targets: ``(b, ...)``.
            loss: ``loss(outputs, targets)``, a scalar.

        Raises:
            EvaluationError: The proxy is not defined for this network.
        """
        return self.of(Probe(network, inputs, targets, loss))


def proxy(of: Callable[[Probe], float]) -> Proxy:
    """Turn a function of a :class:`Probe` into a proxy; proxies used together share its passes."""
    return Proxy(of)


class Measured(NamedTuple):
    """Values of several proxies, with NaN and a reason for each that failed."""

    values: dict[str, float]
    reasons: dict[str, str]


def measure(
    network: nn.Module,
    inputs: Inputs,
    targets: Tensor,
    loss: Loss,
    proxies: Sequence[str] = DEFAULT,
) -> Measured:
    """Score ``network`` by several proxies from one forward pass.

    Args:
        network: Untrained network; it is not changed.
        inputs: ``(b, ...)``, or a tuple of such tensors, the network's arguments.
        targets: ``(b, ...)``.
        loss: ``loss(outputs, targets)``, a scalar.
        proxies: Names in :data:`~archrank.proxies.PROXIES`, or ``package.module:name`` of a
            function of ``(network, inputs, targets, loss)``.

    Returns:
        ``{metric_name(proxy): value}``; higher is better.

    Raises:
        UnknownNameError: No proxy has that name.
    """
    probe = Probe(network, inputs, targets, loss)
    values: dict[str, float] = {}
    reasons: dict[str, str] = {}
    for typed in proxies:
        name, function = metric_name(typed), PROXIES.get(typed)
        try:
            shared = isinstance(function, Proxy)
            value = function.of(probe) if shared else function(network, inputs, targets, loss)
            if not math.isfinite(value):
                reasons[name] = f"{name} is {value}"
        except (ImportError, OSError):
            raise  # a fault of the installation, not of the network
        except FAILURES as error:
            reasons[name] = f"{name}: {describe(error)}"
        values[name] = math.nan if name in reasons else float(value)
    return Measured(values, reasons)


def metric_name(typed: str) -> str:
    """Return the metric's name for a proxy as typed: ``"my.module:mine"`` -> ``"mine"``."""
    own = typed.rpartition(":")[2]
    return own if ":" in typed else own.lower().replace("-", "_")


def metric_names(proxies: Sequence[str]) -> tuple[str, ...]:
    """Return the metrics' names for several proxies.

    Raises:
        SettingsError: No proxies, one string instead of several, or two of the same name.
        UnknownNameError: No proxy has that name.
    """
    if isinstance(proxies, str):
        raise SettingsError(
            f"proxies: expected several names, got {proxies!r}; write ({proxies!r},)"
        )
    if not isinstance(proxies, Iterable):
        raise SettingsError(f"proxies: expected several names, got {quoted(proxies)}")
    for typed in proxies:
        if not isinstance(typed, str):
            raise SettingsError(
                f"proxies: expected names, got {typed!r}; your own proxy is 'package.module:name'"
            )
        PROXIES.get(typed)
    names = tuple(map(metric_name, proxies))
    if not names:
        raise SettingsError(f"proxies: name at least one of {', '.join(PROXIES.names())}")
    if len(set(names)) < len(names):
        raise SettingsError(f"proxies: each only once, got {', '.join(proxies)}")
    return names


def require_batch(size: object) -> None:
    """Raise ``SettingsError`` unless ``size`` is at least 2: proxies compare examples."""
    if not isinstance(size, Integral) or isinstance(size, bool) or size < 2:
        raise SettingsError(f"proxies: batch_size must be a whole number from 2, got {size!r}")
