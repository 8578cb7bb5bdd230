"""Learners on streams of teachers, built from plain values."""

from typing import Any

from jaxtyping import PyTree

from ntadyn.continual import ContinualDescent, ContinualFlow, GatedContinualFlow, TeacherProblem
from ntadyn.continual.strategy import AbstractStrategy
from ntadyn.dynamics import GradientFlow
from ntadyn.interface import AbstractSystem
from ntadyn.regularizers import from_relative_weights
from ntadyn.simulation.defaults import default_step
from ntadyn.simulation.fixed_steps import FixedSteps
from ntadyn.simulation.method import AbstractMethod
from ntadyn.simulation.method_choice import method_for
from ntadyn.specs import building
from ntadyn.specs.continual import BATCH_STEP, ContinualTeachers, Feed


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
        return FixedSteps(method.solver, default_step(system, state))
    return method
