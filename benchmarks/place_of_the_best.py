"""Where the best architecture stands in the predicted order: what any search by labels is up to.

    python benchmarks/place_of_the_best.py --data DIR --draws 3

The ranker that guides searches is fitted to random rows of each whole table and to the 30 best
after the best one, more than a search ever knows, and ranks all others. Where the best stands 14th
among these, its label is luck as far as the ranker can tell, and about so many more trainings are
needed, however well the ranker was chosen.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from tables_at_hand import Problem, problems

from archrank.rankers import GaussianProcess

NEXT = 30
LABELS = (200, 800)


def place(problem: Problem, n: int, draw: int) -> int:
    """Return the place of the best row among all that are not learnt, one per class."""
    space = problem.data.space
    _, first = np.unique(space.canonical(problem.data.archs), axis=0, return_index=True)
    archs, labels = problem.data.archs[first], problem.labels[first]
    best = np.flatnonzero(labels == labels.max())
    following = np.argsort(-labels, kind="stable")[len(best) :][:NEXT]
    others = np.setdiff1d(np.arange(len(labels)), best)
    random = np.random.default_rng([draw, n]).choice(others, n, replace=False)
    learnt = np.union1d(random, following)
    ranker = GaussianProcess(space).for_search().fit(archs[learnt], labels[learnt])
    predicted = ranker.predict(archs)
    rest = np.setdiff1d(np.arange(len(labels)), learnt)
    return int((predicted[rest] > predicted[best].max()).sum()) + 1


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--draws", type=int, default=3)
    args = parser.parse_args()
    titles = [f"{n} labels and the {NEXT} next" for n in LABELS]
    print(f"| half | table | {' | '.join(titles)} |")
    print("|---" * (2 + len(LABELS)) + "|")
    for problem in problems(args.data):
        if problem.searched:
            cells = [
                ", ".join(str(place(problem, n, draw)) for draw in range(args.draws))
                for n in LABELS
            ]
            print(f"| {problem.half} | {problem.name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
