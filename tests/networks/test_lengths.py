"""Networks of tokens as graphs: which lengths of sequences they take, and that they do."""

from __future__ import annotations

import io
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from archrank.networks.graphs import ONNX, PROGRAM, as_graphs
from archrank.networks.lengths import Span, called

LENGTH = 8


class Mean(nn.Module):
    """Mean over tokens, with a table of positions."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.head = nn.Embedding(9, 4), nn.Linear(4, 3)
        self.positions = nn.Parameter(torch.linspace(-1, 1, 4 * LENGTH).view(LENGTH, 4))

    def forward(self, x: Tensor) -> Tensor:
        x = self.embedding(x) * (1 + self.positions[: x.shape[1]])
        logits: Tensor = self.head(x.mean(1))
        return logits


class Flat(Mean):
    """One weight per token."""

    def forward(self, x: Tensor) -> Tensor:
        return self.embedding(x).flatten(1)[:, : 4 * LENGTH].view(-1, LENGTH, 4).sum(1)


class Parity(Mean):
    """Does something else with sequences of odd length."""

    def forward(self, x: Tensor) -> Tensor:
        return self.embedding(x).sum(1) * (1 if x.shape[1] % 2 else 2)


class Sum(Mean):
    """Sum over tokens."""

    def forward(self, x: Tensor) -> Tensor:
        return self.embedding(x).sum(1)


class Both(Mean):
    """Reads two sequences, which may differ in length, and numbers."""

    def forward(self, x: Tensor, y: Tensor, z: Tensor) -> Tensor:  # type: ignore[override]
        first, second = (self.embedding(part).sum(1) for part in (x, y))
        return torch.cat([first * second, z], dim=1)


def tokens(batch: int, length: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(9, (batch, length), generator=generator)


def test_onnxruntime_takes_other_lengths() -> None:
    import onnxruntime

    network = Mean().eval()
    made = as_graphs(network, tokens(3, LENGTH), ("onnx",), free_lengths=True)
    assert made.lengths == f"up to {LENGTH} tokens"
    session: Any = onnxruntime.InferenceSession(made.files[ONNX])
    (given,), (out,) = session.get_inputs(), session.get_outputs()
    assert (given.shape, out.shape) == (["batch", "length"], ["batch", 3])
    for batch, length in ((1, LENGTH), (4, 5), (2, 2)):
        x = tokens(batch, length, seed=length)
        (found,) = session.run(None, {given.name: x.numpy()})
        assert torch.allclose(torch.from_numpy(found), network(x), atol=1e-6)


@pytest.mark.parametrize(
    ("network", "free", "lengths"),
    [
        (Mean(), False, "8 tokens only"),
        (Flat(), True, "8 tokens only"),
        (Parity(), True, "8 tokens only"),
        (Sum(), True, "any number of tokens"),
    ],
)
def test_lengths_that_torch_finds(network: nn.Module, free: bool, lengths: str) -> None:
    made = as_graphs(network.eval(), tokens(3, LENGTH), ("program",), free_lengths=free)
    assert made.lengths == lengths


def test_two_sequences_beside_numbers() -> None:
    network = Both().eval()
    inputs = tokens(3, LENGTH), tokens(3, 6), torch.ones(3, 2)
    made = as_graphs(network, inputs, ("program",), free_lengths=True)
    assert made.lengths == "any number of tokens"
    program: Any = torch.export.load(io.BytesIO(made.files[PROGRAM])).module()
    other = tokens(2, 3), tokens(2, 11), torch.zeros(2, 2)
    assert torch.allclose(program(*other), network(*other))


def test_where_other_lengths_give_other_outputs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Span, "shorter", 3)
    network = Mean().eval()
    kept = network.positions.detach().clone()

    def forward(x: Tensor) -> Tensor:
        if x.shape[1] == 3 and not torch.compiler.is_exporting():
            return network.head(network.embedding(x).sum(1))
        return network.head((network.embedding(x) * kept[: x.shape[1]]).sum(1))

    monkeypatch.setattr(network, "forward", forward)
    made = as_graphs(network, tokens(3, LENGTH), ("program",), free_lengths=True)
    assert made.lengths == "8 tokens only"


def test_images_have_no_lengths() -> None:
    made = as_graphs(nn.Flatten(), torch.zeros(2, 1, 2, 2), ("program",), free_lengths=True)
    assert made.lengths == ""


def test_lengths_in_words() -> None:
    free, most, least = Span(8, 2, None), Span(8, 2, 16), Span(8, 5, None)
    assert called((None, free, free)) == "any number of tokens"
    assert called((Span(8, 5, 16), least)) == "5 to 16 tokens and 5 tokens or more"
    assert [(s.shorter, s.longer) for s in (free, most, least)] == [(4, 13), (4, 13), (5, 13)]
    assert str(Span(8, 8, 8)) == "8 tokens only"
