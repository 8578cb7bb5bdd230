"""Kernels for a GPU in Numba's simulator of one, against those of the CPU; prints what differs, as JSON.

A program of its own, because Numba asks for the simulator (`NUMBA_ENABLE_CUDASIM=1`) once, when it is imported.
"""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np

from ntadyn.simulation import CudaSteps, NativeSteps
from ntadyn.simulation.native import cuda
from ntadyn.simulation.native.scheme import Improved
from ntadyn.simulation.native.steps import states_at_ends
from ntadyn.simulation.time_grid import lay_out, stack
from ntadyn.sweeps import Backend, run_sweep
from tests.simulation.native.test_native_steps import SIZES, Runs
from tests.sweeps.test_native_sweeps import MAP

NUMBER = 9


def on_own_grids(dtype):
    """Trajectories of different systems, tasks, blocks and steps: the largest difference, zeros and numbers of steps."""
    runs = Runs(*SIZES, dtype)
    systems, states = jax.tree.map(lambda leaf: leaf[::3][:NUMBER], (runs.systems, runs.states))
    shares = np.random.default_rng(0).dirichlet([0.5, 0.5], (NUMBER, 3))
    made = [
        dataclasses.replace(runs.curriculum, shares=jnp.asarray(share, dtype), durations=jnp.asarray(blocks, dtype))
        for share, blocks in zip(shares, np.linspace(0.2, 0.7, 3 * NUMBER).reshape(NUMBER, 3), strict=True)
    ]
    grids = [lay_out(item, step) for item, step in zip(made, np.geomspace(0.02, 0.2, NUMBER), strict=True)]
    each = systems, jax.tree.map(lambda *leaves: jnp.stack(leaves), *made), states, stack(grids)

    def ends(method, system, curriculum, state, grid):
        system, state = jax.tree.map(lambda leaf: leaf[..., None], (system, state))
        found = states_at_ends(method.run, Improved(), system, curriculum, state, grid, grid.num_steps)
        return jnp.where((jnp.arange(grid.block.size) < grid.num_real())[:, None, None], found, 0)

    together = jax.jit(jax.vmap(lambda *one: ends(CudaSteps(), *one)))(*each)
    alone = jax.jit(lambda *one: ends(NativeSteps(), *one))
    one_by_one = [alone(*jax.tree.map(lambda leaf, k=k: leaf[k], each)) for k in range(NUMBER)]
    gates = np.asarray(together[:, :, : SIZES[0]])
    return {
        "difference": float(np.abs(together - jnp.stack(one_by_one)).max()),
        "at zero": float(np.mean(gates == 0)),
        "negative": float(np.mean(gates < 0)),
        "steps": [int(jnp.sum(grid.num_steps)) for grid in grids],
    }


def of_a_sweep():
    """A sweep on both: the largest difference, and what stepped it."""
    plan = dataclasses.replace(MAP, check=0.0)
    found, wanted = run_sweep(dataclasses.replace(plan, backend=Backend.CUDA)), run_sweep(plan)
    pairs = [(found[name].values, wanted[name].values) for name in wanted.data_vars]
    return {
        "difference": max(float(np.nanmax(np.abs(one - other))) for one, other in pairs),
        "same": all(np.array_equal(np.isnan(one), np.isnan(other)) for one, other in pairs),
        "bars": float(found.gate_bar.min()),
        "stepped by": found.attrs["stepped_by"],
    }


def main():
    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_disable_most_optimizations", True)
    launches, launch = [], cuda.launch
    cuda.launch = lambda kernel, given, ends: launches.append(len(ends)) or launch(kernel, given, ends)
    told = {"float64": on_own_grids(jnp.float64), "float32": on_own_grids(jnp.float32), "sweep": of_a_sweep()}
    print(json.dumps(told | {"launches": launches}))


if __name__ == "__main__":
    main()
