"""Columns of a data frame as numbers: kinds, statistics of training rows, one-hot categories."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from archrank.checks import quoted
from archrank.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["number", "boolean", "category"]
KINDS: dict[str, Kind] = {
    **dict.fromkeys(("integer", "floating", "mixed-integer-float", "decimal"), "number"),
    "boolean": "boolean",
    **dict.fromkeys(("string", "categorical"), "category"),
}
"""Kinds by what pandas infers of a column's values."""

MOST = 100
"""Different texts of a column that become inputs each, unless the user names it a category."""

LISTED = 3  # rows in a message


@dataclass(frozen=True)
class Column:
    """A column, and the numbers that its values become.

    A number is ``(value - mean) / scale``; a truth value is 0 or 1; a category is one-hot, all
    zeros for a value that is none of the known ones. A missing number is 0, which is the mean.

    Attributes:
        name: Of the column.
        kind: Of its values.
        mean: Of the training rows; of numbers.
        scale: Their standard deviation, 1 where all are equal; of numbers.
        values: Known values of a category as texts, in the order of their places.
        indicator: Add one number: 1 where the value is missing, else 0.
    """

    name: str
    kind: Kind
    mean: float = 0.0
    scale: float = 1.0
    values: tuple[str, ...] = ()
    indicator: bool = False

    @property
    def features(self) -> list[str]:
        """Names of the numbers, such as ``island=Dream`` of a category."""
        found = [self.name]
        if self.kind == "category":
            found = [f"{self.name}={value}" for value in self.values]
        return found + [f"{self.name} is missing"] * self.indicator

    def encode(self, series: pd.Series[Any], who: str) -> NDArray[np.float32]:
        """Return the numbers of some rows: ``(b, features)``.

        Args:
            series: The column in these rows.
            who: What messages call the rows.

        Raises:
            DataError: A value is of another kind; or missing, without an indicator.
        """
        missing = series.isna().to_numpy(bool)
        if missing.any() and not self.indicator:
            raise DataError(
                f"{who}: column {self.name!r} has no value in {rows_told(series, missing)}: leave "
                f"such rows out, df.dropna(subset=[{self.name!r}]); fill them in; or make the task "
                "with missing='indicate', which adds an input that tells them"
            )
        if self.kind == "category":
            found = self._one_hot(texts_of(series))
        else:
            found = (numbers_of(series, self.kind, who)[:, None] - self.mean) / self.scale
        found = np.where(missing[:, None], 0.0, found)
        if self.indicator:
            found = np.column_stack([found, missing])
        return found.astype(np.float32)

    def unknown(self, series: pd.Series[Any]) -> NDArray[np.int64]:
        """Return the rows whose category is none of the known ones, nor missing."""
        if self.kind != "category":
            return np.zeros(0, np.int64)
        known = set(self.values)
        texts = zip(texts_of(series), series.isna(), strict=True)
        return np.array([i for i, (t, m) in enumerate(texts) if not m and t not in known], np.int64)

    def _one_hot(self, texts: NDArray[np.object_]) -> NDArray[np.float64]:
        places = {value: i for i, value in enumerate(self.values)}
        codes = np.array([places.get(text, len(places)) for text in texts], dtype=np.int64)
        return np.eye(len(places) + 1, len(places))[codes]


def learn_column(
    series: pd.Series[Any], *, who: str, categories: Sequence[str], indicator: bool
) -> Column:
    """Return a column with the statistics of the training rows.

    Args:
        series: The column in the training rows.
        who: What messages call them.
        categories: Names of columns that the user calls categories.
        indicator: Tell missing values by a number of their own.

    Raises:
        DataError: The values are of no kind that becomes numbers, or have too many texts.
    """
    import pandas as pd

    name = str(series.name)
    kind = "category" if name in categories else kind_of(series, who)
    if kind == "category":
        given = isinstance(series.dtype, pd.CategoricalDtype)
        known = list(texts_of(pd.Series(series.cat.categories))) if given else different(series)
        if len(known) > MOST and name not in categories:
            raise DataError(
                f"{who}: column {name!r} has {len(known):,} different texts, such as "
                f"{quoted(known[0])}: leave it out, leave_out=[{name!r}]; say that it is a "
                f"category, categories=[{name!r}]; or make numbers of it with pandas.to_numeric"
            )
        return Column(name, kind, values=tuple(known), indicator=indicator)
    if kind == "boolean":
        return Column(name, kind, indicator=indicator)
    found = numbers_of(series, kind, who)
    mean, scale = map(float, mean_and_scale(found[~np.isnan(found)]))
    if not math.isfinite(scale):
        raise DataError(f"{who}: column {name!r} has numbers too large to be scaled; divide them")
    return Column(name, kind, mean=mean, scale=scale or 1.0, indicator=indicator)


