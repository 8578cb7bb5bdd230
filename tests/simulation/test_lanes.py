"""The step on lanes: against exact flows of the gates, and against the general splitting step."""

from collections import namedtuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, Float

from ntadyn.dynamics import OrderParameters
from ntadyn.interface import EventSearch, gate_flow
from ntadyn.interface.gate_flow import GateProblem
from ntadyn.regularizers import L1, L2, AbstractPenalty, Nonnegativity, UnitL1Norm, UnitL2Norm
from ntadyn.simulation import FixedSteps, LaneSteps, integrate_batch, lanes, observables
from ntadyn.simulation.lane_gates import flow_gates
from ntadyn.simulation.lane_weights import pulls
from ntadyn.simulation.lanes import LaneProblem, LaneState
from ntadyn.simulation.outcome import result_codes
from ntadyn.simulation.time_grid import lay_out
from ntadyn.tasks.curriculum import AbstractCurriculum
from tests.systems import general_network, general_tasks

RECORDED = {"gates": observables.gates}


# --- The flow of the gates alone, weights frozen.


class FrozenWeights:
    """Random gates, overlaps and penalties, one trajectory per entry, for a task that is one teacher and tau = 1."""

    def __init__(self, number, paths, seed=0):
        rng = np.random.default_rng(seed)
        weights = rng.normal(size=(number, paths, 3)) * rng.uniform(0.2, 1.2, (number, paths, 1))
        self.students = np.einsum("npi,nqi->npq", weights, weights)
        self.drive = np.einsum("npi,ni->np", weights, rng.normal(size=(number, 3)))
        # A third of the gates start at zero, a third of the coefficients are off.
        self.gates = 0.4 * rng.normal(size=(number, paths)) * (rng.random((number, paths)) > 0.3)
        self.hinge, self.unit_norm, self.shrinkage = rng.uniform(0, 2, (3, number)) * (rng.random((3, number)) > 0.3)

    @property
    def rate(self):
        """A bound on the largest rate of change of any velocity."""
        paths = self.gates.shape[1]
        return np.trace(self.students, axis1=1, axis2=2) + paths * self.unit_norm

    @property
    def speed(self):
        """A bound on the velocities at the start."""
        pulled = np.abs(np.einsum("npq,nq->np", self.students, self.gates)).max(1) + np.abs(self.drive).max(1)
        stretched = self.unit_norm * (1 + np.abs(self.gates).sum(1))
        return pulled + self.hinge + stretched + self.shrinkage


@jax.jit
def _on_lanes(students, drive, gates, hinge, unit_norm, shrinkage, duration):
    number, paths = gates.shape
    one = jnp.ones(number, gates.dtype)
    problem = LaneProblem(one, one, [[one]], hinge, unit_norm, shrinkage)
    state = LaneState(
        [gates[:, p] for p in range(paths)],
        [[students[:, p, q] for q in range(p + 1)] for p in range(paths)],
        [[drive[:, p]] for p in range(paths)],
    )
    task = [jnp.ones((), gates.dtype)]
    return jnp.stack(flow_gates(problem, state, pulls(state, task), task, duration)[0], axis=1)


@jax.jit
def _exactly(students, drive, gates, hinge, unit_norm, shrinkage, duration):
    def one(students, drive, gates, hinge, unit_norm, shrinkage):
        penalty = Nonnegativity(hinge) + UnitL1Norm(unit_norm) + L1(shrinkage)
        problem = GateProblem(drive, students, penalty, jnp.ones((), gates.dtype))
        return gate_flow.flow_gates(problem, gates, duration, EventSearch(max_pieces=12))

    return jax.vmap(one)(students, drive, gates, hinge, unit_norm, shrinkage)


def _flowed(by, frozen, duration):
    arrays = (frozen.students, frozen.drive, frozen.gates, frozen.hinge, frozen.unit_norm, frozen.shrinkage)
    return np.asarray(by(*(jnp.asarray(item) for item in arrays), jnp.asarray(duration)))


@pytest.fixture(scope="module")
def frozen():
    return FrozenWeights(2000, 3)


