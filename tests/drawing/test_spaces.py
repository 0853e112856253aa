"""Every space has a picture that shows all of an architecture and nothing else."""

from __future__ import annotations

import re
from collections import Counter
from xml.etree import ElementTree

import numpy as np
import pytest

import archrank as ar
from archrank.drawing import inline, style_of
from archrank.errors import ArchitectureError, UnknownNameError
from archrank.report import draw
from archrank.spaces import (
    GPTS,
    HAT,
    NDS,
    SPACES,
    AttentiveNAS,
    Choice,
    CustomSpace,
    FBNet,
    NASBench101,
    ProxylessNAS,
    RankNASLanguageModel,
    RankNASTranslation,
    Space,
)
from archrank.spaces.transformers.base import LayeredSpace
from archrank.spaces.transformers.layers import Stack
from tests.drawing.pictures import SVG, check_picture, draws


class Choices(Space):
    """Named choices without networks; ``off`` are inactive."""

    def __init__(self, choices: dict[str, list], off: tuple[str, ...] = ()) -> None:
        self.name = "own <space>"
        self.choices = tuple(Choice(name, tuple(options)) for name, options in choices.items())
        self.off = off

    def active(self, archs):
        return np.broadcast_to([c.name not in self.off for c in self.choices], archs.shape)

    def _build(self, arch, sizes):
        raise NotImplementedError


class Layers(LayeredSpace):
    """Stacks without networks."""

    name = "layers"

    def _build(self, arch, sizes):
        raise NotImplementedError


@pytest.mark.parametrize("name", SPACES.names())
def test_every_registered_space(name: str) -> None:
    space = SPACES.get(name)()
    for arch in draws(space, 6):
        svg = draw(space, arch)
        drawn = check_picture(svg)
        assert space.format(arch[None])[0] in drawn.root.get("aria-label", "")
        assert svg == draw(space, arch)
        ElementTree.fromstring(inline(svg))
        assert "http" not in inline(svg)


@pytest.mark.parametrize("name", SPACES.names())
def test_wrong_architecture(name: str) -> None:
    space = SPACES.get(name)()
    with pytest.raises(ArchitectureError):
        draw(space, np.zeros(space.d + 1, dtype=np.uint8))


def boxes(svg: str) -> Counter[str]:
    """Count every label of a box; a box of two lines is one label."""
    return Counter(", ".join(box.lines) for box in check_picture(svg).boxes)


def arrows(svg: str) -> int:
    return svg.count('stroke-linejoin="round"')


# ---- cells -------------------------------------------------------------------------------------


def test_nasbench101_draws_the_pruned_cell() -> None:
    space = NASBench101()
    for arch in draws(space, 80):
        view = space.graph(arch[None])
        names = Counter(view.op_names[k] for k in view.ops[0, view.mask[0]])
        svg = draw(space, arch)
        assert boxes(svg) == names
        live = view.mask[0]
        assert arrows(svg) == view.adjacency[0][np.ix_(live, live)].sum()


@pytest.mark.parametrize("family", ["darts", "enas", "pnas", "amoeba", "nasnet"])
def test_nds_draws_both_cells(family: str) -> None:
    space = NDS(family)
    for arch in draws(space, 15):
        chosen = {c.name: c.options[k] for c, k in zip(space.choices, arch, strict=True)}
        edges, ops = 0, Counter()
        for kind in ("normal", "reduce"):
            terms = [f"{kind}{i}{t}" for i in range(space.nodes) for t in "ab"]
            ops += Counter(chosen[f"{term}_op"] for term in terms)
            used = {chosen[f"{term}_input"] for term in terms}
            joined = {i + 2 for i in range(space.nodes)} - (used if space.loose else set())
            edges += sum(chosen[f"{term}_op"] != "none" for term in terms) + len(joined)
        svg = draw(space, arch)
        found = boxes(svg)
        assert {op: found[op] for op in ops} == ops
        assert arrows(svg) == edges
        assert found["concatenation"] == 2
        assert svg.count("stroke-dasharray") == ops["none"]


