"""The predicted border against runs of the flow in the plane, by a method of their own: projected Runge-Kutta steps."""

import numpy as np
import pytest

from ntadyn.stability import (
    TeacherPlane,
    contact_probability,
    glide_length,
    initial_spread,
    specialised_probability,
    unspecialised_orbit,
)
from ntadyn.stability.lorentz import at_rest, gate_gain, symmetric_run

pytestmark = [pytest.mark.slow]

SPREAD = initial_spread(0.01 / np.sqrt(20), 20)
UNTIL, RADIUS, K_1 = 7.0, np.sqrt(0.5), 1.25


def run(tau_b: float, tau_c: np.ndarray, weights: np.ndarray, h: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """tau_c c' = W E - k_1 (sum c - 1), W' = c E, gates held at zero; a hinge that no gate overcomes.

    Args:
        tau_b: block duration.
        tau_c: shape (cells, 1).
        weights: W at the start, along A and B; shape (2 paths, 2 components, cells, seeds).
        h: about how long a step is.

    Returns:
        Gates, weights, and the time of the first contact, infinite if there is none.
    """
    gates, contact = np.full((2, *weights.shape[2:]), 0.5), np.full(weights.shape[2:], np.inf)

    def field(gates: np.ndarray, weights: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        error = target[:, None, None] - np.einsum("p...,pi...->i...", gates, weights)
        force = np.einsum("pi...,i...->p...", weights, error) - K_1 * (np.sum(gates, axis=0) - 1)
        return np.where((gates <= 0) & (force < 0), 0.0, force / tau_c), gates[:, None] * error

    time = 0.0
    while time < UNTIL - 1e-9:
        block = int(time / tau_b + 1e-9)
        span = min((block + 1) * tau_b, UNTIL) - time
        number = int(np.ceil(span / h))
        step = span / number
        target = RADIUS * np.eye(2)[block % 2]
        for _ in range(number):
            one = field(gates, weights, target)
            two = field(np.maximum(gates + step / 2 * one[0], 0), weights + step / 2 * one[1], target)
            three = field(np.maximum(gates + step / 2 * two[0], 0), weights + step / 2 * two[1], target)
            four = field(np.maximum(gates + step * three[0], 0), weights + step * three[1], target)
            total = [a + 2 * b + 2 * c + d for a, b, c, d in zip(one, two, three, four, strict=True)]
            gates, weights = np.maximum(gates + step / 6 * total[0], 0), weights + step / 6 * total[1]
            time += step
            contact = np.where(np.any(gates == 0, axis=0), np.minimum(contact, time), contact)
    return gates, weights, contact


def starts(cells: int, seeds: int, seed: int) -> np.ndarray:
    """Weights of every cell along A and B, whose difference has the given spread."""
    drawn = np.random.default_rng(seed).standard_normal((2, 2, seeds)) * SPREAD / np.sqrt(2)
    return np.repeat(drawn[:, :, None], cells, axis=2)


def test_contact_seed_by_seed():
    """T13, with 1,000 starts: .02 is the standard error of a probability of one half times 1.3."""
    tau_c = np.array([0.01, 0.02, 0.03])
    weights = starts(3, 1000, seed=0)
    *_, contact = run(1.0, tau_c[:, None], weights, 0.007)
    plane = TeacherPlane(1.0, tau_c, 1.0, K_1)
    expected, met = contact_probability(plane, UNTIL, SPREAD), np.isfinite(contact)
    np.testing.assert_allclose(np.mean(met, axis=1), expected, atol=0.03)
    difference, reached = weights[0] - weights[1], np.zeros((3, 1000))
    for moment in symmetric_run(plane, at_rest(plane), 7):
        gain = np.abs(np.einsum("ic,ics->cs", gate_gain(plane, moment), difference))
        reached = np.maximum(reached, gain)
    agreeing = np.mean((reached >= 1) == met, axis=1)
    assert np.all(agreeing >= 0.97), agreeing


def test_the_left_border_of_figure_5():
    """T14 on every second row of an 8 x 8 grid with 16 starts per cell; the error of a share of one half is .13.

    On all of it, with 24 starts, 62 of 64 cells agree and the mean |P - share| is .025.
    """
    durations, tau_c = np.linspace(0.1, 1.0, 8)[1::2], np.linspace(0.01, 0.05, 8)
    same, off = 0, []
    for duration in durations.tolist():
        _, weights, _ = run(duration, tau_c[:, None], starts(8, 16, seed=1), 0.007)
        cosines = weights / np.linalg.norm(weights, axis=1, keepdims=True)
        contrast = np.abs(cosines[0, 0] + cosines[1, 1] - cosines[0, 1] - cosines[1, 0]) / 2
        share = np.mean(contrast > 0.5, axis=1)
        predicted = specialised_probability(TeacherPlane(duration, tau_c, 1.0, K_1), UNTIL, SPREAD)
        same += int(np.sum((share >= 0.5) == (predicted >= 0.5)))
        off.append(np.abs(share - predicted))
    assert same >= 30
    assert np.mean(off) < 0.06


def test_the_glide_formula():
    """T5, and the growth of the cell (.6, .03), which no table has."""
    plane = TeacherPlane(0.6, 0.03, 1.0, K_1)
    found = unspecialised_orbit(plane)
    np.testing.assert_allclose(found.state, [1.020688, 0.601175, 0.811457], atol=1e-6)
    assert found.antisymmetric[0] == pytest.approx(1.00009066, abs=1e-7)
    assert abs(glide_length(plane, found, refinement=4) / np.log(found.antisymmetric[0]) - 1) < 2e-4
