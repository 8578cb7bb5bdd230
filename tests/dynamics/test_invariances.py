"""Symmetries and laws of the flow, for random networks and tasks."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from ntadyn.dynamics import GradientFlow
from ntadyn.metrics import difference_invariant, path_invariant
from ntadyn.networks import GatedLinear
from ntadyn.regularizers import Nonnegativity, UnitL1Norm, Zero
from ntadyn.simulation import FixedSteps, integrate, observables
from ntadyn.simulation.time_grid import lay_out
from ntadyn.tasks import from_matrices
from ntadyn.tasks.curricula import alternating
from tests.systems import general_network

# Half of the distance of two records, so that steps are as long as they are asked to be.
STEP, BLOCK = 0.025, 1.0
TAU_C, TAU_W = 0.3, 1.1
RECORDED = {
    "gates": observables.gates,
    "energy": observables.energy,
    "students": observables.student_overlaps,
}
# Runs of 100 steps amplify rounding; a violated symmetry shows at order one.
SAME = 1e-9
CURRICULUM = alternating(2, 2, BLOCK)
KINKED = Nonnegativity(0.3) + UnitL1Norm(1.5)
seeds = st.integers(0, 10_000)
few = settings(max_examples=5)


def records(teachers, network, penalty=KINKED, factor=1.0, step=STEP):
    """Times and time constants scaled by `factor`; records at 20 times in every block."""
    time_constants = {"gates": jnp.asarray(factor * TAU_C), "weights": jnp.asarray(factor * TAU_W)}
    system = GradientFlow(from_matrices(teachers), time_constants, {"gates": penalty})
    curriculum = alternating(2, 2, factor * BLOCK)
    grid = lay_out(curriculum, factor * step, records_per_block=19)
    return integrate(system, CURRICULUM, network, FixedSteps(), grid, RECORDED).values


@functools.cache
def problem(seed, paths=2):
    keys = jax.random.split(jax.random.key(seed), 2)
    return 0.6 * jax.random.normal(keys[0], (2, 2, 3)), general_network(paths=paths, seed=seed)


def rotation(seed, size):
    return jnp.linalg.qr(jax.random.normal(jax.random.key(seed), (size, size)))[0]


@pytest.mark.slow
@few
@given(seeds)
def test_rotating_teachers_and_students_together_changes_nothing(seed):
    teachers, network = problem(seed)
    left, right = rotation(seed, 2), rotation(seed + 1, 3)
    turn = lambda stack: jnp.einsum("ko,poi,li->pkl", left, stack, right)  # noqa: E731
    plain, turned = (
        records(teachers, network),
        records(turn(teachers), GatedLinear(network.gates, turn(network.weights))),
    )
    np.testing.assert_allclose(turned["gates"], plain["gates"], rtol=0, atol=SAME)
    np.testing.assert_allclose(turned["energy"], plain["energy"], rtol=0, atol=SAME)


@few
@given(seeds)
def test_permuting_paths_permutes_the_run(seed):
    teachers, network = problem(seed)
    plain = records(teachers, network)
    swapped = records(teachers, GatedLinear(network.gates[::-1], network.weights[::-1]))
    np.testing.assert_allclose(swapped["gates"], plain["gates"][:, ::-1], rtol=0, atol=SAME)


@few
@given(seeds, st.sampled_from([0.25, 3.0, 17.0]))
def test_only_ratios_of_times_matter(seed, factor):
    teachers, network = problem(seed)
    plain, scaled = records(teachers, network), records(teachers, network, factor=factor)
    np.testing.assert_allclose(scaled["gates"], plain["gates"], rtol=0, atol=SAME)


@pytest.mark.slow
def test_a_trajectory_does_not_see_its_batch():
    problems = [problem(seed) for seed in range(4)]
    teachers, networks = (
        jax.tree.map(lambda *leaves: jnp.stack(leaves), *part) for part in zip(*problems, strict=True)
    )
    batch = jax.vmap(records)(teachers, networks)
    for index, item in enumerate(problems):
        alone = records(*item)
        np.testing.assert_allclose(batch["gates"][index], alone["gates"], rtol=0, atol=1e-12)
        np.testing.assert_allclose(batch["students"][index], alone["students"], rtol=0, atol=1e-12)


@few
@given(seeds)
def test_energy_does_not_rise_within_a_block(seed):
    # Every factor of a step descends the same energy, with the other half of the variables frozen.
    energy = np.asarray(records(*problem(seed))["energy"]).reshape(2, -1)
    assert np.max(np.diff(energy, axis=1)) < 1e-12


def path_drift(seed, step):
    values = records(*problem(seed), penalty=Zero(), step=step)
    invariants = jax.vmap(lambda c, k: path_invariant(c, k, TAU_C, TAU_W))(values["gates"], values["students"])
    return float(jnp.max(jnp.abs(invariants - invariants[:1])))


@pytest.mark.slow
@few
@given(seeds)
def test_balance_of_each_path_is_conserved_without_penalty(seed):
    # Not conserved by a step, but by the flow: what is left falls with the square of the step.
    coarse, fine = path_drift(seed, STEP), path_drift(seed, STEP / 4)
    assert coarse < 1e-2
    assert coarse / fine == pytest.approx(16, rel=0.15)


def stiff_drift(seed, step):
    teachers, network = problem(seed)
    # Weak teachers: gates stay near their start, both positive.
    values = records(0.3 * teachers, GatedLinear(network.gates, 0.3 * network.weights), UnitL1Norm(3.0), step=step)
    assert float(jnp.min(values["gates"])) > 0
    q = jax.vmap(lambda c, k: difference_invariant(c, k, TAU_C, TAU_W))(values["gates"], values["students"])
    paths = jax.vmap(lambda c, k: path_invariant(c, k, TAU_C, TAU_W))(values["gates"], values["students"])
    return float(jnp.max(jnp.abs(q - q[0]))), float(jnp.max(jnp.abs(paths - paths[:1])))


@pytest.mark.slow
@few
@given(st.integers(0, 20))
def test_difference_is_conserved_under_the_norm_while_both_gates_are_positive(seed):
    drift, path_change = stiff_drift(seed, STEP)
    assert drift < 1e-4
    assert path_change > 30 * drift  # the norm does break the law of single paths
    assert drift / stiff_drift(seed, STEP / 4)[0] == pytest.approx(16, rel=0.2)


def test_difference_grows_while_a_gate_is_held_at_zero():
    values = records(*problem(0))
    q = jax.vmap(lambda c, k: difference_invariant(c, k, TAU_C, TAU_W))(values["gates"], values["students"])
    assert bool(jnp.any(values["gates"] <= 0))
    assert float(jnp.max(jnp.abs(q - q[0]))) > 1e-2