@pytest.mark.representatives(2)
@pytest.mark.parametrize("duration", [0.4, 0.1, 0.025])
def test_one_step_is_off_by_no_more_than_an_event_explains(frozen, duration):
    off = np.abs(_flowed(_on_lanes, frozen, duration) - _flowed(_exactly, frozen, duration)).max(axis=1)
    # Over a step velocities change by rate * speed * duration at most: so wrong can be the one that decides what a gate
    # does at zero, and with which it goes on for the rest of the step.
    assert np.all(off <= frozen.rate * frozen.speed * duration**2)


def test_without_an_event_a_step_has_the_stated_relative_error(frozen):
    for duration in (0.1, 0.025):
        exact = _flowed(_exactly, frozen, duration)
        z = frozen.rate * duration
        free = np.all((np.sign(exact) == np.sign(frozen.gates)) & (frozen.gates != 0), axis=1) & (z < 1)
        assert np.sum(free) > 200
        off = np.abs(_flowed(_on_lanes, frozen, duration) - exact).max(axis=1)
        rounding = 1e-14
        assert np.all(off[free] <= (frozen.speed * duration * z**4 / 11_500 + rounding)[free])


def test_no_time_moves_no_gate(frozen):
    np.testing.assert_array_equal(_flowed(_on_lanes, frozen, 0.0), frozen.gates)


@pytest.mark.parametrize("duration", [10.0, 1e4])
def test_steps_much_longer_than_the_rates_stay_bounded(frozen, duration):
    gates = _flowed(_on_lanes, frozen, duration)
    # Each Pade factor moves a gate towards the minimum in its orthant and never beyond; without curvature along a
    # direction it moves at constant speed.
    assert np.all(np.isfinite(gates))
    held = np.linalg.eigvalsh(frozen.students)[:, 0] > 0.05
    assert np.all(np.abs(gates[held]).max(axis=1) < 10 * frozen.speed[held] / 0.05)


# c, drive b, hinge, shrinkage k -> c after one unit of time, without curvature: velocities are constant.
CONSTANT_VELOCITIES = {
    "moves": (1.0, -0.4, 0.0, 0.2, 0.4),
    "arrives and is held": (0.5, -1.0, 1.0, 0.2, 0.0),
    "arrives and goes through": (0.6, -1.0, 0.1, 0.2, -0.5 * (1.0 - 0.1 - 0.2)),
    "arrives from below and is held": (-0.5, 0.1, 0.2, 0.4, 0.0),
    "arrives from below and goes through": (-0.5, 0.6, 0.2, 0.2, 0.5 * (0.6 - 0.2)),
    "is held from both sides": (0.0, 0.3, 0.0, 0.4, 0.0),
    "is held by the hinge": (0.0, -0.3, 0.4, 0.0, 0.0),
    "leaves upwards": (0.0, 0.5, 0.0, 0.2, 0.3),
    "leaves downwards against the hinge": (0.0, -0.5, 0.2, 0.1, -0.2),
    "is pulled to neither side": (0.0, 0.0, 0.0, 0.0, 0.0),
}


def test_events_of_a_single_gate():
    cases = np.array(list(CONSTANT_VELOCITIES.values()))
    single = FrozenWeights(len(cases), 1)
    single.students = np.zeros_like(single.students)
    single.unit_norm = np.zeros(len(cases))
    single.gates, single.drive, single.hinge, single.shrinkage = cases[:, :1], cases[:, 1:2], cases[:, 2], cases[:, 3]
    found = dict(zip(CONSTANT_VELOCITIES, _flowed(_on_lanes, single, 1.0)[:, 0], strict=True))
    assert found == pytest.approx(dict(zip(CONSTANT_VELOCITIES, cases[:, 4], strict=True)), abs=1e-14)


# --- Whole trajectories.


class Drifting(AbstractCurriculum):
    """Blocks of mixed tasks, in which the shares of the first and the last one drift against each other."""

    shares: Float[Array, "b m"]
    durations: Float[Array, " b"]
    num_tasks: int = eqx.field(static=True)

    def task(self, block, t):
        dtype = self.shares.dtype
        return self.shares[block] + 0.3 * jnp.sin(t) * jnp.linspace(1, -1, self.num_tasks, dtype=dtype)

    def with_durations(self, durations):
        return Drifting(self.shares[: len(durations)], durations, self.num_tasks)


