"""Learn on one task, search another without a refit: three real tables ship with archrank."""

import numpy as np

import archrank as ar
from archrank.tables import load_table

space = ar.spaces.NASBench201()
digits, glyphs = load_table("digits201", space), load_table("glyphs201", space)

# 78 labels on digits, none on glyphs
rng = np.random.default_rng(0)
train = rng.choice(len(digits), 78, replace=False)
ranker = ar.rankers.GaussianProcess(space)
ranker.fit(digits.archs[train], digits.column("valid_accuracy")[train])

truth = glyphs.column("test_accuracy")
scores = ranker.predict(glyphs.archs)
print(f"Kendall tau on glyphs, never seen: {ar.criteria.kendall_tau(scores, truth):.3f}")

# The ten it likes best, against the best of as many random ones
picked = np.argsort(-scores)[:10]
chance = np.mean([truth[rng.choice(len(truth), 10, replace=False)].max() for _ in range(1000)])
print(f"best of ten picked: {truth[picked].max():.4f}")
print(f"best of ten random: {chance:.4f}")
print(f"best of all {len(truth):,}: {truth.max():.4f}")
