"""Tables of measured architectures: formats and checks."""

from __future__ import annotations

from archrank.tables.base import BenchTable, load_table

__all__ = ["BenchTable", "load_table"]
