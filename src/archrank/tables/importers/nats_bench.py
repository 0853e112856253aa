"""NATS-Bench, topology search space: ``NATS-tss-v1_0-3ffb9``.

Dong, Liu, Musial & Gabrys, "NATS-Bench: Benchmarking NAS Algorithms for Architecture Topology and
Size", TPAMI 2021. Files are bz2-compressed pickles; schedules are named by their epochs.
"""

from __future__ import annotations

from archrank.tables.importers.plain_pickle import read_bz2
from archrank.tables.importers.trials_files import TrialsImporter


class NATSBenchImporter(TrialsImporter):
    """Importer of ``NATS-tss-v1_0-3ffb9-simple/``, ``...-full/``, or ``NATS-tss-*.pickle.pbz2``."""

    expects = "a folder NATS-tss-v1_0-3ffb9-simple of 000000.pickle.pbz2 ..., or its .pickle.pbz2"

    def __init__(self) -> None:
        super().__init__(read_bz2, r"(\d{1,6})\.pickle\.pbz2", {"200": "200", "12": "12"})
