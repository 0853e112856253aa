"""A network's settings: choices, layers with widths of their own, a limit on what it costs."""

from __future__ import annotations

import optuna
import optunahub


def objective(trial: optuna.Trial) -> float:
    """Return an error that falls with the size, beside what the settings cost."""
    layers = trial.suggest_int("layers", 1, 4)
    widths = [trial.suggest_int(f"width{k}", 16, 128, step=16) for k in range(layers)]
    activation = trial.suggest_categorical("activation", ["relu", "gelu", "tanh"])
    rate = trial.suggest_float("rate", 1e-4, 1e-1, log=True)
    params = sum(a * b for a, b in zip([16, *widths], [*widths, 1], strict=True))
    trial.set_constraint("params<=20,000", params - 20_000)
    error = 1 / (1 + params**0.5) + abs(rate - 3e-3) + 0.01 * layers
    return error + {"relu": 0.01, "gelu": 0.0, "tanh": 0.03}[activation]


if __name__ == "__main__":
    module = optunahub.load_module(package="samplers/rank_sampler")
    study = optuna.create_study(sampler=module.RankSampler(seed=0))
    study.optimize(objective, n_trials=40)
    print(study.best_value, study.best_params)
