"""All different cells of NAS-Bench-101: their number, and that the published hash agrees.

    python benchmarks/enumerate_nasbench101.py [--hash]

Ying et al. (2019) report 423,624 cells. ``--hash`` (minutes) computes the published md5 of each:
as many different ones mean that the hash and exact isomorphism are the same partition.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from archrank.spaces.nasbench101.space import NASBench101

EXPECTED = 423_624


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hash", action="store_true", help="also compute every published hash")
    check_hashes = parser.parse_args().hash
    space = NASBench101()
    start = time.perf_counter()
    cells = space.unique_cells()
    print(f"{len(cells):,} cells in {time.perf_counter() - start:.1f} s; published {EXPECTED:,}")
    vertices = np.bincount(space.graph(cells).mask.sum(axis=1), minlength=8)
    print("by vertices:", ", ".join(f"{v}: {vertices[v]:,}" for v in range(2, 8)))
    good = len(cells) == EXPECTED
    if check_hashes:
        start = time.perf_counter()
        different = len(set(space.hash(cells)))
        print(f"{different:,} different hashes in {time.perf_counter() - start:.0f} s")
        good = good and different == EXPECTED
    raise SystemExit(0 if good else 1)


if __name__ == "__main__":
    main()
