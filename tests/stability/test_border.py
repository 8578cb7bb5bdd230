import math

import numpy as np
import pytest
from scipy.stats import norm

from ntadyn.stability import (
    TeacherPlane,
    contact_probability,
    hinge_bound,
    initial_spread,
    predicted_border,
    specialised_probability,
    time_to_specialise,
)
from ntadyn.stability.border import _stays_within, first_block_rapidity, first_contact_block, short_block_contact

SPREAD = initial_spread(0.01 / math.sqrt(20), 20)


def test_gaussian_measure_of_polygons():
    """Strips are differences of normal distributions, rectangles their products, however thin."""

    def strip(size: float) -> float:
        return float(norm.cdf(1 / size) - norm.cdf(-1 / size))

    for one, other in ((0.5, 2.0), (1e-3, 30.0), (200.0, 900.0), (1.0, 0.0)):
        turn = np.array([[math.cos(0.7), -math.sin(0.7)], [math.sin(0.7), math.cos(0.7)]])
        gains = turn @ np.diag([one, other])
        found = _stays_within(gains[None] if one == 0 else np.stack([gains[:, 0], gains[:, 1]]), 1.0)
        assert found == pytest.approx(strip(one) * (strip(other) if other else 1.0), abs=2e-4)
    hexagon = np.stack([np.cos(np.arange(3) * np.pi / 3), np.sin(np.arange(3) * np.pi / 3)], axis=1) * 1.3
    points = np.random.default_rng(0).standard_normal((2, 400_000))
    inside = np.mean(np.all(np.abs(hexagon @ points) < 1, axis=0))
    assert _stays_within(hexagon, 1.0) == pytest.approx(inside, abs=3e-3)


def test_contact_in_the_first_block_and_in_short_blocks():
    """Against the closed forms for gates of norm one, at a stiff penalty."""
    plane = TeacherPlane(0.3, 0.02, 1.0, 12.5)
    # In one block the error stays along A: |D_A| sinh(Theta_1) >= kappa.
    needed = plane.kappa / np.sinh(first_block_rapidity(plane))
    spread = needed / 0.8
    expected = 2 * norm.sf(needed / spread)
    assert contact_probability(plane, 0.3, float(spread)) == pytest.approx(expected, abs=5e-3)
    assert first_contact_block(plane, float(needed)) == pytest.approx(0.3, rel=1e-12)
    assert np.isinf(first_contact_block(plane, 1e-9))
    short = TeacherPlane(0.02, 0.05, 1.0, 12.5)
    assert contact_probability(short, 0.6, 0.1) == pytest.approx(float(short_block_contact(short, 0.6, 0.1)), abs=1e-2)


def test_contact_early_enough():
    row = TeacherPlane(1.0, np.array([0.02, 0.03]), 1.0, 1.25)
    np.testing.assert_allclose(time_to_specialise(row), [1.2, 2.7], rtol=1e-12)
    found = specialised_probability(row, 3.2, SPREAD)
    np.testing.assert_allclose(found, contact_probability(row, np.array([2.0, 0.5]), SPREAD), atol=1e-14)
    assert np.asarray(found)[0] > 0.5 > np.asarray(found)[1]
    assert hinge_bound(row) == pytest.approx(0.5 * max(np.sin(a) * np.cos(2 * a) for a in np.linspace(0, 1.5, 10_001)))


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda plane: contact_probability(plane, 7.0, 0.0), "spread is 0"),
        (lambda plane: contact_probability(plane, math.inf, 0.1), "until is inf"),
        (lambda plane: predicted_border(plane, 7.0, 0.1, (0.1, 0.01)), "between is"),
    ],
)
def test_impossible_questions_are_refused(call, told):
    with pytest.raises(ValueError, match=told):
        call(TeacherPlane(1.0, 0.1))
