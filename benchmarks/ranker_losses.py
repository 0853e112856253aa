"""Neural rankers with other losses than their own, for ``all_tables.py rank``.

    python benchmarks/all_tables.py rank RUN --data DIR --halves choose --labels 25 100 \
        --rankers benchmarks/ranker_losses.py:gates_warp ...

Names are ``RANKER_LOSS``: a ranker of ``MAKE`` and a loss of ``archrank.losses.LOSSES``.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from archrank.losses import LOSSES
from archrank.rankers import GATES, LSTM, MLP, NeuralPredictor
from archrank.spaces import Space

MAKE: dict[str, Any] = {
    "mlp": partial(MLP, encoding="one_hot"),
    "lstm": LSTM,
    "gates": GATES,
    "gcn": NeuralPredictor,
    "gcn_fast": partial(NeuralPredictor, batch_size=64, lr=1e-3, epochs=200),
}


def _ranker(space: Space, *, seed: int, kind: str, loss: str) -> Any:
    return MAKE[kind](space, objective=loss, seed=seed)


for _kind in MAKE:
    for _loss in LOSSES.names():
        globals()[f"{_kind}_{_loss}"] = partial(_ranker, kind=_kind, loss=_loss)
