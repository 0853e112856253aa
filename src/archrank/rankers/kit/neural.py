"""Base class of rankers that are torch networks: seeded training, prediction in batches."""

from __future__ import annotations

import copy
import hashlib
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn

from archrank.losses import Progress
from archrank.rankers.base import Ranker
from archrank.torch_state import seeded
from archrank.types import Archs, Floats

Inputs: TypeAlias = tuple[Tensor, ...]  # each (n, ...), one row per architecture
BatchLoss: TypeAlias = Callable[[Tensor, Tensor, torch.Generator], Tensor]

BATCH = 1024  # architectures that are scored at a time


@dataclass(frozen=True)
class Fitting:
    """Training settings of a ranker's network."""

    epochs: int
    batch_size: int
    lr: float
    weight_decay: float = 0.0
    optimizer: Literal["adam", "adamw"] = "adam"
    schedule: Literal["cosine", "constant"] = "constant"  # per epoch; "cosine" falls to 0
    patience: int | None = None  # epochs without a better criterion after which training stops
    drop_last: bool = False  # leave out the last, smaller batch of an epoch
    grad_clip: float | None = None  # L2 norm over all parameters


@dataclass(frozen=True)
class Pretrained:
    """Result of pretraining: weights, and how well they predict each weak label."""

    weights: dict[str, Tensor]
    r2: dict[str, float]  # explained variance of each weak label, on held-out architectures

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits that identify the pretrained weights."""
        digest = hashlib.sha256()
        for name, weights in sorted(self.weights.items()):
            digest.update(name.encode() + weights.numpy().tobytes())
        return digest.hexdigest()[:12]


class NeuralRanker(Ranker):
    """Base class of rankers that train a torch network on the labels.

    Subclasses turn architectures into tensors (:meth:`_inputs`), build the network
    (:meth:`_network`), give the training settings (:meth:`_fitting`) and, if the default does not
    fit, turn labels into targets (:meth:`_targets`) and compute the loss (:meth:`_loss`).
    Training draws all random numbers from ``seed`` and restores torch's global random state.
    """

    seed: int
    device: str

    @abstractmethod
    def _inputs(self, archs: Archs) -> Inputs:
        """Turn ``archs: (n, d)`` into inputs of the network: tensors ``(n, ...)`` on the CPU."""

    @abstractmethod
    def _network(self) -> nn.Module:
        """Build an untrained network whose ``forward(*inputs)`` returns scores ``(b,)``."""

    @abstractmethod
    def _fitting(self) -> Fitting:
        """Return the training settings."""

    def _targets(self, scores: Floats) -> Floats:
        """Turn labels ``(n,)`` into the targets of the loss, ``(n,)``; standardised by default."""
        standardised: Floats = (scores - scores.mean()) / scores.std()
        return standardised

    @abstractmethod
    def _loss(self, outputs: Tensor, targets: Tensor, generator: torch.Generator) -> Tensor:
        """Compute the scalar loss of a batch: ``outputs`` and ``targets`` ``(b,)``."""

    def _loss_at(self, progress: Progress) -> BatchLoss:
        """Return the loss of an epoch: :meth:`_loss`, unless it changes in the course."""
        return self._loss

    def _criterion(self, outputs: Tensor, targets: Tensor) -> float:
        """Return the number that early stopping maximises, from an epoch's training outputs.

        Minus the loss unless overridden.
        """
        generator = torch.Generator().manual_seed(0)
        return -float(self._loss(outputs, targets, generator))

    def _fit(self, archs: Archs, scores: Floats) -> None:
        with seeded(self.seed, self.device):
            network = self._network()
            self._start_from_pretraining(network)
            targets = torch.as_tensor(self._targets(scores), dtype=torch.float32)
            self.network_ = self._train(network, self._inputs(archs), targets, self._fitting())

    def _start_from_pretraining(self, network: nn.Module) -> None:
        """Load pretrained weights; does nothing unless the ranker has been pretrained."""

    def _train(
        self,
        network: nn.Module,
        inputs: Inputs,
        targets: Tensor,
        fitting: Fitting,
        loss: BatchLoss | None = None,
    ) -> nn.Module:
        """Train the network in place on all rows; with patience, keep the best epoch's weights.

        ``loss`` replaces :meth:`_loss`, for pretraining.
        """
        device = torch.device(self.device)
        network.to(device).train()
        inputs = tuple(x.to(device) for x in inputs)
        targets = targets.to(device)
        generator = torch.Generator().manual_seed(self.seed)
        optimizer = _optimizer(network, fitting)
        best, best_state, stale = -float("inf"), None, 0
        for epoch in range(fitting.epochs):
            if fitting.schedule == "cosine":
                optimizer.param_groups[0]["lr"] = (
                    fitting.lr * (1 + cos(pi * epoch / fitting.epochs)) / 2
                )
            now = loss or self._loss_at(Progress(epoch, fitting.epochs, len(targets)))
            outputs, seen = self._epoch(
                network, inputs, targets, fitting, optimizer, generator, now
            )
            if fitting.patience is None:
                continue
            reached = self._criterion(outputs, seen)
            if reached > best:
                best, stale = reached, 0
                best_state = copy.deepcopy(network.state_dict())
            else:
                stale += 1
                if stale >= fitting.patience:
                    break
        if best_state is not None:
            network.load_state_dict(best_state)
        return network.eval()

    def _epoch(
        self,
        network: nn.Module,
        inputs: Inputs,
        targets: Tensor,
        fitting: Fitting,
        optimizer: torch.optim.Optimizer,
        generator: torch.Generator,
        loss: BatchLoss,
    ) -> tuple[Tensor, Tensor]:
        """Train for one pass over the labels; return outputs and targets, for early stopping."""
        order = torch.randperm(len(targets), generator=generator).to(targets.device)
        size = min(fitting.batch_size, len(targets))
        outputs, seen = [], []
        for index in torch.split(order, size):
            if fitting.drop_last and len(index) < size:
                break
            output = network(*(x[index] for x in inputs))  # (b,)
            optimizer.zero_grad(set_to_none=True)
            loss(output, targets[index], generator).backward()  # type: ignore[no-untyped-call]
            if fitting.grad_clip is not None:
                nn.utils.clip_grad_norm_(network.parameters(), fitting.grad_clip)
            optimizer.step()
            outputs.append(output.detach())
            seen.append(targets[index])
        return torch.cat(outputs), torch.cat(seen)

    def _predict(self, archs: Archs, return_std: bool) -> tuple[Floats, Floats | None]:
        return self._outputs(self.network_, archs), None

    @torch.no_grad()
    def _outputs(self, network: nn.Module, archs: Archs) -> Floats:
        """Run a trained network on ``archs: (n, d)`` in batches: ``(n, ...)``."""
        parts = [
            network(*(x.to(self.device) for x in self._inputs(archs[start : start + BATCH])))
            for start in range(0, len(archs), BATCH)
        ]
        outputs: Floats = torch.cat(parts).double().cpu().numpy()
        return outputs


def _optimizer(network: nn.Module, fitting: Fitting) -> torch.optim.Optimizer:
    kind = torch.optim.AdamW if fitting.optimizer == "adamw" else torch.optim.Adam
    # fused: with networks this small, most of a step is overhead
    return kind(network.parameters(), fitting.lr, weight_decay=fitting.weight_decay, fused=True)
