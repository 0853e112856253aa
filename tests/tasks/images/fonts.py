"""Mark for tests that need the fonts of the task glyphs."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import pytest

needs_fonts = pytest.mark.skipif(
    not (Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "cmti10.ttf").is_file(),
    reason="the fonts of matplotlib 3.11 (Python >= 3.11)",
)
