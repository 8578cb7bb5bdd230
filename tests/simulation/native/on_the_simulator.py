"""Kernels for a GPU in Numba's simulator of one, against those of the CPU; prints what differs, as JSON.

A program of its own, because Numba asks for the simulator (`NUMBA_ENABLE_CUDASIM=1`) once, when it is imported.
"""

import dataclasses
import json
from functools import partial

import jax

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_disable_most_optimizations", True)

import numpy as np  # noqa: E402

from ntadyn.simulation import CudaSteps  # noqa: E402
from ntadyn.simulation.native import cuda  # noqa: E402
from ntadyn.simulation.native.lines import Shape  # noqa: E402
from ntadyn.simulation.native.scheme import Improved  # noqa: E402
from ntadyn.simulation.native.steps import run_kernel  # noqa: E402
from ntadyn.sweeps import Backend, run_sweep  # noqa: E402
from tests.sweeps.test_native_sweeps import MAP  # noqa: E402

NUMBER, BLOCKS, STEPS = 9, 3, 30


def trajectories(dtype):
    """Groups of one trajectory each: problem, state, lengths and steps of intervals, how many these are, and tasks."""
    rng = np.random.default_rng(0)
    weights, teachers = 0.7 * rng.normal(size=(2, NUMBER, 2, 3))
    low = np.tril_indices(2)
    overlaps = np.einsum("npi,nqi->npq", weights, weights)[:, *low], np.einsum("npi,nmi->npm", weights, teachers)
    gates = rng.normal(size=(NUMBER, 2)) * (rng.random((NUMBER, 2)) > 0.3)
    rates = rng.uniform((5, 0.5), (20, 2), (NUMBER, 2))
    penalties = rng.uniform(0, 2, (NUMBER, 3)) * (rng.random((NUMBER, 3)) > 0.3)
    problem = np.concatenate([rates, penalties, np.einsum("nmi,nli->nml", teachers, teachers)[:, *low]], axis=1)
    state = np.concatenate([gates, overlaps[0], overlaps[1].reshape(NUMBER, 4)], axis=1)
    steps = rng.integers(4, STEPS, (NUMBER, BLOCKS))
    intervals = 1 + np.arange(NUMBER) % BLOCKS
    length, task = rng.uniform(0.1, 0.8, (NUMBER, BLOCKS)), rng.dirichlet([0.5, 0.5], (NUMBER, BLOCKS))
    real = (array.astype(dtype) for array in (problem[..., None], state[..., None], length))
    return *real, steps, intervals, task[..., None].astype(dtype)


def in_threads(dtype):
    """The states of all at the ends of their intervals, in one launch, and those of one after the other on the CPU."""
    shape, given = Shape(2, 2, dtype, Improved()), trajectories(dtype)
    found = np.array(jax.jit(jax.vmap(partial(CudaSteps().run, shape)))(*given))
    alone = jax.jit(partial(run_kernel, shape)) if dtype == "float64" else None
    for k, number in enumerate(given[4]):
        found[k, number:] = 0
    if alone is None:
        return found, None
    wanted = np.stack([alone(*(item[k] for item in given)) for k in range(NUMBER)])
    for k, number in enumerate(given[4]):
        wanted[k, number:] = 0
    return found, wanted


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
    launches, launch = [], cuda.launch
    cuda.launch = lambda kernel, given, ends: launches.append(len(ends)) or launch(kernel, given, ends)
    (found, wanted), (single, _) = in_threads("float64"), in_threads("float32")
    told = {
        "difference": float(np.abs(found - wanted).max()),
        "in single precision": float(np.abs(found - single).max()),
        "at zero": float(np.mean(found[:, 0, :2] == 0)),
        "negative": float(np.mean(found[:, 0, :2] < 0)),
        "sweep": of_a_sweep(),
        "launches": launches,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
