"""The folder that is offered to OptunaHub's registry: its layout, and that it loads."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path
from types import ModuleType

import optuna
import pytest

from archrank.integrations.optuna import RankSampler
from tests.guides import run_block

ROOT = Path(__file__).parents[3] / "package"
FOLDER = ROOT / "samplers" / "rank_sampler"


def load() -> ModuleType:
    hub = pytest.importorskip(
        "optunahub", reason="optunahub is not installed: pip install optunahub"
    )
    module: ModuleType = hub.load_local_module(
        package="samplers/rank_sampler", registry_root=str(ROOT)
    )
    return module


def test_the_layout_of_the_registry() -> None:
    files = {path.name for path in FOLDER.iterdir() if path.is_file()}
    assert files == {"__init__.py", "README.md", "LICENSE", "example.py", "requirements.txt"}
    assert (FOLDER / "LICENSE").read_text().startswith("MIT License")


def test_the_front_matter() -> None:
    text = (FOLDER / "README.md").read_text()
    _, front, page = text.split("---\n", 2)
    fields = dict(line.split(": ", 1) for line in front.splitlines())
    assert list(fields) == ["author", "title", "description", "tags", "optuna_versions", "license"]
    assert fields["license"] == "MIT License"
    assert fields["tags"].startswith("[sampler, ")
    sections = re.findall(r"^## (.+)", page, flags=re.MULTILINE)
    assert sections == ["Abstract", "APIs", "Installation", "Example", "Others"]
    assert not re.search(r"<\w", page)  # HTML is removed by the registry


def test_its_page_names_every_argument() -> None:
    page = (FOLDER / "README.md").read_text()
    parameters = inspect.signature(RankSampler).parameters.values()
    call = ", ".join(f"{p.name}={json.dumps(p.default)}" for p in parameters)
    call = call.replace("null", "None")
    assert f"- `RankSampler(*, {call})`" in page
    named = re.findall(r"^  - `(\w+)`: ", page, flags=re.MULTILINE)
    assert named == [p.name for p in parameters]


def test_it_loads_and_samples() -> None:
    study = optuna.create_study(sampler=load().RankSampler(seed=0))
    study.optimize(lambda trial: float(trial.suggest_int("x", 0, 3)), 4)
    assert study.best_value == 0


def test_its_example_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = load()
    import optunahub

    monkeypatch.setattr(optunahub, "load_module", lambda package: module)
    text = (FOLDER / "example.py").read_text().replace("n_trials=40", "n_trials=8")
    exec(compile(text, "example.py", "exec"), {"__name__": "__main__"})
    assert "layers" in capsys.readouterr().out


def test_the_example_of_its_page(monkeypatch: pytest.MonkeyPatch) -> None:
    module = load()
    import optunahub

    monkeypatch.setattr(optunahub, "load_module", lambda package: module)
    (code,) = re.findall(r"```python\n(.+?)```", (FOLDER / "README.md").read_text(), re.DOTALL)
    names: dict[str, object] = {}
    run_block(code.replace("n_trials=50", "n_trials=6"), names)
    study = names["study"]
    assert isinstance(study, optuna.Study)
    assert len(study.trials) == 6
