"""An architecture of a supernet as a network of its own, without any training."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from archrank.errors import EvaluationError, SettingsError
from archrank.evaluators.training import measured_by
from archrank.export.bundle import Bundle, held_out
from archrank.export.description import Names, describe_network, finite
from archrank.export.formats import checked_formats
from archrank.export.place import keep, reserved
from archrank.files import user_path
from archrank.supernets.statistics import calibration_batches, recalibrate
from archrank.tasks.text.decoding import finished_bleu
from archrank.training.evaluation import measure

if TYPE_CHECKING:
    from archrank.supernets.base import Supernet
    from archrank.tasks.base import Task

CALIBRATION, BATCH = 64, 256  # batches of training data and their size, as AttentiveNAS evaluates


def stand_alone(
    supernet: Supernet,
    task: Task,
    arch: NDArray[np.uint8],
    *,
    calibration: int = CALIBRATION,
    batch_size: int = BATCH,
) -> nn.Module:
    """Extract a network and give its batch norms statistics of their own.

    Args:
        supernet: trained.
        task: that it was trained on.
        arch: ``(d,)``.
        calibration: batches of training data, augmented as in training; fewer where there are
            fewer.
        batch_size: of their examples.

    Returns:
        The network, in evaluation mode.

    Raises:
        SettingsError: a number is below 1.
    """
    for name, value in (("calibration", calibration), ("batch_size", batch_size)):
        if value < 1:
            raise SettingsError(f"{name} must be at least 1, got {value}")
    network = supernet.extract(arch)
    batches = calibration_batches(task, network, calibration, batch_size)
    return recalibrate(network, (batch.x for batch in batches))


def export_subnetwork(
    supernet: Supernet,
    task: Task,
    arch: NDArray[np.uint8],
    folder: str | Path,
    *,
    formats: Iterable[str] = ("program",),
    calibration: int = CALIBRATION,
    names: Names | None = None,
    bleu: bool = False,
    remedy: str = "name another folder",
) -> dict[str, Any]:
    """Keep an architecture of a supernet as a network of its own, with calibrated batch norms.

    The folder gets the files that :func:`~archrank.export.network.export_network` writes, by
    default with ``network.pt2`` for ``torch.export.load(file).module()``.

    Args:
        supernet: trained.
        task: that it was trained on; measures the network on its held-out data.
        arch: ``(d,)``.
        folder: written to; an older export of the same architecture is replaced.
        formats: ``"torch"``, ``"program"`` and ``"onnx"``, as there.
        calibration: batches of 256 training examples for the statistics of batch norms.
        names: of space and task, where they are not archrank's own.
        bleu: translate the test sentences, and add ``test_bleu`` to the metrics.
        remedy: what the user can do where ``folder`` cannot be used; ends messages.

    Returns:
        The description, as in ``architecture.json``.

    Raises:
        ArchitectureError: ``arch`` is not of the supernet's space.
        UnknownNameError: no such format.
        MissingExtraError: a package for ONNX is missing.
        EvaluationError: the network cannot be traced, or a file's outputs differ.
        StorageError: ``folder`` cannot be used.
        SettingsError: ``bleu`` for a task or a network that is none of translation.
    """
    formats = checked_formats(formats)
    folder = user_path(folder)
    space = supernet.space
    row = space.validate(np.asarray(arch)[None])[0]
    networks = space.networks(task)
    description = describe_network(networks, task, row, names or Names(), 0)
    with reserved(folder, b"", description, remedy):
        network = stand_alone(supernet, task, row, calibration=calibration).to("cpu")
        splits = task.load()
        measured = finite(measure(network, task, splits))
        measured |= finished_bleu(network, task) if bleu else {}
        description["metrics"] = {**measured, **description["metrics"]}
        bundle = Bundle(networks, row, held_out(task), formats, measured_by(task))
        made = bundle.others(network)
        others, description["differences"] = made.files, made.differences
        description["lengths"] = made.lengths
        description["origin"] = (
            f"Weights of a supernet; its batch norms, if any, have statistics of {calibration} "
            "batches of training data."
        )
        files, state = bundle.files(network, description, folder, others)
        for name, reason in state.left_out.items():
            raise EvaluationError(
                f"the network of {space.name} cannot be exported: {name} of its state is {reason}"
            )
    keep(folder, files, remedy)
    return description
