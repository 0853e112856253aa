"""Read an export: the trained network, ready for inference."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked

from archrank.errors import FAILURES, ArchrankError, StorageError
from archrank.export.place import DESCRIPTION, WEIGHTS
from archrank.files import read_json, user_path
from archrank.runs.named import make_space, make_task

if TYPE_CHECKING:
    from torch import nn

    from archrank.export.weights import State
    from archrank.spaces.base import Space
    from archrank.tasks.base import Task


@dataclass(frozen=True, eq=False)
class Exported:
    """A trained network that was read back.

    Attributes:
        network: in evaluation mode, on the CPU.
        space: of the architecture.
        arch: ``(d,)``.
        architecture: the same as a string.
        choices: ``{decision: chosen option}``.
        metrics: measured after training, and costs; ``None`` where a number was not finite.
    """

    network: nn.Module = field(repr=False)
    space: Space
    arch: NDArray[np.uint8]
    architecture: str
    choices: dict[str, Any]
    metrics: dict[str, float | None]


@checked(frozen=True)
class _MadeBy:
    space: str | None
    task: str | None
    seed: int


@checked(frozen=True)
class _Description:
    architecture: str
    space: str
    choices: dict[str, Any]
    made_by: _MadeBy
    metrics: dict[str, float | None]
    sha256: str


def load(
    folder: str | Path,
    *,
    space: Space | None = None,
    task: Task | None = None,
    own_code: bool = False,
) -> Exported:
    """Read what ``archrank export`` or :func:`~archrank.export.network.export_network` wrote.

    The network is built again and gets the trained weights, so it needs its space and its task.
    Those of archrank and of installed packages are found by name. Your own code never runs by
    itself: give both objects, or allow the import of the files that the export names.

    Args:
        folder: of the export.
        space: of the architecture, where it is your own.
        task: that the network was built for, where it is your own; no data are read.
        own_code: import the files and modules of yours that the export names.

    Raises:
        StorageError: there is no export, it is damaged, or it is of another space or task.
        ArchrankError: its space or task is your own code, and neither given nor allowed.

    Example:
        >>> import archrank as ar
        >>> ar.load("runs/none/export")
        Traceback (most recent call last):
        archrank.errors.StorageError: no export in runs/none/export (there is no architecture.json)
    """
    from archrank.export.weights import restore
    from archrank.training.loop import initialise

    folder = user_path(folder)
    found = _read(folder)
    if space is None:
        space = make_space(_allowed(folder, "space", found.made_by.space, own_code))
    if task is None:
        task = make_task(_allowed(folder, "task", found.made_by.task, own_code))
    networks = space.networks(task)
    if networks.fingerprint() != found.space:
        raise StorageError(
            f"the export in {folder} is of other networks than {space.name} builds for task "
            f"{task.name!r} now: {found.space}, not {networks.fingerprint()}; load it with "
            "space=... and task=... as they were"
        )
    arch = space.parse([found.architecture])[0]
    state = _weights(folder, found.sha256)
    network = initialise(lambda: networks.build(arch), found.made_by.seed)
    try:
        restore(network, state)
    except FAILURES as error:  # a user's load_state_dict may raise anything
        reason = " ".join(str(error).split())
        raise StorageError(
            f"the network that {space.name} builds does not take the weights in {folder}: "
            f"{type(error).__name__}: {reason}; was build changed since the export?"
        ) from error
    network.eval()
    return Exported(network, space, arch, found.architecture, found.choices, found.metrics)


def _read(folder: Path) -> _Description:
    """Read the description of an export."""
    path = folder / DESCRIPTION
    if not path.exists():
        raise StorageError(f"no export in {folder} (there is no {DESCRIPTION})")
    values = read_json(path, "the description of an export")
    try:
        return TypeAdapter(_Description).validate_python(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise StorageError(f"{path}: {place}: {first['msg']}; is it an export?") from None


def _allowed(folder: Path, part: str, name: str | None, own_code: bool) -> str:
    """Return the name of a space or a task, if making it is allowed."""
    if name is None:
        raise ArchrankError(
            f"the export in {folder} is of a {part} of your own, whose name is not known: give it, "
            f"ar.load({str(folder)!r}, {part}=...)"
        )
    if ":" in name and not own_code:
        raise ArchrankError(
            f"the {part} of the export in {folder} is your own code, {name}: give it, "
            f"ar.load({str(folder)!r}, {part}=...), or allow that {name.rpartition(':')[0]} runs, "
            "own_code=True"
        )
    return name


def _weights(folder: Path, digest: str) -> State:
    """Read the weights, which must be those that the description was written for."""
    from archrank.export.weights import from_bytes

    path = folder / WEIGHTS
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error.strerror or error}") from None
    if hashlib.sha256(content).hexdigest() != digest:
        raise StorageError(
            f"{path} is damaged, or does not belong to the {DESCRIPTION} beside it: its SHA-256 "
            "is another one; export again"
        )
    try:
        state = from_bytes(content)
    except ValueError as error:
        raise StorageError(f"{path} cannot be read: {error}") from None
    if state.left_out:
        raise StorageError(
            f"{path} lacks {', '.join(state.left_out)}, which could not be kept; read the rest "
            "with safetensors.torch.load_file"
        )
    return state
