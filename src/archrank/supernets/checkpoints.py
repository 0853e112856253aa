"""Checkpoints of a training: tensors and JSON in one safetensors file per epoch, no pickles.

A file is written whole or not at all, so a training that is killed while it writes goes on from
the checkpoint before.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from archrank.differences import differences
from archrank.errors import ResumeError, StorageError
from archrank.files import shorten, write_file
from archrank.supernets.restricted import RestrictedSupernet

if TYPE_CHECKING:
    from archrank.spaces.networks import Networks
    from archrank.supernets.base import Supernet

HEADER = "archrank"  # key of the JSON values in the file's metadata
_NAME = re.compile(r"epoch-(\d+)\.safetensors")
DAMAGE = (SafetensorError, ValueError, LookupError, TypeError, AttributeError, RecursionError)
_LEFTOVER = re.compile(r"\.[0-9a-f]{16}\.tmp")  # of archrank.files.write_file


def checkpoint(folder: Path, epoch: int) -> Path:
    """Return the path of the checkpoint after ``epoch``."""
    return folder / f"epoch-{epoch:06d}.safetensors"


def checkpoints(folder: Path) -> dict[int, Path]:
    """Return the checkpoints in a folder by epoch, rising; none if there is no folder."""
    found = {}
    for path in folder.iterdir() if folder.is_dir() else ():
        if match := _NAME.fullmatch(path.name):
            found[int(match[1])] = path
    return dict(sorted(found.items()))


def remove_leftovers(folder: Path) -> None:
    """Remove what trainings left behind that were killed while they wrote a checkpoint."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if _LEFTOVER.fullmatch(path.name):
            path.unlink(missing_ok=True)


def last_checkpoint(path: Path) -> Path:
    """Return a checkpoint: ``path`` itself, or the last one in the folder ``path``.

    Raises:
        StorageError: there is none.
    """
    if path.is_dir():
        found = checkpoints(path)
        if not found:
            raise StorageError(f"folder {path} holds no checkpoint of a supernet (epoch-....)")
        return found[max(found)]
    if not path.exists():
        raise StorageError(f"there is no checkpoint {path}; train a supernet first")
    return path


def load_supernet(path: Path, networks: Networks) -> Supernet:
    """Return the supernet of a checkpoint, in evaluation mode, for networks of a space and task.

    A restricted space is served by the supernet of the whole space, too.

    Raises:
        StorageError: the checkpoint cannot be read, or is damaged.
        ResumeError: it is of other networks, or was trained on another task.
    """
    tensors, about = read_training(path)
    identity = about["identity"]
    space, task = networks.space, None if networks.task is None else networks.task.identity()
    if space.origin is not space and identity.get("space") == space.origin.fingerprint():
        return RestrictedSupernet(space, load_supernet(path, space.origin.networks(networks.task)))
    now = {"space": space.fingerprint(), "task": task}
    found = differences({name: identity.get(name) for name in now}, now)
    # How the supernet was optimised does not matter to whoever uses it.
    found = [d for d in found if not d.path.startswith("task.recipe")]
    if found:
        raise ResumeError(
            f"checkpoint {path} is of another supernet (stored -> now): "
            f"{'; '.join(map(str, found[:5]))}. Take the space and the task, its files too, that "
            "it was trained with"
        )
    supernet = networks.supernet(**identity.get("options", {}))
    try:
        supernet.load_state_dict(tensors["supernet"])
    except (RuntimeError, KeyError, AttributeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise StorageError(
            f"the weights in {path} do not fit the supernet of {space.name}: {reason}"
        ) from None
    return supernet.eval()


def read_training(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the tensors and the JSON values of a checkpoint of a training.

    Raises:
        StorageError: the file cannot be read, is damaged, or is of another kind.
    """
    tensors, about = read_checkpoint(path)
    if not isinstance(about, dict) or not isinstance(about.get("identity"), dict):
        raise StorageError(f"{path} holds something else than the training of a supernet")
    return tensors, about


def write_checkpoint(path: Path, tensors: Mapping[str, Any], about: Mapping[str, Any]) -> None:
    """Write nested tensors, and JSON values about them.

    Args:
        path: file of the checkpoint; its folder is made.
        tensors: tensors, numbers, and mappings or lists of those, by name.
        about: JSON values.

    Raises:
        StorageError: it cannot be written.
    """
    data = packed(tensors, about)
    write_file(path, lambda file: file.write(data), parents=True)


def packed(tensors: Mapping[str, Any], about: Mapping[str, Any]) -> bytes:
    """Return the bytes of a checkpoint; arguments as of :func:`write_checkpoint`."""
    flat: dict[str, Tensor] = {}
    layout = _flatten(tensors, "", flat)
    header = json.dumps({"about": about, "layout": layout})
    return save(flat, metadata={HEADER: header})


def read_checkpoint(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what :func:`write_checkpoint` wrote: the tensors on the CPU, and the JSON values.

    Raises:
        StorageError: the file cannot be read, is damaged, or is of another kind.
    """
    try:
        data = path.read_bytes()
        header = json.loads(_metadata(data)[HEADER])
        tensors = _unflatten(header["layout"], load(data))
        return tensors, header["about"]
    except OSError as error:
        raise StorageError(f"checkpoint {path}: {error.strerror or error}") from None
    except DAMAGE as error:
        raise StorageError(
            f"{path} is no whole checkpoint of a supernet ({shorten(error)}); remove it to go on "
            "from the one before"
        ) from None


def _metadata(data: bytes) -> dict[str, str]:
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > len(data) - 8:
        raise ValueError("the file is cut off")
    found = json.loads(data[8 : 8 + length]).get("__metadata__")
    if not isinstance(found, dict) or HEADER not in found:
        raise ValueError("the file was not written by archrank")
    return found


def _flatten(value: Any, name: str, flat: dict[str, Tensor]) -> Any:
    """Move tensors to ``flat``; return the rest, with their names in their places."""
    if isinstance(value, Tensor):
        # safetensors takes no memory that two entries share
        flat[name] = value.detach().cpu().clone(memory_format=torch.contiguous_format)
        return {"tensor": name}
    if isinstance(value, Mapping):
        items = [[key, _flatten(v, f"{name}.{key}", flat)] for key, v in value.items()]
        return {"items": items}  # keys may be numbers
    if isinstance(value, list | tuple):
        return [_flatten(v, f"{name}.{i}", flat) for i, v in enumerate(value)]
    return value


def _unflatten(layout: Any, flat: Mapping[str, Tensor]) -> Any:
    if isinstance(layout, dict):
        if "tensor" in layout:
            return flat[layout["tensor"]]
        return {key: _unflatten(value, flat) for key, value in layout["items"]}
    if isinstance(layout, list):
        return [_unflatten(value, flat) for value in layout]
    return layout
