import numpy as np
import pytest

from ntadyn.simulation import observables
from ntadyn.specs import building
from ntadyn.specs.configuration import Configuration, Curriculum, Dynamics, Randomness
from ntadyn.specs.ensemble import run_ensemble, run_variants
from ntadyn.specs.paths import replaced

# Most of the time is compilation.
pytestmark = pytest.mark.slow

CONFIGURATION = Configuration(
    curriculum=Curriculum(block_duration=0.5, total_time=1.0),
    dynamics=Dynamics.ONLINE,
    batch_size=1,
    max_step=0.1,
    randomness=Randomness(num_seeds=2),
)
RECORDED = {"loss": observables.loss, "gates": observables.gates}


def test_every_variant_is_the_ensemble_with_that_value():
    keys = building.keys(CONFIGURATION.randomness)
    changes = {"penalties.strength": [0.0, 3.0]}
    trajectories, curriculum = run_variants(CONFIGURATION, changes, keys, RECORDED, 4)
    assert curriculum.num_blocks == 2
    assert not np.allclose(trajectories[0].values["gates"], trajectories[1].values["gates"])
    alone, _ = run_ensemble(replaced(CONFIGURATION, {"penalties.strength": 3.0}), RECORDED, 4)
    np.testing.assert_array_equal(trajectories[1].times, alone.times)
    for name in RECORDED:
        np.testing.assert_allclose(trajectories[1].values[name], alone.values[name], rtol=1e-12)


def test_what_cannot_be_built_is_refused_before_compilation():
    keys = building.keys(CONFIGURATION.randomness)
    with pytest.raises(ValueError, match="there is no parameter 'penalties.nothing'"):
        run_variants(CONFIGURATION, {"penalties.nothing": [1.0]}, keys, RECORDED)
