"""Importance of decisions to a ranker, and spaces that are pruned by it."""

from archrank.importance.groups import decision_groups
from archrank.importance.permutation import Importance, permutation_importance
from archrank.importance.pruning import THRESHOLDS, Pruning, prune

__all__ = [
    "THRESHOLDS",
    "Importance",
    "Pruning",
    "decision_groups",
    "permutation_importance",
    "prune",
]
