"""Compare a Transformer supernet's losses with trainings from scratch.

OMP_NUM_THREADS=1 python benchmarks/transformer_scratch.py SPACE TASK RUN [--supernets 3]

Architectures are random ones of a band of parameters, so that size alone tells little. RUN keeps
what was trained, and a stopped measurement goes on there.
"""

from __future__ import annotations

import argparse
import json
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch
from scipy.stats import spearmanr

from archrank.criteria import kendall_tau
from archrank.rankers import GaussianProcess, RandomForest, RankNAS
from archrank.spaces import SPACES
from archrank.supernets import one_shot_scores, start_training, train_supernet
from archrank.tasks import TASKS
from archrank.training.loop import initialise, train

LABELS = 200  # sub-networks that rankers learn from


def kept(path: Path, measure):
    """Return what was measured before, or measure and keep it."""
    if not path.exists():
        path.write_text(json.dumps(measure()))
    return json.loads(path.read_text())


def main() -> None:
    """Print tau and rho with the losses of networks that were trained from scratch."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("space")
    parser.add_argument("task")
    parser.add_argument("run", type=Path)
    parser.add_argument("--archs", type=int, default=30)
    parser.add_argument("--supernets", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=None, help="of the supernet")
    parser.add_argument("--band", type=float, nargs=2, default=(0.35, 0.65))
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.run.mkdir(parents=True, exist_ok=True)
    space, task = SPACES.get(args.space)(), TASKS.get(args.task)()
    networks = space.networks(task)
    rng = np.random.default_rng(11)
    pool = space.sample(4000, rng=rng)
    params = networks.cost(pool)["params"]
    low, high = np.quantile(params, args.band)
    inside = pool[(params >= low) & (params <= high)]
    archs, others = inside[: args.archs], inside[args.archs : args.archs + LABELS]

    def alone(i: int) -> dict[str, float]:
        start = time.process_time()
        network = initialise(lambda: networks.build(archs[i]), i)
        loss = train(network, task, seed=i).metrics["valid_loss"]
        return {"loss": loss, "cpu": time.process_time() - start}

    def scored(seed: int) -> dict[str, list[float] | float]:
        start = time.process_time()
        changes = {} if args.epochs is None else {"epochs": args.epochs}
        training = start_training(networks, seed=seed, **changes)
        supernet = train_supernet(training, args.run / f"supernet-{args.epochs}-{seed}")
        trained = time.process_time() - start
        found = [one_shot_scores(supernet, task, part)["loss"] for part in (archs, others)]
        return {"archs": found[0].tolist(), "others": found[1].tolist(), "cpu": trained}

    seeds = range(args.supernets)
    shots = [
        kept(args.run / f"scores-{args.epochs}-{seed}.json", partial(scored, seed))
        for seed in seeds
    ]
    for seed, shot in zip(seeds, shots, strict=True):
        least, most = min(shot["archs"]), max(shot["archs"])
        print(f"supernet {seed}: {shot['cpu']:.0f} CPU-s, losses {least:.3f} to {most:.3f}")
    runs = [kept(args.run / f"alone-{i}.json", partial(alone, i)) for i in range(len(archs))]
    truth = -np.array([run["loss"] for run in runs])
    print(
        f"{len(archs)} of {low:,.0f} to {high:,.0f} parameters from scratch: losses "
        f"{-truth.max():.3f} to {-truth.min():.3f}, {sum(run['cpu'] for run in runs):.0f} CPU-s"
    )
    costs = networks.cost(archs)
    for name in ("params", "macs"):
        print(f"{name}: tau {kendall_tau(costs[name], truth):.3f}")
    columns = space.features(archs)
    single = {
        name: abs(kendall_tau(column, truth))
        for name, column in zip(space.feature_names, columns.T, strict=True)
        if len(np.unique(column)) > 1
    }
    best = max(single, key=single.get)
    print(f"best single feature, {best}: |tau| {single[best]:.3f}")
    for seed, shot in zip(seeds, shots, strict=True):
        score, labels = -np.array(shot["archs"]), -np.array(shot["others"])
        rho = spearmanr(score, truth)[0]
        print(f"supernet {seed}: tau {kendall_tau(score, truth):.3f}, rho {rho:.3f}")
        for ranker in (RankNAS, GaussianProcess, RandomForest):
            predicted = ranker(space).fit(others, labels).predict(archs)
            tau, same = kendall_tau(predicted, truth), kendall_tau(predicted, score)
            name = f"{ranker.__name__} of {len(others)} labels"
            print(f"  {name}: tau {tau:.3f}, with the supernet {same:.3f}")
    mean = -np.mean([shot["archs"] for shot in shots], axis=0)
    print(f"mean of the supernets: tau {kendall_tau(mean, truth):.3f}")


if __name__ == "__main__":
    main()
