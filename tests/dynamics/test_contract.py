"""What every system promises: shapes, dtypes, energy, descent, permutation of paths, and that it can be simulated."""

import functools
import math
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.dynamics import GradientFlow, OnlineSGD
from ntadyn.interface import AbstractQuadraticGatedFlow, Overlaps
from ntadyn.simulation import observables, simulate
from ntadyn.simulation.outcome import RESULTS
from tests.systems import CASES, direction, parameters, penalty_energy, two_blocks

ROUNDING = 1e-13  # a few dozen operations on numbers of order one
MIXTURE = (0.3, 0.7)  # a task in the middle of a smooth switch

by_name = {case.name: case for case in CASES}
# Compiling a simulation of each takes a minute or two on two cores; those that have most of their code apart are quick.
QUICK = ("order parameters", "online")
SIMULATED = [
    name if name in QUICK else pytest.param(name, id=name, marks=pytest.mark.slow)
    for name in (case.name for case in CASES)
]
each_simulated_system = pytest.mark.parametrize("name", SIMULATED)
each_system = pytest.mark.parametrize("name", [case.name for case in CASES])


class Report(NamedTuple):
    """All that the interface says about one state, and how it changes along the field."""

    field: Any
    loss: jax.Array
    energy: jax.Array
    gates: jax.Array
    overlaps: Overlaps
    energy_rate: jax.Array
    gate_rate: jax.Array
    student_rate: jax.Array


def report(system, state, task):
    field = direction(system, state, task)
    moving, still = eqx.partition(state, eqx.is_inexact_array)

    def views(moving):
        whole = eqx.combine(moving, still)
        return system.energy(whole, task), system.gates(whole), system.overlaps(whole).students

    rates = jax.jvp(views, (moving,), (like_parameters(field, moving),))[1]
    scalars = system.loss(state, task), system.energy(state, task)
    return Report(field, *scalars, system.gates(state), system.overlaps(state), *rates)


def like_parameters(field, moving):
    """The leaves of a field in the structure of the parameters that they belong to."""
    return jax.tree.unflatten(jax.tree.structure(moving), jax.tree.leaves(field))


@eqx.filter_jit
def batched_report(system, states, task):
    moving, still = zip(*[eqx.partition(state, eqx.is_inexact_array) for state in states], strict=True)
    batch = jax.tree.map(lambda *leaves: jnp.stack(leaves), *moving)
    return jax.vmap(lambda item: report(system, eqx.combine(item, still[0]), task))(batch)


@eqx.filter_jit
def field_and_loss(system, state, task):
    return direction(system, state, task), system.loss(state, task)


@functools.cache
def setting(name, dtype=jnp.float64):
    system, network = by_name[name].make(dtype)
    return system, network, system.initial_state(network), jnp.asarray(MIXTURE, dtype)


@functools.cache
def reported_pair(name):
    """The report, and that of the same network with its paths in reverse."""
    system, network, state, task = setting(name)
    reversed_paths = type(network)(network.gates[::-1], network.weights[::-1])
    pair = batched_report(system, (state, system.initial_state(reversed_paths)), task)
    return [jax.tree.map(lambda leaf, index=index: leaf[index], pair) for index in range(2)]


def reported(name):
    return reported_pair(name)[0]


@functools.cache
def simulated(name):
    system, _, state, _ = setting(name)
    recorded = {**observables.STANDARD, "energy": observables.energy}
    online = isinstance(system, OnlineSGD)
    return simulate(system, two_blocks(), state, observables=recorded, estimate_error=not online)


def assert_trees_close(left, right, atol=ROUNDING):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=0, atol=atol), left, right)


