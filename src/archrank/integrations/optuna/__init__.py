"""Optuna: archrank's guided search as a sampler of any study."""

from archrank.integrations.optuna.sampler import RankSampler as RankSampler

__all__ = ["RankSampler"]
