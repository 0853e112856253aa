"""The contract of tasks."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable

import torch
from torch import Tensor

from archrank.errors import DataError
from archrank.metrics import Metric
from archrank.tasks.base import Split, Splits, Task
from archrank.tasks.checks import check_data
from archrank.testing._require import require, require_description

Outputs = Callable[[Tensor, torch.Generator], Tensor]
"""``outputs(y, generator)``: what a network might return for the inputs of targets ``y``."""


def check_task(task: Task, *, outputs: Outputs | None = None, n: int = 24, seed: int = 0) -> None:
    """Check that ``task`` keeps the contract of :class:`~archrank.tasks.base.Task`.

    This is for the tests of a class of your own: identity, data, example, loss, meter and
    augmentation. :func:`archrank.tasks.check_task`, whose checks are among these, looks at the data
    alone, and is called before networks are trained.

    Args:
        task: the task; its data is loaded.
        outputs: makes outputs of a network up; ``None``: random numbers, of the shape of float
            targets, or ``(b, task.n_outputs, ...)`` for integer targets ``(b, ...)``.
        n: examples that loss and metrics are checked on.
        seed: of the outputs and of how the examples are cut into batches.

    Raises:
        AssertionError: a part of the contract is broken; the message says which.

    Warns:
        DataWarning: data can be used, but measures less than it seems to.

    Example:
        >>> from archrank.tasks import Digits
        >>> check_task(Digits(copies=1))
    """
    _check_names(task)
    _check_identity(task)
    splits = task.load()
    _check_data(task, splits)
    _check_example(task, splits)
    generator = torch.Generator().manual_seed(seed)
    few = _padded(task, splits.valid.take(slice(0, n)))
    made = (outputs or _outputs(task))(few.y, generator)
    _check_loss(task, made, few)
    _check_meter(task, made, few, generator)
    _check_augmentation(task, splits.train.take(slice(0, n)), seed)


def _check_names(task: Task) -> None:
    require(isinstance(task.name, str) and task.name, "name must be a short string")
    metrics = task.metrics
    require(
        isinstance(metrics, tuple) and metrics and all(isinstance(m, Metric) for m in metrics),
        f"metrics must be a tuple of Metric objects, at least one; got {metrics!r}",
    )
    names = [m.name for m in metrics]
    require(len(set(names)) == len(names), f"metrics must have different names, got {names}")
    require("loss" not in names, "no metric may be called 'loss': the loss is measured anyway")


def _check_identity(task: Task) -> None:
    who = type(task).__name__
    require_description(task.identity(), f"{who}: identity()")
    require(task.identity() == task.identity(), f"{who}: identity() must not change")
    try:
        copy: Task = pickle.loads(pickle.dumps(task))
    except Exception as error:
        raise AssertionError(
            f"{who} cannot be sent to worker processes: {error}; define its class at the top level "
            "of a module"
        ) from error
    require(copy.identity() == task.identity(), f"{who}: identity() changes with pickling")


def _check_data(task: Task, splits: Splits) -> None:
    again = task.load()
    try:
        check_data(task, splits)
    except DataError as error:
        raise AssertionError(str(error)) from error
    for name, split, other in zip(splits._fields, splits, again, strict=True):
        pairs = zip((*split.inputs, split.y), (*other.inputs, other.y), strict=True)
        require(
            all(torch.equal(a, b) for a, b in pairs),
            f"load() must return the same data each time; the {name} split differs",
        )


def _check_example(task: Task, splits: Splits) -> None:
    made = Split(task.example(3), torch.zeros(3))
    real = splits.train
    require(
        isinstance(made.x, tuple) == isinstance(real.x, tuple)
        and len(made.inputs) == len(real.inputs),
        "example() must return inputs as load() does: one tensor, or a tuple of as many",
    )
    for a, b in zip(made.inputs, real.inputs, strict=True):
        require(len(a) == 3, f"example(3) must return 3 inputs, got {len(a)}")
        require(
            a.dtype.is_floating_point == b.dtype.is_floating_point and a.dim() == b.dim(),
            f"example() returns {a.dtype} of {a.dim()} axes, the data is {b.dtype} of {b.dim()}",
        )
    again = Split(task.example(3), torch.zeros(3))
    require(
        all(torch.equal(a, b) for a, b in zip(made.inputs, again.inputs, strict=True)),
        "example() must return the same inputs for the same seed",
    )


def _padded(task: Task, data: Split) -> Split:
    """Return the data with padding at the end of every other target, where the task has any."""
    padding = getattr(task, "padding", None)
    if padding is None or data.y.dim() < 2:
        return data
    y = data.y.clone()
    y[::2, y.shape[1] // 2 :] = padding
    return data._replace(y=y)


def _outputs(task: Task) -> Outputs:
    def make(y: Tensor, generator: torch.Generator) -> Tensor:
        if y.is_floating_point():
            return torch.randn(y.shape, generator=generator)
        shape = (len(y), task.n_outputs, *y.shape[1:])
        return torch.randn(shape, generator=generator)

    return make


def _check_loss(task: Task, outputs: Tensor, data: Split) -> None:
    outputs = outputs.detach().clone().requires_grad_()
    loss = task.loss(outputs, data.y)
    require(
        isinstance(loss, Tensor) and loss.dim() == 0,
        f"loss() must return a scalar tensor, got {getattr(loss, 'shape', loss)}",
    )
    require(bool(torch.isfinite(loss)), f"loss() of finite outputs is {float(loss.detach())}")
    require(loss.requires_grad, "loss() must be differentiable with respect to the outputs")
    (gradient,) = torch.autograd.grad(loss, outputs, allow_unused=True)
    require(
        gradient is not None and bool(torch.isfinite(gradient).all()) and bool(gradient.any()),
        "the gradient of loss() must be finite, and not zero for random outputs",
    )


def _check_meter(task: Task, outputs: Tensor, data: Split, generator: torch.Generator) -> None:
    n = len(data.y)
    whole = _metered(task, outputs, data, [n])
    names = {"loss", *(m.name for m in task.metrics)}
    require(
        names <= whole.keys(),
        f"meter() must measure {', '.join(sorted(names))}; it lacks "
        f"{', '.join(sorted(names - whole.keys()))}",
    )
    require(
        all(type(value) is float for value in whole.values()),
        "meter().compute() must return floats",
    )
    loss = float(task.loss(outputs, data.y).detach())
    require(
        math.isclose(whole["loss"], loss, rel_tol=1e-4, abs_tol=1e-6),
        f"the meter's loss of one batch is {whole['loss']}, loss() gives {loss}",
    )
    cuts = sorted(torch.randperm(max(1, n - 1), generator=generator)[:3].add(1).tolist())
    sizes = [b - a for a, b in zip([0, *cuts], [*cuts, n], strict=True) if b > a]
    for parts in (sizes, [1] * n):
        found = _metered(task, outputs, data, parts)
        for name in names:
            same = math.isclose(found[name], whole[name], rel_tol=1e-4, abs_tol=1e-6)
            require(
                same or (math.isnan(whole[name]) and math.isnan(found[name])),
                f"{name} must not depend on how a split is cut into batches: {whole[name]} at "
                f"once, {found[name]} in batches of {parts[:4]}",
            )


def _metered(task: Task, outputs: Tensor, data: Split, sizes: list[int]) -> dict[str, float]:
    meter, start = task.meter(), 0
    for size in sizes:
        rows = slice(start, start + size)
        meter.update(outputs[rows], data.y[rows])
        start += size
    return meter.compute()


def _check_augmentation(task: Task, data: Split, seed: int) -> None:
    before = data.map(torch.clone)
    first, second = (
        Split(task.augment(data.x, torch.Generator().manual_seed(seed)), data.y) for _ in range(2)
    )
    for old, given, a, b in zip(
        before.inputs, data.inputs, first.inputs, second.inputs, strict=True
    ):
        require(torch.equal(old, given), "augment() must not change its input in place")
        require(torch.equal(a, b), "augment() must follow its generator alone")
        require(
            a.shape == old.shape and a.dtype == old.dtype,
            f"augment() must keep shape and type, got {tuple(a.shape)} {a.dtype} for "
            f"{tuple(old.shape)} {old.dtype}",
        )
