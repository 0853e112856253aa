"""A table of numbers, a network of yours, and a limit: the best model that answers in 1 ms.

Latency is measured before anything is trained, so what is too slow costs no training.
"""

from sklearn.datasets import load_breast_cancer
from torch import nn

import archrank as ar


def build(config, task):
    """A multilayer perceptron with batch norms."""
    layers, before = [], task.input_shape[0]
    for _ in range(config["depth"]):
        layers += [nn.Linear(before, config["width"]), nn.BatchNorm1d(config["width"]), nn.ReLU()]
        before = config["width"]
    return nn.Sequential(*layers, nn.Linear(before, task.n_outputs))


space = ar.spaces.from_choices(
    {"depth": [1, 2, 4, 8, 16, 32], "width": [8, 32, 128, 512]}, build=build, name="perceptrons"
)

if __name__ == "__main__":
    table = load_breast_cancer(as_frame=True).frame  # yours: "table.csv"
    recipe = ar.tasks.Recipe(epochs=5, optimizer="adamw", lr=5e-3)
    task = ar.tasks.from_dataframe(table, target="target", recipe=recipe)
    evaluator = ar.evaluators.Combined(
        ar.evaluators.Training(task), ar.evaluators.Latency(task), ar.evaluators.Cost()
    )
    study = ar.Study(
        space, evaluator, objectives=["valid_accuracy"], constraints=["latency_ms<=1"]
    ).run(budget=8)
    best = study.best
    print(f"{best.string}: {best.values['valid_accuracy']:.1%}, {best.values['latency_ms']:.3f} ms")
    print(f"{len(study.results.rejected)} others were measured, too slow, and not trained")
    print(*study.confirmations, sep="\n")
