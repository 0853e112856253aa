from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from archrank.criteria import spearman
from archrank.errors import LabelError, SpaceError, UnknownNameError
from archrank.losses import blog_mixed
from archrank.rankers import Recursive
from archrank.rankers.recursive.halting import Slots, Stream
from archrank.rankers.recursive.network import (
    Block,
    RecursiveNetwork,
    State,
    rms_norm,
    rotary,
    rotate,
)
from archrank.spaces import CustomSpace, NASBench201
from archrank.tables import load_table
from archrank.testing import check_ranker

TINY: dict[str, Any] = {"hidden": 16, "heads": 2, "batch_size": 32, "lr": 5e-3}


def network(**changes: Any) -> RecursiveNetwork:
    torch.manual_seed(0)
    return RecursiveNetwork(
        5, 6, **{"hidden": 16, "heads": 2, "h_cycles": 3, "l_cycles": 2} | changes
    )


# ---- the network ---------------------------------------------------------------------------------


def test_block_size_is_the_published_one() -> None:
    block = Block(hidden=256, heads=8, expansion=4.0)
    assert sum(p.numel() for p in block.parameters()) == 851_968


def test_initial_weights_have_the_published_spread() -> None:
    net = network(hidden=128, heads=4)
    assert float(net.blocks[0].qkv.weight.detach().std()) == pytest.approx(128**-0.5, rel=0.02)
    assert float(net.start_high.std()) == pytest.approx(1, abs=0.2)
    assert not net.start_high.requires_grad
    assert net.read(torch.randn(3, 6, 128)).halt.tolist() == [-5, -5, -5]
    assert float(net.embed(torch.randint(5, (50, 6))).detach().std()) == pytest.approx(1, abs=0.15)


def test_rotary_scores_depend_on_distance_alone() -> None:
    torch.manual_seed(0)
    q, k = torch.randn(2, 8, dtype=torch.float64)
    cos, sin = (a.double() for a in rotary(12, 8))
    turned_q, turned_k = rotate(q.expand(12, 8), cos, sin), rotate(k.expand(12, 8), cos, sin)
    scores = turned_q @ turned_k.T  # (12, 12)
    for shift in range(1, 6):
        assert torch.allclose(scores[:-shift, :-shift], scores[shift:, shift:], atol=1e-5)
    assert not torch.allclose(scores[0, 0], scores[0, 3])
    assert torch.allclose(turned_q.norm(dim=1), q.norm().expand(12))


def test_block_against_plain_attention() -> None:
    torch.manual_seed(0)
    block, h = Block(16, 2, 4.0), torch.randn(3, 6, 16)
    cos, sin = rotary(6, 8)
    q, k, v = block.qkv(h).chunk(3, dim=-1)
    parts = []
    for head in (slice(0, 8), slice(8, 16)):
        a = rotate(q[..., head], cos, sin) @ rotate(k[..., head], cos, sin).transpose(1, 2)
        parts.append((a / 8**0.5).softmax(-1) @ v[..., head])
    mixed = rms_norm(h + block.out(torch.cat(parts, dim=-1)))
    gate, up = block.gate_up(mixed).chunk(2, dim=-1)
    expected = rms_norm(mixed + block.down(gate * gate.sigmoid() * up))
    assert torch.allclose(block(h, (cos, sin)), expected, atol=1e-5)
    assert torch.allclose(expected.square().mean(-1), torch.ones(3, 6), atol=1e-4)


def literal_step(net: RecursiveNetwork, state: State, x: torch.Tensor, cut: bool) -> torch.Tensor:
    """z_H after one step, written out; ``cut``: cycles before the last are constants."""
    h, low = state
    for cycle in range(3):
        for _ in range(2):
            low = net.update(low, h + x)
        h = net.update(h, low)
        if cut and cycle < 2:
            h, low = h.detach(), low.detach()
    return h


def test_recursion_is_the_literal_loop() -> None:
    net, tokens = network(), torch.randint(5, (4, 6))
    x = net.embed(tokens)
    state, outputs = net.step(net.start(4, 6), x)
    high = literal_step(net, net.start(4, 6), x, cut=False)
    assert torch.allclose(state.high, high, atol=1e-6)
    assert torch.allclose(outputs.score, net.score(high.mean(1))[:, 0], atol=1e-6)
    again, _ = net.step(state, x)
    twice = literal_step(net, State(high, state.low), x, cut=False)
    assert torch.allclose(again.high, twice, atol=1e-5)


def test_forward_runs_every_step() -> None:
    net, tokens = network(steps=3), torch.randint(5, (4, 6))
    x, state = net.embed(tokens), net.start(4, 6)
    for _ in range(3):
        state, outputs = net.step(state, x)
    assert torch.equal(net(tokens).score, outputs.score)


