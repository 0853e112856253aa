"""Arrays that users pass: turned into tensors of the types that networks take, or refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from archrank.checks import quoted
from archrank.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor


def as_inputs(value: Any, who: str) -> Tensor | tuple[Tensor, ...]:
    """Return inputs as tensors of their own memory, float32 or int64: ``(b, ...)``.

    Floats of any precision and truth values become float32, whole numbers int64 (tokens).

    Args:
        value: A tensor, an array or nested lists; or a tuple of them, the arguments of a network.
        who: What messages call it, such as ``x of train``.

    Raises:
        DataError: It is something else, bytes of images among it.
    """
    if isinstance(value, tuple):
        if not value:
            raise DataError(f"{who} is an empty tuple, expected one or more tensors")
        several = [_input(x, f"{who}[{i}]", least=1) for i, x in enumerate(value)]
        return tuple(several) if len(several) > 1 else _input(value[0], f"{who}[0]")
    return _input(value, who)


def _input(value: Any, who: str, least: int = 2) -> Tensor:
    """Return one of the inputs, of so many axes or more; beside others it may be one number."""
    import torch

    tensor = _tensor(value, who)
    if not isinstance(tensor, torch.Tensor):
        raise DataError(
            f"{who} holds texts or objects, expected numbers: give each text a number of its own"
        )
    if tensor.dtype == torch.uint8:
        raise DataError(
            f"{who} is uint8, which may be pixels or tokens: pass x.astype('float32') / 255 of "
            "pixels, x.astype('int64') of tokens"
        )
    if tensor.dim() < least:
        remedy = "; of one number per example, pass x[:, None]" if tensor.dim() else ""
        raise DataError(
            f"{who} has the shape {tuple(tensor.shape)}, expected (examples, ...){remedy}"
        )
    floats = tensor.is_floating_point() or tensor.dtype == torch.bool
    return tensor.to(torch.float32 if floats else torch.int64, copy=True).contiguous()


def as_targets(value: Any, who: str) -> Tensor | Sequence[str]:
    """Return targets: a tensor of their own memory, or the names of classes.

    Args:
        value: A tensor, an array or lists; numbers or texts.
        who: What messages call it, such as ``y of train``.

    Raises:
        DataError: It is something else, or not of the shape ``(b,)`` or ``(b, targets)``.
    """
    import torch

    found = _tensor(value, who)
    if found.ndim == 2 and found.shape[1] == 1:
        found = found[:, 0]
    if isinstance(found, torch.Tensor):
        if found.dim() not in (1, 2):
            raise DataError(
                f"{who} has the shape {tuple(found.shape)}, expected (examples,) or "
                "(examples, targets)"
            )
        return found.clone()
    for row, name in enumerate(found.tolist()):
        if not isinstance(name, str):
            raise DataError(f"{who}, row {row}: {quoted(name)} is neither a number nor a text")
    return [str(name) for name in found.tolist()]


def _tensor(value: Any, who: str) -> Any:
    """Return a tensor on the CPU; or an array, of texts and objects."""
    import torch

    if isinstance(value, torch.Tensor):
        found = value.detach().cpu()
    else:
        try:
            array = np.asarray(value)
        except (TypeError, ValueError):  # lists of different lengths
            raise DataError(
                f"{who} is {quoted(value)}, expected a tensor or an array whose rows have one shape"
            ) from None
        if array.dtype.kind in "OUS" and array.ndim:
            return array
        if array.dtype.kind not in "biuf":
            raise DataError(f"{who} is {quoted(value)}, expected a tensor or an array of numbers")
        if array.dtype.kind == "u" and array.dtype.itemsize > 1:
            array = array.astype(np.int64)  # torch has next to nothing for them
        array = array.astype(array.dtype.newbyteorder("="))  # a copy, which can be written to
        found = torch.from_numpy(array.astype(np.float64) if array.dtype.itemsize > 8 else array)
    if found.is_complex() or found.layout != torch.strided:
        raise DataError(f"{who} is a tensor of {found.dtype}, {found.layout}; expected a dense one")
    return found


def class_numbers(
    targets: Sequence[Tensor | Sequence[str]],
    parts: Sequence[str],
    classes: Sequence[str] | None,
) -> tuple[list[Tensor], tuple[str, ...]]:
    """Return class numbers ``(b,)``, int64, and the names of the classes, if there are any.

    Names that are not given are those that occur, in the order of the alphabet.

    Args:
        targets: Of each part.
        parts: What messages call them.
        classes: Names in the order of their numbers.

    Raises:
        DataError: Targets are neither whole numbers nor names; or a name is not in ``classes``.
    """
    import torch

    if all(isinstance(y, torch.Tensor) for y in targets):
        numbers = [_whole(y, who) for y, who in zip(targets, parts, strict=True)]  # type: ignore[arg-type]
        return numbers, tuple(classes or ())
    if any(isinstance(y, torch.Tensor) for y in targets):
        raise DataError("targets are names of classes in one part, and numbers in another")
    known = tuple(classes or sorted({name for y in targets for name in y}))
    code = {name: i for i, name in enumerate(known)}
    found = []
    for y, who in zip(targets, parts, strict=True):
        for row, name in enumerate(y):
            if name not in code:
                raise DataError(
                    f"{who}, row {row}: {quoted(name)} is none of the classes {quoted(list(known))}"
                )
        found.append(torch.tensor([code[name] for name in y], dtype=torch.int64))
    return found, known


def _whole(y: Tensor, who: str) -> Tensor:
    import torch

    if y.dim() != 1:
        raise DataError(
            f"{who} has the shape {tuple(y.shape)}, expected one class number per example: pass "
            "y.argmax(1) of zeros and ones"
        )
    if y.is_floating_point():
        wrong = (~torch.isfinite(y) | (y != y.round())).nonzero()
        if len(wrong):
            row = int(wrong[0])
            raise DataError(
                f"{who}, row {row}: {float(y[row])} is no class number; for numbers to predict, "
                "say kind='regression'"
            )
    negative = (y < 0).nonzero()
    if len(negative):
        row = int(negative[0])
        raise DataError(
            f"{who}, row {row}: class number {int(y[row])}, but classes are numbered from 0: pass "
            "np.unique(y, return_inverse=True)[1]; for numbers to predict, say kind='regression'"
        )
    return y.to(torch.int64)
