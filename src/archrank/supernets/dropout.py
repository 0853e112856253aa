"""Dropout before the classifier, as an option of any supernet that has one."""

from __future__ import annotations

import re
from typing import Any

from torch import nn
from torch.nn.functional import dropout

from archrank.errors import SettingsError, SpaceError
from archrank.supernets.base import Supernet

CLASSIFIER = re.compile(r"(.*\.)?(classifier|classifiers\.\w+)")  # names of last layers


class _Drop:
    """Hook that sets some inputs of a layer to 0 while it is trained."""

    def __init__(self, rate: float) -> None:
        self.rate = rate

    def __call__(self, layer: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
        return (dropout(args[0], self.rate, layer.training), *args[1:])


def drop_features(supernet: Supernet, rate: float) -> Supernet:
    """Let a supernet drop features before its classifier while it is trained; returns it.

    The Surgery trains cells so. Networks that are extracted are those of the space, without.

    Args:
        supernet: changed in place.
        rate: part of the features that is dropped.

    Raises:
        SettingsError: ``rate`` is below 0, or 1 or more.
        SpaceError: the supernet has no classifier.
    """
    if not 0 <= rate < 1:
        raise SettingsError(f"dropout is {rate!r}, expected a number from 0 to below 1")
    layers = [m for name, m in supernet.named_modules() if CLASSIFIER.fullmatch(name)]
    if not layers:
        raise SpaceError(
            f"the supernet of {supernet.space.name} has no layer named classifier, before which "
            "features could be dropped"
        )
    for layer in layers:
        layer.register_forward_pre_hook(_Drop(rate))
    supernet.options = {**supernet.options, "dropout": rate}
    return supernet
