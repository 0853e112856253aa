from __future__ import annotations

import subprocess
import sys

import pytest

import archrank

HEAVY = ("torch", "lightgbm", "sklearn", "optuna", "pandas", "scipy", "matplotlib")


def heavy_after(code: str) -> set[str]:
    show = f"import sys; print(*[m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; {show}"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_importing_archrank_loads_nothing_heavy() -> None:
    assert heavy_after("import archrank") == set()
    assert heavy_after("import archrank.errors, archrank.registry, archrank.types") == set()


def test_the_check_can_fail() -> None:
    assert "scipy" in heavy_after("import scipy")


def test_names_load_when_they_are_asked_for() -> None:
    assert archrank.Study.__name__ == "Study"
    assert archrank.ArchrankError is archrank.errors.ArchrankError
    assert archrank.spaces.NASBench201().size == 15_625
    assert set(archrank.__all__) <= set(dir(archrank))
    for name in archrank.__all__:
        if name != "report":
            assert getattr(archrank, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        archrank.Nonsense  # noqa: B018
