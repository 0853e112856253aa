"""Translations that a trained network writes, and their BLEU."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from archrank.errors import SettingsError
from archrank.tasks.text.bleu import bleu

if TYPE_CHECKING:
    from torch import nn

    from archrank.networks.decoding import BeamSearch
    from archrank.tasks.base import Task
    from archrank.tasks.text.translation import Translation

AT_ONCE = 64  # sentences that are decoded together


class Translations(NamedTuple):
    """Texts of a split, in its order.

    Attributes:
        hypotheses: Translations by the network.
        references: Targets.
    """

    hypotheses: list[str]
    references: list[str]

    def bleu(self, **settings: Any) -> float:
        """Return the BLEU of the translations; settings of :func:`~archrank.tasks.bleu`."""
        return bleu(self.hypotheses, self.references, **settings)


def translations(
    network: nn.Module,
    task: Translation,
    *,
    split: Literal["train", "valid", "test"] = "test",
    search: BeamSearch | None = None,
    sentences: int | None = None,
) -> Translations:
    """Let a trained network translate the sources of a split.

    This costs a run of the decoder per token, so it is made once, of a finished network, and not in
    every epoch.

    Args:
        network: Trained; an :class:`~archrank.networks.transformer.EncoderDecoder`.
        task: That it was trained on.
        split: Part of the data.
        search: Beam search; ``None``: a beam of 5, as published for IWSLT'14.
        sentences: Number of sentences from the split's start; ``None``: all of them.

    Raises:
        SettingsError: The network cannot write step by step.
        EvaluationError: Its outputs are not numbers.

    Example:
        >>> from archrank.tasks import Dates
        >>> from archrank.tasks.text.decoding import translations
        >>> translations(None, Dates())  # a network of a space such as hat_small can
        Traceback (most recent call last):
        archrank.errors.SettingsError: a NoneType cannot translate: it is no EncoderDecoder
    """
    from archrank.networks.decoding import BeamSearch, translate
    from archrank.networks.transformer import EncoderDecoder
    from archrank.training.batching import trimmed
    from archrank.training.evaluation import batches

    _check_network(network)
    assert isinstance(network, EncoderDecoder)
    found = BeamSearch(end=task.end) if search is None else search
    if found.never is None and task.padding is not None:
        found = replace(found, never=task.padding)
    device = next(network.parameters()).device
    data = getattr(task.load(), split).take(slice(0, sentences))
    order = task.lengths(data).amax(1).argsort(stable=True)
    written = [""] * len(order)
    places = iter(order.tolist())
    for batch in batches(data.take(order), AT_ONCE):
        source = trimmed(task, batch).inputs[0].to(device)
        for best in translate(network, source, task.begin, found):
            written[next(places)] = task.text_of(best[0].tokens) if best else ""
    return Translations(written, [task.text_of(row) for row in data.y.tolist()])


def finished_bleu(network: nn.Module, task: Task) -> dict[str, float]:
    """Return ``test_bleu``: the BLEU of a finished network's translations of the test sentences.

    By a beam of 5 and the task's own ``bleu_settings``; :func:`check_bleu` says beforehand whether
    it can be measured.
    """
    check_bleu(network, task)
    found = translations(network, task)  # type: ignore[arg-type]
    return {"test_bleu": found.bleu(**task.bleu_settings)}  # type: ignore[attr-defined]


def check_bleu(network: nn.Module, task: Task) -> None:
    """Check that translations of a network could be measured, before it is trained.

    Raises:
        SettingsError: The task is no translation, or the network cannot write step by step.
        MissingExtraError: ``sacrebleu`` is not installed.
    """
    from archrank.tasks.text.translation import Translation

    if not isinstance(task, Translation):
        raise SettingsError(
            f"BLEU is measured on tasks of translation, such as dates; {task.name!r} is none"
        )
    _check_network(network)
    bleu(["a"], ["a"])


def _check_network(network: nn.Module) -> None:
    from archrank.networks.transformer import EncoderDecoder

    if not isinstance(network, EncoderDecoder):
        raise SettingsError(f"a {type(network).__name__} cannot translate: it is no EncoderDecoder")
