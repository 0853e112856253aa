"""All files of an export, made of a network and the description of its architecture."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from archrank.drawing import draw
from archrank.environment import environment
from archrank.export.card import model_card
from archrank.export.formats import STATE, state_file
from archrank.export.loader.made import Subject, load_model
from archrank.export.place import CARD, DESCRIPTION, LOADER, PICTURE, WEIGHTS
from archrank.export.weights import State, state_of, to_bytes
from archrank.metrics import Metric
from archrank.networks.graphs import GRAPHS, Graphs, as_graphs
from archrank.networks.inputs import Inputs

if TYPE_CHECKING:
    from archrank.spaces.networks import Networks
    from archrank.tasks.base import Task

CHECKED = 16  # held-out examples on which files are compared with the network
VERSIONS = ("archrank", "python", "torch", "system")


@dataclass(frozen=True, eq=False)
class Bundle:
    """An export in the making.

    Attributes:
        networks: of the space for the task.
        row: the architecture, ``(d,)``.
        x: held-out inputs, ``(b, ...)``.
        formats: beside safetensors, checked.
        metrics: of what the description's numbers measure: units and directions.
    """

    networks: Networks
    row: NDArray[np.uint8]
    x: Inputs
    formats: tuple[str, ...]
    metrics: Sequence[Metric] = ()

    @property
    def task(self) -> Task:
        """The task that networks are built for."""
        assert self.networks.task is not None
        return self.networks.task

    def others(self, network: nn.Module) -> Graphs:
        """Return the files of the formats, how much their outputs differ, and lengths they take.

        Raises:
            EvaluationError: one cannot be written, or its outputs differ too much.
        """
        files = {STATE: state_file(network)} if "torch" in self.formats else {}
        graphs = tuple(each for each in self.formats if each in GRAPHS)
        made = as_graphs(network, self.x, graphs, free_lengths=True)
        return made._replace(files={**files, **made.files})

    def files(
        self,
        network: nn.Module,
        description: dict[str, Any],
        folder: Path,
        others: Mapping[str, bytes],
    ) -> tuple[dict[str, bytes], State]:
        """Return the content of all files by name, and the state of the network that is in them.

        Args:
            network: trained, in evaluation mode, on the CPU.
            description: of the export; gets digest and versions.
            folder: of the export.
            others: files of the formats.
        """
        state, kept = state_of(network), self.task.kept_files()
        weights = to_bytes(state)
        description["sha256"] = hashlib.sha256(weights).hexdigest()
        known = environment()
        description["versions"] = {name: known[name] for name in VERSIONS if name in known}
        files = {**kept, WEIGHTS: weights, **others}
        subject = Subject(
            network,
            state,
            self.networks.blueprint(self.row),
            description["architecture"],
            self.task,
            self.x,
            kept,
        )
        alone = STATE in others and not state.buffers
        loader = load_model(subject, folder, STATE if alone else WEIGHTS)
        files[LOADER] = loader.encode()
        files[PICTURE] = (draw(self.networks.space, self.row) + "\n").encode()
        files[DESCRIPTION] = (json.dumps(description, indent=2) + "\n").encode()
        card = model_card(description, files, self.networks.space.name, self.task, self.metrics)
        files[CARD] = card.encode()
        return files, state


def held_out(task: Task) -> Inputs:
    """Return a few inputs of the validation data ``(b, ...)``; made-up ones where it has none."""
    try:
        return task.load().valid.take(slice(0, CHECKED)).map(Tensor.contiguous).x
    except NotImplementedError:  # a loop of the user's reads the data itself
        return task.example(CHECKED)
