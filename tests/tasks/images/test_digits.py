from __future__ import annotations

import pickle
import subprocess
import sys

import torch

from archrank import tasks
from archrank.tasks import Digits, Split
from archrank.testing import check_task


def rows(split: Split) -> set[bytes]:
    return {x.numpy().tobytes() for x in split.x}


def test_splits_are_disjoint_stratified_and_whole() -> None:
    train, valid, test = Digits(noise=0.0, copies=1).load()
    assert [len(s.y) for s in (train, valid, test)] == [900, 450, 447]
    parts = [rows(s) for s in (train, valid, test)]
    # 1,797 images, none twice: the union has them all only if no image is in two splits.
    assert len(set.union(*parts)) == 1797
    for split in (train, valid, test):
        counts = torch.bincount(split.y, minlength=10).double() / len(split.y)
        assert float((counts - 0.1).abs().max()) < 0.01


def test_tensors_are_standardised_contiguous_and_typed() -> None:
    train = Digits().load().train
    assert train.x.dtype == torch.float32
    assert train.y.dtype == torch.int64
    assert train.x.is_contiguous()
    assert train.x.shape == (900, *Digits().input_shape)
    assert abs(float(train.x.mean())) < 1e-5
    assert abs(float(train.x.std()) - 1) < 1e-3


def test_noise_is_frozen_and_differs_between_copies() -> None:
    clean, noisy = Digits(noise=0.0, copies=1).load(), Digits(noise=0.5, copies=3).load()
    assert torch.equal(clean.train.x, noisy.train.x)
    noise = noisy.valid.x.reshape(3, 450, -1) - clean.valid.x.reshape(1, 450, -1)
    assert abs(float(noise.std()) - 0.5) < 0.01
    assert not torch.equal(noise[0], noise[1])
    assert torch.equal(noisy.valid.y, clean.valid.y.repeat(3))


def test_same_task_same_data_and_seed_changes_the_split() -> None:
    assert torch.equal(Digits().load().valid.x, pickle.loads(pickle.dumps(Digits())).load().valid.x)
    assert not torch.equal(Digits(seed=1).load().train.x, Digits().load().train.x)


def test_tasks_are_small_values() -> None:
    assert Digits() == tasks.digits()
    assert hash(Digits()) == hash(Digits())
    assert len(pickle.dumps(Digits())) < 1000
    assert Digits().n_classes == 10


def test_importing_tasks_loads_neither_torch_nor_sklearn() -> None:
    code = (
        "import sys, archrank.tasks; print({'torch', 'sklearn', 'matplotlib'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_contract() -> None:
    check_task(Digits())
