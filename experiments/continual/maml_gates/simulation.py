"""What is learned for the experiment on meta-learning with gates, and what is measured on the paths."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import optax
import xarray as xr
from jax import lax
from jaxtyping import Array, PRNGKeyArray

from experiments.harness.runs import Data, Run
from ntadyn.continual import (
    AbstractStrategy,
    CommonRate,
    ContinualDescent,
    ContinualFlow,
    FollowTheMetaLeader,
    InnerLoop,
    ModelAgnosticMetaLearning,
    TeacherProblem,
    adapted,
    adapted_losses,
)
from ntadyn.dynamics import GradientFlow
from ntadyn.metrics import optimal_assignment
from ntadyn.networks import GatedLinear
from ntadyn.regularizers import Nonnegativity, UnitL1Norm
from ntadyn.simulation import FixedSteps, Updates, simulate
from ntadyn.tasks.curricula import alternating
from ntadyn.tasks.teachers import Scale, matched_rows_orthogonal

TASKS, D_OUT, D_IN = 3, 10, 20
RATE = 1 / D_OUT  # the inner rate that solves a task in one step if every path is a teacher, of squared norm d_out
FROZEN = {"gates": jnp.inf, "weights": 1.0}
LEARNING = {"gates": 1.0, "weights": 1.0}
SLOW = 1.3  # tau_W in units of a block
FLEXIBLE, FORGETFUL = {"gates": 0.03, "weights": SLOW}, {"gates": SLOW, "weights": SLOW}
# Gates that are not held at zero end in a rotated solution, with negative gates.
HELD = Nonnegativity(15.0) + UnitL1Norm(30 / 11)
OUTER_STEP = 1e-2
NTA_STEP = 5e-3


@dataclass(frozen=True)
class Parameters:
    """What the experiment is made of.

    Attributes:
        num_seeds: repetitions with other initial weights, on one set of teachers.
        seed: the seed that all keys are derived from.
        num_steps: steps of the outer loop with all tasks at once.
        num_blocks: blocks of the stream.
        steps_per_block: steps of the outer loop per block, on the stream.
        most_inner_steps: how many inner steps are followed after learning.
    """

    num_seeds: int = 5
    seed: int = 0
    num_steps: int = 4000
    num_blocks: int = 24
    steps_per_block: int = 200
    most_inner_steps: int = 10


def runs(parameters: Parameters) -> list[Run]:
    """All learners."""
    return [Run("maml_gates", learned, {"parameters": parameters})]


def learned(parameters: Parameters) -> Data:
    """Every learner from the same initial networks, and what its paths are good for.

    Args:
        parameters: what to learn.

    Returns:
        "learners", with axes learner, seed, and inner step, inner rate, or path: `loss` after so many inner steps,
        `one_step` (the loss after one step of another rate), `best_rate` and `best_one_step` (the rate at which that is
        least, and what it is), `angle` (the largest angle between the spans of paths and
        teachers), `cosines` (of every teacher with its path), `gram` (eigenvalues of a G); and inner steps in training.
    """
    of_teachers, of_networks = jax.random.split(jax.random.key(parameters.seed))
    tasks = matched_rows_orthogonal(of_teachers, TASKS, D_OUT, D_IN, Scale.UNIT)
    # The type checker takes the abstract fields of the interface for arguments, here and below.
    problem = TeacherProblem(tasks=tasks)  # pyright: ignore[reportCallIssue]
    keys = jax.random.split(of_networks, parameters.num_seeds)
    measured = jax.jit(jax.vmap(lambda network: _measured(problem, network, parameters.most_inner_steps)))
    found = {name: measured(jax.jit(jax.vmap(learn))(keys)) for name, learn in learners(problem, parameters).items()}
    axes = {
        "loss": ("inner_step",),
        "one_step": ("inner_rate",),
        "best_rate": (),
        "best_one_step": (),
        "angle": (),
        "cosines": ("path",),
        "gram": ("path",),
    }
    variables = {
        name: (("learner", "seed", *axes[name]), np.stack([np.asarray(one[name]) for one in found.values()]))
        for name in axes
    }
    steps = np.arange(parameters.most_inner_steps + 1)
    coordinates = {"learner": list(found), "inner_step": steps, "inner_rate": inner_rates()}
    return {"learners": xr.Dataset(variables, coordinates)}


def learners(problem: TeacherProblem, parameters: Parameters) -> dict[str, Callable[[PRNGKeyArray], GatedLinear]]:
    """Name -> the network that is learned, as a function of the key of its initial weights."""
    blocks = alternating(TASKS, parameters.num_blocks, 1.0)
    stream = alternating(TASKS, parameters.num_blocks, parameters.steps_per_block * OUTER_STEP)

    def start(key: PRNGKeyArray, gate: float = 1 / TASKS) -> GatedLinear:
        return GatedLinear.initialise(key, (TASKS, D_OUT, D_IN), 0.1, gate)

    def meta(steps: int, time_constants: dict, gate: float) -> Callable[[PRNGKeyArray], GatedLinear]:
        strategy = ModelAgnosticMetaLearning(InnerLoop(steps, CommonRate(RATE)))
        system = _by_adam(problem, strategy, time_constants)
        return lambda key: _descended(system, start(key, gate), parameters.num_steps)

    def leader(key: PRNGKeyArray) -> GatedLinear:
        system = _by_adam(problem, FollowTheMetaLeader(InnerLoop(1, CommonRate(RATE))), LEARNING)
        state = system.initial_state(start(key))
        return simulate(system, stream, state, method=Updates(OUTER_STEP)).final_state.network

    def nta(time_constants: dict, penalties: dict) -> Callable[[PRNGKeyArray], GatedLinear]:
        system = GradientFlow(problem.tasks, time_constants, penalties)
        return lambda key: simulate(system, blocks, start(key), method=FixedSteps(max_step=NTA_STEP)).final_state

    return {
        "MAML, K = 1": meta(1, LEARNING, 1 / TASKS),
        "MAML, K = 2": meta(2, LEARNING, 1 / TASKS),
        "MAML, K = 5": meta(5, LEARNING, 1 / TASKS),
        "MAML, gates from 0": meta(1, FROZEN, 0.0),
        "meta-leader": leader,
        "flexible": nta(FLEXIBLE, {"gates": HELD}),
        "forgetful": nta(FORGETFUL, {}),
        "initial": start,
    }


def inner_rates() -> np.ndarray:
    """The rates at which one step is tried."""
    return np.geomspace(RATE / 4, 4 * RATE, 81)


def _by_adam(problem: TeacherProblem, strategy: AbstractStrategy, time_constants: dict) -> ContinualDescent:
    flow = ContinualFlow(problem=problem, strategy=strategy, time_constants=time_constants)  # pyright: ignore[reportCallIssue]
    rule = optax.scale_by_adam()
    return ContinualDescent(flow=flow, data_key=jax.random.key(0), rule=rule)  # pyright: ignore[reportCallIssue]


def _descended(system: ContinualDescent, network: GatedLinear, num_steps: int) -> GatedLinear:
    """The network after steps of the outer loop, with all tasks at once."""
    shares, step = jnp.full(TASKS, 1 / TASKS), jnp.asarray(OUTER_STEP)
    state = system.initial_state(network)
    return lax.scan(lambda state, _: (system.update(state, shares, step), None), state, length=num_steps)[0].network


def _measured(problem: TeacherProblem, network: GatedLinear, most_inner_steps: int) -> dict[str, Array]:
    """What is measured on one network, by name; see `learned`."""
    teachers = problem.tasks.teachers
    flat, targets = (stack.reshape(len(stack), -1) for stack in (network.weights, teachers))
    spans = [jnp.linalg.qr(stack.T)[0] for stack in (flat, targets)]
    smallest = jnp.linalg.svd(spans[0].T @ spans[1], compute_uv=False)[-1]
    unit = [stack / jnp.linalg.norm(stack, axis=1, keepdims=True) for stack in (targets, flat)]
    cosines = jnp.abs(unit[0] @ unit[1].T)
    path = optimal_assignment(cosines)

    def one_step(rate: Array) -> Array:
        return jnp.mean(adapted_losses(problem, network, InnerLoop(1, CommonRate(rate))))

    # The loss is a parabola in the rate.
    slope = jax.grad(one_step)
    best_rate = RATE - slope(jnp.asarray(RATE)) / jax.grad(slope)(jnp.asarray(RATE))
    return {
        "loss": _after_steps(problem, network, most_inner_steps),
        "one_step": lax.map(one_step, jnp.asarray(inner_rates())),
        "best_rate": best_rate,
        "best_one_step": one_step(best_rate),
        "angle": jnp.degrees(jnp.arccos(jnp.clip(smallest, 0, 1))),
        "cosines": cosines[jnp.arange(TASKS), path],
        "gram": RATE * jnp.linalg.eigvalsh(flat @ flat.T),
    }


def _after_steps(problem: TeacherProblem, network: GatedLinear, number: int) -> Array:
    """The mean over tasks of the loss after 0, 1, ..., `number` inner steps, shape (number + 1,)."""
    inner = InnerLoop(1, CommonRate(RATE))

    def of_task(task: Array) -> Array:
        batch = problem.population(task)

        def step(network: GatedLinear, _: None) -> tuple[GatedLinear, Array]:
            return adapted(problem, network, task, inner), problem.loss(network, batch)

        return lax.scan(step, network, length=number + 1)[1]

    return jnp.mean(jax.vmap(of_task)(jnp.eye(TASKS)), axis=0)