def test_edges_go_around_boxes() -> None:
    """Between the ends of an edge no box covers its vertical pieces."""
    space = NASBench101()
    for arch in draws(space, 40, seed=1):
        svg = draw(space, arch)
        drawn = check_picture(svg)
        for path in re.findall(r'<path d="(M[^"]+)" fill="none"', svg):
            for x, y1, y2 in re.findall(r"([\d.]+) ([\d.]+)V([\d.]+)", path):
                for box in drawn.boxes:
                    within = box.x < float(x) < box.x + box.width
                    assert not (within and float(y1) < box.y + box.height and float(y2) > box.y)


# ---- chains ------------------------------------------------------------------------------------


def test_proxylessnas_blocks() -> None:
    space = ProxylessNAS()
    for arch in draws(space, 20):
        svg = draw(space, arch)
        expected = Counter(
            f"{op[1]}×{op[1]}, expand {op[3]}"
            for op in (space.choices[j].options[k] for j, k in enumerate(arch))
            if op != "skip"
        )
        expected["3×3, expand 1"] += 1
        found = boxes(svg)
        skipped = int((arch == 6).sum())
        assert found["skip"] == skipped
        assert sum(box.dashed for box in check_picture(svg).boxes) == skipped
        assert {name: n for name, n in found.items() if "expand" in name} == expected
        assert arrows(svg) == sum(found.values()) - 1


def test_proxylessnas_sizes() -> None:
    texts = check_picture(draw(ProxylessNAS(), draws(ProxylessNAS(), 1)[0])).texts
    assert [t for t in texts if t in ("112×112", "56×56", "28×28", "14×14")] == [
        *("112×112", "56×56", "28×28", "14×14", "14×14")
    ]
    assert "320 channels, stride 1" in texts


def test_fbnet_blocks() -> None:
    space = FBNet()
    for arch in draws(space, 10):
        ops = [space.choices[j].options[k] for j, k in enumerate(arch)]
        expected: Counter[str] = Counter()
        for op, place in zip(ops, space.positions, strict=True):
            kernel, expand, groups = (*str(op).split("_"), "", "")[:3]
            skipped = "skip" if place.keeps_shape else "conv 1×1"
            made = f"{kernel[1]}×{kernel[1]}{', 2 groups' * bool(groups)}, expand {expand[1:]}"
            expected[skipped if op == "skip" else made] += 1
        svg = draw(space, arch)
        assert {name: boxes(svg)[name] for name in expected} == expected
        assert sum(box.dashed for box in check_picture(svg).boxes) == expected["skip"]


def test_fbnet_sizes() -> None:
    row = np.zeros(22, dtype=np.uint8)
    sides = {FBNet(): [56, 28, 14, 14, 7, 7], FBNet(small_images=True): [32, 16, 8, 8, 4, 4]}
    for space, expected in sides.items():
        texts = check_picture(draw(space, row)).texts
        found = [t for t in texts if re.fullmatch(r"(\d\d|[478])×\1", t)]
        assert found[-6:] == [f"{s}×{s}" for s in expected]
        assert f"conv 1×1, {space.head}" in boxes(draw(space, row))


def test_attentivenas_a0() -> None:
    """A0 as published: 192 pixels, 3 + 3 + 3 + 3 + 3 + 3 + 1 blocks of kernel 3."""
    space = AttentiveNAS()
    svg = draw(space, space.parse(["A0"])[0])
    found = boxes(svg)
    assert found["3×3, expand 1"] == 1
    assert found["3×3, expand 4"] == 12
    assert found["3×3, expand 6"] == 4
    texts = check_picture(svg).texts
    assert "96×96 of 192×192" in texts
    assert "216 channels, stride 1" in texts
    assert "6×6, squeeze-excite" in texts
    assert {"1296", "1792"} <= {t for t in texts if t.isdigit()}


@pytest.mark.parametrize("depth", [1, 8, 9, 30])
def test_any_layered_space(depth: int) -> None:
    options = (Choice("kind", ("a & b", "<c>")), Choice("size", (1, 2)))
    space = Layers([Stack((Choice("width", (8, 16)),), Choice("depth", (depth,)), options)])
    arch = draws(space, 1)[0]
    found = boxes(draw(space, arch))
    kinds = [options[0].options[k] for k in arch[space.starts["kind"] :][:depth]]
    sizes = [options[1].options[k] for k in arch[space.starts["size"] :][:depth]]
    assert found == Counter(f"kind {a}, size {b}" for a, b in zip(kinds, sizes, strict=True))


