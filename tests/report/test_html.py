"""Pages are well-formed, self-contained and say what the study holds."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from archrank.errors import StorageError
from archrank.evaluators import Combined, Cost, Function, Metric, Table
from archrank.rankers import RandomForest
from archrank.report import write_report
from archrank.spaces import NASBench201
from archrank.strategies import Random
from archrank.study import Study


@pytest.fixture(autouse=True)
def quick_ranker(monkeypatch: pytest.MonkeyPatch) -> None:
    """The default ranker takes a second per page."""
    monkeypatch.setattr(
        "archrank.report.cross_validation.default_ranker",
        lambda space: RandomForest(space, trees=5),
    )


VOID = {"meta", "br", "wbr", "link", "img", "input", "hr"}


class Page(HTMLParser):
    """Checks that tags are balanced; collects attributes and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> was never opened"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def report(study: Study, folder: Path, **options: object) -> Page:
    path = write_report(study, folder / "report.html", **options)  # type: ignore[arg-type]
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    assert not re.search(r"https?://|url\(|@import", text)
    assert not any(name in ("src", "href") for name, _ in page.attributes)
    assert not any(name.startswith("on") for name, _ in page.attributes)
    ids = [value for name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    assert "nan" not in " ".join(v for n, v in page.attributes if n in ("d", "x", "y", "cx", "cy"))
    return page


def test_table_study(table_study: Study, tmp_path: Path) -> None:
    page = report(table_study, tmp_path)
    best = table_study.best
    assert best.string in page.text
    assert "<script> (maximize)" in page.text
    assert "rank in the table 1 of 64" in page.text
    assert "random search, expected" in page.text
    assert "exact expectation over the 64 rows" in page.text
    assert re.search(r"Kendall's tau -?\d\.\d\d", page.text)
    assert "No evaluation failed" in page.text
    assert "RandomForest" in page.text


def test_same_study_gives_the_same_bytes(table_study: Study, tmp_path: Path) -> None:
    pages = [
        write_report(table_study, tmp_path / name).read_text(encoding="utf-8") for name in "ab"
    ]
    first, second = (re.sub(r"<time.*?</time>", "", page) for page in pages)
    assert first == second


def test_constraint_and_failures(own_study, tmp_path: Path) -> None:
    study = own_study(constraints=["latency_ms<=100"])
    page = report(study, tmp_path)
    assert "84.70 %" not in page.text  # feasible ones are worse
    assert f"{100 * study.best.values['accuracy']:.2f} %" in page.text
    assert "3 of 48 evaluations failed" in page.text
    assert "MemoryError: out of <memory>" in page.text
    assert "breaks a constraint" in page.text
    assert "own <space>" in page.text
    assert page.text.count("latency_ms<=100") == 2  # beside the objective, and over the figure


class Timed(Function):
    """Measures before anything is trained, as latency is."""

    stage = 2


def test_limits_that_were_broken_on_the_way(custom, tmp_path: Path) -> None:
    def latency(config: dict[str, Any]) -> float:
        return float(config["depth"] * config["width"])

    evaluator = Combined(
        Function(lambda config: {"accuracy": 0.1 * config["depth"], "macs": config["width"]},
                 ["accuracy", "macs"]),
        Timed(latency, [Metric("latency_ms", "minimize", "ms")]),
    )  # fmt: skip
    study = Study(custom, evaluator, Random(), constraints=["latency_ms<=24"]).run(budget=9)
    rejected = study.results.rejected
    page = report(study, tmp_path)
    assert f"not evaluated {len(rejected)} broke a limit" in page.text
    assert "Limit: latency_ms<=24" in page.text
    assert "Cost: macs" not in page.text
    slow = [r.values["latency_ms"] for r in rejected]
    assert f"Not drawn: {len(slow)} that have {min(slow):g} ms to {max(slow):g} ms and" in page.text
    assert study.results.rejected_note == f"{len(rejected)} not evaluated: broke a limit"


def test_a_limit_on_a_cost_is_drawn(own_study, tmp_path: Path) -> None:
    page = report(own_study(constraints=["macs<=1e8", "latency_ms>=16"]), tmp_path)
    assert "Limit: macs<=1e+08" in page.text
    assert "Limit: latency_ms>=16" in page.text
    far = report(own_study(constraints=["macs<=1e12"]), tmp_path)
    assert "Limit: macs<=1e+12" in far.text
    assert "Cost: macs" in report(own_study(constraints=["accuracy>=0.6"]), tmp_path).text


def test_nothing_feasible(own_study, tmp_path: Path) -> None:
    page = report(own_study(constraints=["latency_ms<=1"]), tmp_path)
    assert "No evaluated architecture keeps latency_ms<=1" in page.text
    assert "Nearest architecture" in page.text
    assert "Best architecture" not in page.text


@pytest.mark.parametrize("constraints", [(), ("accuracy>=0.6",), ("latency_ms<=1",)])
def test_two_objectives(own_study, tmp_path: Path, constraints: tuple[str, ...]) -> None:
    study = own_study(objectives=["accuracy", "latency_ms"], constraints=constraints)
    page = report(study, tmp_path)
    assert f"on the front {len(study.front)}" in page.text
    assert "hypervolume of the front so far" in page.text
    assert "Trade-off: latency_ms" in page.text


def test_three_objectives(own_study, tmp_path: Path) -> None:
    page = report(own_study(objectives=["accuracy", "latency_ms", "macs"]), tmp_path)
    assert "Trade-off: latency_ms" in page.text
    assert "Trade-off: macs" in page.text


def test_few_labels(own_study, tmp_path: Path) -> None:
    page = report(own_study(budget=8), tmp_path)
    assert "judged from 20 successful evaluations on" in page.text


def test_one_evaluation(own_study, tmp_path: Path) -> None:
    assert "1 evaluation ·" in report(own_study(budget=1, seed=1), tmp_path).text


def test_nothing_evaluated(own_study, tmp_path: Path) -> None:
    assert "Nothing has been evaluated yet" in report(own_study(budget=0), tmp_path).text


def test_all_failed(custom, tmp_path: Path) -> None:
    def fail(config: dict[str, object]) -> float:
        raise RuntimeError("no luck")

    study = Study(custom, Function(fail), Random(batch_size=2)).run(budget=4)
    page = report(study, tmp_path)
    assert "None of 4 evaluations succeeded" in page.text
    assert "RuntimeError: no luck" in page.text


@pytest.mark.parametrize("count", [3, 11, 12, 30])
def test_many_metrics_are_folded(custom, tmp_path: Path, count: int) -> None:
    metrics = [Metric(f"valid_loss_{k}") for k in range(count)]
    evaluator = Function(lambda config: {m.name: 1.25 + k for k, m in enumerate(metrics)}, metrics)
    study = Study(custom, evaluator, Random()).run(budget=3)
    text = write_report(study, tmp_path / "report.html").read_text(encoding="utf-8")
    facts = count - 1 + 3  # evaluations, where, time
    assert text.count("<dt>") == facts
    assert (f"{facts - 12} more metrics" in text) == (facts > 14)


@pytest.mark.parametrize("value", [0.0, 3.0, -1e-12, 1e12])
def test_constant_values(custom, tmp_path: Path, value: float) -> None:
    study = Study(custom, Function(lambda config: value), Random()).run(budget=30)
    assert "gave the same value" in report(study, tmp_path).text


def test_dead_best_cell(tmp_path: Path) -> None:
    study = Study(
        NASBench201(), Function(lambda config: -len(set(config.values()) - {"none"})), Random()
    )
    study.run(budget=4)
    assert "The cell" in report(study, tmp_path).text


def test_table_in_a_combination(cells, cell_table: Path, tmp_path: Path) -> None:
    evaluator = Combined(Table(cell_table, "<script>", directions={"<script>": "maximize"}), Cost())
    page = report(Study(cells, evaluator, Random()).run(budget=12), tmp_path)
    assert "random search, expected" in page.text
    assert "Cost: macs" in page.text
    bounded = Study(cells, evaluator, Random(), constraints=["macs<=6"]).run(budget=12)
    assert "random search, expected" not in report(bounded, tmp_path).text


def test_constraint_in_the_table(cells, cell_table: Path, tmp_path: Path) -> None:
    table = Table(cell_table, directions={"<script>": "maximize"})
    study = Study(cells, table, Random(), constraints=["size_params<=1"])
    page = report(study.run(budget=40), tmp_path)
    assert "54 rows of the table that meet the constraints" in page.text  # 27 + 3 * 9


def test_title_and_settings(table_study: Study, tmp_path: Path) -> None:
    settings = {"<b>": "</td><script>alert(1)</script>", "task": {"epochs": 3, "lr": [1, 2]}}
    page = report(table_study, tmp_path, title="A & <b>", settings=settings)
    assert page.text.startswith("A & <b> A & <b>")
    assert "</td><script>alert(1)</script>" in page.text
    assert "task.epochs 3" in page.text


def test_ranker_that_fails_is_a_sentence(own_study, tmp_path: Path, monkeypatch) -> None:
    def broken(space: object) -> object:
        raise RuntimeError("no ranker today")

    monkeypatch.setattr("archrank.report.cross_validation.default_ranker", broken)
    assert (
        "could not be judged: RuntimeError: no ranker today" in report(own_study(), tmp_path).text
    )


def test_unwritable_path(table_study: Study, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"cannot write .*report\.html"):
        write_report(table_study, tmp_path / "missing" / "report.html")


def test_nothing_is_told_twice_of_the_settings(
    own_study: Callable[..., Study], tmp_path: Path
) -> None:
    asked = {"metric": ["accuracy"], "table": "t.csv", "seed": 0, "weak": [], "ranker": "default"}
    text = write_report(own_study(), tmp_path / "r.html", settings=asked).read_text()
    listed = text[text.index("<h2>Configuration") :].partition("<h2>Versions")[0]
    names = re.findall(r'<th scope="row">([^<]*)', listed)
    assert len(set(names)) == len(names)
    assert {"table", "objectives", "seed", "ranker"} <= set(names)
    assert not {"metric", "weak"} & set(names)
    assert "<h2>Settings" not in text


def test_the_objective_stands_before_the_architecture(
    own_study: Callable[..., Study], tmp_path: Path
) -> None:
    study = own_study(objectives=["accuracy", "latency_ms"], constraints=["macs<=1e9"])
    text = write_report(study, tmp_path / "r.html").read_text()
    table = text[text.index("<h2>Top 10") :]
    heads = re.findall(r'<th scope="col"[^>]*>([^<]*)', table)[:5]
    assert heads == ["", "accuracy", "latency_ms", "architecture", "macs"]
    row = table[table.index("<tbody>") :].partition("</tr>")[0]
    cells = re.findall(r"<td[^>]*>(.*?)</td>", row)
    assert cells[0] == "1"
    assert cells[1].endswith(" %")  # a narrow page cuts what comes later
    assert cells[3].startswith("<code>")
    assert len(cells) == len(re.findall("<th ", table.partition("</thead>")[0]))