def test_gradient_flows_through_the_last_cycle_only() -> None:
    net, tokens = network(), torch.randint(5, (4, 6))

    def gradients(loss: torch.Tensor) -> list[torch.Tensor]:
        return list(torch.autograd.grad(loss, [*net.blocks.parameters(), net.tokens.weight]))

    start, x = net.start(4, 6), net.embed(tokens)
    state, outputs = net.step(start, x)
    ours = gradients(outputs.score.sum())
    cut = gradients(net.score(literal_step(net, start, net.embed(tokens), True).mean(1)).sum())
    full = gradients(net.score(literal_step(net, start, net.embed(tokens), False).mean(1)).sum())
    for a, b in zip(ours, cut, strict=True):
        assert torch.allclose(a, b, atol=1e-6)
    assert not torch.allclose(ours[0], full[0], atol=1e-3)
    assert not state.high.requires_grad
    assert not state.low.requires_grad


@pytest.mark.parametrize("positions", ["rotary", "learned", "both"])
def test_order_of_tokens_matters(positions: Any) -> None:
    net = network(positions=positions)
    tokens = torch.tensor([[0, 1, 2, 3, 4, 4], [4, 1, 2, 3, 0, 4]])
    a, b = net(tokens).score.tolist()
    assert abs(a - b) > 1e-4


# ---- halting -------------------------------------------------------------------------------------


def test_stream_gives_every_label_before_any_again() -> None:
    stream = Stream(10, torch.Generator().manual_seed(0))
    rows = torch.cat([stream.take(k) for k in (3, 0, 4, 3, 7, 3)])
    assert sorted(rows[:10].tolist()) == sorted(rows[10:].tolist()) == list(range(10))


def test_slots_halt_refill_and_go_on() -> None:
    net, generator = network(), torch.Generator().manual_seed(0)
    slots = Slots.empty(4, 6, net)
    slots.refill(torch.tensor([7, 8, 9, 10]), net)
    thought = State(torch.randn(4, 6, 16), torch.randn(4, 6, 16))
    advance = partial(slots.advance, max_steps=3, exploration=0.0, generator=generator)
    advance(thought, torch.tensor([-1.0, 2.0, -1.0, -1.0]))
    assert slots.halted.tolist() == [False, True, False, False]  # as the head says
    slots.refill(torch.tensor([11]), net)
    assert slots.rows.tolist() == [7, 11, 9, 10]
    assert slots.steps.tolist() == [1, 0, 1, 1]
    assert torch.equal(slots.state.high[1], net.start(1, 6).high[0])
    assert torch.equal(slots.state.low[[0, 2, 3]], thought.low[[0, 2, 3]])
    for _ in range(2):
        slots.refill(torch.empty(0, dtype=torch.int64), net)
        advance(thought, torch.full((4,), -1.0))
    assert slots.steps.tolist() == [3, 2, 3, 3]
    assert slots.halted.tolist() == [True, False, True, True]  # at max_steps


def test_exploration_enforces_a_number_of_steps() -> None:
    net, generator = network(), torch.Generator().manual_seed(0)
    slots, b = Slots.empty(4000, 1, net), 4000
    slots.refill(torch.arange(b), net)
    state, willing = slots.state, torch.ones(b)
    slots.advance(state, willing, 4, 0.1, generator)
    assert float((~slots.halted).float().mean()) == pytest.approx(0.1, abs=0.02)
    slots = Slots.empty(b, 1, net)
    slots.refill(torch.arange(b), net)
    slots.advance(state, willing, 4, 1.0, generator)  # at least 2, 3 or 4 steps, drawn each time
    assert not slots.halted.any()
    slots.advance(state, willing, 4, 1.0, generator)
    assert float(slots.halted.float().mean()) == pytest.approx(1 / 3, abs=0.03)


# ---- the ranker ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "variance_head", "h_cycles"), [("mixed", True, 2), ("mse", False, 1)]
)
def test_contract(space: NASBench201, loss: str, variance_head: bool, h_cycles: int) -> None:
    tiny = partial(Recursive, **TINY, loss=loss, variance_head=variance_head)
    check_ranker(partial(tiny, h_cycles=h_cycles, steps=100), space)


def test_contract_on_named_choices() -> None:
    space = CustomSpace({f"c{j}": [1, 2, 3, 4] for j in range(6)}, build=_nothing)
    check_ranker(partial(Recursive, **TINY, steps=130), space)


def test_mixed_loss_is_the_blogs(space: NASBench201) -> None:
    s, y = torch.randn(30), torch.randn(30)
    ranker = Recursive(space, margin=0.01)
    ours = ranker._loss(s, y, torch.Generator().manual_seed(1))
    blog = blog_mixed(s, y, pairs=64, margin=0.01, generator=torch.Generator().manual_seed(1))
    assert torch.equal(ours, blog)


def test_labels_keep_their_fractions(space: NASBench201) -> None:
    y = np.array([0.91, 0.93, 0.94])
    assert np.array_equal(Recursive(space, standardise=False)._targets(y), y)
    assert Recursive(space)._targets(y).std() == pytest.approx(1)


