"""AceNAS: a supernet scores many cells, the ranker learns the scores, then rounds of evaluations.

On the command line: archrank search --strategy acenas
"""

import numpy as np

import archrank as ar
from archrank.supernets import one_shot_scores, start_training, train_supernet

space, task = ar.spaces.NASBench201(), ar.tasks.Digits()

# Weak labels: short training here (the recipe has 300 epochs), and few cells (usually 4,000).
supernet = train_supernet(start_training(space.networks(task), epochs=20))
archs = space.sample(300, rng=np.random.default_rng(0))
weak = {"one-shot": one_shot_scores(supernet, task, archs, examples=200)["accuracy"]}
weak |= space.networks(task).cost(archs)
ranker = ar.rankers.AceNAS(space, pretrain_epochs=60).pretrain(archs, weak)

# True labels: looked up here; Training(task) would train every cell.
study = ar.Study(
    space,
    ar.evaluators.Table("digits201", "valid_accuracy"),
    ar.strategies.AceNASSearch(ranker, budget=60),
).run(60)
print(f"{study.best.string}: {study.best.values['test_accuracy']:.2%} on the test set")
