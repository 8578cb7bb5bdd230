"""What is simulated for the growth of paths."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from experiments.harness.runs import Run
from ntadyn.continual import (
    DynamicallyExpandable,
    GatedContinualFlow,
    RandomPath,
    TeacherProblem,
    num_alive,
    residual,
    with_fitted_gates,
)
from ntadyn.dynamics import GradientFlow
from ntadyn.networks import GatedLinear
from ntadyn.simulation import FixedSteps, Trajectory, simulate
from ntadyn.simulation.outcome import RESULT_CODES, result_codes
from ntadyn.tasks.curricula import sequence
from ntadyn.tasks.examples import Batch
from ntadyn.tasks.task_set import TaskSet, from_matrices
from ntadyn.tasks.teachers import Scale, matched_rows_orthogonal

# A, B, C, the mean of A and B, and that of B and C.
NAMES = ("A", "B", "C", "(A+B)/2", "(B+C)/2")
ORDER = (0, 1, 2, 0, 1, 2, 3, 4, 0)
# Cosines of which results are tabled.
TABLED = (0.5, 0.9, 0.95, 0.98)
CAPACITY = 10
BLOCK = 10.0  # in units of the time constant of the weights


@dataclass(frozen=True)
class Parameters:
    """What is shown.

    Attributes:
        d_out: number of outputs.
        d_in: number of inputs.
        num_seeds: repetitions with other teachers, first weights and noise.
        num_angles: how many teachers besides those of `TABLED`.
        num_noises: how many strengths of noise.
        most_noise: the largest, as a standard deviation of each output; a teacher alone makes one of 1.
        samples: examples that a network sees of a noisy task.
        seed: of everything random.
    """

    d_out: int = 5
    d_in: int = 20
    num_seeds: int = 20
    num_angles: int = 60
    num_noises: int = 25
    most_noise: float = 0.4
    samples: int = 256
    seed: int = 0


def runs(parameters: Parameters) -> list[Run]:
    """One run for each data set."""
    computations = {"sequence": nine_blocks, "angles": all_angles, "noise": noisy_blocks}
    given = {"parameters": parameters}
    return [Run(f"den_grow_{name}", compute, given, name) for name, compute in computations.items()]


def nine_blocks(parameters: Parameters) -> xr.Dataset:
    """`alive` and `loss` over (start, seed, block): new paths start at the residual map, or at random and are trained.

    The residual map is where training would end, so that jumps alone are followed there.
    """
    curriculum = sequence(ORDER, BLOCK, len(NAMES))

    def residual_start(key: Any) -> tuple[Any, Any, Any]:
        problem = TeacherProblem(tasks=_tasks(key, parameters))  # pyright: ignore[reportCallIssue]
        shares = jnp.eye(len(NAMES), dtype=problem.tasks.teachers.dtype)
        found = _jumps(problem, lambda task: problem.population(shares[task]), jnp.asarray(ORDER))
        return *found, jnp.asarray(0)

    def random_start(key: Any) -> tuple[Any, Any, Any]:
        found = _trained(_tasks(key, parameters), DynamicallyExpandable(initial=RandomPath()), curriculum)
        ends = slice(1, None, 2)  # a record at the start and at the end of every block
        return found.values["alive"][ends], found.values["loss"][ends], result_codes(found.result)

    keys = jax.random.split(jax.random.key(parameters.seed), parameters.num_seeds)
    found = [jax.jit(jax.vmap(start))(keys) for start in (residual_start, random_start)]
    alive, loss, codes = (np.stack([np.asarray(part) for part in parts]) for parts in zip(*found, strict=True))
    return xr.Dataset(
        {
            "alive": (("start", "seed", "block"), alive, {"long_name": "number of paths"}),
            "loss": (("start", "seed", "block"), loss, {"long_name": "loss at the end of the block"}),
            "result": (("start", "seed"), codes, {"long_name": RESULT_CODES}),
        },
        {"start": ["residual", "random"]},
        {"tasks": [NAMES[task] for task in ORDER]},
    )


def all_angles(parameters: Parameters) -> xr.Dataset:
    """A task, then one at an angle to it.

    Returns:
        Over `cosine`: `left`, the share of the second task that is unexplained at its start, `expanded`, the number of
        paths during its block, and `kept`, the number afterwards.
    """
    shares = np.geomspace(1e-4, 1, parameters.num_angles)
    cosines = np.unique(np.concatenate([np.sqrt(1 - shares), np.asarray(TABLED)]))
    first, other = _teachers(jax.random.key(parameters.seed), 2, parameters)
    curriculum, strategy = sequence([0, 1], BLOCK, 2), DynamicallyExpandable()

    def one(cosine: Any) -> tuple[Any, ...]:
        tasks = from_matrices(jnp.stack([first, cosine * first + jnp.sqrt(1 - cosine**2) * other]))
        found = _trained(tasks, strategy, curriculum)
        # What the first task alone has taught explains of the second.
        problem = TeacherProblem(tasks=tasks)  # pyright: ignore[reportCallIssue]
        batch = problem.population(jnp.asarray([0.0, 1.0]))
        taught = GatedLinear(jnp.ones(1), first[None])
        left = residual(with_fitted_gates(taught, batch), batch)
        kept = num_alive(None, found.final_state, None)
        return left, found.values["alive"][-1], kept, result_codes(found.result)

    names = ("left", "expanded", "kept", "result")
    found = jax.jit(jax.vmap(one))(jnp.asarray(cosines))
    data = {name: ("cosine", np.asarray(part)) for name, part in zip(names, found, strict=True)}
    return xr.Dataset(data, {"cosine": cosines})


def noisy_blocks(parameters: Parameters) -> xr.Dataset:
    """`alive` over (noise, seed, block): paths of networks that see finite batches with noise on their targets.

    New paths take the least-squares map of what is unexplained, and nothing is trained besides.
    """
    noises = np.linspace(0, parameters.most_noise, parameters.num_noises)

    def one(noise: Any, key: Any) -> Any:
        of_teachers, of_batches = jax.random.split(key)
        problem = TeacherProblem(tasks=_tasks(of_teachers, parameters))  # pyright: ignore[reportCallIssue]

        def batch_of(item: tuple[Any, Any]) -> Batch:
            return _noisy(problem, item[1], item[0], noise, parameters.samples)

        return _jumps(problem, batch_of, (jnp.asarray(ORDER), jax.random.split(of_batches, len(ORDER))))[0]

    keys = jax.random.split(jax.random.key(parameters.seed), parameters.num_seeds)
    alive = jax.jit(jax.vmap(jax.vmap(one, (None, 0)), (0, None)))(jnp.asarray(noises), keys)
    attributes = {"tasks": [NAMES[task] for task in ORDER], "samples": parameters.samples, "d_in": parameters.d_in}
    return xr.Dataset({"alive": (("noise", "seed", "block"), np.asarray(alive))}, {"noise": noises}, attributes)


def _jumps(problem: TeacherProblem, batch_of: Callable[[Any], Batch], items: Any) -> tuple[Any, Any]:
    """Numbers of paths, and losses on what is seen, in blocks without training.

    Args:
        problem: the teachers.
        batch_of: the examples of a block, by its item.
        items: of all blocks, leading axis = block.
    """
    strategy = DynamicallyExpandable()

    def block(carry: Any, item: Any) -> tuple[Any, Any]:
        batch = batch_of(item)
        network, memory = carry
        network, memory = strategy.at_start(problem, network, memory, batch)
        found = jnp.sum(memory.alive), problem.loss(network, batch)
        return strategy.at_end(problem, network, memory, batch), found

    shape = (CAPACITY, problem.tasks.d_out, problem.tasks.d_in)
    return jax.lax.scan(block, strategy.begin(problem, _room(shape)), items)[1]


def _trained(tasks: TaskSet, strategy: DynamicallyExpandable, curriculum: Any) -> Trajectory:
    flow = GradientFlow(tasks, {"gates": jnp.asarray(1.0), "weights": jnp.asarray(1.0)})
    system = GatedContinualFlow(flow=flow, strategy=strategy)  # pyright: ignore[reportCallIssue]
    network = _room((CAPACITY, tasks.d_out, tasks.d_in))
    recorded = {"alive": num_alive, "loss": lambda system, state, task: system.loss(state, task)}
    state, method = system.initial_state(network), FixedSteps(max_step=BLOCK)
    return simulate(system, curriculum, state, method=method, observables=recorded)


def _tasks(key: Any, parameters: Parameters) -> TaskSet:
    a, b, c = _teachers(key, 3, parameters)
    return from_matrices(jnp.stack([a, b, c, (a + b) / 2, (b + c) / 2]))


def _teachers(key: Any, number: int, parameters: Parameters) -> Any:
    return matched_rows_orthogonal(key, number, parameters.d_out, parameters.d_in, Scale.UNIT).teachers


def _room(shape: tuple[int, int, int]) -> GatedLinear:
    return GatedLinear(jnp.zeros(shape[:1]), jnp.zeros(shape))


def _noisy(problem: TeacherProblem, key: Any, task: Any, noise: Any, samples: int) -> Batch:
    of_inputs, of_noise = jax.random.split(key)
    shares = jax.nn.one_hot(task, problem.num_tasks, dtype=problem.tasks.teachers.dtype)
    batch = problem.draw(of_inputs, shares, samples)
    targets = batch.targets + noise * jax.random.normal(of_noise, batch.targets.shape, batch.targets.dtype)
    return Batch(batch.inputs, targets, batch.tasks, batch.weights)