# hinge, norm one, shrinkage, tau of the gates
LANES = {
    "no penalty": (0.0, 0.0, 0.0, 0.3),
    "hinge": (2.0, 0.0, 0.0, 0.3),
    "norm one": (0.0, 1.5, 0.0, 0.3),
    "shrinkage": (0.0, 0.0, 0.4, 0.3),
    "hinge, norm one": (0.3, 1.5, 0.0, 0.3),
    "hinge, norm one, fast": (0.3, 1.5, 0.0, 0.05),
    "all": (0.5, 2.0, 0.3, 0.1),
    "strong hinge": (5.0, 3.0, 0.0, 0.1),
    "slow": (1.0, 1.0, 0.0, 3.0),
}
_run = eqx.filter_jit(integrate_batch)


@eqx.filter_jit
def _made(tasks, network, numbers):
    def one(numbers):
        hinge, unit_norm, shrinkage, tau = numbers
        taus = {"gates": tau, "weights": jnp.asarray(1.1, tau.dtype)}
        penalty = Nonnegativity(hinge) + UnitL1Norm(unit_norm) + L1(shrinkage)
        system = OrderParameters(tasks, taus, {"gates": penalty})
        return system, system.initial_state(network)

    return jax.vmap(one)(numbers)


class Problem:
    """All of `LANES` as one batch."""

    def __init__(self, paths, num_tasks, dtype=jnp.float64):
        made = _made(general_tasks(num_tasks), general_network(paths=paths), jnp.asarray(list(LANES.values())))
        self.systems, self.states = jax.tree.map(lambda leaf: leaf.astype(dtype), made)
        shares = 0.7 * np.eye(num_tasks)[[0, min(1, num_tasks - 1), num_tasks - 1, 0]] + 0.15
        self.curriculum = Drifting(jnp.asarray(shares, dtype), jnp.ones(4, dtype), num_tasks)

    def run(self, steps_per_block, method, states=None):
        grid = lay_out(self.curriculum, 1 / steps_per_block)
        states = self.states if states is None else states
        return _run(self.systems, self.curriculum, states, method, grid, RECORDED)

    def gates(self, steps_per_block, method):
        return np.asarray(self.run(steps_per_block, method).values["gates"])


@pytest.fixture(scope="module")
def problem():
    return Problem(paths=3, num_tasks=3)


@pytest.fixture(scope="module")
def reference(problem):
    return problem.gates(1024, FixedSteps())


@pytest.fixture(params=[False, True], ids=["plainly", "with all optimisations"])
def compiled(request, monkeypatch):
    """Lanes are what users wait for: there XLA rearranges them as much as it can, which the suite else forbids."""
    if not request.param:
        yield
        return
    # Another function, because JAX does not compile one again when this setting changes.
    monkeypatch.setitem(globals(), "_run", eqx.filter_jit(lambda *arguments: integrate_batch(*arguments)))
    jax.config.update("jax_disable_most_optimizations", False)
    yield
    jax.config.update("jax_disable_most_optimizations", True)


@pytest.mark.representatives(1)
@pytest.mark.usefixtures("compiled")
def test_trajectories_converge_to_those_of_splitting_at_second_order(problem, reference):
    assert reference.shape[0] == len(LANES)
    off = {n: np.abs(problem.gates(n, LaneSteps()) - reference).max(axis=(1, 2)) for n in (16, 256)}
    orders = dict(zip(LANES, np.log2(off[16] / off[256]) / 4, strict=True))
    # Events inside a step cost a fraction of an order now and then, and fast gates are not resolved by the first steps.
    assert min(orders.values()) > 1.5, orders
    assert orders["slow"] == pytest.approx(2.0, abs=0.1)
    assert np.median(list(orders.values())) > 1.85, orders
    assert off[256].max() < 1e-4
    # All that can happen to a gate has happened to one: held, released, below zero.
    zero = reference == 0
    assert np.any(zero[:, :-1] & ~zero[:, 1:])
    assert np.any(~zero[:, :-1] & zero[:, 1:])
    assert np.any(reference < 0)


def test_a_trajectory_that_is_not_a_number_is_told_and_leaves_the_others_alone(problem):
    gates = problem.states.gates.at[3, 0].set(jnp.nan)
    broken = problem.run(32, LaneSteps(), eqx.tree_at(lambda states: states.gates, problem.states, gates))
    codes = np.asarray(jax.vmap(result_codes)(broken.result))
    np.testing.assert_array_equal(codes, np.arange(len(LANES)) == 3)
    others = np.arange(len(LANES)) != 3
    np.testing.assert_array_equal(np.asarray(broken.values["gates"])[others], problem.gates(32, LaneSteps())[others])


