"""Rankers: learn an order of architectures from few scores.

Each loads when it is first asked for, so that importing this package loads none of scikit-learn,
LightGBM and torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from archrank.registry import Registry

if TYPE_CHECKING:
    from archrank.rankers.base import NotFittedError, Ranker
    from archrank.rankers.ensemble import Ensemble
    from archrank.rankers.gaussian_process import GaussianProcess
    from archrank.rankers.gbdt import GBDT, RankNAS
    from archrank.rankers.random_forest import RandomForest

RANKERS = Registry(
    "ranker",
    {
        "default": "archrank.rankers.gaussian_process:GaussianProcess",
        "ensemble": "archrank.rankers.ensemble:default_ensemble",
        "gaussian_process": "archrank.rankers.gaussian_process:GaussianProcess",
        "gbdt": "archrank.rankers.gbdt:GBDT",
        "random_forest": "archrank.rankers.random_forest:RandomForest",
        "ranknas": "archrank.rankers.gbdt:RankNAS",
    },
)

_HOMES = {
    "Ensemble": "ensemble",
    "GBDT": "gbdt",
    "GaussianProcess": "gaussian_process",
    "NotFittedError": "base",
    "RandomForest": "random_forest",
    "RankNAS": "gbdt",
    "Ranker": "base",
}

__all__ = [
    "GBDT",
    "RANKERS",
    "Ensemble",
    "GaussianProcess",
    "NotFittedError",
    "RandomForest",
    "RankNAS",
    "Ranker",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
