"""The contract of update rules: archrank's keep it, and faults are found."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from archrank.spaces import NASBench201, Scale
from archrank.supernets import Supernet
from archrank.supernets.samplers import FairNAS, Sampler, Uniform
from archrank.supernets.updates import MeanPerWeight, Session, UpdateRule, Updates
from archrank.tasks import Digits, Recipe
from archrank.testing import check_update_rule
from archrank.training.loop import initialise

SPACE = NASBench201(Scale(channels=2, cells=1, reduction="pool"))
TASK = Digits(recipe=Recipe(epochs=2, batch_size=450), copies=1)


def make() -> Supernet:
    return initialise(SPACE.networks(TASK).supernet, 0)  # type: ignore[return-value]


@pytest.mark.parametrize("sampler", [None, Uniform(m=2), FairNAS()])
@pytest.mark.parametrize("rule", [MeanPerWeight(), MeanPerWeight((1.5, 0.5), 0)])
def test_the_default_rule(rule: UpdateRule, sampler: Sampler | None) -> None:
    check_update_rule(rule, make, TASK, sampler)


class Distilling(UpdateRule):
    """Sandwich rule: the first architecture learns the targets, the others its outputs."""

    def start(self, session: Session) -> Updates:
        return Distillation(session)


class Distillation(Updates):
    def __init__(self, session: Session) -> None:
        self.session = session

    def __call__(self, batch: Any, archs: Any) -> torch.Tensor:
        step, supernet = self.session.step, self.session.supernet
        with step.forward_context():
            largest = supernet(*batch.inputs, archs[0])
            first = self.session.task.loss(largest, batch.y)
        step.backward(first)
        soft = largest.detach().softmax(dim=1)
        for arch in archs[1:]:
            with step.forward_context():
                outputs = supernet(*batch.inputs, arch)
                loss = torch.nn.functional.cross_entropy(outputs, soft)
            step.backward(loss)
        step.update()
        return first.detach()


def test_distillation_fits_the_contract() -> None:
    check_update_rule(Distilling(), make, TASK, Uniform(m=3))


class Faulty(MeanPerWeight):
    """Wraps the default rule's updates."""

    def start(self, session: Session) -> Updates:
        inner, rule = super().start(session), self

        class Wrapped(Updates):
            def __call__(self, batch: Any, archs: Any) -> torch.Tensor:
                return rule.call(inner, session, batch, archs)

        return Wrapped()

    def call(self, inner: Updates, session: Session, batch: Any, archs: Any) -> torch.Tensor:
        raise NotImplementedError


class Twice(Faulty):
    def call(self, inner: Updates, session: Session, batch: Any, archs: Any) -> torch.Tensor:
        inner(batch, archs)
        return inner(batch, archs)


class Idle(Faulty):
    def call(self, inner: Updates, session: Session, batch: Any, archs: Any) -> torch.Tensor:
        session.step.update()
        return torch.zeros(())


class Attached(Faulty):
    def call(self, inner: Updates, session: Session, batch: Any, archs: Any) -> torch.Tensor:
        inner(batch, archs)
        return session.loss(batch, archs[0])


class Forgetful(Faulty):
    """Has momenta, but keeps them out of its state."""

    def __init__(self) -> None:
        super().__init__(momentum_decision=0)

    def call(self, inner: Updates, session: Session, batch: Any, archs: Any) -> torch.Tensor:
        return inner(batch, archs)


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (Twice(), "must call step.update once, not 2 times"),
        (Idle(), "an update changes no weight"),
        (Attached(), "detach the loss"),
        (Forgetful(), "goes on from a checkpoint differs"),
    ],
)
def test_faults(rule: UpdateRule, told: str) -> None:
    with pytest.raises(AssertionError, match=told):
        check_update_rule(rule, make, TASK)
