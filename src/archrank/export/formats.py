"""Formats of exported networks, and the files that each of them is."""

from __future__ import annotations

import io
from collections.abc import Iterable

import torch
from torch import nn

from archrank.errors import FAILURES, EvaluationError, SettingsError, UnknownNameError
from archrank.export.place import WEIGHTS
from archrank.networks.graphs import GRAPHS, require_onnx

STATE = "weights.pt"
FORMATS = {"safetensors": WEIGHTS, "torch": STATE, **GRAPHS}
"""File of each format; the first is always written, since archrank reads it back."""


def checked_formats(formats: Iterable[str]) -> tuple[str, ...]:
    """Return formats without repetitions, before anything is done for them.

    Raises:
        UnknownNameError: no such format.
        SettingsError: ``formats`` is one string.
        MissingExtraError: a package for ONNX is missing.
    """
    if isinstance(formats, str):
        raise SettingsError(f"formats is {formats!r}, expected several: formats=({formats!r},)")
    found = tuple(dict.fromkeys(formats))
    for each in found:
        if each not in FORMATS:
            raise UnknownNameError("format of an export", each, FORMATS)
    if "onnx" in found:
        require_onnx()
    return found


def state_file(network: nn.Module) -> bytes:
    """Return the state dict as ``torch.load(file, weights_only=True)`` reads it.

    Raises:
        EvaluationError: it holds something that is loaded by running code only.
    """
    file = io.BytesIO()
    try:
        torch.save(dict(network.state_dict()), file)
        torch.load(io.BytesIO(file.getvalue()), weights_only=True)
    except FAILURES as error:
        raise EvaluationError(
            f"the state dict of {type(network).__name__} cannot be written as torch: it holds more "
            "than tensors, numbers, strings and lists and dicts of these, which torch.load reads "
            "by running code only; export it without this format"
        ) from error
    return file.getvalue()
