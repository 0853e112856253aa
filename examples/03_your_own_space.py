"""Your own space in 20 lines: named choices and a function that builds a network."""

from torch import nn

import archrank as ar


def build(config, task):
    """A small convolutional network with the chosen width, depth, kernel and activation."""
    channels, kernel = config["width"], config["kernel"]
    activation = {"relu": nn.ReLU, "silu": nn.SiLU}[config["activation"]]
    layers = []
    before = task.input_shape[0]
    for _ in range(config["depth"]):
        conv = nn.Conv2d(before, channels, kernel, padding=kernel // 2, bias=False)
        layers += [conv, nn.BatchNorm2d(channels), activation()]
        before = channels
    pool = [nn.AdaptiveAvgPool2d(2), nn.Flatten()]
    return nn.Sequential(*layers, *pool, nn.Linear(4 * channels, task.n_classes))


space = ar.spaces.CustomSpace(
    {
        "width": [4, 8, 12, 16],
        "depth": [1, 2, 3],
        "kernel": [1, 3, 5],
        "activation": ["relu", "silu"],
    },
    build,
)
evaluator = ar.evaluators.Combined(ar.evaluators.Training(ar.tasks.digits()), ar.evaluators.Cost())
study = ar.Study(
    space, evaluator, ar.strategies.Guided(initial=5), objectives=["valid_accuracy", "params"]
)
study.run(budget=10)
for record in study.front:
    print(f"{record.values['valid_accuracy']:.3f}  {record.values['params']:6.0f}  {record.string}")
