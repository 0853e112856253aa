"""Your own supernet: one network holds all others; train it once, score them all, keep the best.
Also: archrank supernet train --space examples/07_your_own_supernet.py:space
"""

from torch import nn

import archrank as ar


class Perceptron(nn.Module):
    """Layers of one width; a smaller network has the first of them, and their first units."""

    def __init__(self, config, task):
        super().__init__()
        self.config, width = config, config["width"]
        sizes = [64] + [width] * (config["depth"] - 1)  # digits have 8 x 8 pixels
        self.layers = nn.ModuleList(nn.Linear(size, width) for size in sizes)
        self.head = nn.Linear(width, task.n_classes)

    def forward(self, x, config=None):
        """Run all of it, or the part that a smaller configuration has."""
        depth, width = (config or self.config)["depth"], (config or self.config)["width"]
        x = x.flatten(1)
        for layer in self.layers[:depth]:
            weight = layer.weight[:width, : x.shape[1]]
            x = nn.functional.linear(x, weight, layer.bias[:width]).relu()
        return nn.functional.linear(x, self.head.weight[:, :width], self.head.bias)


choices, largest = {"depth": [1, 2, 3], "width": [4, 8, 16, 32]}, {"depth": 3, "width": 32}
space = ar.spaces.from_choices(choices, Perceptron, supernet=lambda task: Perceptron(largest, task))

if __name__ == "__main__":
    task, sampler, archs = ar.tasks.digits(), ar.supernets.samplers.Uniform(m=4), space.enumerate()
    supernet = space.networks(task).supernet()
    ar.supernets.train_supernet(ar.supernets.SupernetTraining(supernet, task, sampler))
    scores = ar.supernets.one_shot_scores(supernet, task, archs)["accuracy"]
    network = supernet.extract(archs[scores.argmax()])  # as the space builds it, with the weights
    print(f"{scores.max():.3f}  {space.format(archs)[scores.argmax()]}\n{network}")
