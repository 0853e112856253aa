"""From a table of measurements to ranked candidates with their uncertainty.

A CSV file or a data frame with a column per choice is enough; here it is made up.
"""

import numpy as np
import pandas as pd

import archrank as ar


def measured(n=80, seed=0):
    """Some runs of somebody's, as a spreadsheet has them."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "depth": rng.integers(1, 9, n),
            "width": rng.choice([32, 64, 128, 256], n),
            "activation": rng.choice(["relu", "gelu", "silu"], n),
        }
    )
    quality = 0.5 + 0.03 * frame.depth + 0.02 * np.log2(frame.width) - 0.002 * frame.depth**2
    frame["accuracy"] = quality + 0.01 * (frame.activation == "gelu") + rng.normal(0, 0.003, n)
    return frame


if __name__ == "__main__":
    frame = measured()  # or the name of a file
    table = ar.read_table(frame, ["depth", "width", "activation"], "accuracy", average=True)
    ranker = ar.rankers.Calibrated(ar.rankers.GaussianProcess(table.space))
    candidates = table.unmeasured()
    mean, std = ranker.fit(table.archs, table.values).predict(candidates)
    for i in np.argsort(-mean)[:5]:
        print(f"{mean[i]:.3f} +- {std[i]:.3f}  {table.space.format(candidates[[i]])[0]}")
