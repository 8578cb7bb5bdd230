"""Random sequences of trials: their laws, that they can be traced, and what is refused."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from ntadyn.tasks import random_sequences as draw
from ntadyn.tasks.curricula import alternating

KEY = jax.random.key(7)
TRIALS, KEYS = 500, 40
TRACES: list[None] = []


@jax.jit
def drawn(rate: Any, mean: Any, cv: Any, share: Any) -> dict[str, Any]:
    """Tasks of all kinds for many keys; traced once for all that is asked of it here."""
    TRACES.append(None)
    shares = jnp.stack([share, 1 - share])

    def one(key: Any) -> dict[str, Any]:
        return {
            "hazard": draw.hazard(key, rate, TRIALS).tasks,
            "redraw": draw.redraw(key, rate, shares, TRIALS).tasks,
            "gamma": draw.gamma_blocks(key, mean, cv, TRIALS, 1.0, shares).tasks,
        }

    return jax.vmap(one)(jax.random.split(KEY, KEYS))


def of(kind: str, rate=0.1, mean=5.0, cv=1.0, share=0.5) -> np.ndarray:
    return np.asarray(drawn(*map(jnp.asarray, (rate, mean, cv, share)))[kind])


def stretches(sequences: np.ndarray) -> np.ndarray:
    """Lengths of runs of equal entries, the first and the last of every sequence left out, in a long record."""
    return np.concatenate([np.diff(np.flatnonzero(np.diff(tasks))) for tasks in sequences])


@pytest.mark.parametrize("rate", [0.1, 0.4])
def test_stretches_of_a_hazard_are_geometric(rate):
    tasks = of("hazard", rate=rate)
    # From every switch on, up to a length for which every record has room, so that none is cut off.
    longest, lengths = 20, []
    for row in tasks:
        edges = np.flatnonzero(np.diff(row)) + 1
        after = np.append(np.diff(edges), longest + 1)
        lengths.append(np.minimum(after, longest + 1)[edges + longest < TRIALS])
    lengths = np.concatenate(lengths)
    law = np.asarray([rate * (1 - rate) ** (n - 1) for n in range(1, longest + 1)] + [(1 - rate) ** longest])
    seen = np.bincount(lengths, minlength=longest + 2)[1:].astype(float)
    # Lengths that are too rare for the test are taken together with the first.
    rare = law * len(lengths) < 5
    seen[0], law[0] = seen[0] + seen[rare].sum(), law[0] + law[rare].sum()
    assert stats.chisquare(seen[~rare], len(lengths) * law[~rare]).pvalue > 0.01


def test_a_hazard_of_one_alternates():
    assert np.all(np.diff(of("hazard", rate=1.0)) != 0)


def test_redrawn_tasks_have_their_shares_from_the_first_trial_on():
    tasks = of("redraw", rate=0.5, share=0.8)
    # Trials are correlated: the variance of a mean is (2 - rho)/rho times that of independent ones.
    assert abs(tasks.mean() - 0.2) < 4 * np.sqrt(0.16 * 3 / tasks.size)
    assert abs(tasks[:, 0].mean() - 0.2) < 4 * np.sqrt(0.16 / KEYS)
    assert abs(np.mean(np.diff(tasks) != 0) - 0.5 * (1 - 0.68)) < 4 * np.sqrt(0.16 / tasks.size) * 2


@pytest.mark.parametrize(("mean", "cv"), [(5.0, 0.5), (10.0, 1.5)])
def test_gamma_blocks_have_their_mean_and_variation(mean, cv):
    # The trials that hold an edge do not depend on where a record ends, as complete blocks would.
    tasks = of("gamma", mean=mean, cv=cv)
    number = np.sum(np.diff(tasks) != 0, axis=1)
    # Of an ordinary renewal process, number of edges: T/m + (cv^2 - 1)/2, and the variance cv^2 T/m.
    expected = TRIALS / mean + (cv**2 - 1) / 2
    assert abs(number.mean() - expected) < 4 * cv * np.sqrt(TRIALS / mean / KEYS)
    lengths = np.asarray(draw.gamma_lengths(KEY, mean, cv, TRIALS))
    assert lengths.min() >= 1
    assert abs(lengths.mean() - mean) < 4 * cv * mean / np.sqrt(TRIALS)
    kurtosis = 3 + 6 * (cv * mean / (mean - 1)) ** 2
    assert abs(lengths.std() / (cv * mean) - 1) < 4 * np.sqrt((kurtosis - 1) / 4 / TRIALS)


def test_gamma_blocks_without_variation_are_regular():
    np.testing.assert_array_equal(of("gamma", mean=5.0, cv=0.0)[3], np.repeat(alternating(2, 100, 0.5).tasks, 5))
    lengths = stretches(of("gamma", mean=7.3, cv=0.0))
    assert set(lengths) == {7, 8}
    assert abs(lengths.mean() - 7.3) < 0.05


def test_gamma_blocks_of_unequal_shares():
    assert abs(of("gamma", mean=10.0, cv=0.5, share=0.8).mean() - 0.2) < 0.02


def test_one_trace_has_drawn_all_of_these():
    of("gamma", mean=3.0)
    of("hazard", rate=0.7)
    assert len(TRACES) == 1


def test_one_hazard_gives_the_frequencies_that_it_can_give():
    # The most frequent task is on either branch of the quadratic equation.
    for frequencies in ((0.48, 0.3, 0.22), (0.34, 0.33, 0.33), (0.25, 0.25, 0.4, 0.1)):
        matrix = np.asarray(draw.hazard_transitions(0.2, len(frequencies), frequencies))
        np.testing.assert_allclose(np.diag(matrix), 0.8, rtol=1e-12)
        np.testing.assert_allclose(np.sum(matrix, axis=1), 1.0, rtol=1e-12)
        np.testing.assert_allclose(np.asarray(frequencies) @ matrix, frequencies, atol=1e-12)
    np.testing.assert_array_equal(draw.hazard_transitions(0.25, 2, (0.5, 0.5)), [[0.75, 0.25], [0.25, 0.75]])


def test_the_frequencies_of_a_markov_chain_are_stationary():
    matrix = jnp.asarray([[0.9, 0.1], [0.5, 0.5]])
    np.testing.assert_allclose(draw.stationary(matrix), [5 / 6, 1 / 6], atol=1e-12)
    np.testing.assert_allclose(draw.stationary(jnp.asarray([[0.0, 1.0], [1.0, 0.0]])), [0.5, 0.5], atol=1e-12)


@pytest.mark.slow
def test_longer_draws_begin_like_shorter_ones():
    for maker in (
        lambda n: draw.hazard(KEY, 0.2, n, num_tasks=3),
        lambda n: draw.gamma_blocks(KEY, 4.0, 1.0, n),
        lambda n: draw.redraw(KEY, 0.4, (0.6, 0.4), n),
    ):
        np.testing.assert_array_equal(maker(37).tasks, maker(50).tasks[:37])


@pytest.mark.parametrize(
    ("maker", "told"),
    [
        (lambda: draw.hazard(KEY, 0.0, 5), "above 0 and up to 1"),
        (lambda: draw.hazard(KEY, jnp.nan, 5), "above 0 and up to 1"),
        (lambda: draw.hazard(KEY, 0.1, 5, num_tasks=1), "at least 2 tasks"),
        (lambda: draw.hazard(KEY, 0.1, 5, frequencies=(0.6, 0.4)), "Use `redraw`"),
        (lambda: draw.hazard(KEY, 0.1, 5, num_tasks=3, frequencies=(0.6, 0.2, 0.2)), "less than half"),
        (lambda: draw.hazard(KEY, 0.1, 5, num_tasks=3, frequencies=(0.5, 0.5)), "one for every task"),
        (lambda: draw.redraw(KEY, 0.1, (0.6, 0.6), 5), "their sum 1"),
        (lambda: draw.redraw(KEY, 0.1, (1.0, 0.0), 5), "must be positive"),
        (lambda: draw.markov(KEY, [[0.5, 0.4], [0.5, 0.5]], 5), "with the sum 1"),
        (lambda: draw.markov(KEY, [[jnp.nan, 0.4], [0.5, 0.5]], 5), "with the sum 1"),
        (lambda: draw.markov(KEY, [[0.5, 0.5]], 5), "one row and one column per task"),
        (lambda: draw.markov(KEY, [[1.0, 0.0], [0.0, 1.0]], 5), "depend on the task that comes first"),
        (lambda: draw.hazard(KEY, 0.5, 0), "at least one trial"),
        (lambda: draw.gamma_blocks(KEY, 1.0, 0.5, 5), "means above 1 trial"),
        (lambda: draw.gamma_blocks(KEY, 0.5, 0.0, 5), "means above 1 trial"),
        (lambda: draw.gamma_blocks(KEY, 5.0, -1.0, 5), "coefficients from 0 on"),
        (lambda: draw.gamma_blocks(KEY, 2.0, 0.5, 5, 1.0, (0.9, 0.1)), "rarest task"),
    ],
)
def test_what_cannot_be_drawn_is_refused(maker, told):
    with pytest.raises(ValueError, match=told):
        maker()
