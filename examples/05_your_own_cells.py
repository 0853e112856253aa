"""Your own cells: operations by name and a number of nodes."""

import numpy as np
from torch import nn

import archrank as ar
from archrank.testing import check_space


def separable(channels):
    """Depthwise, then pointwise: a convolution for a fraction of the price."""
    depthwise = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
    pointwise = nn.Conv2d(channels, channels, 1, bias=False)
    return nn.Sequential(nn.ReLU(), depthwise, pointwise, nn.BatchNorm2d(channels))


space = ar.spaces.CustomCells(
    {"none": None, "skip_connect": None, "separable": separable, "nor_conv_3x3": None},
    nodes=4,
    name="separable_cells",
)

if __name__ == "__main__":
    check_space(space)  # the same checks that archrank's own spaces pass
    task = ar.tasks.digits()
    rows = space.enumerate()
    distinct = np.unique(space.canonical(rows), axis=0)
    macs = space.networks(task).cost(distinct)["macs"]
    print(f"{len(rows):,} cells, {len(distinct):,} different, up to {macs.max():,.0f} MACs")
    evaluator = ar.evaluators.Combined(ar.evaluators.Training(task), ar.evaluators.Cost())
    limit = [f"macs<={np.median(macs):.0f}"]  # filters candidates before any is trained
    study = ar.Study(space, evaluator, ar.strategies.Guided(initial=4), constraints=limit)
    best = study.run(budget=8).best
    print(f"{best.values['valid_accuracy']:.3f}  {best.values['macs']:,.0f} MACs  {best.string}")
