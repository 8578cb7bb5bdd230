"""Groups that a norm brings to zero, holds there and lets go: exact zeros and second order, against SciPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.dynamics import GradientFlow
from ntadyn.networks import GatedLinear
from ntadyn.regularizers import L2, AbstractPenalty, ColumnL1, ColumnL2, Nonnegativity, Sum
from ntadyn.simulation import FixedSteps, simulate
from ntadyn.solvers import Splitting
from ntadyn.tasks import from_matrices
from ntadyn.tasks.curricula import sequence
from tests.solvers.vanishing_groups import follow
from tests.systems import TIME_CONSTANTS

DURATION = 1.0
STEPS = 25, 200


def end(teacher, gates, weights, penalties, steps, covariance=None):
    """Gates and weights, flat, after `DURATION` in so many steps."""
    tasks = from_matrices(jnp.asarray(teacher)[None])
    system = GradientFlow(tasks, TIME_CONSTANTS, penalties, None if covariance is None else jnp.asarray(covariance))
    network = GatedLinear(jnp.asarray(gates), jnp.asarray(weights))
    method = FixedSteps(Splitting(), DURATION / steps)
    state = simulate(system, sequence([0], [DURATION], 1), network, method=method).final_state
    return np.concatenate([state.gates, np.ravel(state.weights)])


def reference(teacher, gates, weights, groups, slopes, covariance):
    covariance = np.eye(teacher.shape[1]) if covariance is None else covariance

    def velocity(x):
        c, w = x[: gates.size], x[gates.size :].reshape(weights.shape)
        pull = (teacher - np.einsum("p,poi->oi", c, w)) @ covariance
        on_gates = np.einsum("poi,oi->p", w, pull) / TIME_CONSTANTS["gates"]
        return np.concatenate([on_gates, (c[:, None, None] * pull).ravel() / TIME_CONSTANTS["weights"]])

    return follow(velocity, groups, slopes, np.concatenate([gates, weights.ravel()]), DURATION)


def columns(gates, weights):
    indices = gates.size + np.arange(weights.size).reshape(weights.shape)
    return [indices[p, :, j] for p in range(weights.shape[0]) for j in range(weights.shape[2])]


def entries(gates, weights):
    return list(gates.size + np.arange(weights.size)[:, None])


def all_weights(gates, weights):
    return [gates.size + np.arange(weights.size)]


def all_gates(gates, weights):
    del weights
    return [np.arange(gates.size)]


# Parameter group, penalty, its groups, how many of them share its coefficient, output rows. The seeds are such that
# some of the groups arrive at zero, are held, or are released; of entries and single outputs, some pass through.
CASES = {
    "columns": ("weights", ColumnL2(2.0), columns, 6, 2),
    "columns of one output": ("weights", ColumnL2(2.0), columns, 6, 1),
    "entries": ("weights", ColumnL1(1.5), entries, 6, 2),
    "all weights": ("weights", L2(0.8), all_weights, 1, 2),
    "all gates": ("gates", L2(0.5), all_gates, 1, 2),
}
QUICK = ("columns", "all weights")


@pytest.mark.representatives(1)
@pytest.mark.slow
@pytest.mark.parametrize("coloured", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["white", "coloured"])
@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name not in QUICK)) for name in CASES])
def test_second_order_and_exact_zeros(name, coloured):
    group, penalty, groups, sharing, rows = CASES[name]
    slope = float(penalty.k) / sharing / TIME_CONSTANTS[group]
    errors = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        teacher, gates = 0.9 * rng.normal(size=(rows, 3)), 0.1 + 0.5 * np.abs(rng.normal(size=2))
        weights = 0.3 * rng.normal(size=(2, rows, 3))
        if seed % 2 and group == "weights":
            weights[:] = 0.0  # to be held or released
        root = rng.normal(size=(3, 3))
        covariance = 0.5 * np.eye(3) + root @ root.T / 9 if coloured else None
        indices = groups(gates, weights)
        exact = reference(teacher, gates, weights, indices, [slope] * len(indices), covariance)
        found = [end(teacher, gates, weights, {group: penalty}, steps, covariance) for steps in STEPS]
        np.testing.assert_array_equal(found[-1] == 0, exact == 0)
        errors.append([np.max(np.abs(each - exact)) for each in found])
    coarse, fine = np.transpose(errors)
    assert np.max(fine) < 1e-3
    # Where an event falls within a step moves single errors up and down; their sums converge evenly.
    order = np.log(np.sum(coarse) / np.sum(fine)) / np.log(STEPS[1] / STEPS[0])
    assert 1.9 < order < 2.15, errors


@pytest.mark.representatives(3)
@pytest.mark.parametrize("steps", [1, 7, 50])
@pytest.mark.parametrize("wrapped", [lambda norm: norm, lambda norm: Sum((norm,))], ids=["alone", "sum of one"])
def test_what_is_held_does_not_move(steps, wrapped):
    """A column driven by 0.8 of its threshold stays; it went by a quarter of what one step of the drive would do."""
    teacher, gates = np.array([[0.08, 0.3]]), np.array([1.0])
    weights = np.array([[[0.0, 0.3]]])
    penalty: AbstractPenalty = wrapped(ColumnL2(0.2))  # one path, two columns: a threshold of 0.1 each
    found = end(teacher, gates, weights, {"weights": penalty}, steps)
    assert found[1] == 0.0
    assert 0.1 < found[2] < 0.3


@pytest.mark.slow
def test_gates_under_a_norm_and_a_kink():
    """The kink holds one gate at zero while the norm shrinks the other; no reference, but one that converges."""
    teacher, gates = np.eye(2), np.array([0.9, 0.05])
    weights = np.stack([0.8 * np.eye(2), -0.4 * np.eye(2)])
    penalties: dict[str, AbstractPenalty] = {"gates": Nonnegativity(3.0) + L2(0.3)}
    found = {steps: end(teacher, gates, weights, penalties, steps) for steps in (25, 100, 1600)}
    assert all(each[1] == 0.0 for each in found.values())
    coarse, fine = (np.max(np.abs(found[steps] - found[1600])) for steps in (25, 100))
    assert fine < 1e-4
    assert np.log(coarse / fine) / np.log(4) > 1.8


@pytest.mark.exhaustive
def test_derivative_through_an_arrival():
    """Forward mode agrees with differences while one column arrives at zero."""
    teacher, gates = np.array([[0.02, 1.0]]), jnp.asarray([1.0])
    weights = jnp.asarray([[[0.1, 0.3]]])

    def reached(scale):
        system = GradientFlow(from_matrices(jnp.asarray(teacher)[None]), TIME_CONSTANTS, {"weights": ColumnL2(0.4)})
        out = simulate(
            system,
            sequence([0], [DURATION], 1),
            GatedLinear(gates, scale * weights),
            method=FixedSteps(Splitting(), 0.1),
        ).final_state
        return out.weights[0, 0, 0], out.weights[0, 0, 1]

    assert reached(1.0)[0] == 0.0
    step = 1e-5
    central = (reached(1.0 + step)[1] - reached(1.0 - step)[1]) / (2 * step)
    np.testing.assert_allclose(jax.jacfwd(lambda scale: reached(scale)[1])(1.0), central, rtol=1e-6)
