"""Inside `jax.disable_jit()`, where people step through a rule of their own, everything gives the same numbers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.simulation import Adaptive, FixedSteps, simulate
from ntadyn.solvers import SlidingHeun
from ntadyn.specs.configuration import Configuration, Curriculum, Randomness, Teachers
from ntadyn.specs.ensemble import run_ensemble
from ntadyn.sweeps import sweep
from ntadyn.tasks.curricula import alternating
from tests.systems import CASES

QUICK = ("online",)
METHODS = {"default": None, "Heun": FixedSteps(SlidingHeun(), 0.02), "adaptive": Adaptive(rtol=1e-4, atol=1e-4)}


def same_without_jit(measure):
    compiled = measure()
    with jax.disable_jit():
        interpreted = measure()
    assert jax.tree.leaves(compiled)
    jax.tree.map(lambda one, other: np.testing.assert_allclose(one, other, rtol=0, atol=1e-13), compiled, interpreted)


@pytest.mark.representatives(2)
@pytest.mark.slow
@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=case.name, marks=() if case.name in QUICK else pytest.mark.slow) for case in CASES],
)
def test_every_system(case):
    system, network = case.make(jnp.float64)
    state, curriculum = system.initial_state(network), alternating(system.tasks.num_tasks, 2, 0.02)
    same_without_jit(lambda: simulate(system, curriculum, state).values)


@pytest.mark.exhaustive
@pytest.mark.parametrize("method", METHODS)
def test_every_kind_of_method(method):
    system, network = CASES[3].make(jnp.float64)
    state, curriculum = system.initial_state(network), alternating(system.tasks.num_tasks, 2, 0.02)
    same_without_jit(lambda: simulate(system, curriculum, state, method=METHODS[method], estimate_error=True).error)


SMALL = Configuration(
    teachers=Teachers(d_in=4, d_out=2),
    curriculum=Curriculum(total_time=0.2, block_duration=0.1),
    randomness=Randomness(num_seeds=2),
)


@pytest.mark.exhaustive
def test_an_ensemble():
    same_without_jit(lambda: run_ensemble(SMALL)[0].values)


@pytest.mark.exhaustive
def test_a_sweep_on_lanes():
    def measured():
        dataset = sweep(SMALL, axes={"curriculum.block_duration": [0.05, 0.1]}, seeds=2)
        return {str(name): item.values for name, item in dataset.data_vars.items() if item.dtype.kind == "f"}

    same_without_jit(measured)
