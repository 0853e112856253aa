"""The extensions of the site, which Sphinx finds in ``docs/_ext``."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "docs" / "_ext"))
