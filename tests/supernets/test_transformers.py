"""The supernets of the Transformer spaces: parts of the largest network, dropout, scales."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from archrank.errors import SettingsError, SpaceError
from archrank.networks.language_models import GPT
from archrank.networks.transformer import EncoderDecoder
from archrank.networks.transformer_layers import Dropout
from archrank.spaces import GPTS, HAT, RankNASLanguageModel, RankNASTranslation, Space
from archrank.supernets import (
    SupernetTraining,
    one_shot_scores,
    recalibrate,
    start_training,
    train_supernet,
)
from archrank.testing import check_supernet
from archrank.torch_state import seeded
from archrank.training.evaluation import evaluate
from tests.spaces.sequences import Tokens, few
from tests.supernets.transformers import DROPOUT, SPACES, SmallGPT, made, task_of


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize("dropped", [False, True])
def test_contract(name: str, dropped: bool) -> None:
    space = SPACES[name]
    options = {**DROPOUT, "full_scale": True} if dropped else {}
    if name == "gpt":
        options.pop("full_scale", None)
    supernet = made(space, **options).double()
    check_supernet(supernet, inputs=task_of(space).example(3), n=2)


def test_single_precision() -> None:
    space = SPACES["ranknas"]
    check_supernet(made(space), inputs=task_of(space).example(3), n=2)


@pytest.mark.parametrize("name", SPACES)
def test_the_extracted_network_is_what_the_space_builds(name: str) -> None:
    space = SPACES[name]
    supernet = made(space).double().eval()
    x = task_of(space).example(3)
    x = x if isinstance(x, tuple) else (x,)
    for arch in few(space, 3, seed=1):
        network = supernet.extract(arch)
        alone = space.networks(task_of(space)).build(arch).double().eval()
        assert type(network) is type(alone)
        alone.load_state_dict(network.state_dict())
        assert torch.allclose(alone(*x), supernet(*x, arch), atol=1e-9)


@pytest.mark.parametrize(
    "space",
    [
        HAT(),
        HAT("wmt"),
        HAT("union"),
        RankNASTranslation(),
        RankNASTranslation("wmt"),
        RankNASLanguageModel(),
        GPTS(),
    ],
    ids=lambda space: space.name,
)
def test_published_spaces(space: Space) -> None:
    """Shapes alone, on the meta device: the networks have up to 200 million weights."""
    shape = (2, 7) if isinstance(space, HAT | RankNASTranslation) else (7,)
    task = Tokens(input_shape=shape)
    with torch.device("meta"):
        supernet = space.networks(task).supernet()
        for arch in few(space, 2):
            x = torch.zeros(2, *shape, dtype=torch.int64)
            assert supernet(x, arch).shape == supernet.extract(arch)(x).shape == (2, 11, 7)
    held = {name: weight.shape for name, weight in supernet.named_parameters()}
    largest = space.networks(task).cost(space.networks(task).largest[None])["params"]
    assert sum(np.prod(shape) for shape in held.values()) >= largest[0]


def outside(supernet: Any, arch: np.ndarray) -> None:
    """Make every number that ``arch`` has no right to NaN."""
    network = supernet.extract(arch)
    own = dict(network.named_parameters())
    with torch.no_grad():
        for name, weight in supernet.network.named_parameters():
            inside = torch.zeros_like(weight, dtype=torch.bool)
            if name in own:
                kept = [slice(0, size) for size in own[name].shape]
                if "relative" in name:
                    cut = (len(weight) - len(own[name])) // 2
                    kept[0] = slice(cut, len(weight) - cut)
                inside[tuple(kept)] = True
            weight[~inside] = torch.nan


@pytest.mark.parametrize("name", ["hat", "shared", "ranknas", "language", "gpt"])
def test_only_the_first_features_and_the_central_positions_are_used(name: str) -> None:
    space = SPACES[name]
    x = task_of(space).example(3)
    x = x if isinstance(x, tuple) else (x,)
    small, large = few(space, 2, seed=3)
    supernet = made(space).eval()
    outside(supernet, small)
    assert supernet(*x, small).isfinite().all()
    assert supernet.extract(small)(*x).isfinite().all()
    assert not supernet(*x, large).isfinite().all()


def test_heads_divide_shared_channels() -> None:
    """Another number of heads uses the same weights, and computes something else."""
    space = SPACES["hat"]
    supernet, x = made(space).eval(), task_of(space).example(3)
    archs = np.repeat(few(space, 1), 2, axis=0)
    start = space.starts["enc_heads"]  # type: ignore[attr-defined]
    archs[:, start] = 0, 1
    first, second = (supernet.extract(arch) for arch in archs)
    assert all(map(torch.equal, first.parameters(), second.parameters()))
    assert not torch.allclose(first(*x), second(*x), atol=1e-4)


def test_equal_encoders_run_once(monkeypatch: pytest.MonkeyPatch) -> None:
    space = SPACES["hat"]
    supernet, x = made(space).eval(), task_of(space).example(3)
    archs = few(space, 6)
    encoder = space.starts["dec_embed"]  # type: ignore[attr-defined]
    archs[[1, 4], :encoder] = archs[0, :encoder]
    with torch.no_grad():
        expected = [supernet(*x, arch) for arch in archs]
        runs = []
        encode = EncoderDecoder.encode

        def spied(self: EncoderDecoder, *args: Any) -> Any:
            runs.append(args)
            return encode(self, *args)

        monkeypatch.setattr(EncoderDecoder, "encode", spied)
        found = dict(supernet.forward_each(x, archs))
        pair = torch.stack(x, dim=1)
        joined = dict(supernet.forward_each((pair,), archs))
    assert len(runs) == 2 * 4
    for place, outputs in enumerate(expected):
        torch.testing.assert_close(found[place], outputs)
        torch.testing.assert_close(joined[place], outputs)


def test_dropout_is_scaled_by_width() -> None:
    space = SPACES["hat"]
    supernet = made(space, **DROPOUT)
    arch = few(space, 1)[0]
    starts = space.starts  # type: ignore[attr-defined]
    arch[[starts["enc_embed"], starts["dec_embed"]]] = 2, 1  # 32 and 48 of 64 channels
    encoder, decoder = supernet.stacks(arch)
    assert {layer.dropout for layer in encoder.layers} == {Dropout(0.15, 0.1, 0.1)}
    assert decoder.dropout == pytest.approx(0.3 * 48 / 64)
    assert decoder.layers[0].attention.dropout == decoder.layers[0].cross.dropout == 0.1


def test_layers_of_language_models_have_their_own_dropout() -> None:
    supernet = made(SPACES["language"], residual_dropout=0.4)
    arch = few(SPACES["language"], 1)[0]
    for layer in supernet.stacks(arch)[0].layers:
        assert layer.dropout.residual == pytest.approx(0.4 * layer.dim / 64)


def test_shares_of_zeros_are_as_told() -> None:
    """Embeddings, branches and hidden units of the widest network."""
    supernet = made(SPACES["hat"], residual_dropout=0.3, activation_dropout=0.6).train()
    arch = np.zeros(SPACES["hat"].d, dtype=np.uint8)  # the largest
    layer, seen = supernet.network.encoder[0], {}
    layer.down.register_forward_pre_hook(lambda _, args: seen.update(hidden=args[0]))
    layer.attention.query.register_forward_pre_hook(lambda _, args: seen.update(embedded=args[0]))
    source, target = task_of(SPACES["hat"]).example(64)

    def zeros() -> tuple[float, float]:
        with torch.no_grad(), seeded(0):
            supernet(source, target, arch)
        return tuple(float((seen[x] == 0).float().mean()) for x in ("embedded", "hidden"))

    embedded, hidden = zeros()
    supernet.eval()
    without, quiet = zeros()
    assert (without, embedded) == (0, pytest.approx(0.3, abs=0.02))
    assert hidden == pytest.approx(0.6 + 0.4 * quiet, abs=0.02)  # a part is 0 by ReLU


@pytest.mark.parametrize("name", ["hat", "ranknas", "language", "gpt"])
def test_nothing_is_dropped_in_evaluation(name: str) -> None:
    space = SPACES[name]
    supernet, arch = made(space, **DROPOUT), few(space, 1)[0]
    x = task_of(space).example(3)
    x = x if isinstance(x, tuple) else (x,)
    assert not torch.equal(supernet.train()(*x, arch), supernet(*x, arch))
    assert torch.equal(supernet.eval()(*x, arch), made(space)(*x, arch))


def test_embeddings_are_scaled_by_their_width_or_the_largest() -> None:
    space = SPACES["hat"]
    arch = few(space, 1)[0]
    starts = space.starts  # type: ignore[attr-defined]
    arch[starts["enc_embed"]] = 2
    assert made(space).stacks(arch)[0].factor == 32**0.5
    assert made(space, full_scale=True).stacks(arch)[0].factor == 64**0.5
    language = SPACES["language"]
    arch = few(language, 1)[0]
    assert made(language, full_scale=True).stacks(arch)[0].factor == 64**0.5
    network = made(SmallGPT()).network
    assert isinstance(network, GPT)
    assert network.stacks[0].factor == 1


def test_options_are_checked() -> None:
    with pytest.raises(SettingsError, match=r"attention_dropout is 1\.5, expected a number from 0"):
        made(SPACES["hat"], attention_dropout=1.5)
    with pytest.raises(SpaceError, match="it has residual_dropout, activation_dropout, attention"):
        made(SPACES["language"], dropout=0.1)
    with pytest.raises(SpaceError, match="no option 'full_scale'"):
        made(SPACES["gpt"], full_scale=True)


def training(name: str, **changes: Any) -> SupernetTraining:
    space = SPACES[name]
    return start_training(space.networks(task_of(space)), "transformer_small", **changes)


@pytest.mark.parametrize(("name", "updates"), [("ranknas", 5), ("language", 12)])
def test_a_resumed_training_is_the_same_bit_for_bit(
    name: str, updates: int, tmp_path: Path
) -> None:
    settings = {"updates": updates, "batch_size": 12, "options": DROPOUT, "warmup_updates": 2}
    whole = training(name, **settings)
    train_supernet(whole)
    assert whole.epochs == whole.epoch == 2
    first = training(name, **settings)
    first.run_epoch()
    first.save(tmp_path / "half.safetensors")
    second = training(name, **settings)
    second.load(tmp_path / "half.safetensors")
    train_supernet(second)
    assert second.losses == whole.losses
    for a, b in zip(second.supernet.parameters(), whole.supernet.parameters(), strict=True):
        assert torch.equal(a, b)


def test_an_update_trains_one_architecture() -> None:
    """As published; layers that it does not have stay as they are."""
    found = training("hat", updates=1)
    arch = found._drawn(0)
    assert arch.shape == (1, SPACES["hat"].d)
    before = {name: w.clone() for name, w in found.supernet.named_parameters()}
    found.run_epoch()
    moved = {n for n, w in found.supernet.named_parameters() if not torch.equal(w, before[n])}
    own = {f"network.{n}" for n, _ in found.supernet.extract(arch[0]).named_parameters()}
    assert {n for n in own - moved if not n.endswith("key.bias")} == set()  # softmax ignores them
    assert moved <= own


@pytest.mark.parametrize("name", ["hat", "language"])
def test_scores_are_the_losses_of_extracted_networks(name: str) -> None:
    space = SPACES[name]
    supernet, task = made(space), task_of(space)
    archs = few(space, 5)
    scores = one_shot_scores(supernet, task, archs, batch_size=7)
    recalibrated = one_shot_scores(supernet, task, archs, statistics="recalibrated")
    for i, arch in enumerate(archs):
        found = evaluate(supernet.extract(arch), task, task.load().valid)
        for metric in ("loss", "perplexity", "accuracy"):
            assert scores[metric][i] == pytest.approx(found[metric], rel=1e-5)
            assert recalibrated[metric][i] == pytest.approx(found[metric], rel=1e-5)


def test_a_supernet_learns() -> None:
    found = training("language", updates=60, batch_size=12)
    archs = few(SPACES["language"], 6)
    before = one_shot_scores(found.supernet, found.task, archs)["loss"]
    train_supernet(found)
    after = one_shot_scores(found.supernet, found.task, archs)["loss"]
    assert (after < before - 0.5).all()


class Spoiled(torch.nn.Module):
    """A network whose outputs, or gradients alone, are not those of another."""

    def __init__(self, network: torch.nn.Module, factor: float, slope: float) -> None:
        super().__init__()
        self.network, self.factor, self.slope = network, factor, slope

    def forward(self, *tokens: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.network(*tokens) * self.factor
        return y + (self.slope - 1) * (y - y.detach())


@pytest.mark.parametrize(
    ("factor", "slope", "rule"), [(1.01, 1, "other outputs"), (1, 1.01, "other gradients")]
)
def test_faults_are_found_on_tokens(factor: float, slope: float, rule: str) -> None:
    """Whole numbers have no gradient, so the check looks at those of the weights."""
    space = SPACES["hat"]
    supernet = made(space).double()
    extract = supernet.extract
    supernet.extract = lambda arch: Spoiled(extract(arch), factor, slope)
    with pytest.raises(AssertionError, match=rule):
        check_supernet(supernet, inputs=task_of(space).example(3), n=1)


@pytest.mark.parametrize(
    ("recipe", "name"),
    [("hat_iwslt14", "hat"), ("hat_wmt14", "shared"), ("ranknas_wikitext103", "language")],
)
def test_published_recipes_run(recipe: str, name: str) -> None:
    space = SPACES[name]
    networks = space.networks(task_of(space))
    found = start_training(networks, recipe, updates=2, batch_tokens=60)
    assert found.epochs == 1
    assert found.supernet.options["residual_dropout"] in (0.3, 0.375)
    assert found.run_epoch() > 0
    assert not found.failure


def test_nothing_is_recalibrated() -> None:
    """Without batch norms no training data is run."""
    network = made(SPACES["hat"]).extract(few(SPACES["hat"], 1)[0])

    def no_batches() -> Iterator[Any]:
        raise AssertionError
        yield

    assert not recalibrate(network.train(), no_batches()).training
