"""Batches by sentences and by tokens on the built-in tasks of text: CPU time and validation loss.

    OMP_NUM_THREADS=1 python benchmarks/text_batches.py

One random network of ``hat_small`` learns 6,000 pairs of ``dates``, one of ``ranknas_lm_small``
the whole of ``topics``; only the batches and the epochs differ.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import torch

from archrank.runs.named import make_space
from archrank.tasks import Dates, Recipe, Task, Topics
from archrank.training.loop import initialise, train

BASE = Recipe(
    optimizer="adamw", lr=3e-3, weight_decay=1e-4, warmup_epochs=0.5, grad_clip=1.0, batch_size=64
)
DATES = ((3, None), (3, 1536), (6, 1536), (5, 1024), (4, 512))
TOPICS = ((2, None), (2, 4096), (2, 1536), (2, 1024), (2, 512))


def measure(space: str, task: Task, runs: tuple[tuple[int, int | None], ...]) -> None:
    """Print a row for each number of epochs and of tokens per batch."""
    made = make_space(space)
    arch = made.sample(1, rng=np.random.default_rng(0))[0]
    for epochs, tokens in runs:
        recipe = replace(BASE, epochs=epochs, batch_tokens=tokens)
        each = replace(task, recipe=recipe)
        network = initialise(lambda each=each: made.networks(each).build(arch), 0)
        start = time.process_time()
        found = train(network, each, seed=0).metrics
        seconds = time.process_time() - start
        name = "64 sequences" if tokens is None else f"{tokens} tokens"
        print(
            f"| {task.name} | {name} | {epochs} | {seconds:.1f} | {found['valid_loss']:.3f} | "
            f"{100 * found['valid_accuracy']:.1f} % |",
            flush=True,
        )


if __name__ == "__main__":
    torch.set_num_threads(1)
    measure("hat_small", Dates(pairs=6000, held_out=300), DATES)
    measure("ranknas_lm_small", Topics(), TOPICS)
