"""Learners on streams of tasks, built from plain values."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from ntadyn.continual import (
    AbstractCriterion,
    ContinualDescent,
    ContinualFlow,
    CrossEntropy,
    DataProblem,
    GatedContinualFlow,
    SquaredError,
    TeacherProblem,
)
from ntadyn.continual.strategy import AbstractStrategy
from ntadyn.dynamics import GradientFlow
from ntadyn.interface import AbstractSystem
from ntadyn.regularizers import from_relative_weights
from ntadyn.simulation.defaults import step_of
from ntadyn.simulation.fixed_steps import FixedSteps
from ntadyn.simulation.method import AbstractMethod
from ntadyn.simulation.method_choice import method_for
from ntadyn.specs import building
from ntadyn.specs.continual import BATCH_STEP, ContinualTeachers, Feed
from ntadyn.specs.continual_data import ContinualData
from ntadyn.tasks.examples import ExampleTasks


def build(spec: ContinualTeachers, keys: building.Keys) -> tuple[AbstractSystem, PyTree]:
    """System and initial state of one repetition; the real numbers of the spec and the keys may be traced.

    Raises:
        ValueError: for any part that cannot be built.
    """
    tasks = building.build_tasks(spec.teachers, keys.teachers)
    taus = {"gates": spec.time_constants.gates, "weights": spec.time_constants.weights}
    relative = spec.penalties
    penalties = from_relative_weights(relative.strength, **relative.listed) if relative.listed else {}
    network = building.build_network(spec.network, tasks, keys.initial)
    strategy: AbstractStrategy = spec.strategy.build()
    flow = GradientFlow(tasks, taus, penalties)
    # The type checker takes the abstract fields of the interface for arguments.
    problem = TeacherProblem(tasks=tasks)  # pyright: ignore[reportCallIssue]
    if spec.feed is Feed.BATCHES or not has_closed_form(strategy, problem):
        general = ContinualFlow(  # pyright: ignore[reportCallIssue]
            problem=problem,
            strategy=strategy,
            time_constants=flow.time_constants,
            penalties=penalties,
        )
        if spec.feed is Feed.POPULATION:
            return general, general.initial_state(network)
        learner: Any = ContinualDescent(  # pyright: ignore[reportCallIssue]
            flow=general, data_key=keys.data, batch_size=int(spec.batch_size)
        )
    else:
        learner = GatedContinualFlow(flow=flow, strategy=strategy)  # pyright: ignore[reportCallIssue]
    return learner, learner.initial_state(network)


def has_closed_form(strategy: AbstractStrategy, problem: TeacherProblem) -> bool:
    """Whether a strategy can run in `GatedContinualFlow`."""
    try:
        strategy.check_closed_form(problem)
    except ValueError:
        return False
    return True


def build_method(spec: ContinualTeachers, system: Any, state: PyTree) -> AbstractMethod:
    """The method that fits the learner; the step of a `FixedSteps` is always a number."""
    step: Any = spec.max_step
    if spec.feed is Feed.BATCHES and step is None:
        step = BATCH_STEP
    method = method_for(system, state, step)
    if isinstance(method, FixedSteps) and method.max_step is None:
        return FixedSteps(method.solver, step_of(system, state, spec.build_curriculum(system)))
    return method


def build_on_data(spec: ContinualData, keys: building.Keys) -> tuple[AbstractSystem, PyTree]:
    """System and initial state of one repetition on a stream of examples.

    Raises:
        ValueError: for any part that cannot be built.
    """
    # What is known outside jit is known inside, too, and checked.
    with jax.ensure_compile_time_eval():
        tasks = spec.examples().for_choices() if spec.for_choices else spec.examples()
        problem = DataProblem(  # pyright: ignore[reportCallIssue]
            practised=tasks.practised, held_out=tasks.held_out, criterion=_criterion(tasks), heads=tasks.heads
        )
    network = spec.build_network(keys.initial, tasks.practised.inputs.shape[2], _num_outputs(tasks))
    flow = ContinualFlow(  # pyright: ignore[reportCallIssue]
        problem=problem, strategy=spec.strategy.build(), time_constants=1 / jnp.asarray(spec.learning_rate)
    )
    learner = ContinualDescent(  # pyright: ignore[reportCallIssue]
        flow=flow, data_key=keys.data, batch_size=int(spec.batch_size)
    )
    return learner, learner.initial_state(network)


def _criterion(tasks: ExampleTasks) -> AbstractCriterion:
    return CrossEntropy() if tasks.practised.targets.ndim == 2 else SquaredError()


def _num_outputs(tasks: ExampleTasks) -> int:
    if tasks.practised.targets.ndim == 3:
        return tasks.practised.targets.shape[2]
    if tasks.heads is not None:
        return tasks.heads.shape[1]
    return int(max(np.max(np.asarray(part.targets)) for part in (tasks.practised, tasks.held_out))) + 1
