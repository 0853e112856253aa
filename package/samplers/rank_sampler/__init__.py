"""RankSampler of archrank, for ``optunahub.load_module("samplers/rank_sampler")``."""

from archrank.integrations.optuna import RankSampler


__all__ = ["RankSampler"]