def test_layers_that_do_not_exist_are_absent() -> None:
    space = Layers([Stack((), Choice("depth", (1, 3)), (Choice("kind", ("x", "y", "z")),))])
    arch = space.parse(["depth=1,kind=y"])[0]
    assert boxes(draw(space, arch)) == Counter({"kind y": 1})


# ---- Transformers ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "space", [HAT(), HAT("wmt"), RankNASTranslation(), RankNASTranslation("wmt")]
)
def test_translation(space: HAT | RankNASTranslation) -> None:
    for arch in draws(space, 12):
        row = arch[None]
        found = boxes(draw(space, arch))
        texts = Counter()
        depth = int(space.values(row, "dec_layers")[0, 0])
        for side, layers in (("enc", 6), ("dec", depth)):
            heads = "heads" if f"{side}_heads" in space.starts else "self_heads"
            for i in range(layers):
                n, ffn = (int(space.values(row, f"{side}_{x}")[0, i]) for x in (heads, "ffn"))
                relative = ""
                if f"{side}_rpr" in space.starts:
                    distance = int(space.values(row, f"{side}_rpr")[0, i])
                    relative = f", relative positions to ±{distance}"
                texts[f"self-attention, {n} heads{relative}"] += 1
                texts[f"feed-forward, {ffn}"] += 1
        assert {k: v for k, v in found.items() if k.startswith(("self", "feed"))} == texts
        attended = space.values(row, "dec_arbitrary")[0, :depth].sum()
        assert arrows(draw(space, arch)) == 6 + depth + 1 + attended


def test_arbitrary_attention_reads_the_last_encoder_layers() -> None:
    space = HAT()
    arch = draws(space, 1)[0]
    arch[space.starts["dec_layers"]] = 3  # three layers
    arch[space.starts["dec_arbitrary"] :][:3] = [0, 1, 2]
    found = boxes(draw(space, arch))
    for read in ("encoder layer 6", "encoder layers 5, 6", "encoder layers 4, 5, 6"):
        assert sum(n for text, n in found.items() if text.endswith(f"to {read}")) == 1


def test_norms_and_positions_are_told() -> None:
    space = RankNASTranslation()
    arch = draws(space, 1)[0]
    arch[[space.starts["enc_norm"], space.starts["dec_norm"]]] = 0, 1
    texts = check_picture(draw(space, arch)).texts
    assert "pre-norm, ReLU, relative positions" in texts
    assert "post-norm, ReLU, relative positions" in texts
    texts = check_picture(draw(HAT(), draws(HAT(), 1)[0])).texts
    assert texts.count("post-norm, ReLU, sinusoidal positions") == 2


def test_gpt_s() -> None:
    space = GPTS()
    heads = "4-4-12-8-12-4-4-12-4-4"
    text = f"embed_dim=384,bias=0,n_layer=10,n_head={heads},mlp_ratio=2-2-3-2-4-3-4-3-4-4"
    svg = draw(space, space.parse([text])[0])
    found = boxes(svg)
    counts = {n: found[f"self-attention, {n} heads"] for n in (4, 8, 12)}
    assert counts == {4: 6, 8: 1, 12: 3}
    assert {r: found[f"gated network, {r} × 384"] for r in (2, 3, 4)} == {2: 3, 3: 3, 4: 4}
    assert "384 channels, 10 layers, no biases" in check_picture(svg).texts


def test_language_model_projections() -> None:
    space = RankNASLanguageModel()
    widths = "768-1024-1024-768-768-768-768-768-768-1024"
    text = f"layers=10,embed={widths},ffn={'-'.join(['4096'] * 10)},heads={'-'.join(['8'] * 10)}"
    found = boxes(draw(space, space.parse([text])[0]))
    assert found["linear, 768 to 1024"] == 2
    assert found["linear, 1024 to 768"] == 1
    assert found["linear, 1024 to 768; next token"] == 1
    assert found["feed-forward, 4096"] == 10


