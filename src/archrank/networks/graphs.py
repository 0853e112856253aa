"""Networks as graphs that run without archrank: programs of torch, and ONNX.

Both take batches of any size, and sequences of tokens of any length where torch can trace that.
Both are run on held-out inputs and on noise, in batches of several sizes and lengths, and compared
with the network before they are kept.
"""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

from archrank.errors import FAILURES, EvaluationError, MissingExtraError, describe
from archrank.networks.inputs import Inputs, run
from archrank.networks.lengths import Span, called, name_sizes, sequences, spans_of
from archrank.networks.noise import Noise, drawn, noise_like

if TYPE_CHECKING:
    from torch.export import ExportedProgram

PROGRAM, ONNX = "network.pt2", "network.onnx"
GRAPHS = {"program": PROGRAM, "onnx": ONNX}
NOISE = (1, 2, 5)  # batches of noise; their numbers of examples
TOLERANCE = 1e-4  # of outputs, relative to the largest of them
EXTRA = ("onnx", "onnxscript", "onnxruntime")


def require_onnx() -> None:
    """Refuse to begin where a package for ONNX is missing.

    Raises:
        MissingExtraError: names the package, and the extra to install.
    """
    missing = next((name for name in EXTRA if find_spec(name) is None), None)
    if missing is not None:
        raise MissingExtraError(missing, "onnx", "export to ONNX")


class Graphs(NamedTuple):
    """A network as files.

    Attributes:
        files: contents by name.
        differences: by file, the largest difference from the network's outputs that was seen.
        lengths: of sequences that they take, such as ``"up to 48 tokens"``; empty where inputs are
            no tokens.
    """

    files: dict[str, bytes]
    differences: dict[str, float]
    lengths: str


def as_graphs(
    network: nn.Module, x: Inputs, formats: tuple[str, ...], *, free_lengths: bool = False
) -> Graphs:
    """Return a network as files, each checked against it.

    Args:
        network: in evaluation mode, on the CPU.
        x: held-out inputs, ``(b, ...)`` with at least two examples.
        formats: ``"program"``, for ``torch.export.load``, and ``"onnx"``.
        free_lengths: let sequences of tokens have any length, where the network and torch do and
            outputs stay the same; otherwise they have that of ``x``.

    Raises:
        EvaluationError: the network cannot be traced, or the outputs of a file differ.
        MissingExtraError: a package for ONNX is missing.
    """
    if not formats:
        return Graphs({}, {}, "")
    if "onnx" in formats:
        require_onnx()
    inputs = x if isinstance(x, tuple) else (x,)
    with torch.no_grad(), _quiet():
        if free_lengths and any(sequences(inputs)):
            with suppress(EvaluationError):
                return _written(network, inputs, formats, free_lengths=True)
        return _written(network, inputs, formats, free_lengths=False)


def _written(
    network: nn.Module, inputs: tuple[Tensor, ...], formats: tuple[str, ...], *, free_lengths: bool
) -> Graphs:
    """Write a network as files and compare them; see :func:`as_graphs`."""
    name = type(network).__name__
    plain = isinstance(network(*inputs), Tensor)
    program: ExportedProgram = _told(
        f"{name} cannot be traced by torch.export",
        lambda: _traced(network if plain else _Logits(network), inputs, plain, free_lengths),
    )
    spans = spans_of(program, inputs)
    checks = list(_checks(network, inputs, spans))
    files, seen = {}, {}
    for each in formats:
        write, load = (_save, _load) if each == "program" else (_to_onnx, _load_onnx)
        content: bytes = _told(f"{name} cannot be written as {each}", partial(write, program))
        file, call = GRAPHS[each], load(content)
        files[file] = content
        seen[file] = max(
            _compared(
                _told(f"{file} of {name} does not run", partial(call, batch)),
                y,
                f"{file} of {name}",
            )
            for batch, y in checks
        )
    return Graphs(files, seen, called(spans))


def _checks(
    network: nn.Module, inputs: tuple[Tensor, ...], spans: tuple[Span | None, ...]
) -> Iterator[tuple[tuple[Tensor, ...], Tensor]]:
    """Yield batches on which files are compared with the network, and its outputs.

    Held-out inputs, noise in several sizes, and noise of the lengths that :class:`Span` allows,
    longer ones only if the network runs on them.
    """
    noise = noise_like(inputs)
    yield inputs, run(network, inputs)
    for seed, batch in enumerate(NOISE):
        x = drawn(noise, batch, seed)
        yield x, run(network, x)
    if not any(span is not None and span.free for span in spans):
        return
    for longer in (False, True):
        x = drawn(tuple(map(partial(_of_length, longer=longer), noise, spans)), NOISE[1])
        with suppress(*FAILURES if longer else ()):
            yield x, run(network, x)


def _of_length(noise: Noise, span: Span | None, *, longer: bool) -> Noise:
    if span is None:
        return noise
    return noise._replace(shape=(*noise.shape[:-1], span.longer if longer else span.shorter))


class _Logits(nn.Module):
    """A network of which only the logits are returned."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, *inputs: Tensor) -> Tensor:
        """Map inputs to logits."""
        return run(self.network, inputs)


def _traced(
    network: nn.Module, inputs: tuple[Tensor, ...], plain: bool, free_lengths: bool
) -> ExportedProgram:
    """Trace a network, ``plain`` or a :class:`_Logits`, for batches of any size.

    With ``free_lengths``, torch finds out which lengths of sequences the network allows.
    """
    batch = torch.export.Dim("batch")
    sizes = tuple(
        {0: batch} | ({x.dim() - 1: torch.export.Dim.AUTO} if free_lengths and sequence else {})
        for x, sequence in zip(inputs, sequences(inputs), strict=True)
    )
    return torch.export.export(network, inputs, dynamic_shapes=sizes if plain else (sizes,))


def _save(program: ExportedProgram) -> bytes:
    file = io.BytesIO()
    torch.export.save(program, file)
    return file.getvalue()


def _load(content: bytes) -> Callable[[tuple[Tensor, ...]], Tensor]:
    loaded: Any = torch.export.load(io.BytesIO(content)).module()
    return lambda inputs: loaded(*inputs)


def _to_onnx(program: ExportedProgram) -> bytes:
    made: Any = torch.onnx.export(program, dynamo=True, verbose=False, optimize=True)
    model = made.model_proto
    name_sizes(model.graph, program)
    content: bytes = model.SerializeToString()
    return content


def _load_onnx(content: bytes) -> Callable[[tuple[Tensor, ...]], Tensor]:
    import onnxruntime

    session: Any = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_inputs()]

    def call(inputs: tuple[Tensor, ...]) -> Tensor:
        fed = {name: x.numpy() for name, x in zip(names, inputs, strict=True)}
        return torch.from_numpy(session.run(None, fed)[0])

    return call


def _compared(found: Tensor, wanted: Tensor, what: str) -> float:
    """Return the largest difference of outputs; raise ``EvaluationError`` if it is too large."""
    difference = float((found - wanted).abs().max())
    if not difference <= TOLERANCE * max(1.0, float(wanted.abs().max())):
        raise EvaluationError(
            f"the outputs of {what} differ from the network's by {difference:.2g}; export it "
            "without this format"
        )
    return difference


def _told(failure: str, make: Callable[[], Any]) -> Any:
    """Call a function of torch; its failures become errors that say what failed."""
    try:
        return make()
    except FAILURES as error:
        raise EvaluationError(
            f"{failure}: {describe(error)}; export it without this format"
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep torch's exporter from telling what users cannot change."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
