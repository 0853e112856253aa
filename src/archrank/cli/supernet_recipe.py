"""Options of ``archrank supernet train`` that change a recipe."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from archrank.errors import SettingsError

if TYPE_CHECKING:
    from archrank.spaces.base import Space
    from archrank.supernets.samplers import Sampler
    from archrank.supernets.settling import Settling


@dataclass
class Optimisation:
    """Settings of the optimisation that take the place of the recipe's."""

    epochs: int | None = None
    """Number of passes over the training data (default: the recipe's)."""
    updates: int | None = None
    """Number of updates, in place of epochs (default: the recipe's)."""
    batch_size: int | None = None
    """Number of examples per update, of all processes together (default: the recipe's)."""
    batch_tokens: int | None = None
    """Number of tokens per update, in place of examples, on tasks of text (default: the
    recipe's)."""
    lr: Annotated[float | None, "NUMBER"] = None
    """Peak learning rate (default: the recipe's)."""
    schedule: (
        Literal["cosine", "cosine_after_warmup", "inverse_sqrt", "plateau", "constant"] | None
    ) = None
    """Learning rate: cosine, cosine_after_warmup, inverse_sqrt, which falls with the root of the
    updates, plateau or constant (default: the recipe's)."""
    final_lr: Annotated[float | None, "NUMBER"] = None
    """Learning rate at the end of a cosine (default: the recipe's, mostly 0)."""
    plateau_factor: Annotated[float | None, "NUMBER"] = None
    """Factor of the learning rate where the training loss stops to fall (default: the recipe's)."""
    plateau_patience: int | None = None
    """Number of epochs without a lower training loss before that (default: the recipe's)."""
    warmup_epochs: Annotated[float | None, "NUMBER"] = None
    """Number of epochs in which the learning rate rises from 0 (default: the recipe's)."""
    warmup_updates: int | None = None
    """Number of updates in which the learning rate rises from 0 (default: the recipe's)."""
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
class Stopping:
    """A training that may stop before its end."""

    settle: Annotated[float | None, "TAU"] = None
    """Stop when the ranks of fixed random architectures have settled: Kendall's tau of their losses
    with those of the epoch before exceeds this, .9 or, for language models, .85 as published
    (default: train to the end)."""
    settle_rises: int = 5
    """Number of epochs in a row in which this tau must rise to count as settled, too; 0: never."""
    settle_archs: int = 100
    """Number of these architectures."""

    def chosen(self) -> Settling | None:
        """Return the rule, if one is asked for.

        Raises:
            SettingsError: a setting of none, or one that is out of its range.
        """
        from archrank.supernets.settling import Settling

        if self.settle is not None:
            return Settling(self.settle, self.settle_rises or None, self.settle_archs)
        usual = Stopping()
        for name in ("settle_rises", "settle_archs"):
            if getattr(self, name) != getattr(usual, name):
                option = f"--{name.replace('_', '-')} {getattr(self, name)}"
                raise SettingsError(f"{option} needs --settle TAU, such as --settle 0.9")
        return None


@dataclass
class Sampling:
    """The architectures of an update, and options of the supernet."""

    sampling: Annotated[str | None, "NAME"] = None
    """Sampler of the architectures of an update: uniform, flops-prior, de-isomorphic, costliest,
    fairnas, skip-prior; attentive ones, which choose among K of equal FLOPs: bestup-K-loss and
    worstup-K-loss by their loss on the batch, bestup-K-ranker and worstup-K-ranker by a ranker,
    bestup-1m and worstup-1m from its best or worst of a million; or your own as file.py:name
    (default: the recipe's)."""
    per_update: int | None = None
    """Number of architectures per update, of the samplers that take one (default: the recipe's)."""
    ranker: Annotated[str, "NAME"] = ""
    """Ranker of accuracies that guides the sampling (default: the forest of AttentiveNAS)."""
    labels: Annotated[str, "FILE:COLUMN"] = ""
    """Table of scored architectures that the ranker is fitted to before the training (default: it
    learns from the supernet)."""
    learn_after: tuple[int, ...] = ()
    """Epochs after which the ranker learns from 512 architectures that the supernet scores
    (default: a twelfth of all, where it has no labels)."""
    affine: Literal["yes", "no"] | None = None
    """Scale and shift of batch norms in cells, yes or no; scores of cells rank better without
    (default: the recipe's)."""

    dropout: Annotated[float | None, "NUMBER"] = None
    """Part of the features before the classifier that is dropped (default: the recipe's)."""

    def chosen(self, default: Sampler, space: Space, epochs: int, data: Path | None) -> Sampler:
        """Return the sampler that was named, or the recipe's.

        Args:
            default: the recipe's.
            space: of the architectures.
            epochs: of the training.
            data: folder of files that are not here.

        Raises:
            SettingsError: a setting was typed that the sampler does not take.
        """
        from archrank.runs.sampling import Guide, make_sampler

        guide = Guide(self.ranker, self.labels, self.learn_after, data)
        return make_sampler(
            self.sampling, default, space, m=self.per_update, guide=guide, epochs=epochs
        )

    def options(self) -> dict[str, Any]:
        """Return what was typed, as options of a supernet."""
        affine = {} if self.affine is None else {"affine": self.affine == "yes"}
        return affine if self.dropout is None else {**affine, "dropout": self.dropout}
