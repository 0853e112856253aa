"""The API on the site: every public name has an entry, and references lead somewhere."""

from __future__ import annotations

import re
from types import ModuleType

import pytest
from api import first_sentence, package_page
from public import homes, packages, public, resolve

import archrank as ar
from tests.guides import MARKDOWN, ROOT


def test_every_package_that_offers_names_has_a_page() -> None:
    offering = {
        f"archrank.{name}"
        for name in ar.__all__
        if isinstance(module := getattr(ar, name), ModuleType) and getattr(module, "__all__", ())
    }
    assert offering <= set(packages())


def test_what_guides_import_has_a_page() -> None:
    texts = [file.read_text(encoding="utf-8") for file in [*MARKDOWN, *ROOT.glob("examples/*.py")]]
    named = {name for text in texts for name in re.findall(r"^from (archrank[\w.]*)", text, re.M)}
    assert len(named) > 8
    assert named <= set(packages())


@pytest.mark.parametrize("package", packages())
def test_every_name_has_one_entry_with_a_sentence(package: str) -> None:
    page = package_page(package, public()[package])
    for name, value in public()[package].items():
        own = f"{package}.{name}"
        full = homes().get(id(value), own)
        assert page.count(f":: {own}\n") == (full == own), name
        if id(value) in homes():
            assert first_sentence(value.__doc__), full


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("archrank.spaces.base.Space", "archrank.Space"),
        ("archrank.spaces.Space", "archrank.Space"),
        ("archrank.rankers.gaussian_process.GaussianProcess", "archrank.rankers.GaussianProcess"),
        ("archrank.study.study.Study.ask", "archrank.Study.ask"),
        ("archrank.training.recipe.Recipe.lr", "archrank.tasks.Recipe.lr"),
        ("numpy.ndarray", "numpy.ndarray"),
    ],
)
def test_inner_names_lead_to_public_entries(name: str, entry: str) -> None:
    found = resolve(name)
    assert found is not None
    assert found[1] == entry


@pytest.mark.parametrize(
    "name", ["archrank.Spaec", "archrank.Study.aks", "archrank.rankers.nothing.Ranker", "nobody.x"]
)
def test_what_does_not_exist_leads_nowhere(name: str) -> None:
    assert resolve(name) is None


@pytest.mark.parametrize(
    ("docstring", "sentence"),
    [
        ("One. Two.", "One."),
        ("Joined by ``a. b`` here. Two.", "Joined by ``a. b`` here."),
        ("In\ntwo lines.\n\nMore.", "In two lines."),
        ("Without an end\n>>> 1", "Without an end"),
        (None, ""),
    ],
)
def test_first_sentences(docstring: str | None, sentence: str) -> None:
    assert first_sentence(docstring) == sentence
