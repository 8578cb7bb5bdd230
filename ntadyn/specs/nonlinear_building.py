"""Gated networks with hidden units, built from plain values."""

import math
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray, PyTree

from ntadyn.continual import (
    AbstractProblem,
    ContinualDescent,
    ContinualFlow,
    CrossEntropy,
    DataProblem,
    FineTuning,
    NetworkTeachers,
    rectified_teachers,
)
from ntadyn.continual.readings import ACCURACY, OPEN_GATES, PATH_OVERLAPS
from ntadyn.interface import Observable
from ntadyn.networks import AbstractGatedPaths, BySoftmax, Convolutional, GatedNetwork
from ntadyn.regularizers import from_coefficients
from ntadyn.regularizers.penalty import combine
from ntadyn.specs import building
from ntadyn.tasks import digits, images

if TYPE_CHECKING:
    from ntadyn.specs.nonlinear import Convolutions, GatedStudent, LabelMaps, RectifiedTeachers


def build(spec: "GatedStudent", keys: building.Keys) -> tuple[ContinualDescent, PyTree]:
    """System and initial state of one repetition; the real numbers of the spec and the keys may be traced.

    Raises:
        ValueError: for any part that cannot be built.
    """
    problem = spec.tasks.build(keys.teachers)
    batch = jax.eval_shape(lambda: problem.draw(keys.data, jnp.ones(problem.num_tasks) / problem.num_tasks, 1))
    sizes = batch.inputs.shape[-1], num_outputs(problem)
    network: AbstractGatedPaths = spec.paths.build(keys.initial, spec.num_paths, sizes, spec.gating, batch.inputs.dtype)
    of_gates = [*from_coefficients(spec.penalties.listed).values(), spec.gating.penalty()]
    learner = learner_of(
        problem,
        network,
        (spec.learning_rates.gates, spec.learning_rates.weights),
        combine(penalty for penalty in of_gates if penalty is not None),
        keys.data,
        int(spec.batch_size),
    )
    return learner, learner.initial_state(network)


def learner_of(
    problem: AbstractProblem,
    network: AbstractGatedPaths,
    rates: tuple[Any, Any],
    penalty: Any,
    data_key: PRNGKeyArray,
    batch_size: int,
) -> ContinualDescent:
    """Plain descent with two clocks, in steps of one: gates at one rate, everything else at another.

    Args:
        problem: what is asked.
        network: of gated paths, for the names of its parameter groups.
        rates: eta_c of gates and eta_W of everything else; zero freezes a group.
        penalty: on the gates.
        data_key: the key of the batches.
        batch_size: examples per step.
    """
    of_gates, of_weights = (1 / jnp.asarray(rate) for rate in rates)
    weights = [name for name in vars(network) if name not in ("gates", "gating")]
    time_constants = {"gates": of_gates} | dict.fromkeys(weights, of_weights)
    if isinstance(network.gating, BySoftmax):
        time_constants["gating"] = jnp.asarray(math.inf)
    flow = ContinualFlow(  # pyright: ignore[reportCallIssue]
        problem=problem, strategy=FineTuning(), time_constants=time_constants, penalties={"gates": penalty}
    )
    watched: dict[str, Observable] = {"gates": OPEN_GATES, "path_overlaps": PATH_OVERLAPS}
    if problem.criterion.judges_classes:
        watched["accuracy"] = ACCURACY
    return ContinualDescent(  # pyright: ignore[reportCallIssue]
        flow=flow, data_key=data_key, batch_size=batch_size, watched=watched
    )


def build_teachers(spec: "RectifiedTeachers", key: PRNGKeyArray) -> NetworkTeachers:
    """Teachers, and the inputs on which networks are judged."""
    of_teachers, of_points = jax.random.split(key)
    points = jax.random.normal(of_points, (spec.points, spec.d_in))
    return rectified_teachers(of_teachers, spec.num_tasks, spec.units, spec.d_out, points)


_LABELS = {"own labels": images.IDENTITY, "even digits first": images.PARITY}


def build_label_maps(spec: "LabelMaps", key: PRNGKeyArray) -> DataProblem:
    """Digits with their pixels from -1 to 1, so that networks without biases can tell dark from light."""
    del key
    with jax.ensure_compile_time_eval():  # what is known outside jit is known inside, too, and checked
        tasks = digits.relabelled(dict(list(_LABELS.items())[: spec.num_tasks]))
        dtype = jnp.zeros(()).dtype
        sets = [
            jax.tree.map(lambda leaf: leaf.astype(dtype) if leaf.dtype.kind == "f" else leaf, part)
            for part in (tasks.practised, tasks.held_out)
        ]
        practised, held_out = (type(part)(2 * part.inputs - 1, part.targets, part.counts) for part in sets)
        return DataProblem(  # pyright: ignore[reportCallIssue]
            practised=practised, held_out=held_out, criterion=CrossEntropy()
        )


def build_convolutions(
    spec: "Convolutions", key: PRNGKeyArray, num_paths: int, sizes: tuple[int, int], gating: Any, dtype: Any
) -> GatedNetwork:
    """Paths of convolutions.

    Raises:
        ValueError: for inputs that are no square image.
    """
    d_in, d_out = sizes
    side = math.isqrt(d_in)
    if side**2 != d_in:
        raise ValueError(f"convolutions need square images; {d_in} inputs are none.")
    keys = jax.random.split(key, num_paths)
    paths = [Convolutional.initialise(one, side, spec.channels, d_out, dtype) for one in keys]
    return GatedNetwork.of(paths, gating.build(paths[0].num_units))


def num_outputs(problem: AbstractProblem) -> int:
    """How many outputs a problem asks for: those of its targets, or one per class."""
    if isinstance(problem, DataProblem) and problem.criterion.judges_classes:
        return digits.NUM_CLASSES if problem.heads is None else problem.heads.shape[1]
    shares = jnp.ones(problem.num_tasks) / problem.num_tasks
    return jax.eval_shape(lambda: problem.judged(shares)).targets.shape[-1]
