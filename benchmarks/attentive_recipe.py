"""Train attentive_small with one setting of its recipe changed, and score sub-networks.

OMP_NUM_THREADS=1 python benchmarks/attentive_recipe.py weight_decay=1e-5 lr=0.2

Each argument is one training: ``SETTING=VALUE`` of a recipe, or several with commas between.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
import torch

from archrank.spaces import AttentiveSmall
from archrank.supernets import one_shot_scores, start_training
from archrank.tasks import Characters

EPOCHS, SAMPLED, SEED = 48, 40, 7


def main() -> None:
    """Print accuracies of the ends and of random sub-networks, and CPU seconds, per training."""
    torch.set_num_threads(1)
    task = Characters(images=2400, eval_images=2400, size=12, copies=1)
    networks = AttentiveSmall().networks(task)
    drawn = networks.space.sample(SAMPLED, rng=np.random.default_rng(SEED))
    archs = np.concatenate([networks.smallest[None], networks.largest[None], drawn])
    for argument in sys.argv[1:] or ["epochs=48"]:
        parts = (part.split("=", 1) for part in argument.split(","))
        changes = {name: json.loads(value) for name, value in parts}
        start = time.process_time()
        training = start_training(networks, sampler="uniform", **{"epochs": EPOCHS, **changes})
        while training.epoch < training.recipe.epochs and not training.failure:
            training.run_epoch()
        seconds = time.process_time() - start
        found = one_shot_scores(
            training.supernet,
            task,
            archs,
            statistics="recalibrated",
            examples=1200,
            calibration=2,
            batch_size=256,
        )["accuracy"]
        low, median, best = np.quantile(found[2:], [0.25, 0.5, 1.0])
        print(
            f"{argument}: smallest {found[0]:.3f}, largest {found[1]:.3f}, sampled {low:.3f} / "
            f"{median:.3f} / {best:.3f} (quartile, median, best), {seconds:.0f} CPU-seconds",
            training.failure,
            flush=True,
        )


if __name__ == "__main__":
    main()
