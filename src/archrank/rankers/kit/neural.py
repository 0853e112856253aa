"""What rankers made of a torch network share: seeded training on few labels, batched prediction."""

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

from archrank.rankers.base import Ranker
from archrank.torch_state import seeded
from archrank.types import Archs, Floats

Inputs: TypeAlias = tuple[Tensor, ...]  # each (n, ...), one row per architecture
BatchLoss: TypeAlias = Callable[[Tensor, Tensor, torch.Generator], Tensor]

BATCH = 1024  # architectures scored at a time


@dataclass(frozen=True)
class Fitting:
    """How a ranker's network is trained."""

    epochs: int
    batch_size: int
    lr: float
    weight_decay: float = 0.0
    optimizer: Literal["adam", "adamw"] = "adam"
    schedule: Literal["cosine", "constant"] = "constant"  # cosine: to 0, per epoch
    patience: int | None = None  # epochs without a better criterion before it stops
    drop_last: bool = False  # leave out the last, smaller batch of an epoch
    grad_clip: float | None = None  # L2 norm over all parameters


@dataclass(frozen=True)
class Pretrained:
    """What a network learnt before it saw any label."""

    weights: dict[str, Tensor]
    r2: dict[str, float]  # variance explained of each weak label, on architectures held out

    @property
    def digest(self) -> str:
        """Twelve digits that tell one pretraining from another."""
        digest = hashlib.sha256()
        for name, weights in sorted(self.weights.items()):
            digest.update(name.encode() + weights.numpy().tobytes())
        return digest.hexdigest()[:12]


class NeuralRanker(Ranker):
    """A network that scores architectures, trained on their labels.

    Subclasses say which view of the space they read (:meth:`_inputs`), build the network
    (:meth:`_network`), turn labels into targets (:meth:`_targets`) and compare (:meth:`_loss`).
    Training draws every random number from ``seed`` and leaves torch's global state alone.
    """

    seed: int
    device: str

    @abstractmethod
    def _inputs(self, archs: Archs) -> Inputs:
        """The view of ``archs: (n, d)`` the network reads, on the CPU."""

    @abstractmethod
    def _network(self) -> nn.Module:
        """An untrained network: ``forward(*inputs) -> (b,)`` scores."""

    @abstractmethod
    def _fitting(self) -> Fitting:
        """How to train it."""

    def _targets(self, scores: Floats) -> Floats:
        """What the loss compares scores with, ``(n,)``; standardised labels unless overridden."""
        standardised: Floats = (scores - scores.mean()) / scores.std()
        return standardised

    @abstractmethod
    def _loss(self, outputs: Tensor, targets: Tensor, generator: torch.Generator) -> Tensor:
        """Scalar loss of a batch: ``outputs`` and ``targets`` ``(b,)``."""

    def _criterion(self, outputs: Tensor, targets: Tensor) -> float:
        """What early stopping maximises, from an epoch's training outputs; minus the loss here."""
        generator = torch.Generator().manual_seed(0)
        return -float(self._loss(outputs, targets, generator))

    def _fit(self, archs: Archs, scores: Floats) -> None:
        with seeded(self.seed, self.device):
            network = self._network()
            self._start_from_pretraining(network)
            targets = torch.as_tensor(self._targets(scores), dtype=torch.float32)
            self.network_ = self._train(network, self._inputs(archs), targets, self._fitting())

    def _start_from_pretraining(self, network: nn.Module) -> None:
        """Load weights learnt before; only rankers that can ``pretrain`` have any."""

    def _train(
        self,
        network: nn.Module,
        inputs: Inputs,
        targets: Tensor,
        fitting: Fitting,
        loss: BatchLoss | None = None,
    ) -> nn.Module:
        """Train in place on all rows, keep the best epoch where patience is set.

        ``loss`` takes the place of :meth:`_loss`, for pretraining.
        """
        device = torch.device(self.device)
        network.to(device).train()
        inputs = tuple(x.to(device) for x in inputs)
        targets = targets.to(device)
        generator = torch.Generator().manual_seed(self.seed)
        optimizer = _optimizer(network, fitting)
        loss = self._loss if loss is None else loss
        best, best_state, stale = -float("inf"), None, 0
        for epoch in range(fitting.epochs):
            if fitting.schedule == "cosine":
                optimizer.param_groups[0]["lr"] = (
                    fitting.lr * (1 + cos(pi * epoch / fitting.epochs)) / 2
                )
            outputs, seen = self._epoch(
                network, inputs, targets, fitting, optimizer, generator, loss
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
        """One pass over the labels; the outputs it saw and their targets, for early stopping."""
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
        """What a trained network says of ``archs: (n, d)``, in batches: ``(n, ...)``."""
        parts = [
            network(*(x.to(self.device) for x in self._inputs(archs[start : start + BATCH])))
            for start in range(0, len(archs), BATCH)
        ]
        outputs: Floats = torch.cat(parts).double().cpu().numpy()
        return outputs


def _optimizer(network: nn.Module, fitting: Fitting) -> torch.optim.Optimizer:
    kind = torch.optim.AdamW if fitting.optimizer == "adamw" else torch.optim.Adam
    # fused: networks this small spend most of a step on overhead
    return kind(network.parameters(), fitting.lr, weight_decay=fitting.weight_decay, fused=True)
