"""Preprocessing read back from its file."""

from __future__ import annotations

from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from archrank.errors import StorageError
from archrank.files import read_json, user_path
from archrank.tasks.frames.preprocessing import TablePreprocessing
from archrank.tasks.images.preprocessing import ImagePreprocessing
from archrank.tasks.preprocessing import FILE, FORMAT, Preprocessing
from archrank.tasks.tensor_preprocessing import TensorPreprocessing

KINDS: dict[str, type[Preprocessing]] = {
    kind.kind: kind for kind in (ImagePreprocessing, TablePreprocessing, TensorPreprocessing)
}


def read_preprocessing(path: str | Path) -> Preprocessing:
    """Read the preprocessing that lies beside an exported network.

    Args:
        path: The folder of the export, or the file ``preprocessing.json`` in it.

    Returns:
        An object whose ``encode(examples)`` makes inputs of new examples, and whose
        ``decode(outputs)`` makes answers of a network's outputs.

    Raises:
        StorageError: There is none, or it is damaged.

    Example:
        >>> read_preprocessing("runs/none")
        Traceback (most recent call last):
        archrank.errors.StorageError: no preprocessing in runs/none (there is no preprocessing.json)
    """
    place = user_path(path)
    file = place if place.suffix == ".json" else place / FILE
    if not file.exists():
        raise StorageError(f"no preprocessing in {file.parent} (there is no {file.name})")
    values = read_json(file, "the preprocessing of a network")
    kind, version = values.pop("kind", None), values.pop("format", None)
    if version != FORMAT or kind not in KINDS:
        raise StorageError(
            f"{file} is of format {version!r} and kind {kind!r}, expected format {FORMAT} and one "
            f"of {', '.join(KINDS)}"
        )
    try:
        return TypeAdapter(KINDS[kind]).validate_python(values)
    except ValidationError as error:
        first = error.errors()[0]
        entry = ".".join(map(str, first["loc"]))
        raise StorageError(f"{file}: {entry}: {first['msg']}; is it a preprocessing?") from None
