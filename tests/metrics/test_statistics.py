"""Summaries over seeds against numpy and scipy, with runs that never got there."""

import hypothesis
import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from ntadyn.metrics import mean_and_sem, quantiles


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_mean_and_sem_agree_with_scipy(getkey, axis):
    values = jax.random.normal(getkey(), (4, 5, 6))
    result = mean_and_sem(values, axis)
    np.testing.assert_allclose(result.mean, np.mean(values, axis=axis), atol=1e-12)  # rounding
    np.testing.assert_allclose(result.sem, scipy.stats.sem(np.asarray(values), axis=axis), atol=1e-12)  # rounding


def test_the_scatter_of_one_sample_is_unknown():
    result = mean_and_sem(jnp.array([[1.0, 2.0]]))
    np.testing.assert_array_equal(result.mean, [1.0, 2.0])
    assert jnp.all(jnp.isnan(result.sem))


@pytest.mark.slow
@hypothesis.given(
    hnp.arrays(np.float64, st.sampled_from([(1,), (5,), (4, 3)]), elements=st.floats(-1e3, 1e3)),
    st.lists(st.floats(0, 1), min_size=2, max_size=2),
    st.data(),
)
@hypothesis.settings(max_examples=30)
def test_quantiles_agree_with_numpy(values, probabilities, data):
    axis = data.draw(st.integers(-values.ndim, values.ndim - 1))
    found = quantiles(jnp.asarray(values), jnp.array(probabilities), axis)
    np.testing.assert_allclose(found, np.quantile(values, probabilities, axis=axis), atol=1e-9)  # rounding of 1e3


def test_unreached_runs_leave_lower_quantiles_alone():
    times = jnp.array([jnp.inf, 1.0, 3.0, 2.0, jnp.inf])
    np.testing.assert_array_equal(
        quantiles(times, jnp.array([0.0, 0.25, 0.5, 0.6, 1.0])), [1.0, 2.0, 3.0, jnp.inf, jnp.inf]
    )


def test_an_undefined_sample_makes_its_quantiles_undefined():
    values = jnp.array([[1.0, jnp.nan], [2.0, 1.0]])
    np.testing.assert_array_equal(quantiles(values, jnp.array([0.0])), [[1.0, jnp.nan]])


def test_no_samples_are_an_error():
    with pytest.raises(ValueError, match="no samples"):
        mean_and_sem(jnp.ones((0, 3)))
    with pytest.raises(ValueError, match="no samples"):
        quantiles(jnp.ones((3, 0)), jnp.array([0.5]), axis=1)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_summaries_under_jit_and_vmap_keep_dtype(getkey, dtype):
    values = jax.random.normal(getkey(), (3, 4, 5), dtype)
    summary = jax.jit(jax.vmap(mean_and_sem))(values)
    assert summary.mean.dtype == summary.sem.dtype == dtype
    np.testing.assert_allclose(summary.sem, mean_and_sem(values, axis=1).sem, rtol=1e-5)  # float32 rounding
    levels = jnp.array([0.1, 0.5], dtype)
    found = jax.jit(jax.vmap(quantiles, (0, None)))(values, levels)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, jnp.moveaxis(quantiles(values, levels, axis=1), 0, 1), rtol=1e-5)  # same
