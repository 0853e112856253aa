"""Settings of a measurement of latency, as HAT and RankNAS publish them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from archrank.checks import number, quoted, whole
from archrank.errors import EvaluationError

DTYPES = ("float32", "float16", "bfloat16")
LENGTHS = {"iwslt14": 23, "wmt14": 30}
"""Tokens of the sentences that HAT and RankNAS time, by the name of the task: usual lengths."""


@dataclass(frozen=True)
class LatencyProtocol:
    """Settings of a measurement of latency.

    The defaults are those of HAT (Wang et al., ACL 2020) and RankNAS (Hu et al., EMNLP 2021,
    section 4.1): five dry runs, 300 that are timed, of which the fastest and the slowest tenth are
    dropped. HAT's tables of 2,000 architectures have ``repeats=20``.

    A measurement whose spread is not below ``spread`` is made again, up to ``tries`` times, and the
    one of the least spread counts. Code of mixFormer that resembles RankNAS drops such rows at
    .015; published latencies were measured once (``tries=1``).

    Attributes:
        repeats: Timed runs.
        warmup: Runs before them that are not timed.
        trim: Share of the runs to drop at either end, 0 to below 0.5.
        spread: Standard deviation over mean, of the runs that are left, from which on a measurement
            is noisy.
        tries: Number of times that a noisy measurement is made, at most.
        threads: CPU threads of torch.
        dtype: Type of weights and inputs.
        batch_size: Inputs per run; sentences of a translation.
        length: Tokens of a sentence, and steps of a decoder; ``None``: 23 on IWSLT'14 and 30 on
            WMT'14, as published, and the task's own length elsewhere.
        beam: Translations of each sentence that a decoder carries on.
        generate: Let language models write a text token by token, with a cache, instead of reading
            it at once.

    Raises:
        EvaluationError: A setting leaves nothing to measure.
    """

    repeats: int = 300
    warmup: int = 5
    trim: float = 0.1
    spread: float = 0.015
    tries: int = 3
    threads: int = 1
    dtype: str = "float32"
    batch_size: int = 1
    length: int | None = None
    beam: int = 5
    generate: bool = False

    def __post_init__(self) -> None:
        least = {"repeats": 1, "warmup": 0, "tries": 1, "threads": 1, "batch_size": 1, "beam": 1}
        for name, smallest in least.items():
            value = getattr(self, name)
            whole(value, f"latency: {name}", at_least=smallest, error=EvaluationError)
        if self.length is not None:
            whole(self.length, "latency: length", at_least=1, error=EvaluationError)
        if not 0 <= number(self.trim, "latency: trim", error=EvaluationError) < 0.5:
            raise EvaluationError(
                f"latency: trim must be at least 0 and below 0.5, got {self.trim!r}"
            )
        if not number(self.spread, "latency: spread", error=EvaluationError, finite=False) > 0:
            raise EvaluationError(f"latency: spread must be above 0, got {self.spread!r}")
        if not isinstance(self.dtype, str) or self.dtype not in DTYPES:
            raise EvaluationError(
                f"latency: dtype must be one of {', '.join(DTYPES)}, got {quoted(self.dtype)}"
            )

    def length_of(self, task: Any) -> int:
        """Return the tokens of a sentence of ``task``."""
        return self.length or LENGTHS.get(task.name) or int(task.input_shape[-1])

    def describe(self) -> dict[str, Any]:
        """Return all settings as JSON values."""
        return asdict(self)