def mean_and_scale(
    numbers: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and standard deviation of ``(b, ...)`` numbers: ``(...)``.

    The deviation of equal numbers is 0, which rounded means of 0.1 are not; it is infinite where
    numbers are too large.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        equal = numbers.max(axis=0) == numbers.min(axis=0)
        return numbers.mean(axis=0), np.where(equal, 0.0, numbers.std(axis=0))


def kind_of(series: pd.Series[Any], who: str) -> Kind:
    """Return the kind of a column's values.

    Raises:
        DataError: There are none, or none that become numbers, such as dates.
    """
    from pandas.api.types import infer_dtype

    name, found = str(series.name), infer_dtype(series, skipna=True)
    if not series.notna().any():
        raise DataError(f"{who}: column {name!r} has no values: leave it out, leave_out=[{name!r}]")
    if found in KINDS:
        return KINDS[found]
    kinds = {type(value).__name__ for value in series[series.notna()].tolist()}
    if found.startswith("mixed") and len(kinds) > 1:
        place, odd = _odd_one(series)
        raise DataError(
            f"{who}: column {name!r} mixes values of several types, such as {quoted(odd)} in row "
            f"{place}: make one type of it, or leave it out, leave_out=[{name!r}]"
        )
    kind = min(kinds) if found.startswith("mixed") else found
    raise DataError(
        f"{who}: column {name!r} has values of the type {kind}, which no network takes: make "
        f"numbers of it, such as days since a date, or leave it out, leave_out=[{name!r}]"
    )


def numbers_of(series: pd.Series[Any], kind: Kind, who: str) -> NDArray[np.float64]:
    """Return the numbers or truth values of a column ``(b,)``, NaN where they are missing.

    Raises:
        DataError: A value is none, or infinite.
    """
    import pandas as pd

    name, missing = str(series.name), series.isna().to_numpy(bool)
    if missing.all():
        return np.full(len(series), np.nan)
    texts = kind_of(series, who) == "category"
    values = series.astype(object).where(~missing, np.nan)
    found = np.full(len(series), np.inf) if texts else pd.to_numeric(values).to_numpy(np.float64)
    wrong = ~missing & (np.isinf(found) if kind == "number" else ~np.isin(found, (0, 1)))
    if wrong.any():
        wanted = "finite numbers" if kind == "number" else "truth values"
        raise DataError(
            f"{who}: column {name!r} holds {quoted(values[wrong].iloc[0])} in "
            f"{rows_told(series, wrong)}, expected {wanted}; leave such rows out, or replace the "
            "values"
        )
    return np.where(missing, np.nan, found)


def texts_of(series: pd.Series[Any]) -> NDArray[np.object_]:
    """Return the values of a category as texts ``(b,)``; whole numbers without a point."""
    values = series.astype(object).tolist()
    missing = series.isna().to_numpy(bool)
    return np.array(
        ["" if m else _text(v) for v, m in zip(values, missing, strict=True)], dtype=object
    )


def different(*series: pd.Series[Any]) -> list[str]:
    """Return the different values of columns as texts: of numbers in their order, else sorted."""
    found: dict[str, Any] = {}
    for one in series:
        present = one[one.notna()]
        found |= dict(zip(texts_of(present), present.tolist(), strict=True))
    try:
        return sorted(found, key=lambda text: found[text])
    except TypeError:  # values of several types
        return sorted(found)


def _text(value: Any) -> str:
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


def _odd_one(series: pd.Series[Any]) -> tuple[int, Any]:
    """Return the first value that differs in type from those before it, and its row."""
    kinds: list[type] = []
    for row, value, missing in zip(series.index, series.tolist(), series.isna(), strict=True):
        if not missing:
            kinds.append(type(value))
            if kinds[0] is not kinds[-1]:
                return row, value
    return series.index[0], series.iloc[0]


def rows_told(series: pd.Series[Any], chosen: NDArray[np.bool_]) -> str:
    """Write the places of chosen values: the first few, and how many more there are."""
    rows = sorted(series.index[chosen].tolist())
    more = f" and {len(rows) - LISTED:,} more" if len(rows) > LISTED else ""
    return f"row{'s' if len(rows) > 1 else ''} {', '.join(map(str, rows[:LISTED]))}{more}"
