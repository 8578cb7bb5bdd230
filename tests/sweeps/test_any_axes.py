"""Sweeps over any parameters, measured by any functions."""

import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.simulation import FixedSteps, observables
from ntadyn.specs.configuration import TeacherKind
from ntadyn.specs.paths import replaced
from ntadyn.sweeps import OUTCOME, Sweep, as_axes
from ntadyn.sweeps.plan import STRENGTH, TOTAL_TIME
from tests.sweeps.counted_sweeps import TINY, alone, assert_same_cell, run


def student_norms(system, state, task):
    """|W^p|."""
    return jnp.sqrt(jnp.diagonal(observables.student_overlaps(system, state, task)))


def largest_norm(record):
    """Norm of the largest path at the end. And nothing else."""
    return jnp.max(record.values["norms"][-1])


def norms(record):
    return record.values["norms"][-1]


ANY = Sweep(
    replaced(TINY, {"teachers.kind": TeacherKind.ROW_OVERLAPPING, "randomness.num_seeds": 2}),
    as_axes(
        {
            "network.num_paths": (2, 3),
            (STRENGTH, "teachers.overlap", TOTAL_TIME): ((0.1, 0.0), (0.0, 0.6), (2.0, 1.0)),
        }
    ),
    "any",
)


@pytest.fixture(scope="module")
def anything():
    further = OUTCOME.and_also({"norms": student_norms}, {"largest_norm": largest_norm, "norms": norms})
    return run(ANY, further)


@pytest.mark.slow
def test_parameters_of_all_kinds_are_axes(anything):
    dataset = anything.dataset
    zipped = "strength_and_overlap_and_total_time"
    assert dict(dataset.sizes) == {"network_num_paths": 2, zipped: 2, "seed": 2, "path": 3, "norms_0": 3}
    assert dataset.network_num_paths.dtype.kind == "i"
    assert dataset.strength.dims == dataset.overlap.dims == dataset.total_time.dims == (zipped,)
    np.testing.assert_array_equal(dataset.overlap, [0.0, 0.6])
    np.testing.assert_array_equal(dataset.total_time, [2.0, 1.0])
    # One program for each number of paths.
    assert len(anything.tiled.programs) == 2
    assert np.all(dataset.result == 0)


@pytest.mark.slow
def test_two_paths_have_two_gates(anything):
    gates = np.isfinite(anything.dataset.gates.values)
    assert np.all(gates[1])
    np.testing.assert_array_equal(gates[0], np.broadcast_to([True, True, False], gates[0].shape))


@pytest.mark.slow
def test_scores_and_observables_are_functions(anything):
    dataset = anything.dataset
    assert dataset.largest_norm.attrs["long_name"] == "Norm of the largest path at the end. And nothing else"
    assert dataset.norms.attrs["long_name"] == "norms"
    np.testing.assert_array_equal(dataset.largest_norm, dataset.norms.max("norms_0"))
    assert np.all(dataset.largest_norm > 0)


@pytest.mark.slow
@pytest.mark.parametrize("cell", [0, 1])
def test_zipped_parameters_reach_system_and_teachers(anything, cell):
    trajectory = alone(ANY, cell, 1, FixedSteps(max_step=0.0025))
    found = anything.dataset.isel(network_num_paths=0, strength_and_overlap_and_total_time=cell, seed=1, path=[0, 1])
    # Steps of lanes at the default length.
    assert_same_cell(found, trajectory, atol=2e-3)
