"""Whatever can be simulated can be swept: a spec, a system and a curriculum of somebody's own."""

import dataclasses

import diffrax
import jax
import numpy as np
import pytest

from ntadyn.simulation import RESULTS, FixedSteps, simulate
from ntadyn.specs import building, presets
from ntadyn.specs.paths import replaced
from ntadyn.specs.spec import check_spec
from ntadyn.sweeps import OUTCOME, Sweep, as_axes, program, run_sweep, sweep
from ntadyn.sweeps.layout import lay_out_sweep
from ntadyn.sweeps.refinement import refine_sweep
from ntadyn.sweeps.tiles import TiledSweep
from tests.sweeps.own_spec import TanhOnData

SPEC = TanhOnData()
AXES = {"speeds.tau_v": (0.05, 0.1, 0.4), "block": (0.25, 0.5)}
SEEDS = 2


@pytest.fixture(scope="module")
def result():
    return sweep(SPEC, AXES, seeds=SEEDS)


def alone(changes, seed):
    spec = replaced(SPEC, changes)
    key = jax.tree.map(lambda leaf: leaf[seed], building.keys_of(0, [(0, k, k) for k in range(SEEDS)]))
    system, state = spec.build(key)
    return simulate(system, spec.build_curriculum(system), state)


@pytest.mark.slow
def test_a_cell_is_the_simulation_of_its_parameters_alone(result):
    assert result.sizes == {"speeds_tau_v": 3, "block": 2, "seed": 2}
    assert set(result.data_vars) == {"loss", "norm", "result"}
    assert (result["result"] == 0).all()
    for tau_v, block, seed in ((0.05, 0.25, 0), (0.4, 0.5, 1)):
        found = alone({"speeds.tau_v": tau_v, "block": block}, seed)
        assert bool(found.result == RESULTS.successful)
        cell = result.sel(speeds_tau_v=tau_v, block=block).isel(seed=seed)
        np.testing.assert_allclose(cell.loss, found.values["loss"][-1], rtol=1e-8)
        np.testing.assert_allclose(cell.norm, found.values["norm"][-1], rtol=1e-8)


def test_the_result_says_what_made_it(result):
    assert result.block.attrs["parameter"] == "block"
    assert result.norm.attrs["long_name"] == "The norm of the hidden weights, at the end"
    assert '"tau_w": 1.0' in result.attrs["configuration"]


def test_real_numbers_share_one_program_and_whole_numbers_do_not():
    tiled = TiledSweep.make(Sweep(SPEC, as_axes(AXES), num_seeds=2))
    assert {tile.structure.paths for tile in tiled.tiles} == {("block", "speeds.tau_v")}
    assert len({repr(tile.structure) for tile in tiled.tiles}) == 1
    two = TiledSweep.make(Sweep(SPEC, as_axes({"num_sets": (1, 2)}), num_seeds=2))
    assert len({repr(tile.structure) for tile in two.tiles}) == 2


def test_a_stopped_sweep_goes_on_and_other_code_is_refused(tmp_path, result):
    again = sweep(SPEC, AXES, seeds=SEEDS, folder=tmp_path)
    kept = sweep(SPEC, AXES, seeds=SEEDS, folder=tmp_path)
    assert kept.attrs["computed"] == 0
    np.testing.assert_array_equal(again.loss, kept.loss)

    @dataclasses.dataclass(frozen=True)
    class Other(TanhOnData):
        def build(self, keys):
            system, state = super().build(keys)
            return system, jax.tree.map(lambda leaf: 2 * leaf, state)

    with pytest.raises(ValueError, match="spec"):
        sweep(Other(), AXES, seeds=SEEDS, folder=tmp_path)


def test_what_is_kept_can_be_chosen_from_what_there_is(monkeypatch):
    monkeypatch.setattr(program, "integrate_batch", lambda *args: pytest.fail("compiled before it was refused"))
    plan = Sweep(SPEC, as_axes({"scale": (0.1, 0.2)}), num_seeds=1)
    with pytest.raises(ValueError, match=r"'gates' cannot be observed in a TanhFlow .*\['loss', 'norm'\]"):
        run_sweep(plan, OUTCOME)
    with pytest.raises(ValueError, match="'gates' cannot be observed"):
        refine_sweep(
            dataclasses.replace(plan, axes=as_axes({"scale": (0.1, 0.2), "block": (0.2, 0.3)})), measures=OUTCOME
        )


@dataclasses.dataclass(frozen=True)
class InItsSteps(TanhOnData):
    """A spec one of whose real numbers says how to step."""

    step: float = 0.1

    def build_method(self, system, state):
        return FixedSteps(diffrax.Euler(), self.step)


@pytest.mark.parametrize("zipped", [False, True])
def test_a_step_that_is_swept_is_made(zipped):
    """It is spent when programs are made, so that cells that differ in it have each their own."""
    spec, steps = InItsSteps(num_blocks=1), (0.05, 0.1, 0.25)
    axes = (
        {("speeds.tau_v", "step"): ((0.1, 0.2, 0.3), steps)} if zipped else {"step": steps, "speeds.tau_v": (0.1, 0.2)}
    )
    tiles = lay_out_sweep(Sweep(spec, as_axes(axes)))
    found = {tile.structure.spec.step: schedule.num_steps for tile in tiles for schedule in tile.schedules}
    assert found == {0.05: 10, 0.1: 5, 0.25: 2}
    assert all(tile.structure.paths == ("speeds.tau_v",) for tile in tiles)


@dataclasses.dataclass
class Loose:
    x: float = 1.0


@dataclasses.dataclass(frozen=True)
class Bare:
    x: float = 1.0


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (3.0, "3.0 is not a spec: give an instance of a frozen dataclass"),
        (TanhOnData, "is not a spec"),
        (Loose(), "Loose is not frozen"),
        (Bare(), "Bare has no method 'build'"),
        (dataclasses.replace(SPEC, scale=[1.0]), r"scale is \[1.0\]; a spec holds numbers"),
        (dataclasses.replace(SPEC, num_sets=0), "at least one data set"),
    ],
)
def test_what_is_no_spec_is_refused_by_name(spec, message):
    with pytest.raises(ValueError, match=message):
        check_spec(spec)
    with pytest.raises(ValueError, match=message):
        sweep(spec, {"scale": (0.1, 0.2)})


def test_parameters_that_are_not_there_are_named():
    with pytest.raises(ValueError, match=r"no parameter 'tau_v': TanhOnData has \['speeds', 'scale'"):
        sweep(SPEC, {"tau_v": (0.1, 0.2)})
    with pytest.raises(ValueError, match=r"no parameter 'tau_v': Speeds has|no parameter 'speeds.tau'"):
        sweep(SPEC, {"speeds.tau": (0.1, 0.2)})


def test_a_configuration_is_a_spec():
    check_spec(presets.figure_2_flexible())
