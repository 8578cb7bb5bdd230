"""Kernels for a GPU: refused without one, laid out in groups that start together, and right in Numba's simulator."""

import dataclasses
import json
import os
import subprocess
import sys

import jax
import numpy as np
import pytest

from ntadyn.simulation import CudaSteps
from ntadyn.simulation.native import cuda, kernel, xla_call
from ntadyn.sweeps import Backend
from ntadyn.sweeps.layout import lay_out_sweep
from tests.sweeps.test_native_sweeps import MAP

needs_numba = pytest.mark.skipif(kernel.backend() is None, reason="Numba is not installed")
PLAN = dataclasses.replace(MAP, backend=Backend.CUDA, check=0.0)


def test_without_a_device_they_are_refused_and_with_one_all_time_grids_start_together(monkeypatch):
    monkeypatch.setattr(cuda, "device", lambda: None)
    with pytest.raises(ValueError, match=r"cuda.is_available|which is not installed"):
        lay_out_sweep(PLAN)
    monkeypatch.setattr(cuda, "check_device", lambda: None)
    # Never without being asked.
    assert not any(isinstance(tile.structure.method, CudaSteps) for tile in lay_out_sweep(MAP))
    (tile,) = lay_out_sweep(PLAN)
    assert tile.structure.method == CudaSteps(sizes=(2, 2), barred=True)
    assert tile.structure.num_groups == len(tile.groups) == 4
    steps = [schedule.num_steps for schedule in tile.schedules]
    assert len(set(steps)) == 4
    assert steps == sorted(steps, reverse=True)
    assert "not yet run on a device" in tile.structure.method.backend()
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    with pytest.raises(ValueError, match="JAX_PLATFORMS=cpu"):
        lay_out_sweep(PLAN)


def test_xla_calls_functions_of_python_on_whole_batches_and_raises_what_they_raise():
    def scaled(numbers, factor, out):
        assert numbers.shape == (2, 3, 4)
        assert factor.shape == (2, 3)
        out[:] = numbers * factor[..., None]

    def failing(numbers, out):
        raise ArithmeticError("of the device")

    xla_call.register("ntadyn_test_scaled", scaled)
    xla_call.register("ntadyn_test_failing", failing)
    numbers, factors = np.arange(24.0).reshape(2, 3, 4), np.arange(3, dtype=np.int32)

    def one(row, factor):
        return jax.ffi.ffi_call("ntadyn_test_scaled", row, vmap_method="broadcast_all")(row, factor)

    found = jax.jit(jax.vmap(jax.vmap(one), in_axes=(0, None)))(numbers, factors)
    np.testing.assert_array_equal(found, numbers * factors[:, None])
    with pytest.raises(Exception, match="ArithmeticError: of the device"):
        jax.block_until_ready(jax.jit(lambda x: jax.ffi.ffi_call("ntadyn_test_failing", x)(x))(numbers))


@needs_numba
@pytest.mark.slow
def test_in_the_simulator_they_do_what_kernels_of_the_cpu_do():
    """Nine trajectories on nine time grids in one launch; then a sweep of one tile: a launch, and one for its bars."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.simulation.native.on_the_simulator"],
        env=os.environ | {"NUMBA_ENABLE_CUDASIM": "1", "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout.splitlines()[-1])
    assert told["difference"] < 1e-13
    assert told["in single precision"] < 2e-5
    assert told["at zero"] > 0.1
    assert told["negative"] > 0
    assert told["sweep"]["difference"] < 1e-11
    assert told["sweep"]["same"]
    assert told["sweep"]["bars"] > 0
    assert "CUDA simulator" in told["sweep"]["stepped by"]
    assert told["launches"] == [9, 9, 4, 4]
