"""Write numbers for people: percent, SI prefixes, significant digits, durations, signals."""

from __future__ import annotations

import math
import re
import signal
from dataclasses import dataclass

from archrank.metrics import Metric

_COUNTS = {"macs", "params", "flops"}  # printed with SI prefixes
_PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
MISSING = "–"  # printed for NaN


def format_value(value: float, metric: Metric) -> str:
    """Write a metric's value with its unit, or a dash for NaN and infinities.

    Accuracies have two decimals in percent, counts of operations and weights an SI prefix, all
    else four significant digits.

    Example:
        >>> from archrank.metrics import Metric
        >>> format_value(0.93127, Metric("valid_accuracy", unit="fraction"))
        '93.13 %'
        >>> format_value(220_119_680, Metric("macs"))
        '220.1 M'
    """
    if not math.isfinite(value):
        return MISSING
    if metric.unit == "fraction":
        return f"{100 * value:.2f} %"
    if metric.unit == "percent":
        return f"{value:.2f} %"
    if is_count(metric.name):
        return si(value)
    return f"{significant(value)} {metric.unit}".strip()


def is_count(name: str) -> bool:
    """Tell if a metric counts operations or weights (``macs``; not ``flops_m``, in millions)."""
    return re.split(r"[^a-z0-9]+", name.lower())[-1] in _COUNTS


def si(value: float) -> str:
    """Write four significant digits and an SI prefix: ``220.1 M``."""
    for size, prefix in _PREFIXES:
        if abs(value) >= size:
            return f"{value / size:.4g} {prefix}"
    return f"{value:.4g}"


def significant(value: float) -> str:
    """Write four significant digits, without an exponent where that is readable."""
    if abs(value) >= 1e4:
        return f"{value:,.0f}" if abs(value) < 1e12 else f"{value:.3e}"
    return f"{value:.4g}"


def duration(seconds: float) -> str:
    """Write a time span in the units that suit it."""
    if not math.isfinite(seconds):
        return MISSING
    if seconds < 0.0001:
        return "< 0.1 ms"
    if seconds < 0.0995:
        return f"{1000 * seconds:.1f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60:,} h {minutes % 60:02d} min"


def whole_duration(seconds: float) -> str:
    """Write a time span for a display that counts: ``8 s``, ``1 min 20 s``."""
    return f"{seconds:.0f} s" if 0 <= seconds < 59.5 else duration(round(seconds))


@dataclass(frozen=True)
class Scale:
    """Scale of an axis called ``label``, which shows values times ``factor``."""

    factor: float
    label: str

    @classmethod
    def of(cls, metric: Metric, largest: float) -> Scale:
        """Return the scale of ``metric`` for values up to ``largest`` in size."""
        if metric.unit == "fraction":
            return cls(100.0, f"{metric.name} (%)")
        if is_count(metric.name):
            for size, prefix in _PREFIXES:
                if abs(largest) >= size:
                    return cls(1 / size, f"{metric.name} ({prefix})")
        unit = {"percent": "%"}.get(metric.unit, metric.unit)
        return cls(1.0, f"{metric.name} ({unit})" if unit else metric.name)


def signal_name(number: int) -> str:
    """Return the name of a signal; real-time signals have none.

    Example:
        >>> signal_name(9), signal_name(40)
        ('SIGKILL', 'signal 40')
    """
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
