from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch

from archrank.errors import UnknownNameError
from archrank.rankers import LSTM
from archrank.rankers.sequences.lstm import SequenceNetwork
from archrank.spaces import CustomSpace, NASBench201
from archrank.testing import check_ranker


@pytest.mark.parametrize("objective", ["hinge", "mse"])
def test_contract(space: NASBench201, objective: str) -> None:
    small = partial(LSTM, objective=objective, embedding=32, state=32, hidden=(32,))
    check_ranker(partial(small, epochs=60, lr=1e-2), space)


def test_tokens_of_named_choices() -> None:
    choices = {f"c{j}": [1, 2, 3, 4] for j in range(6)}
    small = partial(LSTM, embedding=32, state=32, hidden=(32,), epochs=60, lr=1e-2)
    check_ranker(small, CustomSpace(choices, build=_nothing))


def test_published_shape(space: NASBench201) -> None:
    network = LSTM(space)._network()
    assert isinstance(network, SequenceNetwork)
    assert network.embedding.weight.shape == (5, 100)
    assert (network.lstm.num_layers, network.lstm.hidden_size) == (1, 100)
    head = [m.out_features for m in network.head if isinstance(m, torch.nn.Linear)]
    assert head == [200, 200, 200, 1]


def test_reads_the_last_output_of_a_literal_lstm() -> None:
    torch.manual_seed(0)
    network = SequenceNetwork(5, 4, 3, (6,), 0.0).eval()
    tokens = torch.randint(5, (2, 6))
    w_x, w_h = network.lstm.weight_ih_l0, network.lstm.weight_hh_l0
    bias = network.lstm.bias_ih_l0 + network.lstm.bias_hh_l0
    h, c = torch.zeros(2, 3), torch.zeros(2, 3)
    for t in range(6):
        gates = network.embedding(tokens[:, t]) @ w_x.T + h @ w_h.T + bias
        i, f, g, o = gates.chunk(4, dim=1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
    assert torch.allclose(network(tokens), network.head(h), atol=1e-6)


def test_unknown_objective(space: NASBench201) -> None:
    archs = space.sample(5, rng=np.random.default_rng(0))
    with pytest.raises(UnknownNameError, match="unknown loss 'rank', did you mean 'lambdarank'"):
        LSTM(space, "rank").fit(archs, np.arange(5.0))  # type: ignore[arg-type]


def _nothing(config: object, task: object) -> None:
    return None