def test_predictions_are_in_the_labels_units(space: NASBench201) -> None:
    archs = space.sample(100, rng=np.random.default_rng(0))
    y = 0.9 + 0.01 * (archs == 3).sum(1)
    predicted = Recursive(space, "mse", **TINY, steps=150).fit(archs, y).predict(archs)
    assert np.abs(predicted - y).mean() < 0.01


def test_every_random_number_is_its_own(space: NASBench201) -> None:
    archs = space.sample(20, rng=np.random.default_rng(0))
    torch_before, numpy_before = torch.get_rng_state(), np.random.get_state()  # noqa: NPY002
    one = Recursive(space, **TINY, steps=4).fit(archs, np.arange(20.0)).predict(archs)
    assert torch.equal(torch.get_rng_state(), torch_before)
    assert (np.random.get_state()[1] == numpy_before[1]).all()  # noqa: NPY002
    torch.manual_seed(99)
    same = Recursive(space, **TINY, steps=4).fit(archs, np.arange(20.0)).predict(archs)
    other = Recursive(space, **TINY, steps=4, seed=1).fit(archs, np.arange(20.0)).predict(archs)
    assert np.array_equal(one, same)
    assert not np.allclose(one, other)


def test_variance_is_larger_where_labels_are_noisier(space: NASBench201) -> None:
    rng = np.random.default_rng(0)
    archs = space.sample(900, rng=rng)
    sd = 0.2 + 0.5 * (archs == 4).sum(1)
    y = (archs == 3).sum(1) + sd * rng.normal(size=900)
    ranker = Recursive(space, "mse", **TINY, variance_head=True, steps=500)
    mean, std = ranker.fit(archs[:700], y[:700]).predict(archs[700:], return_std=True)
    assert np.corrcoef(std, sd[700:])[0, 1] > 0.5
    z = (mean - y[700:]) / std
    assert 0.7 < z.std() < 1.4


def test_variance_head_leaves_scores_as_they_are(space: NASBench201) -> None:
    archs = space.sample(20, rng=np.random.default_rng(0))
    without = Recursive(space, **TINY, steps=5).fit(archs, np.arange(20.0))
    beside = Recursive(space, **TINY, steps=5, variance_head=True).fit(archs, np.arange(20.0))
    assert np.array_equal(beside.predict(archs), without.predict(archs))


def test_no_variance_head_no_std(space: NASBench201) -> None:
    assert not Recursive(space).has_std
    assert Recursive(space, variance_head=True).has_std


@pytest.mark.parametrize(
    ("bad", "error", "match"),
    [
        ({"loss": "mixt"}, UnknownNameError, "did you mean 'mixed'"),
        ({"positions": "rope"}, UnknownNameError, "unknown positions 'rope'"),
        ({"hidden": 20, "heads": 4}, SpaceError, "hidden=20 and heads=4"),
    ],
)
def test_bad_arguments(
    space: NASBench201, bad: dict[str, Any], error: type[Exception], match: str
) -> None:
    archs = space.sample(5, rng=np.random.default_rng(0))
    with pytest.raises(error, match=match):
        Recursive(space, **bad).fit(archs, np.arange(5.0))


def test_a_space_without_tokens_says_so() -> None:
    class Untold(NASBench201):
        def tokens(self, archs: NDArray[np.uint8]) -> NDArray[np.int64]:
            raise SpaceError("no tokens here")

    space = Untold()
    archs = space.sample(5, rng=np.random.default_rng(0))
    with pytest.raises(SpaceError, match="no tokens here"):
        Recursive(space).fit(archs, np.arange(5.0))


def test_integer_cast_labels_are_refused(space: NASBench201) -> None:
    archs = space.sample(3, rng=np.random.default_rng(0))
    with pytest.raises(LabelError, match="converted to integers"):
        Recursive(space).fit(archs, np.array([0.946, 0.992, 0.9]).astype(np.int32))


def test_ranks_the_published_table(space: NASBench201, nb201_csv: Path) -> None:
    table = load_table(nb201_csv, space)
    rows = np.random.default_rng(0).permutation(len(table))
    train, rest = rows[:900], rows[900:2900]
    y = table.column("c10_val")
    ranker = Recursive(space, steps=300)
    scores = ranker.fit(table.archs[train], y[train]).predict(table.archs[rest])
    assert spearman(scores, y[rest]) > 0.7


def test_network_is_left_in_evaluation_mode(space: NASBench201) -> None:
    archs = space.sample(5, rng=np.random.default_rng(0))
    ranker = Recursive(space, **TINY, steps=2).fit(archs, np.arange(5.0))
    assert isinstance(ranker.network_, nn.Module)
    assert not ranker.network_.training


def _nothing(config: object, task: object) -> None:
    return None
