"""Train an architecture once more, and keep its network."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from archrank.errors import EvaluationError, StorageError
from archrank.evaluators.base import Evaluator
from archrank.evaluators.training import Training
from archrank.export.bundle import Bundle, held_out
from archrank.export.description import Names, describe_network, finite
from archrank.export.formats import checked_formats
from archrank.export.place import keep, reserved
from archrank.export.weights import state_of, to_bytes
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
    formats: Iterable[str] = (),
    names: Names | None = None,
    search: Mapping[str, Any] | None = None,
    started: Callable[[str], object] | None = None,
    bleu: bool = False,
    remedy: str = REMEDY,
) -> dict[str, Any]:
    """Train ``arch: (d,)`` as ``evaluator`` does, and keep its network in ``folder``.

    Training repeats the evaluation with the same seed. It begins only when the network's state can
    be kept, it can be written in all ``formats``, and ``folder`` has room for it; if writing fails
    all the same, the network is kept in a temporary folder, which the error names.

    The folder gets ``weights.safetensors``, every entry of the state dict under its own name, and
    ``architecture.json``: the architecture, its choices, space, task and metrics, of which
    :func:`~archrank.export.loading.load` makes a network. ``load_model.py`` makes one without
    archrank, ``MODEL_CARD.md`` tells people what it is, with a picture. Files of the task lie
    beside them: vocabularies of texts, the preprocessing of users' data.

    Args:
        evaluator: :class:`~archrank.evaluators.training.Training`, or a combination with it, bound
            to a space; ``study.evaluator`` is.
        arch: one architecture.
        folder: written to; an older export of the same architecture is replaced.
        formats: more files of the network: ``"torch"``, its state dict for ``torch.load``;
            ``"program"``, for ``torch.export.load``; ``"onnx"``. The latter two take batches of any
            size, need no code, and are compared with the network.
        names: of space and task, where they are not archrank's own.
        search: how the architecture was found, see :func:`~archrank.export.found_by.searched`.
        started: called with the architecture's string before training.
        bleu: translate the test sentences when it is trained, and add ``test_bleu`` to the metrics.
        remedy: what the user can do where ``folder`` cannot be used; ends messages.

    Returns:
        The description, as in ``architecture.json``.

    Raises:
        EvaluationError: nothing of ``evaluator`` trains, the network's state cannot be kept or
            written in a format, or training failed.
        UnknownNameError: no such format.
        StorageError: ``folder`` cannot be used.
        SettingsError: ``bleu`` for a task or a network that is none of translation.
        MissingExtraError: ``bleu`` without ``sacrebleu``, or a package for ONNX is missing.

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
    formats = checked_formats(formats)
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
    bundle = Bundle(training.networks, row, held_out(training.task), formats, training.metrics)
    untrained = _keepable(training, row)
    with reserved(folder, untrained, description, remedy):
        bundle.others(training.untrained(row).eval())
        if started is not None:
            started(description["architecture"])
        network, result = training.train(row)
        if result.diverged is not None:
            raise EvaluationError(
                f"training {description['architecture']} failed: {result.diverged}"
            )
    network = network.to("cpu").eval()
    measured = result.metrics | (finished_bleu(network, training.task) if bleu else {})
    description["metrics"] = {**finite(measured), **description["metrics"]}
    description["origin"] = _origin(training, row)
    description["search"] = None if search is None else dict(search)
    _keep(bundle, network, description, folder, remedy)
    return description


def _origin(training: Training, row: NDArray[np.uint8]) -> str:
    """Say in a sentence which training the weights are of."""
    if training.trainer is None:
        epochs = training.task.recipe.epochs
        how = f"Trained from scratch for {epochs} epoch{'' if epochs == 1 else 's'}"
    else:
        how = "Trained from scratch by a loop of the user's own"
    return f"{how}, once, with seed {training.seeds_of(row)[1]}."


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
    bundle: Bundle, network: nn.Module, description: dict[str, Any], folder: Path, remedy: str
) -> None:
    """Write all files.

    Raises:
        StorageError: they are elsewhere, or lack what could not be kept; the message tells.
    """
    lost: list[str] = []
    others: dict[str, bytes] = {}
    try:
        made = bundle.others(network)
        others, description["differences"] = made.files, made.differences
        description["lengths"] = made.lengths
    except EvaluationError as error:  # it could be written before it was trained
        lost.append(str(error))
    files, state = bundle.files(network, description, folder, others)
    keep(folder, files, remedy)
    lost += [f"{name}: {reason}" for name, reason in state.left_out.items()]
    if lost:
        raise StorageError(
            f"{folder} has the trained network but for what became of {'; '.join(lost)}"
        )
