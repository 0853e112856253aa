"""Reports of runs: one self-contained HTML page, and the numbers on it."""

from __future__ import annotations

from archrank.drawing import draw, draw_cell
from archrank.report.html import write_report
from archrank.report.summary import describe_best, describe_front

__all__ = ["describe_best", "describe_front", "draw", "draw_cell", "write_report"]
