from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest

from archrank.errors import TableError, UnknownNameError
from archrank.evaluators import BlockCosts
from archrank.hardware import block_latency
from archrank.spaces import CustomSpace, Int, Repeat, Space
from archrank.tables.block_costs import read_block_costs

SPACE = CustomSpace({"depth": [1, 2], "op": ["conv", "skip"]}, build=lambda config, task: None)
ROWS = ("(constant),,5,1", "depth,1,1,0", "depth,2,2,0", "op,conv,0.5,3", "op,skip,0,0")


def written(folder: Path, rows: tuple[str, ...], head: str = "decision,option,ms,mj") -> Path:
    path = folder / "costs.csv"
    path.write_text("\n".join([head, *rows]) + "\n")
    return path


def test_costs_add_up(tmp_path: Path) -> None:
    path = written(tmp_path, (*ROWS, "(constant),,0.25,0"))
    costs = read_block_costs(path, SPACE)
    assert costs.names == ("ms", "mj")
    found = dict(zip(SPACE.format(SPACE.enumerate()), costs(SPACE.enumerate()).T, strict=True))
    for depth, (op, ms, mj) in product((1, 2), (("conv", 0.5, 3), ("skip", 0, 0))):
        assert found[f"depth={depth},op={op}"].tolist() == [5.25 + depth + ms, 1 + mj]
    assert [w.tolist() for w in costs.weights("ms")] == [[1, 2], [0.5, 0]]
    assert block_latency(SPACE, path, "ms").range_ms == (6.25, 7.75)
    with pytest.raises(UnknownNameError, match=r"unknown cost 'latency'\. Known: mj, ms\. File: "):
        block_latency(SPACE, path, "latency")


def test_options_that_are_all_numbers(tmp_path: Path) -> None:
    space = CustomSpace({"k": [3, 5], "x": [0.5, 1.0]}, build=lambda config, task: None)
    path = written(tmp_path, ("k,3,1,0", "k,5,2,0", "x,0.50,4,0", "x,1,8,0"))
    assert read_block_costs(path, space)(space.enumerate())[0].tolist() == [5, 9, 6, 10]


def test_decisions_that_do_not_exist_cost_nothing(tmp_path: Path) -> None:
    space: Space = CustomSpace(
        {"layers": Repeat({"width": Int(1, 2)}, Int(1, 2))}, build=lambda config, task: None
    )
    count, first, second = space.choices
    rows = [f"{c.name},{o},{cost},0" for c, cost in ((first, 1), (second, 10)) for o in c.options]
    rows += [f"{count.name},{o},0,0" for o in count.options]
    costs = read_block_costs(written(tmp_path, tuple(rows)), space)
    archs = space.parse(
        [f"{count.name}=1,{first.name}=2", f"{count.name}=2,{first.name}=2,{second.name}=1"]
    )
    assert costs(archs)[0].tolist() == [1, 11]
    archs[0, 2] = 1  # the second layer, which the first architecture does not have
    assert costs(archs)[0].tolist() == [1, 11]


@pytest.mark.parametrize(
    ("rows", "head", "told"),
    [
        (ROWS[:-1], None, "no row of option 'skip' of 'op'"),
        (
            (*ROWS, "op,conv,1,1"),
            None,
            r"row 5 \(line 7\): 'conv' of op is there already, in row 3",
        ),
        ((*ROWS, "oq,conv,1,1"), None, "custom has no decision 'oq'; it has depth, op, and"),
        ((*ROWS, "op,pool,1,1"), None, "row 5 .*op has no option 'pool'; it has conv, skip"),
        ((*ROWS, ",conv,1,1"), None, "has no decision None"),
        ((*ROWS[:-1], "op,skip,,0"), None, r"'ms', row 4 \(line 6\): there is no finite number"),
        ((*ROWS[:-1], "op,skip,inf,0"), None, "'ms', row 4 .*no finite number"),
        ((*ROWS[:-1], "op,skip,x,0"), None, "'ms': row 4 .*'x', which is not a number"),
        (ROWS, "decision,choice,ms,mj", "no column option, only decision, choice, ms, mj"),
        (("op,conv", "op,skip"), "decision,option", "no column of costs, only decision, option"),
        (
            tuple(f"{row},other" for row in ROWS),
            "decision,option,ms,mj,space",
            "costs of blocks of other, not of custom; use --space other",
        ),
    ],
)
def test_damaged_files(tmp_path: Path, rows: tuple[str, ...], head: str | None, told: str) -> None:
    path = written(tmp_path, rows, *([head] if head else []))
    with pytest.raises(TableError, match=told):
        BlockCosts(path).bind(SPACE)


def test_what_identifies_costs(tmp_path: Path) -> None:
    path = written(tmp_path, ROWS)
    first = BlockCosts(path).bind(SPACE).contents()
    other = tmp_path / "other.csv"
    other.write_text(path.read_text())
    assert BlockCosts(other).bind(SPACE).contents() == first
    other.write_text(path.read_text().replace("op,skip,0,0", "op,skip,0.125,0"))
    assert BlockCosts(other).bind(SPACE).contents() != first


def test_costs_are_a_cheap_evaluator(tmp_path: Path) -> None:
    from archrank.testing import check_evaluator

    evaluator = BlockCosts(written(tmp_path, ROWS))
    assert evaluator.cheap
    assert [(m.name, m.direction) for m in evaluator.metrics] == [
        ("ms", "minimize"),
        ("mj", "minimize"),
    ]
    check_evaluator(evaluator, SPACE)
    with pytest.raises(TypeError, match="BlockCosts: path"):
        BlockCosts(3)  # type: ignore[arg-type]


def test_many_at_once(tmp_path: Path) -> None:
    costs = read_block_costs(written(tmp_path, ROWS), SPACE)
    archs = SPACE.sample(1000, rng=np.random.default_rng(0))
    assert (costs(archs)[:, :1] == costs(archs[:1])).all()
