"""Search with real training: every candidate is trained from scratch on handwritten digits.

The run is kept in a database. Stop it (Ctrl-C, kill -9), start it again: it goes on where it was.
"""

import tempfile
from pathlib import Path

import archrank as ar

space = ar.spaces.NASBench201()
accuracy_and_cost = ar.evaluators.Combined(
    ar.evaluators.Training(ar.tasks.digits()), ar.evaluators.Cost()
)

with tempfile.TemporaryDirectory() as folder:  # a folder of your own, to keep the run
    study = ar.Study(
        space,
        accuracy_and_cost,
        ar.strategies.Guided(initial=6),
        constraints=["params<=20000"],
        storage=Path(folder, "study.db"),
        seed=0,
    )
    study.run(budget=12)

    print(study.table()[["valid_accuracy", "test_accuracy", "params", "seconds"]].round(3))
    best = study.best
    print(f"best: {best.string}")
    print(
        f"validation {best.values['valid_accuracy']:.3f}, test {best.values['test_accuracy']:.3f}"
    )
