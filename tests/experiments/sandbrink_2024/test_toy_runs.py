from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from experiments.sandbrink_2024.runs.toy import (
    ToyRun,
    at_times,
    between_switches,
    follow_flow,
    published_records,
    specialisation,
    switch_times,
)

# Most of the time is compilation.
pytestmark = pytest.mark.slow

RUN = ToyRun(0.1, 0.5, ((1.0, 0.0), (0.2, 0.9)), gates=(0.9, 0.1), num_blocks=2)


def test_dense_published_records_are_one_step_late():
    times = published_records(1.0, 1000)
    # Sample 50 stands for 0.05005 and is taken at the first step after it.
    assert times[0] == 0
    assert times[50] == pytest.approx(0.051, abs=1e-12)
    assert times[-1] == pytest.approx(1.0, abs=1e-12)


def test_sparse_published_records_wait_for_the_next_step():
    times = published_records(100.0, 1000)
    np.testing.assert_allclose(times[:3], [0.0, 0.101, 0.201], atol=1e-12)
    # Those that fall on a step do not wait.
    np.testing.assert_allclose(published_records(1.0, 5), [0, 0.25, 0.5, 0.75, 1.0], atol=1e-12)


def test_specialisation_counts_path_1_for_output_1():
    assert specialisation(np.eye(2)) == 1
    assert specialisation(np.eye(2)[::-1]) == -1
    assert specialisation(np.ones((2, 2))) == 0


def test_records_at_a_smooth_switch_are_dropped():
    dataset = xr.Dataset(coords={"time": ("record", [0.0, 0.5, 1 - 0.5e-4, 1.0])})
    kept = between_switches(dataset, switch_times(1.0, 1))
    assert list(kept.time.values) == [0.0, 0.5, 1.0]


def test_of_two_records_at_a_switch_the_earlier_is_taken():
    dataset = xr.Dataset({"block": ("record", [0, 0, 1, 1])}, {"time": ("record", [0.0, 1.0, 1.0, 2.0])})
    assert list(at_times(dataset, [1.0, 2.0]).block.values) == [0, 1]


@pytest.fixture(scope="module")
def flow():
    return follow_flow(RUN, 5e-3, 3)


def test_outputs_are_labelled_as_published(flow):
    # The first target is (0, 1), on which both weights and the target itself are read along output 2.
    np.testing.assert_allclose(flow.weights.values[0], RUN.weights)
    np.testing.assert_allclose(flow.gates.values[0], RUN.gates)
    np.testing.assert_allclose(flow.y.values[0], [0.9 + 0.02, 0.09], rtol=1e-12)
    middle = at_times(flow, [0.5, 1.5]).target.values
    np.testing.assert_allclose(middle, [[0, 1], [1, 0]], atol=1e-4)
    # The loss falls within a block and jumps at the switch.
    assert flow.loss.values[3] < 0.2 * flow.loss.values[0]
    assert flow.cbar.values[0] == pytest.approx(0.8)


def test_exchanged_outputs_and_paths_give_the_mirror_image(flow):
    mirrored = replace(RUN, weights=((0.9, 0.2), (0.0, 1.0)), gates=(0.1, 0.9), first_output=0)
    image = follow_flow(mirrored, 5e-3, 3)
    np.testing.assert_allclose(image.weights.values[:, ::-1, ::-1], flow.weights.values, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(image.wbar.values, flow.wbar.values, rtol=1e-10, atol=1e-12)
