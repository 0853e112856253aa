"""Train an architecture once more, and keep its network."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archrank.errors import EvaluationError, StorageError
from archrank.evaluators.base import Evaluator
from archrank.evaluators.training import Training
from archrank.export.description import Names, describe_network, finite
from archrank.export.place import DESCRIPTION, WEIGHTS, keep, reserved
from archrank.export.weights import State, state_of, to_bytes
from archrank.files import user_path
from archrank.tasks.text.decoding import check_bleu, finished_bleu

REMEDY = "name another folder"


def training_of(evaluator: Evaluator, objectives: Collection[str] = ()) -> Training | None:
    """Return the part of ``evaluator`` that trains networks, that of an objective first.

    Args:
        evaluator: bound to its space.
        objectives: names of metrics that are optimised.
    """
    found = [
        (set(objectives).isdisjoint(m.name for m in part.metrics), part.unscoped)
        for part in evaluator.parts()
    ]
    ordered = sorted(found, key=lambda pair: pair[0])
    return next((part for _, part in ordered if isinstance(part, Training)), None)


def export_network(
    evaluator: Evaluator,
    arch: NDArray[np.uint8],
    folder: str | Path,
    *,
    names: Names | None = None,
    started: Callable[[str], object] | None = None,
    bleu: bool = False,
    remedy: str = REMEDY,
) -> dict[str, Any]:
    """Train ``arch: (d,)`` as ``evaluator`` does, and keep its network in ``folder``.

    Training repeats the evaluation with the same seed. It begins only when the network's state can
    be kept and ``folder`` has room for it; if writing fails all the same, the network is kept in
    a temporary folder, which the error names.

    The folder gets ``weights.safetensors``, every entry of the state dict under its own name, and
    ``architecture.json``: the architecture, its choices, space, task and metrics. Vocabularies of
    text tasks, and the preprocessing of users' data, lie beside them.
    :func:`~archrank.export.loading.load` makes a network of them.

    Args:
        evaluator: :class:`~archrank.evaluators.training.Training`, or a combination with it, bound
            to a space; ``study.evaluator`` is.
        arch: one architecture.
        folder: written to; an older export of the same architecture is replaced.
        names: of space and task, where they are not archrank's own.
        started: called with the architecture's string before training.
        bleu: translate the test sentences when it is trained, and add ``test_bleu`` to the metrics.
        remedy: what the user can do where ``folder`` cannot be used; ends messages.

    Returns:
        The description, as in ``architecture.json``.

    Raises:
        EvaluationError: nothing of ``evaluator`` trains, the network's state cannot be kept, or
            training failed.
        StorageError: ``folder`` cannot be used.
        SettingsError: ``bleu`` for a task or a network that is none of translation.
        MissingExtraError: ``bleu`` without ``sacrebleu``.

    Example:
        >>> import tempfile
        >>> import archrank as ar
        >>> task = ar.tasks.Digits(recipe=ar.tasks.Recipe(epochs=1), copies=1)
        >>> space = ar.spaces.NASBench201()
        >>> arch = space.sample(1, rng=np.random.default_rng(0))[0]
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     training = ar.evaluators.Training(task).bind(space)
        ...     description = ar.export.export_network(training, arch, folder)
        ...     exported = ar.load(folder)
        >>> exported.metrics == description["metrics"]
        True
    """
    training = training_of(evaluator)
    if training is None:
        raise EvaluationError(
            f"{type(evaluator).__name__} trains no network: export one with Training(task)"
        )
    folder = user_path(folder)
    row = training.space.validate(np.asarray(arch)[None])[0]
    description = describe_network(
        training.networks, training.task, row, names or Names(), training.seeds_of(row)[0]
    )
    if bleu:
        check_bleu(training.untrained(row), training.task)
    untrained = _keepable(training, row)
    with reserved(folder, untrained, description, remedy):
        if started is not None:
            started(description["architecture"])
        network, result = training.train(row)
        if result.diverged is not None:
            raise EvaluationError(
                f"training {description['architecture']} failed: {result.diverged}"
            )
    state = state_of(network)
    measured = result.metrics | (finished_bleu(network, training.task) if bleu else {})
    description["metrics"] = {**finite(measured), **description["metrics"]}
    _keep(folder, state, description, remedy, training.task.kept_files())
    return description


def _keepable(training: Training, row: NDArray[np.uint8]) -> bytes:
    """Return the untrained network as it would be stored.

    Raises:
        EvaluationError: an entry of its state cannot be kept.
    """
    state = state_of(training.untrained(row))
    for name, reason in state.left_out.items():
        raise EvaluationError(
            f"the network of {training.space.name} cannot be exported: {name} of its state is "
            f"{reason}. Nothing was trained"
        )
    return to_bytes(state)


def _keep(
    folder: Path,
    state: State,
    description: dict[str, Any],
    remedy: str,
    others: Mapping[str, bytes],
) -> None:
    """Write both files, and those of the task.

    Raises:
        StorageError: they are elsewhere, or lack what could not be kept; the message tells.
    """
    weights = to_bytes(state)
    description["sha256"] = hashlib.sha256(weights).hexdigest()
    text = json.dumps(description, indent=2) + "\n"
    keep(folder, {WEIGHTS: weights, DESCRIPTION: text.encode(), **others}, remedy)
    if state.left_out:
        lost = "; ".join(f"{name}: {reason}" for name, reason in state.left_out.items())
        raise StorageError(f"{folder} has the trained network but for what became of {lost}")
