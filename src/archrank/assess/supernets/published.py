"""Numbers that "A Surgery of the Neural Architecture Evaluators" prints about supernets.

Ning et al., 2020, the draft of ICLR 2021: CIFAR-10, NAS-Bench-201, 17 layers, 1,000 epochs.
Criteria that are shares are fractions here, as in archrank; ranks are shares of 15,625.
"""

from __future__ import annotations

from collections.abc import Mapping

EPOCHS = 1000
CELLS = 15_625

# Table 2: standard deviations of accuracies in percent, and of ranks, after shares of all epochs
_TABLE_2 = {
    0.2: (0.193, 11.4, 162),
    0.4: (0.161, 16.5, 153),
    0.6: (0.0901, 13.3, 123),
    0.8: (0.0977, 21.1, 116),
    1.0: (0.0911, 21.1, 117),
}
_TRUTH = (0.0392, 12.9, 65.1)

_COLUMNS = ("br_at_one", "br_at_1", "br_at_5", "p_at_5", "p_at_50", "tau")
_TABLE_3: dict[str, dict[float, tuple[float, ...]]] = {  # percent, and tau
    "none": {
        0.2: (3.372, 0.012, 0.006, 39.69, 79.27, 0.6033),
        0.4: (4.493, 0.019, 0.013, 12.03, 81.59, 0.6500),
        0.6: (21.555, 2.854, 2.336, 6.53, 88.04, 0.6951),
        0.8: (13.139, 2.739, 2.310, 7.68, 89.20, 0.7032),
        1.0: (11.379, 2.515, 2.221, 9.22, 89.72, 0.7127),
    },
    "sampling": {
        0.2: (1.840, 0.046, 0.015, 41.48, 73.03, 0.4967),
        0.4: (2.737, 0.031, 0.015, 39.31, 83.76, 0.6735),
        0.6: (5.212, 0.062, 0.045, 30.65, 87.44, 0.7087),
        0.8: (5.707, 0.139, 0.090, 28.48, 86.39, 0.6989),
        1.0: (2.273, 0.015, 0.015, 28.48, 86.45, 0.7005),
    },
    "post": {
        0.2: (3.866, 0.015, 0.015, 46.13, 76.89, 0.5511),
        0.4: (4.964, 0.015, 0.015, 37.77, 83.14, 0.6558),
        0.6: (20.260, 0.479, 0.340, 23.52, 87.44, 0.7123),
        0.8: (12.465, 0.634, 0.217, 21.36, 87.44, 0.7109),
        1.0: (10.950, 0.247, 0.093, 24.77, 87.81, 0.7226),
    },
}

# Table 4: (samples, comparison) -> BR@5 %, P@5 % in percent, tau
_TABLE_4: dict[tuple[str, str], tuple[float, float, float]] = {
    ("1", "compute"): (0.093, 24.77, 0.7226),
    ("3", "compute"): (0.139, 9.60, 0.7128),
    ("5", "compute"): (0.495, 20.74, 0.6714),
    ("fairnas", "compute"): (0.139, 11.76, 0.7137),
    ("1", "epochs"): (0.093, 24.77, 0.7226),
    ("3", "epochs"): (0.015, 14.24, 0.7025),
    ("5", "epochs"): (0.124, 17.03, 0.7018),
    ("fairnas", "epochs"): (0.031, 15.17, 0.6965),
}

# Section A.3: one-shot tau by what was trained and what is judged; predictors on one-shot labels
SUBSET_TAU = {
    ("all", "subset"): 0.657,
    ("subset", "subset"): 0.628,
    ("all", "all"): 0.701,
    ("subset", "all"): 0.670,
}
LABELS = {"itself": {"tau": 0.719, "br_at_1": 0.025}, "predictor": {"tau": 0.718, "br_at_1": 0.121}}


def table_2(share: float | None) -> Mapping[str, float]:
    """Return the spreads after a share of all epochs; ``None``: of the truth."""
    found = _TRUTH if share is None else _TABLE_2.get(share)
    if found is None:
        return {}
    score, overall, rank = found
    return {"score": score / 100, "overall": overall / 100, "rank": rank / CELLS}


def table_3(how: str, share: float) -> Mapping[str, float]:
    """Return the criteria of a way of sampling, after a share of all epochs."""
    found = _TABLE_3[how].get(share)
    return {} if found is None else _fractions(dict(zip(_COLUMNS, found, strict=True)))


def table_4(samples: str, comparison: str) -> Mapping[str, float]:
    """Return the criteria of a number of samples (or ``fairnas``), at equal compute or epochs."""
    found = _TABLE_4.get((samples, comparison))
    names = ("br_at_5", "p_at_5", "tau")
    return {} if found is None else _fractions(dict(zip(names, found, strict=True)))


def _fractions(criteria: Mapping[str, float]) -> dict[str, float]:
    return {k: v if k == "tau" else v / 100 for k, v in criteria.items()}