@pytest.mark.representatives(6)
@each_system
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_field_is_shaped_and_typed_like_the_state(name, dtype):
    system, _, state, task = setting(name, dtype)
    field = jax.eval_shape(lambda s, a: direction(system, s, a), state, task)
    expected = [(leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(parameters(state))]
    assert [(leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(field)] == expected
    assert jax.tree.structure(field) == jax.tree.structure(parameters(state))


@pytest.mark.representatives(2)
@each_system
def test_single_and_batched_calls_agree(name):
    system, _, state, task = setting(name)
    assert_trees_close(field_and_loss(system, state, task), (reported(name).field, reported(name).loss))


@each_system
def test_views_have_documented_shapes_and_are_finite(name):
    system, network, _, _ = setting(name)
    seen = reported(name)
    (paths, d_out), num_tasks = network.row_gates().shape, system.tasks.num_tasks
    assert seen.gates.shape == network.gates.shape
    assert seen.loss.shape == seen.energy.shape == ()
    rows = seen.overlaps.students.shape[0]
    assert rows in (1, d_out)
    assert seen.overlaps.students.shape == (rows, paths, paths)
    assert seen.overlaps.cross.shape == (rows, paths, num_tasks)
    assert seen.overlaps.teachers.shape == (rows, num_tasks, num_tasks)
    assert all(bool(jnp.all(jnp.isfinite(leaf))) for leaf in jax.tree.leaves(seen))


@each_system
def test_views_are_those_of_the_network(name):
    system, network, _, _ = setting(name)
    seen, teachers = reported(name), system.tasks.teachers
    weights = network.row_weights()
    contracted = {
        "students": jnp.einsum("poi,qoi->pq", weights, weights),
        "cross": jnp.einsum("poi,moi->pm", weights, teachers),
        "teachers": jnp.einsum("moi,noi->mn", teachers, teachers),
    }
    np.testing.assert_allclose(seen.gates, network.gates, atol=ROUNDING)
    for field, value in contracted.items():
        np.testing.assert_allclose(jnp.sum(getattr(seen.overlaps, field), axis=0), value, atol=ROUNDING)


@pytest.mark.parametrize("name", [case.name for case in CASES if case.white])
def test_loss_follows_from_gates_and_overlaps(name):
    seen, task = reported(name), jnp.asarray(MIXTURE)
    overlaps, rows = seen.overlaps, seen.overlaps.students.shape[0]
    gates = seen.gates.T if seen.gates.ndim == 2 else jnp.broadcast_to(seen.gates, (rows, *seen.gates.shape))
    squared = (
        jnp.einsum("m,rmn,n->", task, overlaps.teachers, task)
        - 2 * jnp.einsum("rp,rpm,m->", gates, overlaps.cross, task)
        + jnp.einsum("rp,rpq,rq->", gates, overlaps.students, gates)
    )
    np.testing.assert_allclose(seen.loss, 0.5 * squared, atol=ROUNDING)


@each_system
def test_energy_is_loss_plus_penalties(name):
    system, network, _, _ = setting(name)
    seen = reported(name)
    penalties = penalty_energy(system, seen.gates, network.weights)
    np.testing.assert_allclose(seen.energy, seen.loss + penalties, atol=ROUNDING)


@pytest.mark.parametrize("name", [case.name for case in CASES if case.descends])
def test_energy_falls_along_the_field(name):
    system, _, _, _ = setting(name)
    seen = reported(name)
    assert seen.energy_rate < -1e-3
    if isinstance(system, GradientFlow):
        dissipated = sum(tau * jnp.sum(getattr(seen.field, group) ** 2) for group, tau in system.time_constants.items())
        np.testing.assert_allclose(seen.energy_rate, -dissipated, atol=ROUNDING)


@each_system
def test_permuting_paths_permutes_everything(name):
    before, after = reported_pair(name)
    for field in ("loss", "energy", "energy_rate"):
        assert_trees_close(getattr(after, field), getattr(before, field))
    assert_trees_close(after.gates, before.gates[::-1])
    assert_trees_close(after.gate_rate, before.gate_rate[::-1])
    assert_trees_close(after.student_rate, before.student_rate[:, ::-1, ::-1])


@pytest.mark.representatives(1)
@pytest.mark.slow
@each_simulated_system
def test_simulates_with_no_more_than_a_curriculum(name):
    trajectory = simulated(name)
    assert bool(trajectory.result == RESULTS.successful)
    assert trajectory.times.shape == (4,)
    assert all(bool(jnp.all(jnp.isfinite(leaf))) for leaf in jax.tree.leaves(trajectory.values))
    energy = trajectory.values["energy"]
    assert energy[1] < energy[0]
    assert energy[3] < energy[2]


@pytest.mark.representatives(3)
@pytest.mark.parametrize(
    "name", [name for name in SIMULATED if "online" not in (name if isinstance(name, str) else name.id)]
)
def test_estimates_its_error_on_one_argument(name):
    trajectory = simulated(name)
    assert jax.tree.structure(trajectory.error) == jax.tree.structure(trajectory.values)
    error = float(jnp.max(trajectory.error["gates"]))
    assert 0 < error < math.inf
    # For gated systems the default step is chosen for gate errors below 1e-3; others are left to plain Heun.
    if isinstance(setting(name, jnp.float64)[0], AbstractQuadraticGatedFlow):
        assert error < 1e-3


@pytest.mark.representatives(3)
@each_system
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_simulation_keeps_the_dtype(name, dtype):
    system, _, state, _ = setting(name, dtype)
    trajectory = eqx.filter_eval_shape(functools.partial(simulate, system, two_blocks(dtype)), state)
    leaves = [leaf for leaf in jax.tree.leaves(trajectory) if jnp.issubdtype(leaf.dtype, jnp.floating)]
    assert len(leaves) > 5
    assert {leaf.dtype for leaf in leaves} == {jnp.dtype(dtype)}
    assert jax.tree.structure(trajectory.final_state) == jax.tree.structure(state)


def test_bad_networks_are_refused_by_every_system():
    for case in CASES:
        system, network, _, _ = setting(case.name)
        other = type(network)(network.gates, jnp.concatenate([network.weights, network.weights], axis=-1))
        with pytest.raises(ValueError, match="make them equal"):
            system.initial_state(other)
