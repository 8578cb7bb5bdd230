"""Many trainings of gated networks in one program: lanes over conditions and repetitions, tested within every block."""

from collections.abc import Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ntadyn.continual import NetworkTeachers
from ntadyn.continual.readings import path_overlaps
from ntadyn.simulation import Updates, result_codes, simulate
from ntadyn.specs import building
from ntadyn.specs.nonlinear import GatedStudent
from ntadyn.specs.paths import replaced

# Of the loss of a network that answers nothing: below it, a task of teachers counts as found again.
FOUND_LOSS = 0.2
# The accuracy from which on a task of digits counts as found again.
FOUND_ACCURACY = 0.8
Lanes = dict[str, np.ndarray]


def trained(spec: GatedStudent, changes: Mapping[str, Sequence[float]], num_seeds: int, spacing: int) -> Lanes:
    """Networks that are trained side by side, in one program.

    Args:
        spec: what they share.
        changes: dotted path of a real number of the spec -> its value in every condition.
        num_seeds: repetitions with other teachers, initial weights and batches, the same in all conditions.
        spacing: steps between tests, a divisor of the length of a block.

    Returns:
        Arrays with leading axes (condition, seed): `score` at every test, the loss on the task in force over that of
        silence, or for classes the accuracy; `gates`, as they are opened, and `block_gates` at the ends of blocks;
        `path_overlaps` and `loss` at the end; `result`. And `step` and `block` of every test.
    """
    for condition in range(len(next(iter(changes.values())))):  # refused here, where values are known
        replaced(spec, {path: float(values[condition]) for path, values in changes.items()}).check()
    keys = building.keys_of(0, [(seed, seed, seed) for seed in range(num_seeds)])
    values = tuple(jnp.asarray(np.asarray(each, float)) for each in changes.values())
    found = _trained(spec, tuple(changes), values, keys, int(spec.curriculum.block_duration) // spacing - 1)
    lanes = {name: np.asarray(value) for name, value in found.items()}
    for name in ("step", "block"):
        lanes[name] = lanes[name][0, 0]
    ends = np.append(np.flatnonzero(np.diff(lanes["block"])), len(lanes["block"]) - 1)
    lanes["block_gates"] = lanes["gates"][:, :, ends]
    lanes["gates"] = lanes["gates"][:, :, -1]
    return lanes


@eqx.filter_jit
def _trained(
    spec: GatedStudent, paths: tuple[str, ...], values: tuple[Array, ...], keys: building.Keys, records: int
) -> dict[str, Array]:
    def one(values: tuple[Array, ...], keys: building.Keys) -> dict[str, Array]:
        system, state = replaced(spec, dict(zip(paths, values, strict=True))).build(keys)
        with jax.ensure_compile_time_eval():  # the time grid needs durations that are known numbers
            curriculum = spec.build_curriculum(system)
        found = simulate(
            system,
            curriculum,
            state,
            method=Updates(1.0),
            observables={"score": _score, "gates": lambda system, state, task: state.network.open_gates()},
            records_per_block=records,
        )
        end, last = found.final_state, jnp.eye(system.num_tasks)[0]
        return {
            "score": found.values["score"],
            "gates": found.values["gates"],
            "path_overlaps": path_overlaps(system, end, last),
            "loss": system.problem.losses(end.network),
            "result": result_codes(found.result),
            "step": found.times,
            "block": found.blocks,
        }

    return jax.vmap(lambda values: jax.vmap(lambda keys: one(values, keys))(keys))(values)


def _score(system: Any, state: Any, task: Array) -> Array:
    problem = system.problem
    batch = problem.judged(task)
    if isinstance(problem, NetworkTeachers):
        return problem.loss(state.network, batch) / jnp.sum(task * problem.losses_of_silence())
    right = jnp.argmax(problem.outputs(state.network, batch), axis=-1) == batch.targets
    return batch.mean(right.astype(batch.weights.dtype))


def steps_until(found: np.ndarray, step: np.ndarray, block: np.ndarray) -> np.ndarray:
    """Steps from the start of every block to the first test at which its task is found again.

    Args:
        found: whether it is, shape (..., tests).
        step: of every test.
        block: of every test.

    Returns:
        Steps, shape (..., blocks); infinity where it never is within the block.
    """
    numbers = np.unique(block)
    steps = np.full((*found.shape[:-1], len(numbers)), np.inf)
    for at, number in enumerate(numbers):
        within = block == number
        since = step[within] - step[within][0]
        steps[..., at] = np.min(np.where(found[..., within], since, np.inf), axis=-1)
    return steps


def switching_share(block_gates: np.ndarray, num_last: int = 4) -> np.ndarray:
    """How often the path that is most open changes from one block to the next, among the last ones.

    Args:
        block_gates: at the ends of blocks, shape (..., blocks, paths).
        num_last: how many blocks are looked at.

    Returns:
        Shares, shape (...): 1 if it changes at every switch, 0 if one path answers for all tasks.
    """
    opened = np.argmax(block_gates[..., -num_last:, :], axis=-1)
    return np.mean(np.diff(opened, axis=-1) != 0, axis=-1)
