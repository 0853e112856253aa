r"""Your own training loop: any function of the configuration, on two workers.

The same file serves the command line:

    archrank search --space examples/12_your_own_loop.py:space --workers 2 \
        --evaluate examples/12_your_own_loop.py:train_and_eval --seeds 2
"""

from sklearn.datasets import load_diabetes
from sklearn.model_selection import cross_val_score
from sklearn.neural_network import MLPRegressor

import archrank as ar


def train_and_eval(config, seed):
    """Train however you like; return what you measure. A seed comes to those who take one."""
    x, y = load_diabetes(return_X_y=True)
    model = MLPRegressor(
        hidden_layer_sizes=[config["width"]] * config["depth"],
        activation=config["activation"],
        solver="lbfgs",
        max_iter=60,
        random_state=seed,
    )
    scores = cross_val_score(model, x, y, cv=3, scoring="neg_root_mean_squared_error")
    return {"rmse": -scores.mean(), "width": config["width"]}


train_and_eval.metrics = ["rmse", "width:minimize"]


space = ar.spaces.from_choices(
    {"width": [4, 8, 16, 32], "depth": [1, 2, 3], "activation": ["relu", "tanh"]},
    name="regressors",
)

if __name__ == "__main__":
    evaluator = ar.evaluators.Function(train_and_eval, runs=2)
    with ar.parallel.Processes(2) as workers:
        study = ar.Study(space, evaluator, executor=workers).run(budget=8)
    print(study.best.string, study.best.values)
