"""Posteriors that rows are added to, against conditioning on all rows at once."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import cholesky

from archrank.rankers.kit.growing import GrowingPosterior
from archrank.rankers.kit.kernels import JITTER, Kernel, Term
from archrank.types import Floats

COLUMNS = [np.array([0, 1]), np.array([2, 3, 4])]
KERNELS = {
    "smooth": [Term(COLUMNS[0]), Term(COLUMNS[1])],
    "linear": [Term(COLUMNS[0]), Term(COLUMNS[1], linear=True)],
    "relevance": [Term(COLUMNS[0]), Term(COLUMNS[1], decisions=np.array([0, 1, 1]))],
}
N, MORE, WATCHED, OTHERS = 30, 12, 9, 5


@pytest.fixture(params=KERNELS)
def kernel(request: pytest.FixtureRequest) -> Kernel:
    return Kernel(KERNELS[request.param])


def thetas(kernel: Kernel) -> Floats:
    return kernel.prior_mean + 0.3 * np.random.default_rng(1).normal(size=len(kernel.prior_mean))


def rows(n: int, seed: int) -> Floats:
    return np.random.default_rng(seed).normal(size=(n, 5))


def growing(kernel: Kernel, x: Floats, n: int = N, room: int = MORE) -> GrowingPosterior:
    theta = thetas(kernel)
    train = kernel.scaled(theta, x[:n])
    covariance = kernel.between(theta, train, train)
    covariance[np.diag_indices(n)] += np.exp(theta[-1]) + JITTER
    lower = cholesky(covariance, lower=True)
    return GrowingPosterior(kernel, theta, train, lower, rows(WATCHED, 3), room)


def expected(kernel: Kernel, x: Floats, y: Floats, at: Floats) -> tuple[Floats, Floats]:
    """Mean and variance by the inverse (Rasmussen & Williams, 2.25-2.26)."""
    theta = thetas(kernel)
    train, test = kernel.scaled(theta, x), kernel.scaled(theta, at)
    noisy = kernel.between(theta, train, train) + (np.exp(theta[-1]) + JITTER) * np.eye(len(x))
    cross, inverse = kernel.between(theta, train, test), np.linalg.inv(noisy)
    variance = kernel.variances(theta, test) - np.diag(cross.T @ inverse @ cross)
    return cross.T @ inverse @ y, variance


def test_rows_added_later_count_as_those_from_the_beginning(kernel: Kernel) -> None:
    x, y = rows(N + MORE, 0), np.random.default_rng(2).normal(size=N + MORE)
    posterior = growing(kernel, x)
    for step, n in enumerate((N, N + 1, N + 5, N + MORE)):
        for row in x[posterior.n : n]:
            posterior.add(row[None])
        labels = y[:n] + step  # the labels of old rows may change
        posterior.label(labels)
        for found, at in ((posterior.watched(), 3), (posterior.predict(rows(OTHERS, 4)), 4)):
            wanted = expected(kernel, x[:n], labels, rows(WATCHED if at == 3 else OTHERS, at))
            np.testing.assert_allclose(found[0], wanted[0], atol=1e-8)
            np.testing.assert_allclose(found[1], wanted[1], atol=1e-8)
        np.testing.assert_allclose(
            posterior.fitted(), expected(kernel, x[:n], labels, x[:n])[0], atol=1e-8
        )


def test_the_room_that_is_left_changes_no_digit(kernel: Kernel) -> None:
    x, y = rows(N + MORE, 0), np.random.default_rng(2).normal(size=N + MORE)
    found = []
    for room in (MORE, 5 * MORE):
        posterior = growing(kernel, x, room=room)
        for row in x[N:]:
            posterior.add(row[None])
        posterior.label(y)
        found.append(np.concatenate([*posterior.watched(), *posterior.predict(rows(OTHERS, 4))]))
    assert (found[0] == found[1]).all()


def test_a_repeated_row_is_no_trouble(kernel: Kernel) -> None:
    x = np.repeat(rows(1, 0), N + MORE, axis=0)
    posterior = growing(kernel, x)
    for row in x[N:]:
        posterior.add(row[None])
    posterior.label(np.ones(N + MORE))
    assert np.isfinite(np.stack(posterior.watched())).all()


def test_a_new_row_is_compared_with_each_known_and_watched_one_once(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries: list[int] = []
    between = Kernel.between

    def counted(self: Kernel, theta: Floats, a: list[Floats], b: list[Floats]) -> Floats:
        entries.append(len(a[0]) * len(b[0]))
        return between(self, theta, a, b)

    x = rows(N + MORE, 0)
    posterior = growing(kernel, x)
    monkeypatch.setattr(Kernel, "between", counted)
    for n, row in enumerate(x[N:], N):
        entries.clear()
        posterior.add(row[None])
        posterior.label(np.zeros(n + 1))
        posterior.watched()
        assert sum(entries) == n + WATCHED
