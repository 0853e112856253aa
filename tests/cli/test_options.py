"""Options of commands from the fields of dataclasses."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import pytest

from archrank.cli.options import POSITIONAL, options_of, paragraphs, parse
from archrank.errors import UsageError


@dataclass(frozen=True)
class Inner:
    """Options that a command shares."""

    seed: int = 0
    """Seed."""
    metric: Annotated[tuple[str, ...], "METRIC"] = ()
    """Metrics, 100 % of them."""


@dataclass(kw_only=True)
class Base:
    quick: bool = False
    """Do less."""


@dataclass
class Do(Base):
    """Do it.

    Uses ``Inner``.
    """

    name: Annotated[str, "NAME", POSITIONAL]
    """Name."""
    settings: Inner = field(default_factory=Inner)
    train_sizes: tuple[int, ...] = (20, 78)
    """Sizes (default: 20 78)."""
    where: Path | None = None
    """Place."""
    minutes: float | None = None
    """Minutes."""
    kind: Literal["a", "b"] = "a"
    """Kind."""
    latency: bool = True
    """Measure
    latencies."""


def do(*arguments: str) -> Do:
    return parse(Do, arguments, "do")


def test_everything_may_be_left_out_but_what_is_required() -> None:
    assert do("x") == Do(name="x")
    with pytest.raises(UsageError, match=r"^do: NAME must be given\. All options: do --help$"):
        do()


def test_values() -> None:
    typed = "x --seed 3 --where a/b --minutes 1e-3 --kind=b --quick --no-latency --seed -4"
    found = do(*typed.split())
    expected = Do(name="x", settings=Inner(seed=-4), where=Path("a/b"), minutes=0.001, kind="b")
    expected.quick, expected.latency = True, False
    assert found == expected


@dataclass
class Few:
    """Do a few."""

    n: int = 1
    """Number."""


@pytest.mark.parametrize("typed", ["-n 3", "-n=3", "--n 3", "--n=3"])
def test_one_letter_has_one_dash_or_two(typed: str) -> None:
    assert parse(Few, typed.split(), "few") == Few(3)
    with pytest.raises(UsageError, match="unknown option -m"):
        parse(Few, ["-m", "3"], "few")


@pytest.mark.parametrize(
    "typed", ["--metric a b --train-sizes 5", "--metric a --train-sizes=5 --metric b"]
)
def test_several_values_at_once_or_one_after_the_other(typed: str) -> None:
    found = do("x", *typed.split())
    assert found.settings.metric == ("a", "b")
    assert found.train_sizes == (5,)  # in place of the default


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("x --sed 3", r"unknown option --sed, did you mean --seed\? All options: do --help$"),
        ("--zzz", r"unknown option --zzz\. All"),  # before what is missing
        ("x --train_sizes 3", r".*, did you mean --train-sizes\?"),
        ("x --minut 3", r".*, did you mean --minutes\?"),  # no abbreviations
        ("x -q", "unknown option -q"),
        ("x --no-quick", "unknown option --no-quick"),
        ("x y", "unexpected 'y'"),
        ("x --seed 3.5", "--seed: '3.5' is not a whole number"),
        ("x --minutes soon", "--minutes: 'soon' is not a number"),
        ("x --kind c", "--kind: 'c' is none of a, b"),
        ("x --where", "--where: expected one argument"),
        ("x --metric", "--metric: expected at least one argument"),
    ],
)
def test_mistakes(typed: str, said: str) -> None:
    with pytest.raises(UsageError, match=f"^do: {said}"):
        do(*typed.split())


def test_help(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as ended:
        do("--help")
    page = capsys.readouterr().out
    assert ended.value.code == 0
    assert page.startswith("usage: do NAME [options]\n\nDo it.\n\nUses Inner.\n\n")
    told = " ".join(page.split())
    for line in (
        "NAME Name (required).",
        "--seed INT Seed (default: 0).",
        "--metric METRIC [METRIC ...] Metrics, 100 % of them.",
        "--train-sizes INT [INT ...] Sizes (default: 20 78).",
        "--where PATH Place.",
        "--kind a|b Kind (default: a).",
        "--latency, --no-latency Measure latencies (default: yes).",
        "--quick Do less.",
    ):
        assert line in told, line


def test_options_stand_in_the_order_of_their_fields() -> None:
    flags = [option.flag for option in options_of(Do)]
    assert flags == [
        *("--quick", "NAME", "--seed", "--metric", "--train-sizes"),
        *("--where", "--minutes", "--kind", "--latency"),
    ]


def test_paragraphs_of_docstrings() -> None:
    text = """See :class:`~a.B` and ``c``,
        folded.

        Second.
    """
    assert paragraphs(text) == ["See a.B and c, folded.", "Second."]
