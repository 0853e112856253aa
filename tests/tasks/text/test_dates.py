from __future__ import annotations

import datetime as dt
import re
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from archrank.errors import DataError, MissingExtraError, SettingsError
from archrank.networks.transformer import EncoderDecoder
from archrank.networks.transformer_layers import LayerSpec, StackSpec
from archrank.tasks import TASKS, Dates, Recipe
from archrank.tasks.text import dates as module
from archrank.tasks.text import phrases
from archrank.tasks.text.numerals import english, german
from archrank.testing import check_task
from archrank.training.loop import initialise, train
from tests.tasks.text.frequencies import perplexity_of_frequencies

SMALL = Dates(pairs=600, held_out=60)
MONTHS = "January February March April May June July August September October November December"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHRANK_CACHE", str(tmp_path))
    module._load.cache_clear()


def sides(task: Dates) -> list[tuple[list[str], list[str]]]:
    return [
        (
            [task.text_of(row.tolist()) for row in split.x[0]],
            [task.text_of(row.tolist()) for row in split.y],
        )
        for split in task.load()
    ]


def test_the_contract() -> None:
    check_task(SMALL)
    assert TASKS.get("dates") is Dates


def test_no_phrase_stands_on_two_sides_of_a_split() -> None:
    splits = sides(SMALL)
    assert [len(sources) for sources, _ in splits] == [600, 60, 60]
    for place in (0, 1):
        every = [phrase for split in splits for phrase in split[place]]
        assert len(set(every)) == len(every) == 720
        assert max(map(len, every)) < 48
    for split in SMALL.load():
        assert torch.equal(
            split.inputs[1][:, 1:][split.y[:, 1:] > 0], split.y[:, :-1][split.y[:, 1:] > 0]
        )


def test_days_and_prices_change_places() -> None:
    """Dates and prices are read back by other means than Babel's."""
    days = prices = 0
    for source, target in zip(*sides(SMALL)[0], strict=True):
        if found := re.search(r"am (\d+)\. \w+ (\d{4}) um (\d\d):(\d\d) Uhr", source):
            day, year, hour, minute = map(int, found.groups())
            told = re.fullmatch(r"at (\d+):(\d\d) ([AP])M on (\w+) (\d+), (\d{4})", target)
            assert told
            assert (day, year, minute) == (int(told[5]), int(told[6]), int(told[2]))
            assert hour % 12 == int(told[1]) % 12
            assert (hour >= 12) == (told[3] == "P")
            assert told[4] in MONTHS
            days += 1
        if found := re.search(r"für ([\d.]+),(\d\d) €", source):
            assert f"€{found[1].replace('.', ',')}.{found[2]} for " in target
            prices += 1
    assert days > 10
    assert prices > 1


def test_every_kind_gives_two_languages() -> None:
    made = phrases.Phrases(np.random.default_rng(0))
    for kind in made._kinds:
        found = list(islice((kind() for _ in iter(int, 1)), 40))
        assert all(source and target for source, target in found)
        assert len(set(found)) > 20
        assert sum(source != target for source, target in found) > 15
    assert made._both("dates", "format_date", dt.date(2027, 3, 3), "long") == (
        "3. März 2027",
        "March 3, 2027",
    )


def test_the_same_seed_gives_the_same_phrases(monkeypatch: pytest.MonkeyPatch) -> None:
    again = sides(SMALL)
    module._load.cache_clear()
    assert sides(SMALL) == again  # from the file
    monkeypatch.setattr(module, "MADE", 0)
    module._load.cache_clear()
    assert sides(SMALL) == again  # made anew
    other = Dates(pairs=600, held_out=60, seed=1)
    assert sides(other) != again
    assert other.identity()["text"] != SMALL.identity()["text"]


def test_numbers_in_words_are_read_back() -> None:
    """All numbers up to 2,000, and some beyond, have different words that add up."""
    numbers = [*range(2000), 99_999, 100_000, 123_456, 999_999]
    assert len({german(n) for n in numbers}) == len({english(n) for n in numbers}) == len(numbers)
    small = {english(n): n for n in range(100)}

    def value(words: str) -> int:
        front, thousand, rest = words.partition(" thousand")
        if thousand:
            return 1000 * value(front) + (value(rest.strip()) if rest else 0)
        front, hundred, rest = words.partition(" hundred")
        if hundred:
            return 100 * small[front] + (small[rest.strip()] if rest else 0)
        return small[words]

    assert [value(english(n)) for n in numbers] == numbers
    assert german(0), german(1) == ("null", "eins")
    assert german(17) == "siebzehn"
    assert german(31) == "einunddreißig"
    assert german(101) == "einhunderteins"
    assert german(121_000) == "einhunderteinundzwanzigtausend"


def test_a_transformer_learns_it() -> None:
    torch.set_num_threads(1)
    recipe = Recipe(epochs=3, batch_tokens=400, optimizer="adamw", lr=1e-2)
    task = Dates(pairs=600, held_out=60, recipe=recipe)

    def stack(**more: Any) -> StackSpec:
        return StackSpec((LayerSpec(dim=16, ffn=32, heads=2, qkv_dim=16, **more),))

    network = initialise(
        lambda: EncoderDecoder(
            stack(), stack(cross_heads=2), task.n_sources, task.vocabulary, pad=0
        ),
        0,
    )
    found = train(network, task, seed=0).metrics
    assert found["valid_perplexity"] < 0.7 * perplexity_of_frequencies(task)


def test_mistakes(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="pairs must be at least 1"):
        Dates(pairs=0)
    with pytest.raises(DataError, match="choose fewer pairs or a longer input_shape"):
        Dates(pairs=400, held_out=10, input_shape=(2, 4)).load()
    monkeypatch.setitem(sys.modules, "babel", None)
    phrases._babel.cache_clear()
    with pytest.raises(MissingExtraError, match=r"pip install 'archrank\[text\]'"):
        Dates(seed=7).load()
    phrases._babel.cache_clear()
