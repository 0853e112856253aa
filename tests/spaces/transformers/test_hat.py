from __future__ import annotations

from itertools import combinations_with_replacement
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from archrank.errors import SpaceError
from archrank.spaces import HAT, SPACES
from tests.spaces.sequences import Tokens, check_costs, check_learning, few

TASK = Tokens(input_shape=(2, 7))
ARCH = (
    "enc_embed=512,enc_layers=6,enc_ffn=1024-1024-512-512-512-2048,enc_heads=4-4-2-2-4-2,"
    "dec_embed=640,dec_layers=2,dec_ffn=512-2048,dec_self_heads=4-2,dec_cross_heads=2-2,"
    "dec_arbitrary=3-1"
)


@pytest.mark.parametrize("task", ["iwslt", "wmt"])
def test_size_and_genes(task: str) -> None:
    space = HAT(task)  # type: ignore[arg-type]
    assert space.size == 2 * (3 * 2) ** 6 * 2 * sum((3 * 2 * 2 * 3) ** k for k in range(1, 7))
    assert f"{space.size:.2e}" == "4.18e+14"
    assert space.d == 40
    kinds = [c.name.rstrip("012345").rstrip("_") for c in space.choices]
    order = ["enc_embed", "enc_layers", *["enc_ffn"] * 6, *["enc_heads"] * 6]
    order += ["dec_embed", "dec_layers", *["dec_ffn"] * 6, *["dec_self_heads"] * 6]
    assert kinds == order + ["dec_cross_heads"] * 6 + ["dec_arbitrary"] * 6


def test_inactive_genes_repeat_the_first_layer() -> None:
    space = HAT()
    arch = space.parse([ARCH])
    assert space.values(arch, "dec_ffn")[0].tolist() == [512, 2048, 512, 512, 512, 512]
    assert space.values(arch, "dec_arbitrary")[0].tolist() == [3, 1, 3, 3, 3, 3]
    assert space.active(arch).sum() == 14 + 2 + 4 * 2


def test_summary_is_the_published_vector() -> None:
    ffn = (1024 + 1024 + 512 + 512 + 512 + 2048) / 6
    raw = [512, 6, ffn, 3, 640, 2, 1280, 3, 2, 2]
    scales = [640, 6, 2048, 6, 640, 6, 2048, 6, 6, 2]
    space = HAT()
    arch = space.parse([ARCH])
    assert space.means(arch)[0] == pytest.approx(raw)
    assert space.summary(arch)[0] == pytest.approx(np.divide(raw, scales))
    assert [n for n in space.feature_names if n.startswith("mean:")] == [
        "mean:enc_embed",
        "mean:enc_layers",
        "mean:enc_ffn",
        "mean:enc_heads",
        "mean:dec_embed",
        "mean:dec_layers",
        "mean:dec_ffn",
        "mean:dec_self_heads",
        "mean:dec_cross_heads",
        "mean:dec_arbitrary",
    ]
    assert space.features(arch)[0, -10:] == pytest.approx(np.divide(raw, scales))


def test_costs_agree_with_the_network() -> None:
    for task in ("iwslt", "wmt"):
        space = HAT(task)  # type: ignore[arg-type]
        check_costs(space, TASK, few(space, 4))


def test_cost_by_hand() -> None:
    """One decoder layer, all smallest, without embeddings, source and target of 23 tokens."""
    space = HAT(embeddings=False)
    layers = "enc_ffn=512-512-512-512-512-512,enc_heads=2-2-2-2-2-2"
    text = f"enc_embed=512,enc_layers=6,{layers},dec_embed=512,dec_layers=1,dec_ffn=512,"
    arch = space.parse([text + "dec_self_heads=2,dec_cross_heads=2,dec_arbitrary=1"])
    square, attention = 512 * 512, 2 * 23 * 23 * 512
    macs = 6 * (23 * 6 * square + attention) + 23 * 10 * square + 2 * attention
    encoder = 6 * square + 6 * 512 + 4 * 512
    params = 6 * encoder + 10 * square + 10 * 512 + 6 * 512
    cost = space.cost(arch)
    assert (cost["macs"][0], cost["params"][0]) == (macs, params)
    whole = HAT().cost(arch)
    assert whole["macs"][0] - macs == 23 * 512 * 6632
    assert whole["params"][0] - params == 512 * (8848 + 2 * 6632)


def test_networks_learn() -> None:
    check_learning(HAT(), TASK, few(HAT(), 1))
    wmt = HAT("wmt")
    check_learning(
        wmt, TASK, wmt.canonical(np.full((1, 40), 1, dtype=np.uint8) * (wmt.radices > 1))
    )


def test_vocabularies_of_a_task() -> None:
    class Two(Tokens):
        n_sources = 13

    task = Two(input_shape=(2, 5))
    space = HAT()
    arch = few(space, 1)
    with_more = space.networks(task).cost(arch)["params"]
    with_more -= space.networks(TASK).cost(arch)["params"]
    assert with_more[0] == 2 * HAT().values(arch, "enc_embed")[0, 0]
    with pytest.raises(SpaceError, match="13 and 11 tokens: give it one vocabulary"):
        HAT("wmt").networks(task)


def test_unknown_task() -> None:
    with pytest.raises(SpaceError, match="iwslt, wmt, union, small; got 'wmt19'"):
        HAT("wmt19")  # type: ignore[arg-type]


def test_released_latencies_are_of_the_union_space(data_dir: Path) -> None:
    """Every row of averages is met by an architecture of the union space."""
    path = data_dir / "hat_latency.csv.gz"
    if not path.is_file():
        pytest.skip(f"no {path}")
    table = pd.read_csv(path)
    averages = table.filter(regex="^(en|de)coder").to_numpy()
    assert averages.shape == (8000, 10)
    space = HAT("union")
    stack = {"enc": averages[:, 1], "dec": averages[:, 5]}
    columns = {name: j for j, name in enumerate(space.starts)}
    chosen = np.random.default_rng(0).choice(len(averages), 200, replace=False)
    texts = []
    for i in chosen:
        parts = []
        for name, j in columns.items():
            layers = int(stack[name[:3]][i]) if j not in (0, 1, 4, 5) else 1
            options = space.choices[space.starts[name]].options
            layout = next(  # any layers of this average
                c
                for c in combinations_with_replacement(options, layers)
                if abs(sum(map(float, c)) / layers - averages[i, j]) < 1e-5
            )
            parts.append(f"{name}={'-'.join(map(str, layout))}")
        texts.append(",".join(parts))
    archs = space.parse(texts)
    assert np.abs(space.means(archs) - averages[chosen]).max() < 1e-5


def test_both_corpora_have_a_name() -> None:
    for name in ("hat", "ranknas"):
        assert SPACES.get(name)().name == f"{name}_iwslt"
        wmt = SPACES.get(f"{name}_wmt")()
        assert wmt.name == f"{name}_wmt"
        assert wmt.corpus.shared
