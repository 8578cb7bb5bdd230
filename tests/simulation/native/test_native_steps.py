"""Kernels: against lanes in the same scheme, against exact events, and by their order and their error bars."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, Float

from ntadyn.simulation import LaneSteps, integrate_batch
from ntadyn.simulation.lane_boost import LaneBoosts
from ntadyn.simulation.native import kernel
from ntadyn.simulation.native.boost import Conserving
from ntadyn.simulation.native.lines import Shape
from ntadyn.simulation.native.scheme import Improved, Splitting
from ntadyn.simulation.native.source import WIDTH
from ntadyn.simulation.native.steps import NativeSteps, native_can_run, run_kernel
from ntadyn.simulation.outcome import result_codes
from ntadyn.simulation.time_grid import lay_out
from ntadyn.tasks.curriculum import AbstractCurriculum
from tests.simulation.test_lanes import CONSTANT_VELOCITIES, LANES, RECORDED, Problem

pytestmark = pytest.mark.skipif(kernel.backend() is None, reason="Numba is not installed")

# Paths and teachers of most problems here, so that few kernels are compiled.
SIZES = (2, 2)
# One program for most of what follows: in this one every run is made twice, for an error bar.
BARRED = NativeSteps(barred=True)
_run = eqx.filter_jit(integrate_batch)


class Mixed(AbstractCurriculum):
    """Blocks of mixed tasks."""

    shares: Float[Array, "b m"]
    durations: Float[Array, " b"]
    num_tasks: int = eqx.field(static=True)

    def task(self, block, t):
        del t
        return self.shares[block]

    def with_durations(self, durations):
        return Mixed(self.shares[: len(durations)], durations, self.num_tasks)


class Runs:
    """All of `LANES` from three starts each, with gates on either side of zero and at zero."""

    def __init__(self, paths, num_tasks, dtype=jnp.float64):
        made = Problem(paths, num_tasks, dtype)
        self.systems, self.states = jax.tree.map(lambda leaf: jnp.concatenate([leaf] * 3), (made.systems, made.states))
        rng = np.random.default_rng(3)
        gates = 0.6 * rng.normal(size=self.states.gates.shape) * (rng.random(self.states.gates.shape) > 0.3)
        gates[: len(LANES)] = made.states.gates
        self.states = eqx.tree_at(lambda states: states.gates, self.states, jnp.asarray(gates, dtype))
        self.curriculum = Mixed(made.curriculum.shares, made.curriculum.durations, num_tasks)

    def __call__(self, steps_per_block, method, states=None):
        grid = lay_out(self.curriculum, 1 / steps_per_block, records_per_block=1)
        return _run(self.systems, self.curriculum, states or self.states, method, grid, RECORDED)

    def gates(self, steps_per_block, method):
        return np.asarray(self(steps_per_block, method).values["gates"])


@pytest.fixture(scope="module")
def runs():
    made = Runs(*SIZES)
    number = made.states.gates.shape[0]
    assert number % 2 == 1
    assert number % WIDTH["float64"] != 0
    return made


def same_as_lanes(runs):
    found, wanted = runs(32, NativeSteps(scheme=Splitting())), runs(32, LaneSteps())
    off = jax.tree.map(lambda x, y: np.abs(x - y).max(), found.final_state, wanted.final_state)
    assert max(jax.tree.leaves(off)) < 1e-9
    np.testing.assert_allclose(found.values["gates"], wanted.values["gates"], rtol=0, atol=1e-9)
    np.testing.assert_array_equal(*(np.asarray(jax.vmap(result_codes)(item.result)) for item in (found, wanted)))
    gates = np.asarray(found.values["gates"])
    assert np.any(gates == 0)
    assert np.any(gates < 0)


def test_in_the_same_scheme_kernels_are_lanes(runs):
    same_as_lanes(runs)


@pytest.mark.slow
def test_with_more_paths_and_tasks_too():
    same_as_lanes(Runs(3, 4))


@pytest.mark.exhaustive
@pytest.mark.parametrize("sizes", [(1, 1), (1, 3), (4, 4), (4, 8)])
def test_with_any_numbers_of_paths_and_tasks(sizes):
    same_as_lanes(Runs(*sizes))


def test_the_improved_step_is_of_second_order_with_smaller_errors_and_bars_for_them(runs):
    reference = runs.gates(1024, LaneSteps())

    def off(trajectory):
        return np.abs(np.asarray(trajectory.values["gates"]) - reference).max(axis=(1, 2))

    coarse, middle, fine = (runs(steps, BARRED) for steps in (16, 64, 256))
    orders = np.log2(off(coarse) / off(fine)) / 4
    assert np.median(orders) > 1.8, orders
    assert np.median(off(coarse)) < np.median(off(runs(16, LaneSteps()))) / 4
    # Bars are those of half as many steps, in which an event or two come elsewhere.
    bars = np.asarray(middle.error["gates"]).max(axis=(1, 2))
    assert np.mean(off(middle) <= 3 * bars) > 0.9, off(middle) / bars
    assert 0.3 < np.median(bars / off(middle)) < 3


@pytest.mark.slow
def test_the_conserving_step_keeps_what_the_flow_keeps_and_converges(runs):
    def kept(state):
        """tau_c c c^T - tau_W K, all pairs."""
        outer = state.gates[:, :, None] * state.gates[:, None, :]
        taus = (runs.systems.time_constants[name][:, None, None] for name in ("gates", "weights"))
        return [np.asarray(tau * x) for tau, x in zip(taus, (outer, state.students[:, 0]), strict=True)]

    def moved(trajectory):
        (c0, k0), (c1, k1) = kept(runs.states), kept(trajectory.final_state)
        return np.abs((c1 - k1) - (c0 - k0)).max(axis=(1, 2))

    boost, unpenalised = NativeSteps(scheme=Conserving()), np.arange(len(LANES) * 3) % len(LANES) == 0
    found, lanes = runs(32, boost), runs(32, LaneBoosts())
    off = jax.tree.map(lambda x, y: np.abs(x - y).max(), found.final_state, lanes.final_state)
    assert max(jax.tree.leaves(off)) < 1e-9
    # Through zero and from zero, too: where nothing is penalised that is no kink.
    signs = np.sign(np.asarray(found.values["gates"]))[unpenalised]
    assert np.any(signs != signs[:, :1])
    assert np.any(np.asarray(runs.states.gates)[unpenalised] == 0)
    assert np.all(moved(found)[unpenalised] < 1e-12)
    assert np.all(moved(lanes)[unpenalised] < 1e-12)
    assert np.all(moved(runs(32, NativeSteps(scheme=Splitting())))[unpenalised] > 1e-5)
    reference = runs.gates(1024, LaneSteps())
    off = [np.abs(runs.gates(steps, boost) - reference).max(axis=(1, 2)) for steps in (32, 128)]
    assert np.median(np.log2(off[0] / off[1]) / 2) > 1.8
    assert off[1].max() < 0.02


def test_a_trajectory_that_is_not_a_number_is_told_and_leaves_the_others_alone(runs):
    gates = runs.states.gates.at[3, 0].set(jnp.nan)
    broken = runs(32, BARRED, eqx.tree_at(lambda states: states.gates, runs.states, gates))
    codes = np.asarray(jax.vmap(result_codes)(broken.result))
    others = np.arange(codes.size) != 3
    np.testing.assert_array_equal(codes, ~others)
    np.testing.assert_array_equal(np.asarray(broken.values["gates"])[others], runs.gates(32, BARRED)[others])


def test_events_of_others_in_the_same_vector_change_no_trajectory(runs):
    # Moved by less than a vector: lanes that had events together have them with others.
    number, found = runs.states.gates.shape[0], runs(32, BARRED)
    turned = jax.tree.map(lambda leaf: jnp.roll(leaf, 5, axis=0), (runs.systems, runs.states))
    again = _run(turned[0], runs.curriculum, turned[1], BARRED, lay_out(runs.curriculum, 1 / 32, 1), RECORDED)
    assert number > WIDTH["float64"] // 4 > 5
    for mine, theirs in zip(jax.tree.leaves(again.final_state), jax.tree.leaves(found.final_state), strict=True):
        np.testing.assert_array_equal(np.roll(mine, -5, axis=0), theirs)


@pytest.mark.parametrize("scheme", [Splitting(), Improved()], ids=lambda scheme: scheme.name)
def test_events_of_a_single_gate(scheme):
    """Without curvature, and without weights that move; the second gate rests at zero."""
    gate, drive, hinge, shrinkage, wanted = np.array(list(CONSTANT_VELOCITIES.values())).T
    zero, shape = np.zeros_like(gate), Shape(*SIZES, "float64", scheme)
    values = {"c0": gate, "s00": drive, "gate_rate": zero + 1, "hinge": hinge, "shrinkage": shrinkage}
    problem, state = (np.stack([values.get(name, zero) for name in names]) for names in (shape.problem, shape.state))
    task = np.array([[[1.0], [0.0]]])
    run = jax.jit(run_kernel, static_argnums=0)
    ends = np.asarray(run(shape, problem, state, np.ones(1), np.ones(1, int), np.asarray(1), task))
    found = dict(zip(CONSTANT_VELOCITIES, ends[0, 0], strict=True))
    assert found == pytest.approx(dict(zip(CONSTANT_VELOCITIES, wanted, strict=True)), abs=1e-14)
    np.testing.assert_array_equal(ends[0, 1], 0.0)


@pytest.mark.slow
def test_single_precision_takes_the_same_steps(runs):
    trajectory = Runs(*SIZES, jnp.float32)(32, NativeSteps())
    assert {leaf.dtype for leaf in jax.tree.leaves(trajectory.final_state)} == {jnp.dtype("float32")}
    np.testing.assert_allclose(trajectory.values["gates"], runs.gates(32, NativeSteps()), rtol=0, atol=2e-5)


def test_what_kernels_do_not_take_is_refused_and_left_to_lanes(runs, monkeypatch):
    one = jax.eval_shape(lambda tree: jax.tree.map(lambda leaf: leaf[0], tree), (runs.systems, runs.states))
    assert native_can_run(*one)
    noisy = eqx.tree_at(
        lambda system: system.batch_noise, one[0], one[0].time_constants["gates"], is_leaf=lambda x: x is None
    )
    assert not native_can_run(noisy, one[1])
    with pytest.raises(ValueError, match=r"without batch noise.*Pass LaneSteps"):
        NativeSteps().check(noisy, one[1])
    drifting = Problem(*SIZES).curriculum
    with pytest.raises(ValueError, match=r"Drifting\s+vary. Pass LaneSteps"):
        _run(runs.systems, drifting, runs.states, NativeSteps(), lay_out(drifting, 0.1), RECORDED)
    with pytest.raises(ValueError, match="refinement is 0"):
        dataclasses.replace(NativeSteps(), refinement=0)
    with monkeypatch.context() as patch:
        patch.setattr(jax, "default_backend", lambda: "gpu")
        with pytest.raises(ValueError, match="for CPUs, but JAX runs on gpu"):
            NativeSteps().check(*one)
    monkeypatch.setattr(kernel, "backend", lambda: None)
    assert not native_can_run(*one)
    with pytest.raises(ValueError, match=r"pip install .ntadyn\[fast\]"):
        NativeSteps().check(*one)
