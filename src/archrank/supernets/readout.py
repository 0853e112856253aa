"""Closed-form read-out: a classifier of its own for one architecture, without any gradient.

All architectures of a supernet share one classifier, which suits their mean. Linear discriminant
analysis of an architecture's features gives it the classifier that suits it alone. Rank by the
accuracy that results: its probabilities are over-confident, the more so the better the features,
so the loss ranks backwards (``benchmarks/README.md``).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from archrank.errors import SettingsError
from archrank.networks.inputs import run

if TYPE_CHECKING:
    from archrank.tasks.base import Split

SHRINKAGE = 0.01  # of the features' covariance, which a few hundred examples estimate


@torch.no_grad()
def refit_classifier(network: nn.Module, batches: Iterable[Split]) -> nn.Module:
    """Replace the weights of a network's linear classifier by those of discriminant analysis.

    Args:
        network: a network that ends in a linear layer, which gives its outputs ``(b, classes)``;
            changed in place. Its mode stays.
        batches: training data.

    Raises:
        SettingsError: the network ends in another layer, or a class has no example.
    """
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    layers = [module for module in network.modules() if isinstance(module, nn.Linear)]
    seen: dict[nn.Module, tuple[Tensor, Tensor]] = {}
    handles = [
        layer.register_forward_hook(lambda layer, x, y: seen.__setitem__(layer, (x[0], y)))
        for layer in layers
    ]
    features, targets = [], []
    try:
        for batch in batches:
            seen.clear()
            outputs = run(network, batch.x)
            last = [layer for layer, (_, y) in seen.items() if y is outputs]
            if not last or outputs.dim() != 2 or batch.y.dim() != 1:
                raise SettingsError(
                    "a read-out in closed form needs a network that ends in a linear classifier, "
                    f"(b, classes); {type(network).__name__} does not"
                )
            features.append(seen[last[0]][0])
            targets.append(batch.y)
    finally:
        for handle in handles:
            handle.remove()
    classifier = last[0]
    assert isinstance(classifier, nn.Linear)
    y = torch.cat(targets).cpu().numpy()
    if len(np.unique(y)) < classifier.out_features:
        raise SettingsError(
            f"a read-out needs examples of all {classifier.out_features} classes, got "
            f"{len(np.unique(y))}; take more of them"
        )
    x = torch.cat(features).double().cpu().numpy()
    analysis = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=SHRINKAGE).fit(x, y)
    weight, bias = analysis.coef_, analysis.intercept_
    if len(weight) == 1:  # of two classes, the log odds
        weight, bias = np.stack([0 * weight[0], weight[0]]), np.array([0, bias[0]])
    classifier.weight.copy_(torch.as_tensor(weight))
    if classifier.bias is None:
        classifier.bias = nn.Parameter(torch.zeros_like(classifier.weight[:, 0]))
    classifier.bias.copy_(torch.as_tensor(bias))
    return network
