"""Options of ``archrank supernet train`` that change a recipe."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any, Literal

from archrank.errors import SettingsError

if TYPE_CHECKING:
    from archrank.supernets.samplers import Sampler


@dataclass
class Optimisation:
    """Settings of the optimisation that take the place of the recipe's."""

    epochs: int | None = None
    """Number of passes over the training data (default: the recipe's)."""
    batch_size: int | None = None
    """Number of examples per update, of all processes together (default: the recipe's)."""
    lr: Annotated[float | None, "NUMBER"] = None
    """Peak learning rate (default: the recipe's)."""
    schedule: Literal["cosine", "plateau", "constant"] | None = None
    """Learning rate: cosine, which falls to 0, plateau or constant (default: the recipe's)."""
    plateau_factor: Annotated[float | None, "NUMBER"] = None
    """Factor of the learning rate where the training loss stops to fall (default: the recipe's)."""
    plateau_patience: int | None = None
    """Number of epochs without a lower training loss before that (default: the recipe's)."""
    warmup_epochs: Annotated[float | None, "NUMBER"] = None
    """Number of epochs in which the learning rate rises from 0 (default: the recipe's)."""
    momentum: Annotated[float | None, "NUMBER"] = None
    """Momentum of SGD (default: the recipe's)."""
    weight_decay: Annotated[float | None, "NUMBER"] = None
    """Decay of all weights (default: the recipe's)."""
    grad_clip: Annotated[float | None, "NUMBER"] = None
    """Largest norm of the gradient of all weights; 0 sets no limit (default: the recipe's)."""
    grad_clip_value: Annotated[float | None, "NUMBER"] = None
    """Largest absolute value of each number of a gradient; 0 sets no limit (default: the
    recipe's)."""
    label_smoothing: Annotated[float | None, "NUMBER"] = None
    """Share of a target's probability spread over all classes (default: the recipe's)."""
    precision: Literal["float32", "bfloat16", "float16"] | None = None
    """Number format of forward passes: float32, bfloat16 or float16 (default: the recipe's)."""

    def changes(self) -> dict[str, Any]:
        """Return what was typed, as settings of a recipe."""
        typed = {f.name: getattr(self, f.name) for f in fields(self)}
        found = {name: value for name, value in typed.items() if value is not None}
        limits = [name for name in ("grad_clip", "grad_clip_value") if found.get(name) == 0]
        return found | dict.fromkeys(limits)


@dataclass
class Sampling:
    """The architectures of an update, and options of the supernet."""

    sampler: Annotated[str | None, "NAME"] = None
    """Sampler of the architectures of an update: uniform, de_isomorphic, costliest, fairnas,
    skip_prior, or your own as file.py:name (default: the recipe's)."""
    per_update: int | None = None
    """Number of architectures per update, of the samplers that take one (default: 1)."""
    affine: Literal["yes", "no"] | None = None
    """Scale and shift of batch norms in cells, yes or no; scores of cells rank better without
    (default: the recipe's)."""

    dropout: Annotated[float | None, "NUMBER"] = None
    """Part of the features before the classifier that is dropped (default: the recipe's)."""

    def chosen(self, default: Sampler) -> Sampler:
        """Return the sampler that was named, or the recipe's, with its number of architectures.

        Raises:
            SettingsError: a number was typed for a sampler that takes none.
        """
        from archrank.runs.named import instance_of, parameters
        from archrank.supernets.samplers import SAMPLERS, Sampler

        if self.sampler is None and self.per_update is None:
            return default
        kind: Any = type(default) if self.sampler is None else SAMPLERS.get(self.sampler)
        if self.per_update is not None and "m" not in parameters(kind, Sampler):
            name = self.sampler or type(default).__name__
            raise SettingsError(f"--per-update {self.per_update}: sampler {name} takes no number")
        offered = {} if self.per_update is None else {"m": self.per_update}
        if self.sampler is None:
            return kind(**offered)  # type: ignore[no-any-return]
        found: Sampler = instance_of(SAMPLERS, self.sampler, Sampler, **offered)
        return found

    def options(self) -> dict[str, Any]:
        """Return what was typed, as options of a supernet."""
        affine = {} if self.affine is None else {"affine": self.affine == "yes"}
        return affine if self.dropout is None else {**affine, "dropout": self.dropout}
