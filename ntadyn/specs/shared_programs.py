"""Programs of ensembles, shared by all specs that differ in real numbers and seeds only.

Specs of somebody's own, and shipped ones with a part of somebody's own, get a program for every call, because what they
are made of may change without their values telling.
"""

import dataclasses
from collections.abc import Callable, Collection, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from ntadyn.interface import AbstractSystem, Observable
from ntadyn.simulation.method import AbstractMethod
from ntadyn.simulation.outcome import Trajectory
from ntadyn.simulation.time_grid import TimeGrid
from ntadyn.simulation.trajectory import numbers_as_arrays, simulate_on
from ntadyn.specs.building import Keys
from ntadyn.specs.configuration import Configuration, Randomness
from ntadyn.specs.paths import real_parameters, replaced
from ntadyn.specs.spec import is_shipped
from ntadyn.tasks import AbstractCurriculum
from ntadyn.tasks.side_by_side import with_given_durations

Numbers = Mapping[str, Float[Array, "..."]]
Builder = Callable[[Numbers, Keys], tuple[AbstractSystem, PyTree]]


@dataclasses.dataclass(frozen=True)
class Recipe:
    """system, state = recipe(numbers, key): what a spec builds, with some of its real numbers as data.

    Attributes:
        spec: all that is compiled in; what is data, and seeds, have the same value in all specs that share it.
    """

    spec: Any

    def __call__(self, numbers: Numbers, key: Keys) -> tuple[AbstractSystem, PyTree]:
        """System and initial state of one repetition."""
        return replaced(self.spec, dict(numbers)).build(key)


class Course(eqx.Module):
    """What all repetitions go through.

    Attributes:
        grid: when to step and when to record.
        curriculum: which task is in force when; of the durations alone where repetitions have tasks of their own.
        method: how to step, fitted and laid out.
        observables: name -> function (system, state, task) -> array.
        estimate_error: see `simulate`.
    """

    grid: TimeGrid
    curriculum: AbstractCurriculum
    method: AbstractMethod
    observables: dict[str, Observable]
    estimate_error: bool = eqx.field(static=True, default=False)


def recipe_of(spec: Any, key: Keys, varied: Collection[str] = ()) -> tuple[Builder, dict[str, float]]:
    """What of a spec is compiled in, and what is data: the numbers without which the same system is built.

    All of it is compiled in where somebody else has a part in it, and where a parameter is an array.

    Zeros are compiled in, because a term of strength zero may be left out; so is everything if building asks for a
    number itself, or builds something else where it does not know it.

    Args:
        spec: any spec.
        key: that of a repetition; only its shapes matter.
        varied: paths of further parameters, which are data in any case.

    Returns:
        (numbers, key) -> system and state, a `Recipe` if programs are to be shared; and the numbers.

    Raises:
        ValueError: for anything that cannot be built.
    """
    if not is_shipped(spec) or not _is_hashable(spec):
        return lambda numbers, key: replaced(spec, dict(numbers)).build(key), {}  # equal to no other
    seedless = replaced(spec, {"randomness": Randomness()}) if isinstance(spec, Configuration) else spec
    numbers = {path: float(value) for path, value in real_parameters(seedless).items() if value and path not in varied}

    def shapes(numbers: dict[str, float]) -> Any:
        dtype = jnp.zeros(()).dtype

        def build(data: Numbers, key: Keys) -> tuple[AbstractSystem, PyTree]:
            system, state = Recipe(seedless)(data, key)
            return numbers_as_arrays(system, dtype), state

        system_and_state = eqx.filter_eval_shape(build, {path: jnp.asarray(x) for path, x in numbers.items()}, key)
        return jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype) if hasattr(leaf, "dtype") else leaf, system_and_state)

    known = shapes({})
    try:
        are_data = eqx.tree_equal(shapes(numbers), known)
    except Exception:  # comparisons, whole numbers: whatever asks for a number itself
        are_data = False
    numbers = numbers if are_data else {}
    return Recipe(replaced(seedless, dict.fromkeys(numbers, 1.0))), numbers


@eqx.filter_jit
def build_one(recipe: Builder, numbers: Numbers, key: Keys) -> tuple[AbstractSystem, PyTree]:
    """System and state of one repetition; programs are shared by equal recipes."""
    return recipe(numbers, key)


@eqx.filter_jit
def run_all(
    recipe: Builder,
    course: Course,
    numbers: Numbers,
    varied: Numbers,
    keys: Keys,
    own: AbstractCurriculum | None,
) -> Trajectory:
    """The trajectories of all repetitions, leading axis = repetition on all arrays but times and blocks.

    Args:
        recipe: what to build.
        course: what all go through.
        numbers: path -> a number.
        varied: path -> its value in every variant; if there are any, their axis comes first on all arrays.
        keys: those of the repetitions.
        own: curricula of all repetitions without durations, leading axis = repetition; None if they have one in common.
    """
    durations = course.curriculum.durations

    def one(varied: Numbers, key: Keys, own: AbstractCurriculum | None) -> Trajectory:
        system, state = recipe({**numbers, **varied}, key)
        system = numbers_as_arrays(system, durations.dtype)
        curriculum = course.curriculum if own is None else with_given_durations(own, durations)
        return simulate_on(
            course.grid, system, curriculum, state, course.method, course.observables, course.estimate_error
        )

    def every(varied: Numbers) -> Trajectory:
        found = eqx.filter_vmap(one, in_axes=(None, eqx.if_array(0), eqx.if_array(0)))(varied, keys, own)
        # All are on one time grid.
        return eqx.tree_at(lambda found: (found.times, found.blocks), found, (course.grid.end, course.grid.block))

    return eqx.filter_vmap(every)(varied) if varied else every(varied)


def _is_hashable(spec: Any) -> bool:
    try:
        hash(spec)
    except TypeError:
        return False
    return True
