"""Dry run of ``archrank supernet train``: what a training would cost."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from archrank.cli.output import show_rows
from archrank.errors import SettingsError

if TYPE_CHECKING:
    from archrank.supernets.dry_runs import DryRun
    from archrank.supernets.training import SupernetTraining
    from archrank.tasks.images.random_images import RandomImages

PUBLISHED = {"attentive_imagenet": "imagenet-288", "acenas_proxylessnas": "imagenet-224"}
"""Data of recipes that archrank does not bring: the default task of their dry runs."""


def default_task(recipe: str, otherwise: str) -> str:
    """Return the task of a dry run that names none: the data that the recipe was published for."""
    return PUBLISHED.get(recipe.lower().replace("-", "_"), otherwise)


def random_images(name: str, batch_size: int) -> RandomImages | None:
    """Return random images with the shape of a data set, ``None`` if ``name`` is none.

    Args:
        name: of the data set.
        batch_size: of the training; there are images for its dry run.
    """
    from archrank.supernets.dry_runs import UPDATES
    from archrank.tasks.images.random_images import EXTENTS, RandomImages

    name = name.lower().replace("_", "-")
    return RandomImages(of=name, images=UPDATES * batch_size) if name in EXTENTS else None


def refuse_random(name: str) -> None:
    """Refuse to train on random images.

    Raises:
        SettingsError: ``name`` is that of a data set which only dry runs know.
    """
    if random_images(name, 1) is not None:
        raise SettingsError(
            f"--task {name} is random images, from which nothing can be learnt: add --dry-run to "
            "see what a training costs, or name your own images as file.py:name"
        )


def show(training: SupernetTraining, found: DryRun) -> None:
    """Print what a training would cost."""
    from archrank.formatting import duration
    from archrank.tasks.images.random_images import RandomImages

    recipe, processes = training.recipe, training.ranks.size
    epoch = training.batches
    if isinstance(training.task, RandomImages):
        epoch = math.ceil(training.task.extent.images / recipe.batch_size)
    updates, epochs = recipe.updates_of(epoch), recipe.epochs_of(epoch)
    later = found.seconds[-1]
    told = [
        f"{wall:.3g} s, {cpu:.3g} s of CPU time"
        for wall, cpu in zip(found.seconds, found.cpu_seconds, strict=True)
    ]
    divided = f", {recipe.batch_size // processes} in each of {processes} processes"
    batch = ("batch size", f"{recipe.batch_size}{divided if processes > 1 else ''}")
    if recipe.batch_tokens is not None:
        batch = ("batch", f"{recipe.batch_tokens:,} tokens at most, padding included")
    of = " of tensors on the GPU" if training.device.type == "cuda" else ""
    show_rows(
        [
            batch,
            ("first update", told[0]),
            ("later update", told[-1]),
            ("peak memory", f"{size(found.peak_bytes)}{of}"),
            ("parameters", f"{found.params:,}"),
            ("checkpoint", size(found.checkpoint_bytes)),
            (
                "updates in all",
                f"{updates:,}, {epoch:,} in each of {epochs} epochs",
            ),
            ("time in all", f"about {duration(updates * later)}"),
        ]
    )


def size(count: int | None) -> str:
    """Write a number of bytes: ``1.84 GB``."""
    if count is None:
        return "not told by this system"
    unit, text = next((u, t) for u, t in ((1e9, "GB"), (1e6, "MB"), (1, "bytes")) if count >= u)
    return f"{count / unit:.3g} {text}"
