"""German phrases and their English counterparts, from Babel's locale data.

Dates, times, intervals, numbers, percentages, currencies, units, durations, names of territories
and languages are written by Babel in either language, and so are lists of them; numbers in words
are :mod:`archrank.tasks.text.numerals`. A few templates join two of them and set them in another
order in English.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from archrank.errors import MissingExtraError
from archrank.tasks.text import numerals

if TYPE_CHECKING:
    import numpy as np

Pair = tuple[str, str]
"""German and English."""

CURRENCIES = ("EUR", "USD", "GBP", "JPY", "CHF", "CNY", "INR", "SEK", "NOK", "DKK", "PLN", "CZK")
UNITS = (
    *("length-meter", "length-kilometer", "length-centimeter", "length-mile", "mass-gram"),
    *("mass-kilogram", "volume-liter", "area-square-meter", "area-hectare", "angle-degree"),
    *("temperature-celsius", "duration-hour", "duration-minute", "duration-second"),
    *("power-kilowatt", "energy-kilowatt-hour", "digital-megabyte"),
)
QUANTITIES = ("length-kilometer", "mass-kilogram", "mass-gram", "volume-liter", "digital-megabyte")
TEMPLATES: tuple[tuple[str, str, tuple[str, str]], ...] = (
    ("am {0} um {1} Uhr", "at {1} on {0}", ("day", "time")),
    ("seit {0} auf {1}", "in {1} since {0}", ("month", "language")),
    ("{0} für {1}", "{1} for {0}", ("amount", "price")),
    ("{0} von {1}", "{1}, {0} of it", ("percentage", "amount")),
    ("noch {0} bis zum {1}", "{1} is {0} away", ("duration", "day")),
    ("{0}: {1}", "{1} ({0})", ("territory", "price")),
    ("{0} ({1})", "{1}, {0}", ("day", "territory")),
    ("{0} minus {1}", "{1} less than {0}", ("words", "decimal")),
)


class Phrases:
    """Random phrases in both languages.

    Args:
        rng: Source of all choices.

    Raises:
        MissingExtraError: Babel is not installed.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._kinds: tuple[Callable[[], Pair], ...] = (
            *(self.day, self.date, self.time, self.interval, self.decimal, self.words),
            *(self.percentage, self.large, self.price, self.currency, self.amount, self.rate),
            *(self.ago, self.territory, self.language, self.enumeration),
        )
        self._locales = _babel().Locale("de"), _babel().Locale("en")

    def __iter__(self) -> Iterator[Pair]:
        """Yield phrases without end; every second one is made by a template."""
        while True:
            if self._rng.random() < 0.5:
                yield self._template()
            else:
                yield self._kinds[self._below(len(self._kinds))]()

    def _template(self) -> Pair:
        source, target, names = TEMPLATES[self._below(len(TEMPLATES))]
        filled = [getattr(self, name)() for name in names]
        sources, targets = zip(*filled, strict=True)
        return source.format(*sources), target.format(*targets)

    # ---- dates and times -----------------------------------------------------------------------

    def day(self) -> Pair:
        """Return a date in words, such as "3. März 2027" and "March 3, 2027"."""
        return self._both("dates", "format_date", self._day(), "long")

    def date(self) -> Pair:
        """Return a date with its day of the week, or in digits."""
        return self._both("dates", "format_date", self._day(), self._one("full", "medium", "short"))

    def month(self) -> Pair:
        """Return a month with its year."""
        return self._both("dates", "format_skeleton", "yMMMM", self._day())

    def time(self) -> Pair:
        """Return a time of day, such as "14:05" and "2:05 PM"."""
        when = dt.time(self._below(24), self._below(60))
        return self._both("dates", "format_time", when, "short")

    def interval(self) -> Pair:
        """Return two dates as an interval, such as "3.-5. Mai 2027" and "May 3 - 5, 2027"."""
        start = self._day()
        end = start + dt.timedelta(days=1 + self._below(40))
        return self._both("dates", "format_interval", start, end, "yMMMd")

    def ago(self) -> Pair:
        """Return a time from now, such as "vor 3 Tagen" and "3 days ago"."""
        return self._span(sign=self._one(-1, 1), add_direction=True)

    def duration(self) -> Pair:
        """Return a duration, such as "3 Tage" and "3 days"."""
        return self._span(sign=1)

    def _span(self, sign: int, **options: Any) -> Pair:
        name, seconds = self._one(
            ("day", 86_400), ("hour", 3600), ("minute", 60), ("week", 604_800), ("second", 1)
        )
        span = dt.timedelta(seconds=sign * seconds * (1 + self._below(99)))
        options |= {"granularity": name, "threshold": 1000}  # or 60 minutes are an hour
        return self._both("dates", "format_timedelta", span, **options)

    def _day(self) -> dt.date:
        return dt.date(1900, 1, 1) + dt.timedelta(days=self._below(73_000))  # up to 2099

    # ---- numbers -------------------------------------------------------------------------------

    def decimal(self) -> Pair:
        """Return a number in digits, such as "1.234,5" and "1,234.5"."""
        return self._both("numbers", "format_decimal", self._value())

    def words(self) -> Pair:
        """Return a whole number in words."""
        n = self._below(int(self._one(100, 1000, 10_000, 1_000_000)))
        return numerals.german(n), numerals.english(n)

    def percentage(self) -> Pair:
        """Return a percentage, such as "12,5 %" and "12.5%"."""
        share = self._below(2000) / 1000
        return self._both("numbers", "format_percent", share, decimal_quantization=False)

    def large(self) -> Pair:
        """Return a rounded large number, such as "1,2 Millionen" and "1.2 million"."""
        n = (10 + self._below(990)) * 10 ** (4 + self._below(7))
        options = {"format_type": "long", "fraction_digits": 1}
        return self._both("numbers", "format_compact_decimal", n, **options)

    def price(self) -> Pair:
        """Return an amount of money with a symbol, such as "12,50 €" and "€12.50"."""
        return self._both("numbers", "format_currency", self._money(), str(self._one(*CURRENCIES)))

    def currency(self) -> Pair:
        """Return an amount of money in words, such as "5,00 US-Dollar" and "5.00 US dollars"."""
        codes = _shared("currencies")
        code = codes[self._below(len(codes))]
        options = {"format_type": "name"}
        return self._both("numbers", "format_currency", self._money(), code, **options)

    def amount(self) -> Pair:
        """Return an amount with a unit, such as "3 Meter" and "3 meters"."""
        value = self._value() if self._rng.random() < 0.5 else self._below(1000)
        return self._both("units", "format_unit", value, self._one(*UNITS))

    def rate(self) -> Pair:
        """Return a quotient of units, such as "3 Meter pro Sekunde" and "3 meters per second"."""
        options = {
            "denominator_unit": self._one("duration-hour", "duration-second", "area-hectare")
        }
        unit = self._one(*QUANTITIES)
        return self._both("units", "format_compound_unit", self._below(1000), unit, **options)

    def _value(self) -> float:
        digits = self._below(3)
        return round(self._below(10 ** (2 + self._below(5))) / 10.0**digits, digits)

    def _money(self) -> float:
        return self._below(10 ** (3 + self._below(4))) / 100

    # ---- names ---------------------------------------------------------------------------------

    def territory(self) -> Pair:
        """Return the name of a country or another territory."""
        return self._name("territories")

    def language(self) -> Pair:
        """Return the name of a language."""
        return self._name("languages")

    def enumeration(self) -> Pair:
        """Return a list of names, such as "Chile, Japan und Peru" and "Chile, Japan, and Peru"."""
        kind = self.territory if self._rng.random() < 0.5 else self.language
        found = [kind() for _ in range(2 + self._below(2))]
        write = _babel("lists").format_list
        sources, targets = zip(*found, strict=True)
        german, english = self._locales
        return write(list(sources), locale=german), write(list(targets), locale=english)

    def _name(self, table: str) -> Pair:
        codes = _shared(table)
        code = codes[self._below(len(codes))]
        source, target = (getattr(locale, table)[code] for locale in self._locales)
        return source, target

    # ---- choices -------------------------------------------------------------------------------

    def _both(self, module: str, function: str, *args: Any, **options: Any) -> Pair:
        """Call a function of Babel for either language."""
        write = getattr(_babel(module), function)
        source, target = (write(*args, locale=locale, **options) for locale in self._locales)
        return source or "", target or ""

    def _below(self, n: int) -> int:
        return int(self._rng.integers(n))

    def _one(self, *options: Any) -> Any:
        return options[self._below(len(options))]


@lru_cache(maxsize=8)
def _babel(module: str = "") -> Any:
    """Return the package Babel, or a module of it.

    Raises:
        MissingExtraError: It is not installed.
    """
    from importlib import import_module

    try:
        return import_module(f"babel.{module}" if module else "babel")
    except ImportError:
        raise MissingExtraError("babel", "text", "task dates") from None


@lru_cache(maxsize=4)
def _shared(table: str) -> tuple[str, ...]:
    """Return the codes that both languages have names for, sorted."""
    german, english = (getattr(_babel().Locale(language), table) for language in ("de", "en"))
    return tuple(sorted(german.keys() & english.keys()))


def babel_version() -> str:
    """Return the version of Babel, and so of its locale data.

    Raises:
        MissingExtraError: It is not installed.
    """
    return str(_babel().__version__)
