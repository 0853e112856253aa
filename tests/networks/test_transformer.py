from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from archrank.networks.language_models import GPT, LanguageModel
from archrank.networks.transformer import EncoderDecoder
from archrank.networks.transformer_layers import LayerSpec, StackSpec

ENCODER = StackSpec((LayerSpec(16, 24, 2, qkv_dim=8),) * 3)
DECODER = StackSpec(
    tuple(LayerSpec(12, 24, 2, cross_heads=4, sources=k, qkv_dim=8) for k in (1, 3))
)
PRE_ENCODER = StackSpec((LayerSpec(16, 24, 2, qkv_dim=8, pre=True),) * 3)
PRE_RELATIVE = StackSpec(
    (LayerSpec(12, 24, 2, cross_heads=4, sources=2, relative=3, qkv_dim=8, pre=True),) * 2
)
GPT_LAYERS = tuple(
    LayerSpec(16, ffn, heads, qkv_dim=4 * heads, pre=True, rotary=2)
    for heads, ffn in ((2, 24), (3, 40))
)


def translator(pad: int | None = None, shared: bool = False, pre: bool = False) -> EncoderDecoder:
    torch.manual_seed(0)
    encoder, decoder = (PRE_ENCODER, PRE_RELATIVE) if pre else (ENCODER, DECODER)
    return EncoderDecoder(encoder, decoder, 9, 9, pad=pad, shared=shared, sinusoidal=not pre)


NETWORKS = {
    "post": translator(),
    "pre": translator(pre=True),
    "shared": translator(shared=True),
    "language model": LanguageModel(
        StackSpec(tuple(LayerSpec(w, 24, 2, qkv_dim=8, pre=True) for w in (16, 12, 12))), 9
    ),
    "gpt": GPT(StackSpec(GPT_LAYERS, scale=1.0), 9),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_future_is_unseen(name: str) -> None:
    network = NETWORKS[name].eval()
    x = torch.randint(9, (2, 6))
    changed = x.clone()
    changed[:, 4] = (x[:, 4] + 1) % 9

    def run(tokens: torch.Tensor) -> torch.Tensor:
        outputs: torch.Tensor = (
            network(x, tokens) if isinstance(network, EncoderDecoder) else network(tokens)
        )
        return outputs

    before, after = run(x), run(changed)
    assert before.shape == (2, 9, 6)
    assert torch.allclose(before[..., :4], after[..., :4], atol=1e-5)
    assert not torch.allclose(before[..., 4:], after[..., 4:], atol=1e-5)


def test_pairs_are_source_and_target() -> None:
    network = translator()
    source, target = torch.randint(9, (2, 3, 5))
    pair = torch.stack([source, target], dim=1)
    assert torch.equal(network(pair), network(source, target))
    assert network(source, target[:, :2]).shape == (3, 9, 2)


@pytest.mark.parametrize("pre", [False, True])
def test_padding_is_not_attended_to(pre: bool) -> None:
    network = translator(pad=0, pre=pre)
    source = torch.tensor([[3, 4, 5]])
    longer = torch.tensor([[3, 4, 5, 0, 0]])
    target = torch.randint(1, 9, (1, 4))
    assert torch.allclose(network(source, target), network(longer, target), atol=1e-5)


def test_arbitrary_attention_reads_the_last_layers() -> None:
    """With three sources the first encoder layer's output matters directly."""
    network = translator()
    lengths: list[int] = []
    for layer in network.decoder:
        cross = layer.get_submodule("cross.key")
        cross.register_forward_hook(lambda _, x, __: lengths.append(x[0].shape[1]))
    network(torch.randint(9, (1, 5)), torch.randint(9, (1, 4)))
    assert lengths == [5, 15]


def test_shared_embeddings_are_one_table() -> None:
    network = translator(shared=True)
    tables = [n for n, p in network.named_parameters() if 9 in p.shape]
    assert tables == ["embedding.weight"]
    assert network.embedding.weight.shape == (9, 16)
    with pytest.raises(ValueError, match="needs one vocabulary, got 9 and 8"):
        EncoderDecoder(ENCODER, DECODER, 9, 8, shared=True)


def test_pre_norm_ends_with_a_norm() -> None:
    assert isinstance(translator(pre=True).decoder_norm, nn.LayerNorm)
    assert isinstance(translator().decoder_norm, nn.Identity)


def test_learns_to_reverse() -> None:
    """Needs attention to the source and positions: every target token lies elsewhere."""
    torch.manual_seed(0)
    layer = LayerSpec(32, 64, 4, qkv_dim=32, pre=True)
    decoder = replace(layer, cross_heads=4, sources=2)
    network = EncoderDecoder(StackSpec((layer,) * 2), StackSpec((decoder,) * 2), 8, 8)
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    for _ in range(150):
        source = torch.randint(1, 8, (32, 4))
        answer = source.flip(1)
        shifted = torch.cat([torch.zeros(32, 1, dtype=torch.int64), answer[:, :-1]], dim=1)
        outputs = network(source, shifted)
        loss = cross_entropy(outputs, answer)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert (outputs.argmax(1) == answer).float().mean() > 0.9
