"""Continuum memories as plain values."""

import dataclasses
from typing import Any

import jax
import numpy as np
import pytest

import ntadyn
from ntadyn.nested import levels_of, ranked
from ntadyn.specs import building
from ntadyn.specs.configuration import Curriculum
from ntadyn.specs.continuum import Blocks, ContinuumMemory, Starts, Wiring
from ntadyn.specs.continuum_presets import CONTINUUM, continuum_chain
from ntadyn.specs.paths import replaced
from ntadyn.specs.spec import check_spec
from ntadyn.sweeps import Axis, Sweep, sweep
from ntadyn.sweeps.suiting_measures import measures_for

KEY = building.Keys(*map(jax.random.key, range(3)))
SMALL = {"teachers.d_in": 4, "teachers.d_out": 2, "curriculum": Curriculum(total_time=4.0), "step": 0.01}


@pytest.mark.parametrize(
    ("name", "names"),
    [(name, ["level 1", "level 2", "level 3"]) for name in CONTINUUM if name != "continuum-nested"]
    + [("continuum-nested", ["network", "start 1", "start 2"])],
)
def test_chunks_are_the_frequencies_of_levels(name, names):
    check_spec(CONTINUUM[name]())
    rows = ranked(levels_of(*CONTINUUM[name]().build(KEY)))
    assert [row.name for row in rows] == names
    assert [str(row.frequency) for row in rows] == ["1", "1/8", "1/64"]


def test_time_constants_are_another_thing_than_chunks():
    rows = levels_of(*replaced(continuum_chain(), {"memory.fastest": 0.1, "memory.slowing": 3.0}).build(KEY))
    np.testing.assert_allclose([row.rate for row in rows], [10, 10 / 3, 10 / 9])


@pytest.mark.parametrize("name", ["continuum-chain", "continuum-nested"])
def test_sweeps_keep_what_practice_costs(name):
    plan = Sweep(CONTINUUM[name](), (Axis("memory.fastest", (0.05,)),), num_seeds=1)
    assert {"practice_loss", "mean_task_loss"} <= measures_for(plan).scores.keys()


@pytest.mark.slow
def test_blocks_side_by_side_are_one_and_a_reset_makes_them_two():
    """One block has the sum of their rates. All of them move at every other step or more often."""
    axes: Any = {"memory.fastest": (0.1, 0.2)}

    def cost(memory: Blocks) -> np.ndarray:
        spec = dataclasses.replace(replaced(ContinuumMemory(), SMALL), memory=memory)
        return sweep(spec, axes).practice_loss.values

    together = cost(Blocks(Wiring.SUM, (1, 2), slowing=1e3))
    alone = cost(Blocks(Wiring.SUM, (1,)))
    np.testing.assert_allclose(together, alone, rtol=0.01)
    assert np.all(cost(Blocks(Wiring.SUM, (1, 2), slowing=10.0, resets=True)) < 0.9 * alone)


@pytest.mark.slow
def test_presets_run_by_name():
    found = ntadyn.run(replaced(CONTINUUM["continuum-reset"](), SMALL), records_per_block=1)
    assert float(found.result.max()) == 0
    assert found.loss.isel(record=-1).item() < found.loss.isel(record=0).item()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"memory": 3}, "memory is 3"),
        ({"memory.fastest": 0.0}, "memory.fastest is 0.0"),
        ({"memory.retention": 1.5}, "memory.retention is 1.5"),
        ({"memory": Starts(share=0.0)}, "memory.share is 0.0"),
        ({"step": -1.0}, "step is -1.0"),
        ({"batch_size": 0}, "batch_size is 0"),
    ],
)
def test_values_that_cannot_be_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        check_spec(replaced(continuum_chain(), changes))


def test_chunks_that_do_not_nest_are_refused():
    with pytest.raises(ValueError, match="each must divide the next"):
        replaced(continuum_chain(), {"memory.chunks": (1, 8, 12)}).build(KEY)
