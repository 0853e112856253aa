from __future__ import annotations

import pytest
import torch

from archrank.networks.attention import Attention, distance_index, future, rotate, sinusoids


def test_relative_positions_follow_the_definition() -> None:
    """Shaw et al., eqs. 3-5, with every a_ij written out."""
    torch.manual_seed(0)
    layer = Attention(8, 12, heads=3, relative=2)
    x = torch.randn(2, 7, 8)
    q, k, v = (
        f(x).unflatten(-1, (3, 4)).transpose(1, 2) for f in (layer.query, layer.key, layer.value)
    )
    at = torch.arange(7)
    where = (at - at[:, None]).clamp(-2, 2) + 2
    keys, values = layer.relative_keys[where], layer.relative_values[where]  # (t, t, c)
    scores = torch.einsum("bhic,bhijc->bhij", q, k[:, :, None] + keys) / 4**0.5
    weights = scores.softmax(-1)
    out = torch.einsum("bhij,bhijc->bhic", weights, v[:, :, None] + values)
    expected = layer.output(out.transpose(1, 2).flatten(2))
    assert torch.allclose(layer(x), expected, atol=1e-5)


def test_agrees_with_torch() -> None:
    torch.manual_seed(0)
    ours, theirs = Attention(8, 8, heads=2), torch.nn.MultiheadAttention(8, 2, batch_first=True)
    with torch.no_grad():
        for i, layer in enumerate((ours.query, ours.key, ours.value)):
            layer.weight.copy_(theirs.in_proj_weight[8 * i : 8 * i + 8])
            layer.bias.copy_(theirs.in_proj_bias[8 * i : 8 * i + 8])
        ours.output.load_state_dict(theirs.out_proj.state_dict())
    x, memory = torch.randn(3, 5, 8), torch.randn(3, 6, 8)
    assert torch.allclose(ours(x, memory), theirs(x, memory, memory)[0], atol=1e-6)
    blocked = future(5, 5, x.device)
    assert torch.allclose(
        ours(x, blocked=blocked), theirs(x, x, x, attn_mask=blocked)[0], atol=1e-6
    )


def test_distances_are_clipped() -> None:
    index = distance_index(4, 4, 2, torch.device("cpu"))
    assert index.tolist() == [[2, 3, 4, 4], [1, 2, 3, 4], [0, 1, 2, 3], [0, 0, 1, 2]]


def test_rotation_depends_on_distance_alone() -> None:
    a, b = torch.randn(2, 6)
    q, k = rotate(a.expand(9, 6), 4), rotate(b.expand(9, 6), 4)
    scores = q @ k.T
    assert torch.allclose(scores[1:, 1:], scores[:-1, :-1], atol=1e-5)
    assert not torch.allclose(scores[0, 0], scores[0, 5])
    assert torch.equal(q[:, 4:], a[4:].expand(9, 2))


def test_sinusoids() -> None:
    table = sinusoids(3, 4, torch.device("cpu"))
    assert table[0].tolist() == [0, 0, 1, 1]
    expected = torch.tensor([2.0, 2e-2]).sin()
    assert torch.allclose(table[2, :2], expected)


def test_a_row_of_padding_alone_is_finite() -> None:
    x = torch.randn(1, 3, 8)
    assert torch.isfinite(Attention(8, 8, 2)(x, blocked=torch.ones(3, 3, dtype=torch.bool))).all()


def test_heads_must_divide() -> None:
    with pytest.raises(ValueError, match="12 heads cannot share 512"):
        Attention(8, 512, 12)
