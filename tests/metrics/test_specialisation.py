"""Specialisation: known matrices, invariance under relabelling, and coordinates of two paths on two tasks."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.metrics import (
    last_blocks_mask,
    specialisation,
    two_path_coordinates,
    two_path_coordinates_from_overlaps,
)

ROUNDING = 1e-12

# Compiled whole: operation by operation, these tests would compile hundreds of programs.
(specialisation, two_path_coordinates, two_path_coordinates_from_overlaps) = map(
    eqx.filter_jit, (specialisation, two_path_coordinates, two_path_coordinates_from_overlaps)
)


def test_last_blocks_mask_selects_two_blocks():
    blocks = jnp.array([0, 0, 1, 1, 2, 2, 3, 3])
    np.testing.assert_array_equal(last_blocks_mask(blocks, 4), [False] * 4 + [True] * 4)
    np.testing.assert_array_equal(last_blocks_mask(blocks, 4, last=1), [False] * 6 + [True] * 2)


@pytest.mark.parametrize("last", [0, 5])
def test_last_blocks_mask_rejects_impossible_numbers(last):
    with pytest.raises(ValueError, match="from 1 to 4"):
        last_blocks_mask(jnp.arange(4), 4, last=last)


def test_specialisation_by_hand():
    early = np.eye(2)  # outside of the window: must not decide
    series = jnp.asarray(np.stack([early] * 5 + [[[0.1, 0.9], [0.7, 0.3]], [[0.2, 1.0], [0.8, 0.1]]]))
    result = specialisation(series, jnp.arange(7) >= 5)
    np.testing.assert_array_equal(result.assignment, [1, 0])
    assert result.matched == pytest.approx((0.9 + 0.7 + 1.0 + 0.8) / 4, abs=ROUNDING)
    assert result.mismatched == pytest.approx((0.1 + 0.3 + 0.2 + 0.1) / 4, abs=ROUNDING)
    assert result.contrast == pytest.approx(float(result.matched - result.mismatched), abs=ROUNDING)
    assert result.final == pytest.approx(0.9, abs=ROUNDING)
    assert result.final_contrast == pytest.approx(0.9 - 0.15, abs=ROUNDING)


def test_specialisation_does_not_depend_on_path_labels(getkey):
    series = jax.random.uniform(getkey(), (6, 3, 4))
    window = jnp.arange(6) >= 2
    order = jnp.array([3, 1, 0, 2])
    plain, relabelled = specialisation(series, window), specialisation(series[:, :, order], window)
    np.testing.assert_array_equal(order[relabelled.assignment], plain.assignment)
    for name in ("matched", "mismatched", "contrast", "final", "final_contrast"):
        assert getattr(relabelled, name) == pytest.approx(float(getattr(plain, name)), abs=ROUNDING)


def test_a_spare_path_counts_neither_as_matched_nor_as_mismatched():
    series = jnp.array([[[1.0, 0.0, 0.6], [0.0, 1.0, 0.6]]])
    result = specialisation(series, jnp.array([True]))
    assert (result.matched, result.mismatched) == (1.0, 0.0)


def test_one_teacher_has_no_mismatch():
    result = specialisation(jnp.array([[[0.3, 0.8]]]), jnp.array([True]))
    assert (result.matched, result.mismatched, result.contrast) == (0.8, 0.0, 0.8)


def test_an_empty_window_gives_nan_and_not_a_number_that_looks_right():
    result = specialisation(jnp.ones((3, 2, 2)), jnp.zeros(3, bool))
    assert jnp.isnan(result.matched)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_specialisation_under_jit_and_vmap_keeps_dtype(getkey, dtype):
    series = jax.random.uniform(getkey(), (5, 6, 2, 3), dtype)
    window = jnp.arange(6) >= 4
    found = jax.jit(jax.vmap(specialisation, (0, None)))(series, window)
    assert found.matched.dtype == dtype
    expected = [specialisation(s, window).contrast for s in series]
    np.testing.assert_allclose(found.contrast, np.array(expected), atol=1e-6)  # float32 sums
    masks = jax.jit(jax.vmap(lambda b: last_blocks_mask(b, 6)))(jnp.stack([jnp.arange(6)] * 2))
    np.testing.assert_array_equal(masks, jnp.stack([window] * 2))


def toy_overlaps(weights, teachers):
    return weights @ weights.T, weights @ teachers.T, teachers @ teachers.T


def test_perfect_specialists_have_unit_coordinates():
    result = two_path_coordinates(jnp.array([1.0, 0.0]), jnp.eye(2))
    assert (result.wbar_1, result.wbar_2, result.wbar, result.cbar) == (1.0, 1.0, 1.0, 1.0)
    assert result.wbar_rms == pytest.approx(1.0, abs=ROUNDING)


def test_two_path_coordinates_by_hand():
    weights = jnp.array([[0.9, 0.2], [0.3, 1.1]])
    result = two_path_coordinates(jnp.array([0.7, 0.4]), weights)
    found = (result.wbar_1, result.wbar_2, result.wbar, result.cbar)
    np.testing.assert_allclose(found, (0.6, 0.9, 0.75, 0.3), atol=ROUNDING)
    np.testing.assert_allclose(
        result.wbar**2, result.wbar_rms**2 - (result.wbar_1 - result.wbar_2) ** 2 / 4, atol=ROUNDING
    )


def test_swapping_paths_flips_the_signs(getkey):
    gates, weights = jax.random.normal(getkey(), (2,)), jax.random.normal(getkey(), (2, 2))
    one, other = two_path_coordinates(gates, weights), two_path_coordinates(gates[::-1], weights[::-1])
    for name in ("wbar_1", "wbar_2", "wbar", "cbar"):
        assert getattr(one, name) == -getattr(other, name)
    assert one.wbar_rms == pytest.approx(float(other.wbar_rms), abs=ROUNDING)


@pytest.mark.parametrize("groups", [(), (1,), (3,)])
def test_overlaps_give_the_coordinates_of_students_in_the_span_of_the_teachers(getkey, groups):
    gates, weights = jax.random.normal(getkey(), (2,)), jax.random.normal(getkey(), (2, 2))
    # Orthogonal teachers of size 0.5 made of as many rows as groups: rows share the components.
    scale = 0.5 / max(np.prod(groups), 1) ** 0.5
    overlaps = toy_overlaps(scale * weights, scale * jnp.eye(2))
    stacked = [jnp.broadcast_to(x, (*groups, 2, 2)) for x in overlaps]
    found, expected = two_path_coordinates_from_overlaps(gates, *stacked), two_path_coordinates(gates, weights)
    for name in ("wbar_1", "wbar_2", "wbar", "wbar_rms", "cbar"):
        assert getattr(found, name) == pytest.approx(float(getattr(expected, name)), abs=ROUNDING)


def test_equal_paths_have_no_distance(getkey):
    weights = jnp.tile(jax.random.normal(getkey(), (1, 2)), (2, 1))
    overlaps = toy_overlaps(weights, jnp.eye(2))
    result = two_path_coordinates_from_overlaps(jnp.array([0.5, 0.5]), *overlaps)
    assert result.wbar_rms == pytest.approx(0.0, abs=1e-7)  # the square root of rounding


def test_other_numbers_of_paths_are_an_error():
    with pytest.raises(ValueError, match="two paths and two teachers"):
        two_path_coordinates(jnp.ones(3), jnp.ones((3, 2)))
    with pytest.raises(ValueError, match="two paths and two teachers"):
        two_path_coordinates_from_overlaps(jnp.ones(2), jnp.eye(2), jnp.ones((2, 3)), jnp.eye(3))


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_two_path_coordinates_under_jit_and_vmap_keep_dtype(getkey, dtype):
    gates, weights = jax.random.normal(getkey(), (4, 2), dtype), jax.random.normal(getkey(), (4, 2, 2), dtype)
    found = jax.jit(jax.vmap(two_path_coordinates))(gates, weights)
    expected = [two_path_coordinates(g, w).wbar_rms for g, w in zip(gates, weights, strict=True)]
    np.testing.assert_allclose(found.wbar_rms, np.array(expected), rtol=1e-6)  # float32 rounding
    overlaps = jax.vmap(toy_overlaps, (0, None))(weights, jnp.eye(2, dtype=dtype))
    again = jax.jit(jax.vmap(two_path_coordinates_from_overlaps))(gates, *overlaps)
    np.testing.assert_allclose(again.wbar_rms, found.wbar_rms, rtol=1e-5)  # float32 cancellation
    assert again.wbar.dtype == found.wbar.dtype == dtype
