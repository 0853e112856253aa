"""The default ranker on costs and on numeric options, against plain regressions.

    python benchmarks/features.py --data DATA --draws 10
    python benchmarks/features.py --data DATA --only latency
    python benchmarks/features.py --data DATA --only hat gpt_s ofa mlp accuracy

``latency``: every column of nb201_latency.csv.gz from 50 labels, against ridge regression on the
one-hot operations of all edges and against MACs alone. ``hat``, ``gpt_s``, ``ofa``, ``mlp``: tables
of numeric options at 20, 50 and 100 labels, against scikit-learn's Gaussian process (Matern 5/2,
one length and one per column, restarts) and random forest on the numbers themselves, inactive
ones 0.
``accuracy``: NAS-Bench-201's validation accuracies. All figures are Kendall tau on the whole table
(2,000 random rows of larger numeric ones), in the mean over draws; the last column says by how much
the default is ahead of the best other. ``mlp`` is measured by the script itself (half a minute).
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel
from sklearn.linear_model import RidgeCV
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

import archrank as ar
from archrank.criteria import kendall_tau
from archrank.rankers import GaussianProcess
from archrank.rankers.kit.encoding import encode

JUDGED_ON = 2_000  # rows of a numeric table
Predict = Callable[[np.ndarray], np.ndarray]  # rows of the labels -> predictions of all rows


class Problem(NamedTuple):
    """One column of one table."""

    name: str
    space: ar.spaces.Space
    archs: np.ndarray  # (n, d)
    values: np.ndarray  # (n,)
    others: dict[str, np.ndarray]  # numbers that other regressions read, (n, f)
    labels: tuple[int, ...]


# ---- tables ------------------------------------------------------------------------------------


def nothing(config: dict[str, object], task: object) -> None:
    """Stands for a build function: these spaces are only ranked."""


def table_space(
    columns: dict[str, np.ndarray], active_if: dict[str, tuple[str, list[float]]] | None = None
) -> tuple[ar.spaces.Space, np.ndarray]:
    """A user's space whose options are the values of each column, NaN where inactive; its rows."""
    options = {name: np.unique(values[~pd.isna(values)]) for name, values in columns.items()}
    space = ar.spaces.CustomSpace(
        {name: found.tolist() for name, found in options.items()}, nothing, active_if=active_if
    )
    rows = [
        np.where(
            pd.isna(values),
            0,
            np.searchsorted(options[name], np.where(pd.isna(values), options[name][0], values)),
        )
        for name, values in columns.items()
    ]
    return space, space.canonical(np.stack(rows, axis=1).astype(np.uint8))


def latency(data: Path) -> Iterator[Problem]:
    space = ar.spaces.NASBench201()
    table = pd.read_csv(data / "nb201_latency.csv.gz")
    archs = space.parse(list(table["arch"]))
    ties = np.random.default_rng(0).random(len(archs))  # MACs are whole numbers
    others = {"one_hot": encode(space, archs, "one_hot"), "macs": space.cost(archs)["macs"] + ties}
    for column in table.columns[2:]:
        values = table[column].to_numpy(float)
        yield Problem(f"latency {column}", space, archs, values, others, (50,))


def accuracy(data: Path) -> Iterator[Problem]:
    space = ar.spaces.NASBench201()
    table = pd.read_csv(data / "nb201.csv.gz", dtype={"ops": str})
    archs = space.parse(list(table["arch"]))
    for column in ("c10_val", "c100_val"):
        values = table[column].to_numpy(float)
        yield Problem(f"accuracy {column}", space, archs, values, {}, (20, 50, 78))


def hat(data: Path) -> Iterator[Problem]:
    """Latency of encoder and decoder together, which is what HAT predicts."""
    table = pd.read_csv(data / "hat_latency.csv.gz")
    for (task, hardware), part in table.groupby(["task", "hardware"]):
        columns = {name: part[name].to_numpy(float) for name in part.columns[2:12]}
        space, archs = table_space(columns)
        numbers = np.stack(list(columns.values()), axis=1)
        values = (part["latency_mean_encoder"] + part["latency_mean_decoder"]).to_numpy(float)
        name = f"hat {task} {hardware}"
        yield Problem(name, space, archs, values, {"numbers": numbers}, (20, 50, 100))


