"""What is simulated for the frontier of EWC."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array
from scipy.optimize import nnls

from experiments.harness.runs import Data, Run
from ntadyn.continual import ElasticWeightConsolidation, GatedContinualFlow
from ntadyn.dynamics import GradientFlow
from ntadyn.networks import GatedLinear
from ntadyn.regularizers import from_relative_weights
from ntadyn.simulation import FixedSteps, Trajectory, simulate
from ntadyn.simulation.outcome import result_codes
from ntadyn.tasks import TaskSet
from ntadyn.tasks.curricula import alternating
from ntadyn.tasks.curriculum import AbstractCurriculum, Blocked
from ntadyn.tasks.teachers import Scale, matched_rows_orthogonal

TASKS = ("A", "B")
D_OUT, D_IN = 10, 20
TAU_GATES, TAU_WEIGHTS, BLOCK = 0.03, 1.3, 1.0
# In double precision, such a group does not move at all.
FROZEN = 1e30
# Of a block in which the weights forget where they began.
LONG = 60 * TAU_WEIGHTS


@dataclass(frozen=True)
class Parameters:
    """What the frontier is made of.

    Attributes:
        num_strengths: values of mu, from 0.01 to 100 in equal ratios; an odd number, so that 1 is one of them.
        num_seeds: initial weights of the flexible network.
        num_blocks: of the stream of both, A and B in turn.
        num_paths: of the flexible network.
        seed: the seed that all keys are derived from.
    """

    num_strengths: int = 41
    num_seeds: int = 10
    num_blocks: int = 24
    num_paths: int = 3
    seed: int = 0


def runs(parameters: Parameters) -> list[Run]:
    """Both learners, one after the other."""
    return [Run("ewc_frontier", simulated, {"parameters": parameters})]


def simulated(parameters: Parameters) -> Data:
    """Both learners.

    Args:
        parameters: what to run.

    Returns:
        "ewc": losses of one path over `strength`, `task` and `stream` ("long": A then B, each until nothing moves;
        "short": all blocks of the stream). "flexible": losses of the gated network over `seed` and `task`, as it is at
        the end of the last B (`behavioural`), with the best nonnegative gates (`latent`), and over `time` while gates
        alone adapt to each task (`adapting`).
    """
    of_teachers, of_networks = jax.random.split(jax.random.key(parameters.seed))
    tasks = matched_rows_orthogonal(of_teachers, len(TASKS), D_OUT, D_IN, Scale.UNIT)
    apart = float(jnp.linalg.norm(tasks.teachers[0] - tasks.teachers[1]))
    stream = alternating(len(TASKS), parameters.num_blocks, BLOCK)
    data = {"ewc": _ewc(parameters, tasks, stream), "flexible": _flexible(parameters, tasks, stream, of_networks)}
    return {name: dataset.assign_attrs(apart=apart) for name, dataset in data.items()}


def _ewc(parameters: Parameters, tasks: TaskSet, stream: AbstractCurriculum) -> xr.Dataset:
    """One path whose gate is frozen at one."""
    flow = GradientFlow(tasks, {"gates": FROZEN, "weights": TAU_WEIGHTS})
    network = GatedLinear(jnp.ones(1), jnp.zeros((1, D_OUT, D_IN)))
    strengths = np.logspace(-2, 2, parameters.num_strengths)
    # Frozen gates leave one exponential per block, which a single step follows exactly.
    streams = {"long": (alternating(len(TASKS), 2, LONG), LONG), "short": (stream, BLOCK)}

    def ended(strength: Array, curriculum: AbstractCurriculum, step: float) -> tuple[Array, Array]:
        strategy = ElasticWeightConsolidation(strength=strength)
        system = GatedContinualFlow(flow=flow, strategy=strategy)  # pyright: ignore[reportCallIssue]
        method = FixedSteps(max_step=step)
        run = simulate(system, curriculum, system.initial_state(network), method=method, observables={})
        return system.problem.losses(run.final_state.network), result_codes(run.result)

    found = [
        jax.jit(jax.vmap(lambda strength, given=given: ended(strength, *given)))(jnp.asarray(strengths))
        for given in streams.values()
    ]
    losses, results = (np.stack([np.asarray(part) for part in each]) for each in zip(*found, strict=True))
    return xr.Dataset(
        {"loss": (("stream", "strength", "task"), losses), "result": (("stream", "strength"), results)},
        {"stream": list(streams), "strength": strengths, "task": list(TASKS)},
    )


def _flexible(parameters: Parameters, tasks: TaskSet, stream: AbstractCurriculum, key: Array) -> xr.Dataset:
    """Fast gates under a penalty, and what they make of the weights that they leave."""
    penalties = from_relative_weights(0.3, nonnegative=5.0, unit_l1=10.0)
    learning = GradientFlow(tasks, {"gates": TAU_GATES, "weights": TAU_WEIGHTS}, penalties)
    adapting = GradientFlow(tasks, {"gates": TAU_GATES, "weights": FROZEN}, penalties)
    keys = jax.random.split(key, parameters.num_seeds)
    shape = (parameters.num_paths, D_OUT, D_IN)
    networks = jax.vmap(lambda key: GatedLinear.initialise(key, shape, gate=1 / shape[0]))(keys)
    steps = FixedSteps(max_step=learning.default_step(None, jnp.eye(len(TASKS))))
    duration, every = jnp.full(1, BLOCK), jnp.arange(len(TASKS))

    @jax.jit
    @jax.vmap
    def run(network: GatedLinear) -> tuple[Trajectory, Trajectory]:
        learned = simulate(learning, stream, network, method=steps)
        final = learned.final_state
        # The exact flow of the gates alone needs no finer steps than records.
        method = FixedSteps(max_step=BLOCK)

        def adapted(task: Array) -> Trajectory:
            alone = Blocked(tasks=task[None], durations=duration, num_tasks=len(TASKS))
            return simulate(adapting, alone, final, method=method, records_per_block=99)

        return learned, jax.vmap(adapted)(every)

    learned, adapted = run(networks)
    final = learned.final_state
    behavioural = jax.jit(jax.vmap(lambda net: jax.vmap(lambda task: learning.loss(net, task))(jnp.eye(2))))(final)
    results = np.stack([np.asarray(result_codes(learned.result)), *np.asarray(result_codes(adapted.result)).T])
    teachers = np.asarray(tasks.teachers)
    return xr.Dataset(
        {
            "behavioural": (("seed", "task"), np.asarray(behavioural)),
            "latent": (("seed", "task"), np.stack([_latent(weights, teachers) for weights in final.weights])),
            "adapting": (("seed", "task", "time"), np.asarray(adapted.values["loss"])),
            "gates": (("seed", "path"), np.asarray(final.gates)),
            "result": (("run", "seed"), results),
        },
        {"task": list(TASKS), "time": np.asarray(adapted.times[0, 0])},
    )


def _latent(weights: Array, teachers: np.ndarray) -> np.ndarray:
    """The loss on every task with the best nonnegative gates."""
    paths = np.asarray(weights).reshape(len(weights), -1).T
    return np.asarray([0.5 * nnls(paths, teacher.ravel())[1] ** 2 for teacher in teachers])
