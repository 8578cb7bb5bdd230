import numpy as np
import pytest
import xarray as xr

from experiments.harness.acceptance import Verdict
from experiments.harness.outcomes import no_failures, on_batches
from ntadyn.specs.configuration import Configuration, Dynamics
from ntadyn.specs.paths import to_json


def ended(*codes):
    return xr.Dataset({"result": ("seed", np.asarray(codes))})


def test_one_failure_among_all_datasets_is_enough():
    assert no_failures(ended(0, 0), ended(0)).verdict is Verdict.PASSED
    row = no_failures(ended(0, 0), ended(0, 2, 1))
    assert row.verdict is Verdict.OUTSIDE
    assert row.measured.value == 2


@pytest.mark.parametrize(("dynamics", "expected"), [(Dynamics.ONLINE, True), (Dynamics.GRADIENT_FLOW, False)])
def test_the_configuration_says_whether_there_were_batches(dynamics, expected):
    dataset = ended(0).assign_attrs(configuration=to_json(Configuration(dynamics=dynamics)))
    assert on_batches(dataset) is expected
