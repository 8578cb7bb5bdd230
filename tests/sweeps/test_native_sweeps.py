"""Sweeps that step in kernels: chosen where Numba is installed, told in results, never mixed with others."""

import dataclasses

import numpy as np
import pytest

from ntadyn.maps.run_summary import run_summary
from ntadyn.simulation import FixedSteps, LaneSteps, NativeSteps
from ntadyn.simulation.native import kernel
from ntadyn.specs.paths import replaced
from ntadyn.specs.presets import figure_5_published
from ntadyn.sweeps import Backend, Sweep, as_axes, run_sweep
from ntadyn.sweeps.engine import check_folder
from ntadyn.sweeps.layout import lay_out_sweep
from ntadyn.sweeps.plan import BLOCK_DURATION, GATE_TIME_CONSTANT, TOTAL_TIME
from ntadyn.sweeps.tiles import TiledSweep

SIZES = {"teachers.d_in": 6, "teachers.d_out": 2, "randomness.num_seeds": 3, TOTAL_TIME: 2.0}
MAP = Sweep(
    replaced(figure_5_published(), SIZES),
    as_axes({BLOCK_DURATION: (0.4, 1.0), GATE_TIME_CONSTANT: (0.02, 0.05)}),
    check=0.5,
)
needs_numba = pytest.mark.skipif(kernel.backend() is None, reason="Numba is not installed")


def methods(plan):
    return {tile.structure.method for tile in lay_out_sweep(plan)}


def test_without_numba_or_on_demand_sweeps_step_by_xla(monkeypatch):
    assert methods(dataclasses.replace(MAP, backend=Backend.XLA)) == {LaneSteps()}
    monkeypatch.setattr(kernel, "backend", lambda: None)
    assert methods(MAP) == {LaneSteps()}
    with pytest.raises(ValueError, match=r"pip install .ntadyn\[fast\]"):
        methods(dataclasses.replace(MAP, backend=Backend.NATIVE))
    with pytest.raises(ValueError, match="bars is True.*made by kernels only"):
        methods(dataclasses.replace(MAP, bars=True))


@needs_numba
def test_kernels_take_what_they_are_written_for_in_longer_steps():
    (method,), others = methods(MAP), dataclasses.replace(MAP, backend=Backend.XLA)
    assert method == NativeSteps(sizes=(2, 2), barred=True)
    assert methods(dataclasses.replace(MAP, bars=False)) == {NativeSteps(sizes=(2, 2))}
    steps, finer = (
        sum(item.num_steps for tile in lay_out_sweep(plan) for item in tile.schedules) for plan in (MAP, others)
    )
    assert 2.2 < finer / steps < 3.2
    wide = replaced(MAP.configuration, {"network.num_paths": 5})
    wider = lay_out_sweep(dataclasses.replace(MAP, configuration=wide))
    assert {type(tile.structure.method) for tile in wider} == {FixedSteps}


@needs_numba
@pytest.mark.slow
def test_results_agree_say_what_stepped_them_and_are_not_mixed(tmp_path):
    by_xla = dataclasses.replace(MAP, backend=Backend.XLA)
    found, wanted = run_sweep(MAP, folder=tmp_path), run_sweep(by_xla)
    steady = (wanted.perturbation.fillna(0) < 1e-3).values
    for name in ("gates", "alignment", "loss"):
        np.testing.assert_allclose(found[name].values[steady], wanted[name].values[steady], rtol=0, atol=2e-3)
    assert "improved splitting" in found.attrs["stepped_by"]
    assert wanted.attrs["stepped_by"] == "XLA, LaneSteps"
    assert "stepped by Numba" in run_summary(found)
    # Every trajectory has a bar, half of the cells have been run again; both speak of the same error.
    assert np.all(found.gate_bar > 0)
    assert "gate_bar" not in wanted
    again = np.isfinite(found.gate_error.values)
    assert 0 < again.sum() < again.size
    ratio = found.gate_bar.values[again] / found.gate_error.values[again]
    assert 0.2 < np.median(ratio) < 5
    with pytest.raises(ValueError, match="another"):
        check_folder(TiledSweep.make(by_xla), tmp_path)
    resumed = run_sweep(MAP, folder=tmp_path)
    assert resumed.attrs["computed"] == 0
    np.testing.assert_array_equal(resumed.gates, found.gates)
