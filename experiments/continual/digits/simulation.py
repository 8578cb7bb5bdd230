"""What is simulated for the digits."""

from collections.abc import Callable
from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, PRNGKeyArray

from experiments.continual.digits.gated_readouts import GatedReadouts
from experiments.harness.runs import Run
from ntadyn.continual import (
    AbstractStrategy,
    ContinualDescent,
    ContinualFlow,
    CrossEntropy,
    DataProblem,
    ElasticWeightConsolidation,
    ExampleReplay,
    FineTuning,
    MultiTask,
    TaskReplay,
)
from ntadyn.regularizers import Nonnegativity, UnitL1Norm
from ntadyn.simulation import Trajectory, Updates, result_codes, simulate
from ntadyn.tasks import digits
from ntadyn.tasks.curricula import alternating
from ntadyn.tasks.examples import ExampleTasks

ANGLES = (0, 36, 72, 108, 144)


@dataclass(frozen=True)
class Stream:
    """One stream.

    Attributes:
        tasks: makes its tasks.
        rate: the learning rate, chosen on the tuning seeds, see `verdict.md`.
    """

    tasks: Callable[[], ExampleTasks]
    rate: float


# By the names of the data; streams that share compiled programs are not neighbours, because two are run at a time.
STREAMS = {
    "permuted": Stream(lambda: digits.permuted(jax.random.key(0), 5), 0.5),
    "split_by_task": Stream(digits.split_task_incremental, 0.8),
    "rotated": Stream(lambda: digits.rotated(ANGLES), 0.5),
    "split_by_class": Stream(digits.split_class_incremental, 0.3),
}
STRATEGIES: dict[str, AbstractStrategy] = {
    "fine-tuning": FineTuning(),
    "replay, 32 examples": ExampleReplay(32),
    "replay, all examples": TaskReplay(0.5),
    "joint training": MultiTask(),
}
EWC, TUNED = "EWC, strength 1", "EWC, strength tuned"
GATED = "gated read-outs, fine-tuning"
METHODS = ("fine-tuning", GATED, EWC, TUNED, *list(STRATEGIES)[1:])
# The type checker takes the abstract fields of modules for arguments, here and below.
# Seeds on which hyper-parameters are chosen are counted from here, those of results from 0.
TUNING = 1000


@dataclass(frozen=True)
class Parameters:
    """What the experiment is made of.

    Attributes:
        num_seeds: repetitions with other initial weights and batches.
        num_tuning_seeds: of the same kind, on which the strength of EWC is chosen.
        strengths: those it is chosen from.
        units: in the hidden layer.
        steps: per task.
        batch: fresh examples per step.
        paths: read-outs of the network with gates.
        gate_speed: learning rate of its gates over that of everything else.
        records_per_block: records strictly inside every block.
    """

    num_seeds: int = 5
    num_tuning_seeds: int = 3
    strengths: tuple[float, ...] = (1.0, 3.0, 10.0, 30.0, 100.0)
    units: int = 32
    steps: int = 500
    batch: int = 32
    paths: int = 5
    gate_speed: float = 0.1
    records_per_block: int = 9


def runs(parameters: Parameters) -> list[Run]:
    """One for every stream."""
    return [Run(f"digits_{name}", simulated, {"stream": name, "parameters": parameters}, name) for name in STREAMS]


def simulated(stream: str, parameters: Parameters) -> xr.Dataset:
    """All methods on one stream.

    Args:
        stream: one of `STREAMS`.
        parameters: sizes, rates, seeds.

    Returns:
        `accuracy` (learner, seed, record, task) on examples that were held out, `result` (learner, seed), `tuning`
        (strength, tuning seed): the mean accuracy over tasks at the end, on a part of what is practised, the strength
        that was `chosen`, and the learning `rate`.
    """
    tasks, rate = STREAMS[stream].tasks(), jnp.asarray(STREAMS[stream].rate)
    problem, keys = _problem(tasks), _keys(0, parameters.num_seeds)
    found = {name: _over_seeds(problem, rate, strategy, keys, parameters) for name, strategy in STRATEGIES.items()}
    tuning = tuned(tasks, rate, parameters)
    chosen = parameters.strengths[int(np.argmax(tuning.mean(axis=1)))]
    both = _over_strengths(problem, rate, jnp.asarray((1.0, chosen)), keys, parameters)
    for at, name in enumerate((EWC, TUNED)):
        found[name] = tuple(part[at] for part in both)
    if tasks.heads is None:  # read-outs have nothing to share where every task has its own
        found[GATED] = _gated(problem, rate, keys, parameters)
    names = [name for name in METHODS if name in found]
    times, blocks = (np.asarray(part)[0] for part in found["fine-tuning"][2:])
    return xr.Dataset(
        {
            "accuracy": (("learner", "seed", "record", "task"), np.stack([found[name][0] for name in names])),
            "result": (("learner", "seed"), np.stack([found[name][1] for name in names])),
            "tuning": (("strength", "tuning_seed"), tuning),
            "chosen": ((), chosen),
            "rate": ((), float(rate)),
        },
        {
            "learner": names,
            "strength": list(parameters.strengths),
            "task": list(tasks.names),
            "step": ("record", times),
            "block": ("record", blocks),
        },
    )


