"""Discrete problems to compare samplers of Optuna on: tables, and functions written after papers.

Two halves, as in `tables_at_hand.py`: settings are chosen on `CHOOSE` alone, and `REPORT` is run
once they are.

- `REPORT`: `nb201`, NAS-Bench-201's CIFAR-100 after 12 epochs (6 operations of 5); `transnas`,
  TransNAS-Bench-101 jigsaw (6 of 4); `ofa`, ImageNet accuracy of Once-for-All sub-networks
  (5 depths, and kernel size and width of every layer that exists: conditional), by boosted trees
  fitted to the table; `pest`, pest control (25 stages of 5 options); `contamination` control
  (25 stages, yes or no; Hu, Hu, Xu, Wang & Cao 2010); `maxsat`, weighted, 28 variables.
- `CHOOSE`: `digits201`; `cells`, NAS-Bench-201's CIFAR-10 after 200 epochs; `scene`,
  TransNAS-Bench-101 scene classification; `gpt`, perplexity of GPT-S (layers, heads and MLP ratios
  of those that exist, conditional), by boosted trees; `nk`, an NK landscape (20 bits, K=3);
  `quadratic`, a binary quadratic programme (24 bits); `letters`, a word (16 places of 4 letters)
  with values of letters and of pairs; `steps`, a written function of integers, steps and
  logarithmic ranges.

The written ones have instances of their own. Values are to be minimised.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
import optuna
import pandas as pd

from archrank.spaces import NASBench201
from archrank.tables import load_table

CHOOSE, REPORT = "choose", "report"
HALVES = {
    CHOOSE: ("digits201", "cells", "scene", "gpt", "nk", "quadratic", "letters", "steps"),
    REPORT: ("nb201", "transnas", "ofa", "pest", "contamination", "maxsat"),
}

Objective = Callable[[optuna.Trial], float]


# ---- tables ------------------------------------------------------------------------------------


def cells(file: Path | str, column: str, options: int) -> Objective:
    """Look up a cell of six operations; ``file`` has every cell as six digits, or is built in."""
    if isinstance(file, str):
        table = load_table(file, NASBench201())
        every = table.space.enumerate()
        keys = ["".join(map(str, row)) for row in every.tolist()]
        values = table.column(column)[table.rows(every)]  # of the cell's isomorphism class
        known = dict(zip(keys, values.tolist(), strict=True))
    else:
        raw = pd.read_csv(file, dtype={"ops": str, "arch": str})
        keys = raw["ops"] if "ops" in raw else raw["arch"]
        known = dict(zip(keys, raw[column].astype(float), strict=True))

    def objective(trial: optuna.Trial) -> float:
        digits = [
            trial.suggest_categorical(f"edge{k}", [str(o) for o in range(options)])
            for k in range(6)
        ]
        return -known["".join(digits)]

    return objective


@lru_cache(1)
def once_for_all(file: Path) -> Objective:
    raw = pd.read_csv(file, dtype=dict.fromkeys(("depth", "ks", "expand"), str))
    depth, ks, expand = (
        np.array([s.split("-") for s in raw[n]], dtype=float) for n in ("depth", "ks", "expand")
    )
    exists = np.arange(4) < depth[:, :, None]
    layers = exists.reshape(len(raw), 20)
    x = np.hstack([depth, np.where(layers, ks, 0), np.where(layers, expand, 0)])
    predict = trees(x, raw["top1"].to_numpy(float))

    def objective(trial: optuna.Trial) -> float:
        row = np.zeros(45)
        for stage in range(5):
            row[stage] = trial.suggest_int(f"depth{stage}", 2, 4)
            for layer in range(int(row[stage])):
                at = 5 + 4 * stage + layer
                row[at] = trial.suggest_int(f"kernel{stage}{layer}", 3, 7, step=2)
                row[20 + at] = trial.suggest_categorical(f"expand{stage}{layer}", [3, 4, 6])
        return -predict(row)

    return objective


@lru_cache(1)
def gpt(file: Path) -> Objective:
    raw = pd.read_csv(file, dtype={"n_head": str, "mlp_ratio": str})
    x = np.zeros((len(raw), 27))
    x[:, 0], x[:, 1], x[:, 2] = raw["embed_dim"], raw["n_layer"], raw["bias"]
    for column, start in (("n_head", 3), ("mlp_ratio", 15)):
        for row, text in zip(x, raw[column], strict=True):
            values = [float(v) for v in text.split("-")][: int(row[1])]
            row[start : start + len(values)] = values
    predict = trees(x, raw["perplexity"].to_numpy(float))
    sizes = sorted(set(raw["embed_dim"].tolist()))
    layers = sorted(set(raw["n_layer"].tolist()))

    def objective(trial: optuna.Trial) -> float:
        row = np.zeros(27)
        row[0] = trial.suggest_categorical("embed_dim", sizes)
        row[1] = trial.suggest_int("n_layer", layers[0], layers[-1])
        row[2] = trial.suggest_categorical("bias", [0, 1])
        for k in range(int(row[1])):
            row[3 + k] = trial.suggest_int(f"heads{k}", 4, 12, step=4)
            row[15 + k] = trial.suggest_int(f"ratio{k}", 2, 4)
        return predict(row)

    return objective


def trees(x: np.ndarray, y: np.ndarray) -> Callable[[np.ndarray], float]:
    """Boosted trees fitted to a table, as a function of one row."""
    from lightgbm import LGBMRegressor

    model = LGBMRegressor(n_estimators=400, learning_rate=0.05, num_threads=1, verbosity=-1)
    booster = model.fit(x, y).booster_
    return lambda row: float(booster.predict(row[None], num_threads=1)[0])


# ---- written functions -------------------------------------------------------------------------


def pest(trial: optuna.Trial) -> float:
    """Four pesticides or none at 25 stations; what is used often gets cheaper, and works less."""
    rng = np.random.default_rng(11)
    spread, price = rng.beta(1.0, 17 / 3, 25), np.array([1.0, 0.8, 0.7, 0.5])
    control = np.array([rng.beta(1.0, b, 25) for b in (2 / 7, 3 / 7, 3 / 7, 5 / 7)])
    tolerance = np.array([1 / 7, 2.5 / 7, 2 / 7, 0.5 / 7])
    uses, below, cost = np.zeros(4), 0.5, 0.0
    for k in range(25):
        chosen = trial.suggest_categorical(f"station{k}", ["none", "a", "b", "c", "d"])
        grown = below + spread[k] * (1 - below)
        if chosen == "none":
            below = grown
        else:
            i = "abcd".index(chosen)
            below = grown * (1 - control[i, k] * (1 - tolerance[i]) ** uses[i])
            cost += price[i] * (1 - 0.05 * uses[i])
            uses[i] += 1
        cost += float(below > 0.1)
    return cost


def contamination(trial: optuna.Trial) -> float:
    """Clean a food chain at some of 25 stages, so that 95 % of the samples stay below a limit."""
    rng = np.random.default_rng(12)
    z, samples = rng.beta(1.0, 30.0, 100), 100
    spread, cleaned = rng.beta(1.0, 17 / 3, (25, samples)), rng.beta(1.0, 3 / 7, (25, samples))
    cost = 0.0
    for k in range(25):
        x = trial.suggest_categorical(f"stage{k}", [False, True])
        z = cleaned[k] * 0 + ((1 - cleaned[k]) * z if x else spread[k] * (1 - z) + z)
        cost += x + max(0.95 - float((z < 0.1).mean()), 0.0)
    return cost


@lru_cache(1)
def _clauses() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(13)
    variables = np.array([rng.choice(28, 3, replace=False) for _ in range(150)])
    return variables, rng.integers(0, 2, (150, 3)), rng.lognormal(0, 1, 150)


def maxsat(trial: optuna.Trial) -> float:
    """Weight of the clauses of three literals that are false."""
    variables, signs, weights = _clauses()
    x = np.array([trial.suggest_int(f"v{k}", 0, 1) for k in range(28)])
    return float(weights @ ~(x[variables] == signs).any(axis=1))


@lru_cache(1)
def _nk() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(14)
    others = np.array(
        [rng.choice(np.delete(np.arange(20), k), 3, replace=False) for k in range(20)]
    )
    return others, rng.random((20, 16))


def nk(trial: optuna.Trial) -> float:
    """NK landscape of 20 bits, each with three others (Kauffman 1993)."""
    others, values = _nk()
    x = np.array([trial.suggest_categorical(f"bit{k}", [0, 1]) for k in range(20)])
    index = x * 8 + x[others] @ np.array([4, 2, 1])
    return -float(values[np.arange(20), index].mean())


@lru_cache(1)
def _pairs() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(15)
    near = np.exp(-(np.subtract.outer(np.arange(24), np.arange(24)) ** 2) / 10.0)
    return rng.normal(size=(24, 24)) * near, rng.normal(size=(20, 20, 4, 4))


def quadratic(trial: optuna.Trial) -> float:
    """Binary quadratic programme of 24 variables, near ones coupled (Baptista & Poloczek 2018)."""
    weights, _ = _pairs()
    x = np.array([trial.suggest_int(f"x{k}", 0, 1) for k in range(24)])
    return float(-(x @ weights @ x) + 0.1 * x.sum())


def letters(trial: optuna.Trial) -> float:
    """A word of 16 places and 4 letters; each has a value, and so have all neighbours of it."""
    _, values = _pairs()
    word = [trial.suggest_categorical(f"place{k}", list("acgt")) for k in range(16)]
    at = ["acgt".index(letter) for letter in word]
    alone = sum(values[k, k, i, 0] for k, i in enumerate(at))
    pairs = sum(
        values[k, k + step, at[k], at[k + step]] for step in (1, 2) for k in range(len(at) - step)
    )
    return float(-alone - pairs)


def steps(trial: optuna.Trial) -> float:
    """Layers, width, dropout and batch of a network that does not exist."""
    layers = trial.suggest_int("layers", 1, 12)
    width = trial.suggest_int("width", 8, 128, log=True)
    rate = trial.suggest_float("rate", 0.0, 0.6, step=0.05)
    kind = trial.suggest_categorical("kind", ["relu", "gelu", "silu", "tanh"])
    batch = trial.suggest_categorical("batch", [16, 32, 64, 128, 256])
    bonus = {"relu": 0.0, "gelu": 0.12, "silu": 0.1, "tanh": -0.3}[kind]
    size = np.log2(layers) + 0.7 * np.log2(width)
    loss = (size - 6.5) ** 2 / 8 + (rate - 0.05 * size) ** 2 * 6 - bonus
    if kind in ("gelu", "silu"):
        loss += (trial.suggest_int("warmup", 0, 10) - layers / 2) ** 2 / 50
    return float(loss + (np.log2(batch) - 6 - 0.2 * layers / 6) ** 2 / 10)


def objective(name: str, data: Path) -> Objective:
    """Make a problem."""
    made: dict[str, Callable[[], Objective]] = {
        "nb201": lambda: cells(data / "nb201.csv.gz", "c100_val_e12", 5),
        "digits201": lambda: cells("digits201", "valid_accuracy", 5),
        "transnas": lambda: cells(data / "transnas101_micro.csv.gz", "jigsaw", 4),
        "ofa": lambda: once_for_all(data / "ofa_mbv3_supernet_imagenet.csv.gz"),
        "cells": lambda: cells(data / "nb201.csv.gz", "c10_val", 5),
        "scene": lambda: cells(data / "transnas101_micro.csv.gz", "class_scene", 4),
        "gpt": lambda: gpt(data / "hwgpt_s.csv.gz"),
    }
    written = {f.__name__: f for f in (pest, contamination, maxsat, nk, quadratic, letters, steps)}
    return made[name]() if name in made else written[name]
