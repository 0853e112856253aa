"""Data frames that users pass, or name as files: read, and checked where they enter."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from archrank.checks import quoted
from archrank.errors import DataError
from archrank.files import user_path

if TYPE_CHECKING:
    import pandas as pd

COMMA = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt")
INDEX = "Unnamed: 0"  # the first column of files that pandas wrote with its row numbers
PARQUET = (".parquet", ".pq")


def read_frame(value: Any, who: str) -> tuple[pd.DataFrame, str]:
    """Return a data frame, its rows numbered from 0, and what messages call it.

    Args:
        value: A pandas data frame; an object with ``to_pandas()``, as those of polars and PyArrow
            have; or the path of a CSV or Parquet file; row numbers that pandas wrote are left out.
        who: What messages call it, unless it is a file.

    Raises:
        DataError: It is something else, cannot be read, is empty, or has two columns of one name.
    """
    import pandas as pd

    if isinstance(value, str | os.PathLike):
        who = os.path.basename(os.fspath(value))
        frame = _read_file(value)
    elif not isinstance(value, pd.DataFrame) and hasattr(value, "to_pandas"):
        frame = value.to_pandas()
    else:
        frame = value
    if not isinstance(frame, pd.DataFrame):
        raise DataError(
            f"{who} is {quoted(value)}, expected a pandas data frame, or the path of a CSV or "
            "Parquet file"
        )
    frame = frame.reset_index(drop=True)
    if isinstance(frame.columns, pd.MultiIndex):
        raise DataError(f"{who} has columns of several levels; give each one name")
    frame.columns = pd.Index([str(name) for name in frame.columns])
    double = frame.columns[frame.columns.duplicated()]
    if len(double):
        raise DataError(f"{who} has two columns of the name {double[0]!r}; rename one")
    if not len(frame):
        raise DataError(f"{who} has no rows")
    return frame, who


def _read_file(path: str | os.PathLike[str]) -> pd.DataFrame:
    import pandas as pd

    file = user_path(path)
    name = file.name.lower()
    if not name.endswith((*COMMA, *PARQUET)):
        raise DataError(
            f"{file} has no known ending, expected one of {', '.join((*COMMA, *PARQUET))}; or pass "
            "a pandas data frame"
        )
    try:
        if name.endswith(PARQUET):
            return pd.read_parquet(file)
        found = pd.read_csv(file, sep="\t" if ".tsv" in name else ",")
        return found.drop(columns=[INDEX]) if INDEX in found.columns[:1] else found
    except FileNotFoundError:
        raise DataError(f"{file} does not exist") from None
    except (OSError, ValueError, UnicodeError, EOFError) as error:  # pandas' errors are ValueErrors
        reason = " ".join(str(error).split())
        raise DataError(f"{file} cannot be read: {reason}") from None