def gpt_s(data: Path) -> Iterator[Problem]:
    table = pd.read_csv(data / "hwgpt_s.csv.gz", dtype={"n_head": str, "mlp_ratio": str})
    space = ar.spaces.GPTS()
    genes = ("embed_dim", "n_layer", "n_head", "mlp_ratio", "bias")
    archs = space.from_columns(*(table[gene].tolist() for gene in genes))
    options = [np.array(choice.options, dtype=float) for choice in space.choices]
    numbers = np.stack([o[archs[:, j]] for j, o in enumerate(options)], axis=1)
    others = {"numbers": numbers * space.active(archs)}
    for column in ("perplexity", "accuracy", *(c for c in table.columns if c.startswith("gpu"))):
        values = table[column].to_numpy(float)
        yield Problem(f"gpt_s {column}", space, archs, values, others, (20, 50, 100))


def ofa(data: Path) -> Iterator[Problem]:
    names = ("depth", "ks", "expand")
    table = pd.read_csv(data / "ofa_mbv3_supernet_imagenet.csv.gz", dtype=dict.fromkeys(names, str))
    depth, *layers = (np.array([s.split("-") for s in table[n]], dtype=float) for n in names)
    columns = {f"depth{stage}": depth[:, stage] for stage in range(5)}
    active_if = {}
    for name, values in zip(names[1:], layers, strict=True):
        for i in range(20):
            stage, layer = divmod(i, 4)
            exists = layer < depth[:, stage]
            columns[f"{name}{stage}_{layer}"] = np.where(exists, values[:, i], np.nan)
            if layer >= 2:
                depths = [d for d in (3.0, 4.0) if d > layer]
                active_if[f"{name}{stage}_{layer}"] = (f"depth{stage}", depths)
    space, archs = table_space(columns, active_if)
    numbers = np.nan_to_num(np.stack(list(columns.values()), axis=1))
    values = table["top1"].to_numpy(float)
    yield Problem("ofa top1", space, archs, values, {"numbers": numbers}, (20, 50, 100))


def mlp(data: Path) -> Iterator[Problem]:
    """Validation accuracy of 1,000 random perceptrons on scikit-learn's digits after 6 epochs."""
    widths = [4, 8, 16, 32, 64]
    space = ar.spaces.CustomSpace(
        {
            "depth": [1, 2, 3],
            "width1": widths,
            "width2": widths,
            "width3": widths,
            "rate": [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2],
            "batch": [8, 16, 32, 64, 128],
            "decay": [1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0],
            "activation": ["relu", "tanh", "logistic"],
        },
        nothing,
        active_if={"width2": ("depth", [2, 3]), "width3": ("depth", [3])},
    )
    archs = space.sample(1_000, rng=np.random.default_rng(1))
    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))
    x, y = x[order] / 16, y[order]
    values = []
    for seed, arch in enumerate(archs):
        config = space.config(arch)
        model = MLPClassifier(
            [config[f"width{i + 1}"] for i in range(config["depth"])],
            activation=config["activation"],
            alpha=config["decay"],
            batch_size=config["batch"],
            learning_rate_init=config["rate"],
            max_iter=6,
            random_state=seed,
        )
        values.append(model.fit(x[:500], y[:500]).score(x[500:], y[500:]))
    options = [np.array(choice.options, dtype=float) for choice in space.choices[:-1]]
    numbers = np.stack([o[archs[:, j]] for j, o in enumerate(options)], axis=1)
    numbers = numbers * space.active(archs)[:, :-1]
    numbers = np.concatenate([numbers, archs[:, -1:] == np.arange(3)], axis=1)
    yield Problem("mlp", space, archs, np.array(values), {"numbers": numbers}, (20, 50, 100))


# ---- regressions -------------------------------------------------------------------------------


def default(problem: Problem) -> Predict:
    def predict(rows: np.ndarray) -> np.ndarray:
        ranker = GaussianProcess(problem.space)
        return ranker.fit(problem.archs[rows], problem.values[rows]).predict(problem.archs)

    return predict


