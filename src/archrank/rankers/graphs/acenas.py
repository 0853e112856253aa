"""AceNAS (Zhang et al., "AceNAS: Learning to Rank Ace Neural Architectures", 2021)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from torch import Tensor, nn

from archrank.criteria import relevance
from archrank.errors import ArchrankError, LabelError, UnknownNameError
from archrank.losses import lambdarank, mse, ranknet
from archrank.rankers.base import NotFittedError, check_scores
from archrank.rankers.graphs import layers as graph
from archrank.rankers.kit.neural import Fitting, Inputs, NeuralRanker, Pretrained
from archrank.torch_state import seeded
from archrank.types import Archs, Floats

if TYPE_CHECKING:
    from typing_extensions import Self

    from archrank.spaces.base import Space

LR, PRETRAINED_LR = 5e-3, 1e-3
OBJECTIVES = ("lambdarank", "mse", "ranknet", "ranknet_halves")
BATCHES, SMALLEST = 25, 20  # of weak labels: batches per epoch, where these do not get too small
MIN_WEAK = 5  # smallest number of weak labels: four for training, one held out


class AceNAS(NeuralRanker):
    r"""A graph network with sort pooling, trained by LambdaRank; weak labels may teach it first.

    The network (section 3.2): four graph convolutions, sort pooling over nodes, two 1-d
    convolutions, a linear layer that adds features that are not in the graph, and a two-layer
    head. Labels become relevances, 0 for the worst fifth and up to 20 for the others (section
    3.1); a batch is one query. Pretraining (section 3.3) is :meth:`pretrain`.

    The paper's iterative rounds (section 4.1) are :class:`~archrank.strategies.AceNASSearch`.

    Where paper and released code differ, this class follows the code: 64 channels instead of 128;
    the head that learnt the first weak label is also used to rank (``new_head=True`` trains a new
    one); and the weights of LambdaRank take an architecture's position from its *true* relevance,
    in ascending order. The paper and textbooks take it from the predicted score
    (``rank_by="predicted"``). On NAS-Bench-201 the released form orders the whole space better
    (Kendall tau from 78 labels .59 against .51, pretrained .72 against .69), and the best
    architectures no worse.

    Args:
        space: A space with graphs.
        objective: ``lambdarank``, or the paper's ablations ``mse`` (standardised labels) and
            ``ranknet`` (all pairs of a batch). ``ranknet_halves``, the released form of the latter,
            compares the first half of a batch with its second half and counts a tie as an
            inversion.
        rank_by: See :func:`~archrank.losses.lambdarank`.
        width: Channels of each graph convolution.
        layers: Number of graph convolutions.
        k: Number of nodes that sort pooling keeps, at least 10.
        pooling: ``dgl`` sorts the channels of each node, then the nodes by their largest channel.
            ``dgcnn`` is the original (Zhang et al., AAAI 2018): a last layer with one channel sorts
            the nodes, the outputs of all layers are concatenated, tanh instead of ReLU.
        dropout: Dropout probability in the head.
        head: Width of the head's hidden layer (the code for ProxylessNAS: 256, with ``width=128``).
        relevance_scale: Relevance of the best label (ProxylessNAS: 15).
        relevance_bounds: Labels of relevance 0 and of the highest relevance (ProxylessNAS:
            accuracies of .73 and .76); ``None`` takes the 20 % quantile and the best label.
        epochs: Passes over the labels.
        batch_size: Labels per query; a smaller last batch is left out.
        lr: Initial learning rate, falling to 0 along a cosine. ``None`` takes 5e-3 for new weights
            (the code for benchmarks) and 1e-3 for pretrained ones (the paper for ProxylessNAS),
            most of which 5e-3 would overwrite.
        weight_decay: Weight decay, multiplied by ``lr`` at every step.
        optimizer: ``adamw``, or the published ``adam``, which adds the decay to a gradient that is
            far smaller: without pretraining, the network soon gives every architecture the same
            score.
        patience: Epochs without a better NDCG on the training labels (with dropout) after which
            training stops.
        new_head: Train a new ranking head after pretraining, as the paper says.
        pretrain_epochs: Passes over the weak labels.
        pretrain_batch_size: Weak labels per step, at most; fewer, down to 20, where an epoch would
            have less than 25 steps (published: 20, which takes five times as long).
        pretrain_lr: Initial learning rate of Adam in pretraining, falling to 0 along a cosine
            (published: 1e-3). There is no weight decay: the released code has the option and never
            uses it.
        pretrain_samples: Largest number of architectures to pretrain on; drawn at random if more
            have weak labels.
        device: Device of torch to compute on, such as ``"cpu"`` or ``"cuda"``.
        seed: Seed of initial weights, batches and dropout.

    Example:
        >>> from archrank.spaces import NASBench201
        >>> space = NASBench201()
        >>> archs = space.sample(40, rng=np.random.default_rng(0))
        >>> ranker = AceNAS(space, epochs=2, pretrain_epochs=2).pretrain(archs, space.cost(archs))
        >>> sorted(ranker.pretrained_.r2)
        ['macs', 'params']
        >>> ranker.fit(archs, space.cost(archs)["macs"]).predict(archs).shape
        (40,)
    """

    def __init__(
        self,
        space: Space,
        *,
        objective: Literal["lambdarank", "mse", "ranknet", "ranknet_halves"] = "lambdarank",
        rank_by: Literal["predicted", "true_desc", "true_asc"] = "true_asc",
        width: int = 64,
        layers: int = 4,
        k: int = 10,
        pooling: Literal["dgl", "dgcnn"] = "dgl",
        dropout: float = 0.5,
        head: int = 128,
        relevance_scale: float = 20.0,
        relevance_bounds: tuple[float, float] | None = None,
        epochs: int = 300,
        batch_size: int = 20,
        lr: float | None = None,
        weight_decay: float = 5e-4,
        optimizer: Literal["adamw", "adam"] = "adamw",
        patience: int | None = 50,
        new_head: bool = False,
        pretrain_epochs: int = 300,
        pretrain_batch_size: int = 128,
        pretrain_lr: float = 3e-3,
        pretrain_samples: int = 4_000,
        device: str = "cpu",
        seed: int = 0,
    ) -> None:
        self.space = space
        self.objective = objective
        self.rank_by = rank_by
        self.width = width
        self.layers = layers
        self.k = k
        self.pooling = pooling
        self.dropout = dropout
        self.head = head
        self.relevance_scale = relevance_scale
        self.relevance_bounds = relevance_bounds
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.weight_decay = weight_decay
        self.optimizer = optimizer
        self.patience = patience
        self.new_head = new_head
        self.pretrain_epochs = pretrain_epochs
        self.pretrain_batch_size = pretrain_batch_size
        self.pretrain_lr = pretrain_lr
        self.pretrain_samples = pretrain_samples
        self.device = device
        self.seed = seed

    def pretrain(self, archs: NDArray[np.generic], weak_labels: Mapping[str, ArrayLike]) -> Self:
        """Train on several cheap labels at once; every later ``fit`` starts from these weights.

        Section 3.3, Eq. 5: one head per label; the loss is the sum of the mean squared errors of
        standardised labels. 80 % of the architectures are used for training, the others to
        measure the explained variance (``pretrained_.r2``). ``fit`` and ``sklearn.base.clone``
        keep the pretrained weights.

        Args:
            archs: ``(n, d)``.
            weak_labels: ``{name: (n,)}``; the published ones are one-shot accuracy, FLOPs and
                parameters. The head of the first label becomes the ranking head, so this label
                should be higher for better architectures. Architectures with a NaN are left out.

        Raises:
            ArchitectureError: An architecture is not of the ranker's space.
            LabelError: A label is constant, has too few values, or not one per architecture.
        """
        a = self.space.validate(archs)
        y = _weak_columns(weak_labels, len(a))
        rng = np.random.default_rng(self.seed)
        rows = rng.permutation(np.flatnonzero(np.isfinite(y).all(1)))[: self.pretrain_samples]
        train, held = np.split(rows, [len(rows) * 4 // 5])
        y = (y - y[train].mean(0)) / np.maximum(y[train].std(0), 1e-12)
        with seeded(self.seed, self.device):
            network = self._build(heads=len(weak_labels))
            targets = torch.as_tensor(y[train], dtype=torch.float32)
            inputs = self._inputs(a[train])
            self._train(network, inputs, targets, self._pretraining(len(train)), loss=multi_task)
        predicted = self._outputs(network, a[held]).reshape(len(held), -1)
        r2 = 1 - ((predicted - y[held]) ** 2).mean(0) / np.maximum(y[held].var(0), 1e-12)
        others = tuple(f"heads.{j}." for j in range(1, len(weak_labels)))
        weights = {
            name: tensor.detach().cpu().clone()
            for name, tensor in network.state_dict().items()
            if not name.startswith(others)
        }
        self.pretrained_ = Pretrained(weights, dict(zip(weak_labels, r2.tolist(), strict=True)))
        return self

    def continued(self) -> Self:
        """Return an unfitted copy, whose next ``fit`` starts from the weights of the last one.

        As the released code does from round to round of its search.

        Raises:
            NotFittedError: :meth:`fit` has not been called.
        """
        if not hasattr(self, "network_"):
            raise NotFittedError("this AceNAS is not fitted yet; call fit(archs, scores) first")
        copy: Self = clone(self)
        copy.set_params(new_head=False)
        known: Pretrained | None = getattr(self, "pretrained_", None)
        weights = {k: w.detach().cpu().clone() for k, w in self.network_.state_dict().items()}
        copy.pretrained_ = Pretrained(weights, known.r2 if known else {})
        return copy

    def _pretraining(self, n: int) -> Fitting:
        """Return the training settings for ``n`` weak labels."""
        return Fitting(
            self.pretrain_epochs,
            min(self.pretrain_batch_size, max(n // BATCHES, SMALLEST)),
            self.pretrain_lr,
            schedule="cosine",
            drop_last=True,
        )

    def _inputs(self, archs: Archs) -> Inputs:
        graphs = self.space.graph(archs)
        flow = graph.symmetric(graph.edges(graphs, loops=True))
        mask = torch.from_numpy(np.ascontiguousarray(graphs.mask))
        return flow, graph.one_hot(graphs), mask, graph.extra(graphs)

    def _build(self, heads: int) -> graph.DGCNN:
        if self.pooling not in ("dgl", "dgcnn"):
            raise UnknownNameError("pooling", self.pooling, ("dgl", "dgcnn"))
        if self.k < 2 * graph.KERNEL:
            raise ArchrankError(
                f"AceNAS needs k={2 * graph.KERNEL} or more nodes for sort pooling, got k={self.k}"
            )
        n_ops, n_extra = graph.sizes(self.space.graph(graph.first(self.space)))
        return graph.DGCNN(
            n_ops,
            n_extra,
            self.width,
            self.layers,
            self.k,
            self.dropout,
            self.pooling,
            self.head,
            heads,
        )

    def _network(self) -> nn.Module:
        if self.objective not in OBJECTIVES:
            raise UnknownNameError("objective of AceNAS", self.objective, OBJECTIVES)
        return self._build(heads=1)

    def _start_from_pretraining(self, network: nn.Module) -> None:
        state = network.state_dict()
        pretrained: Pretrained | None = getattr(self, "pretrained_", None)
        for name, weights in (pretrained.weights if pretrained else {}).items():
            if self.new_head and name.startswith("heads."):
                continue
            if name not in state or state[name].shape != weights.shape:
                raise ArchrankError(
                    "AceNAS was pretrained as another network (width, layers, k, pooling or head); "
                    "call pretrain again after changing them"
                )
            state[name] = weights
        network.load_state_dict(state)

    def _fitting(self) -> Fitting:
        pretrained = hasattr(self, "pretrained_")
        return Fitting(
            self.epochs,
            self.batch_size,
            self.lr if self.lr is not None else (PRETRAINED_LR if pretrained else LR),
            self.weight_decay,
            self.optimizer,
            schedule="cosine",
            patience=self.patience,
            drop_last=True,
        )

    def _targets(self, scores: Floats) -> Floats:
        if self.objective == "lambdarank":
            lower, upper = self.relevance_bounds or (None, None)
            scale = self.relevance_scale
            return relevance(scores, scale=scale, lower=lower, upper=upper, ties="two_levels")
        return super()._targets(scores)

    def _loss(self, outputs: Tensor, targets: Tensor, generator: torch.Generator) -> Tensor:
        if self.objective == "lambdarank":
            return lambdarank(outputs, targets, rank_by=self.rank_by, generator=generator)
        if self.objective == "mse":
            return mse(outputs, targets)
        if self.objective == "ranknet":
            return ranknet(outputs, targets, generator=generator)
        half = len(outputs) // 2
        won = (targets[:half] > targets[-half:]).to(outputs)
        return nn.functional.binary_cross_entropy_with_logits(outputs[:half] - outputs[-half:], won)

    def _criterion(self, outputs: Tensor, targets: Tensor) -> float:
        if self.objective != "lambdarank":
            return super()._criterion(outputs, targets)
        gains = torch.exp2(targets.double()) - 1
        discounts = 1 / torch.log2(torch.arange(2, len(gains) + 2, dtype=torch.double)).to(gains)
        reached = (gains[outputs.argsort(descending=True, stable=True)] * discounts).sum()
        ideal = (gains.sort(descending=True).values * discounts).sum()
        return float(reached / ideal)  # full-length NDCG, Eq. 1


def _weak_columns(weak_labels: Mapping[str, ArrayLike], n: int) -> Floats:
    """Check the weak labels and stack them as columns, NaN where one is missing: ``(n, m)``."""
    if not weak_labels:
        raise LabelError("pretrain needs at least one weak label, {name: (n,) numbers}, got none")
    columns = []
    for name, values in weak_labels.items():
        y = np.asarray(values)
        known = np.isfinite(y) if np.issubdtype(y.dtype, np.number) else np.ones(y.shape, bool)
        if y.shape != (n,):
            raise LabelError(f"weak label {name!r}: {n} architectures but values of {y.shape}")
        checked = np.full(n, np.nan)
        checked[known] = check_scores(y[known], known.sum(), MIN_WEAK, f"weak label {name!r}")
        columns.append(checked)
    table = np.stack(columns, axis=1)
    complete = int(np.isfinite(table).all(1).sum())
    if complete < MIN_WEAK:
        raise LabelError(
            f"only {complete} architectures have all weak labels ({', '.join(weak_labels)}); "
            f"pretraining needs {MIN_WEAK}"
        )
    return table


def multi_task(outputs: Tensor, targets: Tensor, generator: torch.Generator) -> Tensor:
    """Compute Eq. 5 with weights of 1: mean squared errors of ``(b, m)``, summed over labels."""
    return (outputs.view_as(targets) - targets).square().mean(0).sum()
