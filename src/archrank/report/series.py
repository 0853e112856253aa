"""Several series in one chart: a colour for each, dashes where colours run out."""

from __future__ import annotations

from archrank.drawing import PALETTE


def series_style(n: int) -> str:
    """Write the style sheet of ``n`` series: lines, error bars, bands and dots of class ``s0``."""
    rules = []
    for i in range(n):
        color, dash = PALETTE[i % len(PALETTE)], "" if i < len(PALETTE) else "6 4"
        rules.append(
            f"path.s{i} {{ stroke: {color}; stroke-width: 2; stroke-dasharray: {dash or 'none'}; }}"
            f"path.bar{i} {{ stroke: {color}; stroke-width: 1.3; stroke-opacity: 0.7; }}"
            f".chart path.band.s{i} {{ fill: {color}; fill-opacity: 0.15; stroke: none; }}"
            f".s{i} circle, .s{i} rect {{ fill: {color}; }}"
            f".cloud{i} circle {{ fill: {color}; fill-opacity: 0.35; }}"
        )
    return "\n".join(rules)


def series_symbols(n: int) -> dict[str, str]:
    """Draw the legend swatches of ``n`` series."""
    return {
        f"s{i}": f'<path class="s{i}" d="M0 6H26"/><g class="s{i}"><circle cx="13" cy="6" r="3.6"/>'
        "</g>"
        for i in range(n)
    }
