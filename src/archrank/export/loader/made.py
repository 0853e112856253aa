"""``load_model.py`` of an export, run and compared with the network before it is kept."""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from archrank.errors import FAILURES, describe
from archrank.export.loader.expressions import UnwritableError
from archrank.export.loader.own import by_archrank, of_function
from archrank.export.loader.script import BATCH, Facts, Script, of_blueprint
from archrank.export.weights import INNER, State
from archrank.networks.inputs import Inputs, only_logits, run
from archrank.networks.noise import drawn, noise_like
from archrank.training.loop import initialise

if TYPE_CHECKING:
    from archrank.networks.blueprint import Blueprint
    from archrank.tasks.base import Task

OURS = "archrank.networks."
TOLERANCE = 1e-6  # of outputs, relative to the largest of them
NAMED = (  # keys that lead to names of outputs in files of tasks, and what these are
    (("classes",), "the names of the classes"),
    (("vocabulary", "tokens"), "the tokens of the vocabulary"),
)


@dataclass(frozen=True, eq=False)
class Subject:
    """Network of an export.

    Attributes:
        network: trained, in evaluation mode, on the CPU.
        state: what is kept of it.
        blueprint: call that builds it; ``None``: a user's class of spaces does.
        architecture: its string.
        task: that it was built for.
        x: real inputs, ``(b, ...)``.
        kept: files of the task by name.
    """

    network: nn.Module
    state: State
    blueprint: Blueprint[Any] | None
    architecture: str
    task: Task
    x: Inputs
    kept: Mapping[str, bytes]


def load_model(subject: Subject, folder: Path, weights: str) -> str:
    """Return the text of ``load_model.py``.

    Archrank's own networks are built by a copy of their modules, those of a user's function by that
    function. Where neither gives the same outputs, archrank loads the network, and a comment says
    why.

    Args:
        subject: the network.
        folder: of the export.
        weights: file with the state dict that is read.
    """
    try:
        return _checked(subject, folder, weights)
    except UnwritableError as error:
        return by_archrank(str(error))


def _checked(subject: Subject, folder: Path, weights: str) -> str:
    """Return code that was run; raise ``UnwritableError`` where there is none."""
    state = subject.state
    if state.types or state.values or state.left_out:
        raise UnwritableError("the network has a state beside plain tensors")
    script = _script(subject, folder)
    noise = noise_like(subject.x)
    inputs = drawn(noise, BATCH)
    try:
        with torch.no_grad():
            returned = subject.network(*inputs)
    except FAILURES as error:
        raise UnwritableError(f"the network does not take noise: {describe(error)}") from None
    outputs = only_logits(returned)
    own = not isinstance(returned, Tensor)
    facts = Facts(
        subject.architecture,
        noise,
        weights,
        tuple(state.buffers),
        float(f"{float(outputs.double().abs().sum()):.6g}"),
        None if own else _answers(subject.kept, outputs),
        own,
    )
    text = script.text(facts)
    with torch.no_grad():
        found = run(_rebuilt(text, subject), inputs)
    if found.shape != outputs.shape:
        raise UnwritableError(f"its code gives outputs {tuple(found.shape)} without archrank")
    seen = float((found - outputs).abs().max())
    if not seen <= TOLERANCE * max(1.0, float(outputs.abs().max())):
        raise UnwritableError(f"its code gives outputs that differ by {seen:.2g} without archrank")
    return text


def _script(subject: Subject, folder: Path) -> Script:
    blueprint = subject.blueprint
    if blueprint is None:
        raise UnwritableError("a class of spaces of your own builds the network")
    if str(getattr(blueprint.make, "__module__", "")).startswith(OURS):
        return of_blueprint(blueprint)
    choices, task = blueprint.args
    return of_function(blueprint.make, choices, task, folder)


def _rebuilt(text: str, subject: Subject) -> nn.Module:
    """Build the network by the code, and give it its state; a user's file is not run again."""
    code = _executed(text)
    blueprint = subject.blueprint
    assert blueprint is not None
    build = getattr(code, "build_network")  # noqa: B009  # the module is made here
    if hasattr(code, "TASK"):
        build = lambda: blueprint.make(code.CHOICES, code.TASK)  # noqa: E731
    try:
        network = initialise(build, 0)
        state = {name: t for name, t in subject.state.tensors.items() if not name.startswith(INNER)}
        for name in subject.state.buffers:
            owner, _, leaf = name.rpartition(".")
            setattr(network.get_submodule(owner), leaf, state.pop(name))
        network.load_state_dict(state)
        return network.eval()
    except FAILURES as error:
        raise UnwritableError(f"its code fails without archrank: {describe(error)}") from None


def _executed(text: str) -> ModuleType:
    """Run code as a module that can be found while it runs, as dataclasses need."""
    module = ModuleType(f"archrank_load_model_{secrets.token_hex(8)}")
    module.__file__ = __file__
    sys.modules[module.__name__] = module
    try:
        exec(compile(text, "load_model.py", "exec"), vars(module))
    finally:
        del sys.modules[module.__name__]
    return module


def _answers(kept: Mapping[str, bytes], outputs: Tensor) -> tuple[str, tuple[str, ...], str] | None:
    """Find a file of the task that names the outputs ``(b, outputs, ...)``."""
    for file, content in kept.items():
        for keys, what in NAMED:
            found: Any = _json(content)
            for key in keys:
                found = found.get(key) if isinstance(found, dict) else None
            if isinstance(found, list) and outputs.dim() > 1 and len(found) == outputs.shape[1]:
                return file, keys, what
    return None


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None
