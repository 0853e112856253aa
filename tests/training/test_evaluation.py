"""Evaluation streams: no split's outputs are held at once."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from archrank.errors import EvaluationError
from archrank.metrics import Metric
from archrank.tasks import Digits, Split
from archrank.training.evaluation import (
    EVAL_BATCH,
    EVAL_OUTPUTS,
    batch_size,
    evaluate,
    held_out,
    measure,
)
from tests.tasks.tiny import Counting, Parity, Sums, network_for


def test_batches_are_small_where_outputs_are_large() -> None:
    assert batch_size(Digits(), Digits().load().valid) == EVAL_BATCH
    y = torch.zeros(5000, 512, dtype=torch.int64)
    size = batch_size(Counting(vocabulary=32_000), Split(y, y))
    assert size >= 1
    assert size * 512 * 32_000 <= EVAL_OUTPUTS
    huge = torch.zeros(3, 100_000, dtype=torch.int64)
    assert batch_size(Counting(vocabulary=32_000), Split(huge, huge)) == 1


def test_a_split_is_seen_once_in_order_and_in_parts() -> None:
    seen: list[Tensor] = []

    class Watched(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            assert not self.training
            assert not torch.is_grad_enabled()
            seen.append(x)
            return super().forward(x)

    x = torch.randn(2 * EVAL_BATCH + 7, 3)
    y = (x.sum(1) > 0).long()
    network = Watched(3, 2)
    found = evaluate(network, Parity(), Split(x, y))
    assert [len(part) for part in seen] == [EVAL_BATCH, EVAL_BATCH, 7]
    assert torch.equal(torch.cat(seen), x)
    outputs = nn.functional.linear(x, network.weight, network.bias).detach()
    assert found["accuracy"] == float((outputs.argmax(1) == y).double().mean())
    assert found["loss"] == pytest.approx(float(Parity().loss(outputs, y)), rel=1e-6)


def test_held_out_names() -> None:
    names = held_out(Sums())
    assert names[:2] == ["valid_rmse", "test_rmse"]
    assert names[-2:] == ["valid_loss", "test_loss"]
    splits = Sums().load()
    network = network_for(Sums())
    found = measure(network, Sums(), splits)
    assert list(found) == names
    swapped = measure(network, Sums(), splits._replace(valid=splits.test, test=splits.valid))
    assert found["valid_rmse"] != found["test_rmse"]
    assert [swapped[name] for name in held_out(Sums())[::2]] == [found[n] for n in names[1::2]]


def test_a_metric_that_nothing_measures() -> None:
    class Lacking(Parity):
        metrics = (Metric("accuracy"), Metric("f1"))

    task = Lacking()
    with pytest.raises(EvaluationError, match="names the metric f1 but measures loss, accuracy"):
        evaluate(network_for(Parity()), task, task.load().valid)
