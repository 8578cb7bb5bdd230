import numpy as np
import xarray as xr

from experiments.sandbrink_2024.figure_4 import numbers
from experiments.sandbrink_2024.runs.toy import published_records


def run_that_remembers_when(times):
    """A run whose first gate is the time of the record, and everything else is zero."""
    gates = np.stack([times, np.zeros_like(times)], axis=1)
    weights = np.zeros((len(times), 2, 2))
    return xr.Dataset(
        {"gates": (("record", "path"), gates), "weights": (("record", "path", "output"), weights)},
        {"time": ("record", times)},
    )


def test_published_windows_begin_at_the_last_record_before_a_switch():
    times = published_records(100.0, 1000)
    found = numbers.published_blocks(run_that_remembers_when(times))[..., 0]
    # A hundred switches cut off the first block and a remnant at the end, and two windows of either end are dropped.
    assert found.shape == (97, 10)
    for window, switch in zip(found, np.arange(2, 99), strict=True):
        assert window[0] == times[times < switch - 1e-9].max()
        assert window[1] == times[times >= switch - 1e-9].min()
        assert window[-1] < switch + 1


def test_windows_are_cut_to_equal_length():
    # Records that divide a block into 3.1 parts: windows of three, and every tenth one of four.
    times = np.arange(0, 40, 1 / 3.1)
    found = numbers.published_blocks(run_that_remembers_when(times))[..., 0]
    assert found.shape[1] == 3
    assert np.all(np.floor(found[:, 1]) - np.floor(found[:, 0]) == 1)