def tuned(tasks: ExampleTasks, rate: Array, parameters: Parameters) -> np.ndarray:
    """How well EWC does at every strength, judged by a part of what is practised; what is held out is not looked at.

    Args:
        tasks: the stream.
        rate: the learning rate.
        parameters: sizes, strengths, seeds.

    Returns:
        The mean accuracy over tasks at the end, (strength, tuning seed).
    """
    problem, keys = _problem(tasks.for_choices()), _keys(TUNING, parameters.num_tuning_seeds)
    accuracy, *_ = _over_strengths(problem, rate, jnp.asarray(parameters.strengths), keys, parameters)
    return np.asarray(accuracy)[:, :, -1].mean(axis=-1)


Recorded = tuple[Array, ...]


def _problem(tasks: ExampleTasks) -> DataProblem:
    return DataProblem(tasks.practised, tasks.held_out, CrossEntropy(), tasks.heads)  # pyright: ignore


def _keys(first: int, number: int) -> PRNGKeyArray:
    return jax.vmap(jax.random.key)(jnp.arange(first, first + number))


@eqx.filter_jit
def _over_seeds(
    problem: DataProblem, rate: Array, strategy: AbstractStrategy, keys: PRNGKeyArray, parameters: Parameters
) -> Recorded:
    return jax.vmap(lambda key: _perceptron(problem, rate, strategy, key, parameters))(keys)


@eqx.filter_jit
def _over_strengths(
    problem: DataProblem, rate: Array, strengths: Array, keys: PRNGKeyArray, parameters: Parameters
) -> Recorded:
    def one(strength: Array) -> Recorded:
        strategy = ElasticWeightConsolidation(strength)
        return jax.vmap(lambda key: _perceptron(problem, rate, strategy, key, parameters))(keys)

    return jax.vmap(one)(strengths)


@eqx.filter_jit
def _gated(problem: DataProblem, rate: Array, keys: PRNGKeyArray, parameters: Parameters) -> Recorded:
    def one(key: PRNGKeyArray) -> Recorded:
        of_network, of_data = jax.random.split(key)
        tau = 1 / rate
        time_constants = {"gates": tau / parameters.gate_speed} | dict.fromkeys(("hidden", "readouts", "bias"), tau)
        penalties = {"gates": Nonnegativity(0.1) + UnitL1Norm(0.1)}
        flow = ContinualFlow(problem, FineTuning(), time_constants, penalties)  # pyright: ignore
        sizes = (parameters.paths, problem.practised.inputs.shape[2], parameters.units, digits.NUM_CLASSES)
        return _learned(flow, GatedReadouts.initialise(of_network, sizes), of_data, parameters)

    return jax.vmap(one)(keys)


def _perceptron(
    problem: DataProblem, rate: Array, strategy: AbstractStrategy, key: PRNGKeyArray, parameters: Parameters
) -> Recorded:
    of_network, of_data = jax.random.split(key)
    network = eqx.nn.MLP(problem.practised.inputs.shape[2], digits.NUM_CLASSES, parameters.units, 1, key=of_network)
    flow = ContinualFlow(problem, strategy, 1 / rate)  # pyright: ignore
    return _learned(flow, network, of_data, parameters)


def _learned(flow: ContinualFlow, network: eqx.Module, key: PRNGKeyArray, parameters: Parameters) -> Recorded:
    """Accuracies, result, steps and blocks of one repetition; time is counted in steps."""
    system = ContinualDescent(flow, key, parameters.batch)  # pyright: ignore
    with jax.ensure_compile_time_eval():  # the time grid needs durations that are known numbers
        curriculum = alternating(system.num_tasks, system.num_tasks, jnp.asarray(float(parameters.steps)))
    found: Trajectory = simulate(
        system,
        curriculum,
        system.initial_state(network),
        method=Updates(1.0),
        observables={"accuracy": lambda system, state, task: system.problem.accuracies(state.network)},
        records_per_block=parameters.records_per_block,
    )
    return found.values["accuracy"], result_codes(found.result), found.times, found.blocks