# ---- any other space ---------------------------------------------------------------------------


def test_choices_are_filled_and_others_are_not() -> None:
    space = Choices({"depth": [1, 2, 3], "kind": ["x", "y"]})
    svg = draw(space, np.array([2, 0], dtype=np.uint8))
    assert boxes(svg) == Counter({"3": 1, "x": 1})
    assert set(check_picture(svg).texts) == {"depth", "kind", "1", "2", "3", "x", "y"}
    assert style_of(space).title == "Its choices"


def test_a_space_chooses_its_picture() -> None:
    class Blocks(ProxylessNAS):
        drawing = "choices"

    space = Blocks()
    arch = space.sample(1, rng=np.random.default_rng(0))[0]
    assert style_of(ProxylessNAS()).title == "The blocks"
    assert style_of(space).title == "Its choices"
    assert draw(space, arch) != draw(ProxylessNAS(), arch)
    for name in set(SPACES.names()) - {"hat_averages"}:  # means of layers, which nobody builds
        assert style_of(SPACES.get(name)()).title != "Its choices", name
    Blocks.drawing = "bloks"
    with pytest.raises(UnknownNameError, match="drawing of space 'proxylessnas': 'bloks'"):
        draw(space, arch)


def test_inactive_choices_are_faint() -> None:
    space = Choices({"depth": [1, 2], "kind": ["x", "y"]}, off=("kind",))
    drawn = check_picture(draw(space, np.array([0, 1], dtype=np.uint8)))
    faint = [g for g in drawn.root.iter(f"{SVG}g") if g.get("class") == "off"]
    assert len(faint) == 1
    assert "kind" in [t.text for t in faint[0].iter(f"{SVG}text")]


@pytest.mark.parametrize(("n", "options"), [(1, 1), (26, 3), (27, 3), (200, 2), (3, 256)])
def test_many_choices(n: int, options: int) -> None:
    space = Choices({f"decision_number_{i}": list(range(options)) for i in range(n)})
    found = boxes(draw(space, draws(space, 1)[0]))
    assert sum(found.values()) == n


HOSTILE = (
    "<script>alert(1)</script>",
    "\"&'>]]>",
    "a\nb",
    "\x00\x1b",
    "\ud800",
    "\u5b57" * 80,
    "W" * 300,
    "",
    "\u202eabc",
)


def test_hostile_names() -> None:
    space = Choices({"\x07<b>" * 30: list(HOSTILE), "b": ["x", "y" * 500]})
    for k in range(len(HOSTILE)):
        svg = draw(space, np.array([k, k % 2], dtype=np.uint8))
        check_picture(svg)
        svg.encode("utf-8")
        assert "<script" not in svg
        assert "<b>" not in svg
    stack = Stack((Choice("x" * 90, HOSTILE),), Choice("depth", (2,)), (Choice("kind", HOSTILE),))
    layered = Layers([stack])
    for arch in draws(layered, 10):
        check_picture(draw(layered, arch))


def test_hostile_options_of_a_custom_space() -> None:
    options = ["<script>alert(1)</script>", "\"&'>]]>", "W" * 300]
    space = CustomSpace({"kind": options, "depth": [1, 2]}, build=lambda config, task: None)
    for arch in space.enumerate():
        svg = draw(space, arch)
        check_picture(svg)
        assert "<script" not in svg


def test_a_set_is_one_row_of_its_members() -> None:
    space = CustomSpace(
        {
            "heads": ar.Subset(24, 4),
            "rate": ar.Float(0, 1, points=32),
            "act": [f"a{i}" for i in range(60)],
        },
        build=lambda config, task: None,
    )
    arch = space.parse(["heads=0+7+8+23,rate=0.2258,act=a3"])[0]
    drawn = draw(space, arch)
    assert boxes(drawn) == Counter({"0": 1, "7": 1, "8": 1, "23": 1, "0.2258": 1, "a3": 1})
    texts = check_picture(drawn).texts
    assert {"heads", "0.0", "1.0", *map(str, range(24))} <= set(texts)
    assert "heads.3" not in texts
    assert "a0" not in texts  # words have no ends
