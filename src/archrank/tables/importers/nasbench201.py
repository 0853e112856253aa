"""NAS-Bench-201: ``NAS-Bench-201-v1_1-096897.pth`` or its archive of single architectures.

Dong & Yang, "NAS-Bench-201: Extending the Scope of Reproducible Neural Architecture Search", ICLR
2020. Files are written by ``torch.save``; ``full`` is the schedule of 200 epochs, ``less`` of 12.
"""

from __future__ import annotations

from archrank.tables.importers.plain_pickle import read_torch
from archrank.tables.importers.trials_files import TrialsImporter


class NASBench201Importer(TrialsImporter):
    """Importer of the single file of all architectures, or a folder of ``000000-FULL.pth``, ..."""

    expects = "NAS-Bench-201-v1_1-096897.pth, or a folder of 000000-FULL.pth ..."

    def __init__(self) -> None:
        member = r"(\d{1,6})(?:-FULL|-SIMPLIFY)?\.pth"
        super().__init__(read_torch, member, {"200": "full", "12": "less"})
