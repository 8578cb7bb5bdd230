"""Microseconds per step by `Splitting` and by `LorentzBoost`, in turn, and their ratio.

`python -m tests.benchmarks.steps` prints a table: what a user's run costs in compiled loops of many steps, records and
divided steps included. Times are of the processor and ratios of neighbouring runs, so that a busy machine does little;
medians and quartiles.
"""

import statistics
import time

import equinox as eqx
import jax
import jax.numpy as jnp

import ntadyn
from ntadyn.dynamics import GradientFlow, OrderParameters
from ntadyn.networks import GatedLinear
from ntadyn.regularizers import from_coefficients
from ntadyn.simulation import FixedSteps, integrate
from ntadyn.simulation.time_grid import lay_out
from ntadyn.solvers import LorentzBoost, Splitting
from ntadyn.tasks import curricula, teachers

BLOCKS, STEPS, ROUNDS, BATCH = 20, 400, 15, 256
SOLVERS = {"Splitting": Splitting(), "LorentzBoost": LorentzBoost()}
TIME_CONSTANTS = {"gates": 0.03, "weights": 1.3}


def problems():
    """Name -> (flow of two teachers, shape of the network)."""
    return {
        "order parameters, 2 paths": (OrderParameters, (2, 10, 20)),
        "order parameters, 4 paths": (OrderParameters, (4, 10, 20)),
        "weight space, 2 paths, 10 x 20": (GradientFlow, (2, 10, 20)),
    }


def one(kind, shape):
    """A system and its state."""
    tasks = teachers.orthogonal(jax.random.key(0), num_tasks=2, d_out=shape[1], d_in=shape[2])
    penalties = from_coefficients({"nonnegative": 0.25, "unit_l1": 1.25})
    system = kind(tasks, TIME_CONSTANTS, penalties)
    return system, system.initial_state(GatedLinear.initialise(jax.random.key(1), shape=shape))


def in_turn(runs) -> list[tuple[float, ...]]:
    """Seconds of the processor for each of several compiled runs, round after round."""
    found = []
    for run in runs:
        jax.block_until_ready(run())
    for _ in range(ROUNDS):
        seconds = []
        for run in runs:
            began = time.process_time()
            jax.block_until_ready(run())
            seconds.append(time.process_time() - began)
        found.append(tuple(seconds))
    return found


def alone(kind, shape):
    """Runs of one trajectory, by each solver."""
    system, state = one(kind, shape)
    curriculum = curricula.alternating(2, BLOCKS, jnp.asarray(1.0))
    grid = lay_out(curriculum, 1 / STEPS)

    def made(solver):
        method = FixedSteps(solver).fitted(system, state)
        compiled = eqx.filter_jit(lambda state: integrate(system, curriculum, state, method, grid, {}).final_state)
        return lambda: compiled(state)

    return [made(solver) for solver in SOLVERS.values()], BLOCKS * STEPS


def main() -> None:
    """Print the table."""
    ntadyn.compile_whole_loops()
    jax.config.update("jax_enable_x64", True)
    print(f"{'':34}{'Splitting':>10}{'LorentzBoost':>14}   us per step; ratio (quartiles)")
    for name, problem in problems().items():
        runs, steps = alone(*problem)
        report(name, in_turn(runs), steps)


def report(name: str, found: list[tuple[float, ...]], steps: int) -> None:
    """One line of the table."""
    each = [1e6 * statistics.median(seconds) / steps for seconds in zip(*found, strict=True)]
    low, middle, high = statistics.quantiles([boost / split for split, boost in found], n=4)
    print(f"{name:34}{each[0]:10.3f}{each[1]:14.3f}   {middle:.2f} ({low:.2f} to {high:.2f})", flush=True)


if __name__ == "__main__":
    main()
