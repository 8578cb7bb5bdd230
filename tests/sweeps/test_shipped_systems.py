"""Every system that ships can be swept, over parameters that a spec names itself, and gives what it gives alone."""

import jax
import numpy as np
import pytest

from ntadyn.interface.observables import STANDARD
from ntadyn.simulation import RESULTS, FixedSteps, simulate
from ntadyn.simulation.whole_steps import Updates
from ntadyn.specs import building
from ntadyn.specs.paths import replaced
from ntadyn.sweeps import Measures, Sweep, as_axes, run_sweep
from ntadyn.sweeps.layout import lay_out_sweep
from ntadyn.sweeps.scores import OUTCOME, Final
from ntadyn.sweeps.tiles import TiledSweep
from tests.sweeps.shipped_systems import SHIPPED

SEEDS = 2
AXES = {"gates_take": (0.2, 0.3), "block": (0.2, 0.3)}
CELL = {"gates_take": 0.2, "block": 0.3}
# What compiles longest.
LONG = {"GradientFlow", "OrderParameters", "DeepOrderParameters", "SVDModes", "toy_flow", "Symmetric"}
KEPT = Measures(
    {name: STANDARD[name] for name in ("loss", "gates")},
    {"loss": Final("loss"), "gates": Final("gates"), "result": OUTCOME.scores["result"]},
)
# Lanes make steps of other lengths than `FixedSteps` do, and keep gates to 1e-3.
EXACT, ON_LANES = {"rtol": 1e-8, "atol": 1e-12}, {"rtol": 0.0, "atol": 1e-3}


def alone(spec, seed, method):
    spec = replaced(spec, CELL)
    keys = building.keys_of(0, [(0, k, k) for k in range(SEEDS)])
    system, state = spec.build(jax.tree.map(lambda leaf: leaf[seed], keys))
    found = simulate(system, spec.build_curriculum(system), state, method=method)
    assert bool(found.result == RESULTS.successful)
    return found.values


@pytest.mark.representatives(1)
@pytest.mark.slow
@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name in LONG)) for name in SHIPPED])
def test_a_cell_is_the_simulation_of_its_parameters_alone(name):
    spec, seed = SHIPPED[name], 1
    plan = Sweep(spec, as_axes(AXES), num_seeds=SEEDS)
    tiled = TiledSweep.make(plan, KEPT)
    assert len({repr(tile.structure) for tile in tiled.tiles}) == 1  # one program for all cells
    method = tiled.tiles[0].structure.method
    result = run_sweep(plan, KEPT)
    assert (result["result"] == 0).all()

    on_lanes = method.steps_batches
    assert on_lanes == (name == "OrderParameters")
    # The step that the sweep has chosen suits its fastest cell; rounding must not make one more of it.
    step = result.attrs["max_step"] * (1 + 1e-9)
    same = Updates(step) if isinstance(method, Updates) else FixedSteps(getattr(method, "solver", None), step)
    expected = alone(spec, seed, None if on_lanes else same)
    cell = result.sel(CELL).isel(seed=seed)
    for kept in ("loss", "gates"):
        np.testing.assert_allclose(cell[kept], expected[kept][-1], **(ON_LANES if on_lanes else EXACT))
    # Its numbers are its own: those of other cells and repetitions differ by more than is allowed.
    others = [result.sel(CELL).isel(seed=0)]
    others += [result.isel(gates_take=i, block=j, seed=seed) for i, j in ((1, 1), (0, 0))]
    for other in others:
        assert max(float(abs(other[kept] - cell[kept]).max()) for kept in ("loss", "gates")) > (
            2e-3 if on_lanes else 1e-5
        )


def test_a_start_that_the_system_does_not_have_is_refused_before_anything_is_run():
    off = replaced(SHIPPED["Symmetric"], {"gate_sum": 1.1})
    with pytest.raises(ValueError, match="off the symmetric manifold"):
        lay_out_sweep(Sweep(off, as_axes({"gates_take": (0.2, 0.3)})))
    with pytest.raises(ValueError, match="off the symmetric manifold"):
        lay_out_sweep(Sweep(SHIPPED["Symmetric"], as_axes({"gate_sum": (1.0, 1.1)})))


@pytest.mark.representatives(1)
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "axes"),
    [
        ("toy_flow", {"mode_energy": (0.5, 0.8)}),
        ("OnlineSGD", {"samples": (1, 20)}),
        ("Symmetric", {"num_blocks": (2, 3)}),
    ],
)
def test_the_outcome_is_kept_by_default_over_any_parameter(name, axes):
    result = run_sweep(Sweep(SHIPPED[name], as_axes(axes), num_seeds=SEEDS))
    assert set(result.data_vars) == set(OUTCOME.scores)
    assert (result["result"] == 0).all()
    (axis,) = axes
    assert np.all(np.abs(np.diff(result.loss.values, axis=0)) > 1e-6), axis
