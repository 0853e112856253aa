"""Your own images: a folder for each class, small residual networks, a limit on their latency.

Here the folder is made of handwritten digits. The trained network of the best architecture is
written to a folder beside them, also as ONNX, with what turns new pictures into its inputs.
"""

import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_digits
from torch import nn

import archrank as ar


class Block(nn.Module):
    """Two convolutions, added to their input."""

    def __init__(self, channels, kernel):
        super().__init__()
        layers = []
        for _ in range(2):
            conv = nn.Conv2d(channels, channels, kernel, padding=kernel // 2, bias=False)
            layers += [nn.ReLU(), conv, nn.BatchNorm2d(channels)]
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        """Return a tensor of the shape of ``x``, (b, channels, height, width)."""
        return x + self.layers(x)


def build(config, task):
    """A small ResNet: a stem, blocks, the mean over positions, a classifier."""
    width = config["width"]
    stem = nn.Conv2d(task.input_shape[0], width, 3, stride=2, padding=1)
    blocks = [Block(width, config["kernel"]) for _ in range(config["depth"])]
    pool = [nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(stem, *blocks, *pool, nn.Linear(width, task.n_outputs))


def main():
    """Search, keep the best network, and ask it about a picture."""
    folder = Path(tempfile.mkdtemp())
    digits = load_digits()
    for i, (pixels, label) in enumerate(zip(digits.images, digits.target, strict=True)):
        (folder / "images" / str(label)).mkdir(parents=True, exist_ok=True)
        Image.fromarray((pixels * 15).astype(np.uint8)).save(folder / f"images/{label}/{i}.png")

    # Your folder, size and limit go here.
    recipe = ar.tasks.Recipe(epochs=3, batch_size=64, optimizer="adamw", lr=5e-3)
    task = ar.tasks.from_image_folder(folder / "images", size=16, grey=True, recipe=recipe)
    choices = {"width": [8, 16, 32], "depth": [1, 2, 3], "kernel": [3, 5]}
    space = ar.spaces.from_choices(choices, build=build, name="resnets")
    study = ar.Study(
        space,
        ar.evaluators.Combined(ar.evaluators.Training(task), ar.evaluators.Latency(task)),
        ar.strategies.Guided(initial=4),
        objectives=["valid_accuracy"],
        constraints=["latency_ms<=1"],
    )
    best = study.run(budget=6).best
    print(f"{best.string}: {best.values['valid_accuracy']:.1%}, {best.values['latency_ms']:.2f} ms")

    ar.export.export_network(study.evaluator, best.arch, folder / "best", formats=["onnx"])
    network = ar.load(folder / "best", space=space, task=task).network
    preprocessing = ar.tasks.read_preprocessing(folder / "best")
    with torch.no_grad():
        outputs = network(preprocessing.encode([folder / "images/3/3.png"]))
    print(f"images/3/3.png shows a {preprocessing.decode(outputs)[0]}")


if __name__ == "__main__":
    main()
