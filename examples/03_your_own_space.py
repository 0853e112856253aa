"""Your own space: named choices, some of which depend on others, and a function that builds.

The same file serves the command line: archrank search --space examples/03_your_own_space.py:space
"""

from torch import nn

import archrank as ar


def build(config, task):
    """A small convolutional network; the second layer's kernel only exists if the layer does."""
    activation = {"relu": nn.ReLU, "silu": nn.SiLU}[config["activation"]]
    layers = []
    before, channels = task.input_shape[0], config["width"]
    for kernel in (config["kernel1"], config.get("kernel2")):
        if kernel is not None:
            conv = nn.Conv2d(before, channels, kernel, padding=kernel // 2, bias=False)
            layers += [conv, nn.BatchNorm2d(channels), activation()]
            before = channels
    pool = [nn.AdaptiveAvgPool2d(2), nn.Flatten()]
    return nn.Sequential(*layers, *pool, nn.Linear(4 * channels, task.n_classes))


space = ar.spaces.from_choices(
    {
        "width": [4, 8, 12, 16],
        "depth": [1, 2],
        "kernel1": [1, 3, 5],
        "kernel2": [1, 3, 5],
        "activation": ["relu", "silu"],
    },
    build=build,
    active_if={"kernel2": ("depth", [2])},
    name="nets",
)

if __name__ == "__main__":
    evaluator = ar.evaluators.Combined(
        ar.evaluators.Training(ar.tasks.digits()), ar.evaluators.Cost()
    )
    study = ar.Study(
        space, evaluator, ar.strategies.Guided(initial=5), objectives=["valid_accuracy", "params"]
    )
    study.run(budget=10)
    for record in study.front:
        accuracy, params = record.values["valid_accuracy"], record.values["params"]
        print(f"{accuracy:.3f}  {params:6.0f}  {record.string}")