def ridge(problem: Problem) -> Predict:
    x = problem.others["one_hot"]
    model = RidgeCV(np.logspace(-3, 3, 13))
    return lambda rows: model.fit(x[rows], problem.values[rows]).predict(x)


def macs(problem: Problem) -> Predict:
    return lambda rows: problem.others["macs"]


def forest(problem: Problem) -> Predict:
    x = problem.others["numbers"]
    model = RandomForestRegressor(200, random_state=0)
    return lambda rows: model.fit(x[rows], problem.values[rows]).predict(x)


def matern(problem: Problem, per_column: bool) -> Predict:
    x = problem.others["numbers"]
    x = x[:, x.std(axis=0) > 0]
    lengths = np.ones(x.shape[1]) if per_column else 1.0
    kernel = ConstantKernel(1.0, (1e-3, 1e3)) * Matern(lengths, (1e-2, 1e3), nu=2.5)
    kernel = kernel + WhiteKernel(0.1, (1e-6, 10.0))

    def predict(rows: np.ndarray) -> np.ndarray:
        scaler = StandardScaler().fit(x[rows])
        model = GaussianProcessRegressor(
            kernel, normalize_y=True, n_restarts_optimizer=2, random_state=0
        )
        return model.fit(scaler.transform(x[rows]), problem.values[rows]).predict(
            scaler.transform(x)
        )

    return predict


RIVALS: dict[str, Callable[[Problem], Predict]] = {
    "ridge": ridge,
    "macs": macs,
    "forest": forest,
    "gp, one length": lambda problem: matern(problem, False),
    "gp, per column": lambda problem: matern(problem, True),
}
TABLES: dict[str, tuple[Callable[[Path], Iterator[Problem]], tuple[str, ...]]] = {
    "latency": (latency, ("ridge", "macs")),
    "hat": (hat, ("forest", "gp, one length", "gp, per column")),
    "gpt_s": (gpt_s, ("forest", "gp, one length", "gp, per column")),
    "ofa": (ofa, ("forest", "gp, one length", "gp, per column")),
    "mlp": (mlp, ("forest", "gp, one length", "gp, per column")),
    "accuracy": (accuracy, ()),
}


# ---- measuring ---------------------------------------------------------------------------------


def measure(problem: Problem, predict: Predict, n: int, draws: int) -> tuple[np.ndarray, float]:
    """Taus of ``draws`` draws of ``n`` labels, and processor seconds of each."""
    judged = np.arange(len(problem.values))
    if "numbers" in problem.others:
        judged = np.random.default_rng(9).permutation(judged)[:JUDGED_ON]
    start, taus = time.process_time(), []
    for draw in range(draws):
        rows = np.random.default_rng([draw, n]).choice(len(problem.values), n, replace=False)
        taus.append(kendall_tau(predict(rows)[judged], problem.values[judged]))
    return np.array(taus), (time.process_time() - start) / draws


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--only", nargs="+", choices=list(TABLES), default=list(TABLES))
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    for table in args.only:
        read, rivals = TABLES[table]
        print("\n| column | labels | default | " + " | ".join([*rivals, "ahead by"]) + " | CPU-s |")
        print("|---" * (len(rivals) + 5) + "|")
        ours, leads = [], []
        for problem in read(args.data):
            for n in problem.labels:
                taus, seconds = measure(problem, default(problem), n, args.draws)
                theirs = {
                    name: measure(problem, RIVALS[name](problem), n, args.draws)[0].mean()
                    for name in rivals
                }
                ours.append(taus.mean())
                leads += [taus.mean() - max(theirs.values())] if theirs else []
                cells = [f"{taus.mean():.3f} ± {taus.std():.3f}"]
                cells += [f"{tau:.3f}" for tau in theirs.values()]
                cells += [f"{leads[-1]:+.3f}" if theirs else "", f"{seconds:.2f}"]
                print(f"| {problem.name} | {n} | " + " | ".join(cells) + " |", flush=True)
        behind = f"; behind in {sum(lead < 0 for lead in leads)} of {len(leads)}" if leads else ""
        print(f"{table}: mean {np.mean(ours):.4f}{behind}", flush=True)


if __name__ == "__main__":
    main()