@pytest.mark.representatives(1)
@pytest.mark.slow
@pytest.mark.usefixtures("compiled")
def test_single_precision_takes_the_same_steps(problem):
    trajectory = Problem(3, 3, jnp.float32).run(32, LaneSteps())
    assert {leaf.dtype for leaf in jax.tree.leaves(trajectory.final_state)} == {jnp.dtype("float32")}
    # Some hundred steps of rounding.
    np.testing.assert_allclose(trajectory.values["gates"], problem.gates(32, LaneSteps()), rtol=0, atol=2e-5)


# --- What runs on lanes.


Shapes = namedtuple("Shapes", ("system", "state"))


def _shapes(penalty: AbstractPenalty | None, paths=2, num_tasks=2, row_resolved=False):
    penalties = {} if penalty is None else {"gates": penalty}

    def built():
        system = OrderParameters(general_tasks(num_tasks), {"gates": 0.3, "weights": 1.1}, penalties, row_resolved)
        return Shapes(system, system.initial_state(general_network(paths=paths)))

    return jax.eval_shape(built)


@pytest.mark.parametrize(
    ("shapes", "answer"),
    [
        (lambda: _shapes(None), True),
        (lambda: _shapes(L1(0.1), paths=1), True),
        (lambda: _shapes(Nonnegativity(0.1) + UnitL1Norm(1.0) + L1(0.1), paths=4), True),
        (lambda: _shapes(Nonnegativity(0.1), num_tasks=8), True),
        (lambda: _shapes(Nonnegativity(0.1), paths=5), False),
        (lambda: _shapes(Nonnegativity(0.1), num_tasks=9), False),
        (lambda: _shapes(Nonnegativity(0.1) + UnitL2Norm(1.0)), False),
        (lambda: _shapes(L2(0.1)), False),
        (lambda: _shapes(Nonnegativity(0.1), row_resolved=True), False),
    ],
)
def test_lanes_run_what_they_are_written_for(shapes, answer):
    found = shapes()
    assert lanes.lanes_can_run(found.system, found.state) is answer


def test_penalties_of_one_kind_add_up(problem):
    numbers = jnp.arange(1.0, 1.0 + len(LANES))
    penalty = Nonnegativity(0.1 * numbers) + L1(0.2 * numbers) + Nonnegativity(0.3 * numbers)
    systems = eqx.tree_at(lambda systems: systems.penalties, problem.systems, {"gates": penalty})
    found, _ = lanes.to_lanes(*_lanes_last(systems, problem.states))
    np.testing.assert_allclose(found.hinge, 0.4 * numbers, rtol=1e-15)
    np.testing.assert_allclose(found.shrinkage, 0.2 * numbers, rtol=1e-15)
    np.testing.assert_array_equal(found.unit_norm, 0.0)


def test_lanes_hold_every_component(problem):
    systems, states = _lanes_last(problem.systems, problem.states)
    jax.tree.map(np.testing.assert_array_equal, lanes.from_lanes(lanes.to_lanes(systems, states)[1]), states)


def _lanes_last(*trees):
    return jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 0, -1), trees)


@pytest.mark.slow
def test_forward_derivatives_are_those_of_the_steps_through_kinks(problem):
    grid = lay_out(problem.curriculum, 1 / 16)

    def final(scale):
        penalties = jax.tree.map(lambda leaf: leaf * scale, problem.systems.penalties)
        systems = eqx.tree_at(lambda systems: systems.penalties, problem.systems, penalties)
        return integrate_batch(systems, problem.curriculum, problem.states, LaneSteps(), grid, {}).final_state.gates

    ends, slopes = jax.jit(lambda scale: jax.jvp(final, (scale,), (1.0,)))(1.0)
    run = jax.jit(final)
    width = 1e-6
    numeric = (run(1 + width) - run(1 - width)) / (2 * width)
    np.testing.assert_allclose(slopes, numeric, rtol=1e-6, atol=1e-6)
    # Some have been through a kink, and what no penalty touches does not feel their strength.
    assert np.any(np.asarray(ends) == 0)
    assert np.all(np.asarray(slopes)[list(LANES).index("no penalty")] == 0)
    assert np.abs(np.asarray(slopes)).max() > 0.01
