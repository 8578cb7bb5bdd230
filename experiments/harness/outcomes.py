"""What every experiment asks of its datasets: did all repetitions end well, and were they run on batches?"""

import json

import xarray as xr

from experiments.harness.acceptance import Acceptance, at_most, single
from experiments.harness.sources import OURS
from ntadyn.specs.configuration import Dynamics


def no_failures(*datasets: xr.Dataset) -> Acceptance:
    """No repetition may fail.

    Args:
        datasets: with result codes, 0 for success.
    """
    failed = sum(int((dataset["result"] != 0).sum()) for dataset in datasets)
    return at_most("repetitions that failed", 0, single(failed), OURS)


def on_batches(dataset: xr.Dataset) -> bool:
    """Whether a dataset was run on finite batches, as the configuration among its attributes says."""
    return json.loads(dataset.attrs["configuration"])["dynamics"] == Dynamics.ONLINE.name
