"""The state of a network as a safetensors file, and back.

Every entry of the state dict is in the file under its own name, so ``load_state_dict`` takes what
any safetensors reader returns. Entries that share memory (tied weights, a module that is used
twice) are written once each: the network that reads them ties them again. The header says the
rest: types that safetensors lacks, values that are no tensors, buffers outside the state dict.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from archrank.errors import FAILURES, describe
from archrank.export.values import KEPT, UnkeptError, decode, encode

HEADER = "archrank"  # key of our notes in the file's metadata
INNER = "archrank.inner."  # names of tensors inside other values
PLAIN = (  # types that every version of safetensors stores
    *(torch.float64, torch.float32, torch.float16, torch.bfloat16),
    *(torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool),
)


@dataclass
class State:
    """State of a network, ready to be stored.

    Attributes:
        tensors: dense, contiguous, on the CPU, none of which share memory.
        types: ``{name: [dtype, shape]}`` of those stored as bytes.
        values: entries that are no tensors, as JSON values.
        buffers: names of buffers that are not in the state dict.
        left_out: ``{name: reason}`` of entries that cannot be stored.
    """

    tensors: dict[str, Tensor] = field(default_factory=dict)
    types: dict[str, list[Any]] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    buffers: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, value: object) -> None:
        """Add an entry of the state dict, or note why that is impossible."""
        try:
            if isinstance(value, Tensor):
                self._put(name, value)
            else:
                self.values[name] = encode(value, lambda tensor: self._put_inner(tensor))
        except UnkeptError as error:
            self.left_out[name] = f"{error}; kept are {KEPT}"
        except FAILURES as error:  # tensors of other packages may do anything
            self.left_out[name] = describe(error)

    def _put(self, name: str, tensor: Tensor) -> None:
        if is_lazy(tensor):
            return  # has no numbers before the first batch
        if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_meta:
            kind = "quantized" if tensor.is_quantized else "sparse"
            raise UnkeptError("a tensor without data" if tensor.is_meta else f"a {kind} tensor")
        dense = tensor.detach().cpu().resolve_conj().resolve_neg()
        dense = dense.clone(memory_format=torch.contiguous_format)
        if dense.dtype not in PLAIN:
            self.types[name] = [str(dense.dtype).removeprefix("torch."), list(dense.shape)]
            dense = dense.reshape(-1).view(torch.uint8)
        self.tensors[name] = dense

    def _put_inner(self, tensor: Tensor) -> str:
        name = f"{INNER}{len(self.tensors)}"
        self._put(name, tensor)
        return name


def state_of(network: nn.Module) -> State:
    """Return the state of ``network``: its state dict, and the buffers that are not in it.

    A state dict that cannot be made, because a user's ``get_extra_state`` fails, leaves parameters
    and buffers, and is noted as left out.
    """
    state = State()
    entries: Mapping[str, object]
    try:
        entries = network.state_dict()
    except FAILURES as error:
        state.left_out["state_dict"] = describe(error)
        entries = dict(network.named_parameters(remove_duplicate=False))
    for name, value in entries.items():
        state.add(name, value)
    for name, buffer in network.named_buffers(remove_duplicate=False):
        if name not in entries:
            state.buffers.append(name)
            state.add(name, buffer)
    return state


def to_bytes(state: State) -> bytes:
    """Return the content of a safetensors file."""
    from safetensors.torch import save

    notes = {key: value for key, value in vars(state).items() if key != "tensors"}
    return save(state.tensors, metadata={HEADER: json.dumps(notes)})


def from_bytes(content: bytes) -> State:
    """Read what :func:`to_bytes` wrote.

    Raises:
        ValueError: the content is damaged, or of another writer.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        tensors = load(content)
        size = int.from_bytes(content[:8], "little")
        notes = json.loads(json.loads(content[8 : 8 + size])["__metadata__"][HEADER])
        state = State(tensors, **notes)
        for name, (dtype, shape) in state.types.items():
            flat = state.tensors[name].view(getattr(torch, dtype))
            state.tensors[name] = flat.reshape(shape)
        return state
    except (SafetensorError, LookupError, TypeError, AttributeError, RuntimeError) as error:
        raise ValueError(describe(error)) from None


def restore(network: nn.Module, state: State) -> None:
    """Put ``state`` into ``network``, which was built in the same way; tied weights stay tied.

    Raises:
        Exception: ``network`` has other entries; as ``load_state_dict``.
    """
    values = {name: decode(v, state.tensors.__getitem__) for name, v in state.values.items()}
    inner = {name for name in state.tensors if name.startswith(INNER)}
    tensors = {name: t for name, t in state.tensors.items() if name not in inner}
    for name, tensor in _tensors_of(network):
        stored = tensors.get(name)
        if is_lazy(tensor) or stored is None:
            continue
        spread = any(step == 0 for step in tensor.stride())  # several elements in one place
        if stored.dtype != tensor.dtype or (spread and stored.shape == tensor.shape):
            tensor.data = torch.empty_like(stored, device=tensor.device)
    outside = {name: tensors.pop(name) for name in state.buffers if name in tensors}
    network.load_state_dict({**tensors, **values})
    for name, tensor in outside.items():
        owner, _, leaf = name.rpartition(".")
        network.get_submodule(owner).get_buffer(leaf).data = tensor


def _tensors_of(network: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Yield parameters and buffers under every name they have."""
    yield from network.named_parameters(remove_duplicate=False)
    yield from network.named_buffers(remove_duplicate=False)
