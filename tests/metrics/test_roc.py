"""Areas under ROC curves against counting pairs, and their covariance against leaving cases out one by one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.metrics import areas_under_roc


def counted(scores: np.ndarray, positive: np.ndarray) -> np.ndarray:
    pairs = [(scores[:, i], scores[:, j]) for i in np.flatnonzero(positive) for j in np.flatnonzero(~positive)]
    return np.mean([(yes > no) + 0.5 * (yes == no) for yes, no in pairs], axis=0)


def test_area_is_the_share_of_ordered_pairs_and_its_covariance_that_of_the_jackknife():
    draw = np.random.default_rng(0)
    positive = draw.random(23) < 0.4
    first = np.round(draw.normal(size=23) + positive, 1)  # rounded, so that there are ties
    scores = np.stack([first, first + draw.normal(size=23), positive.astype(float)])
    with_others = np.concatenate([scores, 100 * draw.normal(size=(3, 2))], axis=1)  # of no kind
    yes, no = (jnp.asarray(np.append(kind, [False, False])) for kind in (positive, ~positive))
    areas = jax.jit(areas_under_roc)
    found = areas(jnp.asarray(with_others), yes, no)
    np.testing.assert_allclose(found.area, counted(scores, positive), atol=1e-14)
    covariance = np.zeros((3, 3))
    for kind in (positive, ~positive):
        without = np.array([counted(np.delete(scores, k, 1), np.delete(positive, k)) for k in np.flatnonzero(kind)])
        number = len(without)
        covariance += np.cov(without.T) * (number - 1) ** 2 / number
    np.testing.assert_allclose(found.covariance, covariance, atol=1e-14)
    assert float(found.area[2]) == pytest.approx(1, abs=1e-14)
    assert np.max(np.abs(found.covariance[2])) < 1e-30
    # Where there is one case of a kind, nothing is known of errors.
    alone = areas(jnp.asarray(with_others), jnp.arange(25) == 3, no)
    assert np.all(np.isnan(alone.covariance))
