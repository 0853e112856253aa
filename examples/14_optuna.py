"""RankSampler in a study of Optuna: kinds of classifiers, each with settings of its own.

Nothing declares which settings belong to which kind; the sampler learns it from the trials, and
tries no combination twice. See docs/optuna.md.
"""

import optuna
from sklearn.datasets import load_digits
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

from archrank.integrations.optuna import RankSampler


def classifier(trial):
    """A classifier with the settings of a trial."""
    kind = trial.suggest_categorical("kind", ["neighbours", "trees", "svm"])
    if kind == "neighbours":
        return KNeighborsClassifier(
            trial.suggest_int("neighbours", 1, 15, step=2),
            weights=trial.suggest_categorical("weights", ["uniform", "distance"]),
        )
    if kind == "trees":
        return ExtraTreesClassifier(
            n_estimators=20,
            max_depth=trial.suggest_int("depth", 2, 12),
            max_features=trial.suggest_float("features", 0.1, 1.0, step=0.1),
            random_state=0,
        )
    return SVC(
        C=trial.suggest_float("C", 1e-2, 1e2, log=True),
        gamma=trial.suggest_float("gamma", 1e-5, 1e-1, log=True),
    )


def objective(trial):
    """Accuracy on handwritten digits, by cross-validation."""
    x, y = load_digits(return_X_y=True)
    return cross_val_score(classifier(trial), x[:600], y[:600], cv=3).mean()


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=RankSampler(seed=0))
    study.optimize(objective, n_trials=30)
    print(f"{study.best_value:.3f}  {study.best_params}")
