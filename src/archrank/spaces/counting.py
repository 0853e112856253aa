"""Count the cost of any network by running it once without arithmetic.

Networks are built and run on torch's meta device, where tensors have shapes and no numbers, and
:class:`torch.utils.flop_counter.FlopCounterMode` adds up what its formulas know: convolutions,
matrix products, attention. It is silent about everything else, so the operations that ran are
watched: those without a formula are reported, but for a list of cheap ones (element by element,
reductions, normalisation, pooling, moving data), which MACs leave out by convention.

Where the meta device does not do, because ``build`` or ``forward`` looks at numbers (``.item()``)
or keeps tensors that are neither parameters nor buffers, the network is built and run on the CPU
instead, with zeros as input: the same counts, more slowly.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from archrank.errors import FAILURES
from archrank.networks.inputs import Inputs, only_logits, to_device
from archrank.torch_state import untouched

CHEAP = (  # first parts of names in aten; elementwise operations and views are told by torch
    *("sum", "mean", "amax", "amin", "max", "min", "argmax", "argmin", "prod", "var", "std", "any"),
    *(
        "all",
        "norm",
        "linalg_vector_norm",
        "linalg_check_errors",
        "logsumexp",
        "cumsum",
        "cumprod",
        "topk",
        "sort",
    ),
    *("softmax", "log_softmax", "safe_softmax", "count_nonzero", "equal", "aminmax", "bincount"),
    *(
        "native_batch_norm",
        "batch_norm",
        "native_layer_norm",
        "native_group_norm",
        "fused_rms_norm",
    ),
    *("max_pool", "avg_pool", "adaptive_avg_pool", "adaptive_max_pool", "upsample", "pixel_"),
    *("cat", "stack", "clone", "copy", "to_copy", "index", "gather", "scatter", "select", "slice"),
    *("embedding", "constant_pad", "reflection_pad", "replication_pad", "roll", "flip", "repeat"),
    *("im2col", "col2im", "where", "masked", "split", "unsafe_split", "chunk", "tril", "triu"),
    *("empty", "zeros", "ones", "full", "new_", "arange", "linspace", "eye", "scalar_tensor"),
    *("rand", "normal", "uniform", "bernoulli", "native_dropout", "multinomial", "fill", "zero"),
    *("local_scalar_dense", "lift", "detach", "resize", "set", "unsafe_view", "reshape_copy"),
    "transpose",
    *("channel_shuffle", "native_channel_shuffle", "take", "unique", "nonzero", "one_hot", "view"),
)

Output: TypeAlias = "tuple[int, ...] | str | None"
"""A tensor's shape, the name of another type, or unknown."""


class Count(NamedTuple):
    """Costs of one network.

    Attributes:
        macs: multiply-accumulates of one input.
        params: trainable parameters.
        output: shape of what it returns for a batch of one, or its type if that is no tensor.
        uncounted: operations that did arithmetic which ``macs`` leave out.
    """

    macs: float
    params: float
    output: Output
    uncounted: frozenset[str]


class _Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Remember which operations ran."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.ran: set[Any] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        self.ran.add(func)
        return func(*args, **(kwargs or {}))


def count(
    make: Callable[[], nn.Module], shape: Sequence[int], example: Inputs | None = None
) -> Count:
    """Count the network that ``make`` returns, for one input: an example, or one of ``shape``.

    Inputs of a shape are floats; networks for one or two dimensions that refuse them get token
    numbers, and those for two rows of them that refuse these, too, get each row as an argument of
    its own.

    Raises:
        Exception: whatever ``make`` or the network raises on the CPU.
    """
    first: BaseException | None = None
    for device in ("meta", "cpu"):
        with untouched(), torch.device(device):
            for inputs in [*_given(example, device), *_inputs(1, shape)]:
                try:
                    return _run(make(), inputs)
                except FAILURES as error:  # noqa: PERF203  # eight rounds at most
                    if device == "cpu" and first is None:
                        first = error
    assert first is not None  # the CPU has been tried
    raise first


def _run(network: nn.Module, inputs: tuple[Tensor, ...]) -> Count:
    network.eval()
    with ExitStack() as stack:
        if inputs[0].device.type == "cpu":
            stack.enter_context(_taken_apart())
        watch = stack.enter_context(_Watch())  # outside: sees what the counter takes apart
        counter = stack.enter_context(FlopCounterMode(display=False))
        stack.enter_context(torch.no_grad())
        output = network(*inputs)
    params = sum(p.numel() for p in network.parameters() if p.requires_grad)
    uncounted = frozenset(_name(op) for op in watch.ran if not _known(op, counter))
    macs = counter.get_total_flops() / 2  # 1 MAC = 2 FLOPs
    return Count(macs, float(params), _kind(output), uncounted)


@contextmanager
def _taken_apart() -> Iterator[None]:
    """Run the CPU's fused layers (recurrent, attention) as the products that they consist of."""
    from torch.nn.attention import SDPBackend, sdpa_kernel

    fast, onednn = torch.backends.mha.get_fastpath_enabled(), torch.backends.mkldnn.enabled
    torch.backends.mha.set_fastpath_enabled(False)
    torch.backends.mkldnn.enabled = False  # type: ignore[assignment]
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        torch.backends.mkldnn.enabled = onednn


def _known(op: Any, counter: FlopCounterMode) -> bool:
    """Tell whether MACs are right about an operation: it has a formula, or is cheap."""
    if op._overloadpacket in counter.flop_registry or torch.Tag.pointwise in op.tags:
        return True
    arguments = op._schema.arguments
    if any(a.alias_info is not None and not a.alias_info.is_write for a in arguments):
        return True  # a view
    space, _, name = op._schema.name.partition("::")
    return space in ("prim", "prims") or (space == "aten" and name.lstrip("_").startswith(CHEAP))


def _name(op: Any) -> str:
    return str(op._schema.name).replace("::", ".")


def output_of(network: nn.Module, shape: Sequence[int], example: Inputs | None = None) -> Output:
    """Describe what ``network`` returns for examples, or two of ``shape``; ``None`` if unknown.

    A copy runs, without arithmetic: the network and the random numbers stay as they are.
    """
    with torch.device("meta"):
        tried = [*_given(example, "meta"), *_inputs(2, shape)]
    for inputs in tried:
        try:
            with untouched(), torch.device("meta"), torch.no_grad():
                return _kind(copy.deepcopy(network).to("meta")(*inputs))
        except FAILURES:  # noqa: PERF203  # training will say what is wrong, if anything is
            continue
    return None


def _kind(output: Any) -> Output:
    found = only_logits(output)
    return tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__


def _given(example: Inputs | None, device: str) -> list[tuple[Tensor, ...]]:
    """Return the arguments that an example stands for, if there is one."""
    if example is None:
        return []
    found = to_device(example, device)
    return [found if isinstance(found, tuple) else (found,)]


def _inputs(batch: int, shape: Sequence[int]) -> list[tuple[Tensor, ...]]:
    """Return what inputs of ``shape`` may be: images are floats, shorter shapes may be tokens.

    Two rows may be a source and a target, which are two arguments.
    """
    floats = torch.zeros(batch, *shape)
    if len(shape) > 2:
        return [(floats,)]
    tokens = floats.long()
    pair = [tuple(tokens.unbind(1))] if len(shape) == 2 and shape[0] == 2 else []
    return [(floats,), (tokens,), *pair]
