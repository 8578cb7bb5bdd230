"""Systems seen once per period: the map from the state before a few blocks to the one after them."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from ntadyn.dynamics.order_parameters import OrderParameterState
from ntadyn.interface.gated_linear import AbstractGatedLinear
from ntadyn.interface.system import AbstractSystem, Observable, Task
from ntadyn.interface.update import AbstractUpdate
from ntadyn.networks import AbstractPathNetwork, GatedLinear
from ntadyn.simulation.fixed_steps import FixedSteps
from ntadyn.simulation.integration import integrate
from ntadyn.simulation.method import AbstractMethod
from ntadyn.simulation.method_choice import method_for
from ntadyn.simulation.time_grid import TimeGrid
from ntadyn.simulation.trajectory import numbers_as_arrays
from ntadyn.solvers import LorentzBoost, Splitting
from ntadyn.tasks.curriculum import AbstractCurriculum


class Renaming(eqx.Module):
    """Names of tasks and of paths permuted: what was task tasks[m] becomes task m, and so for the paths.

    A symmetry of a period, so that the fixed points of a part of it, renamed, are orbits: H = X Phi_block.

    Attributes:
        tasks: a permutation of the tasks.
        paths: a permutation of the paths.

    Raises:
        ValueError: unless both are permutations.
    """

    tasks: tuple[int, ...] = eqx.field(static=True)
    paths: tuple[int, ...] = eqx.field(static=True)

    def __check_init__(self):
        for name, given in vars(self).items():
            if sorted(given) != list(range(len(given))):
                raise ValueError(f"{name} is {given}; it must name each of 0 to {len(given) - 1} once.")

    def __call__(self, state: PyTree) -> PyTree:
        """The renamed state, of overlaps, or of a network whose first inputs stand for the tasks (`teacher_frame`).

        Raises:
            ValueError: for a state of another kind.
        """
        tasks, paths = np.asarray(self.tasks), np.asarray(self.paths)
        if isinstance(state, OrderParameterState):
            students = state.students[:, paths][:, :, paths]
            return OrderParameterState(state.gates[paths], students, state.cross[:, paths][:, :, tasks])
        if isinstance(state, GatedLinear):
            inputs = np.concatenate([tasks, np.arange(len(tasks), state.weights.shape[2])])
            return GatedLinear(state.gates[paths], state.weights[paths][:, :, inputs])
        raise ValueError(f"no names to permute in a {type(state).__name__}; use OrderParameters or `teacher_frame`.")


SWAPPED_TASKS = Renaming((1, 0), (0, 1))
SWAPPED_TASKS_AND_PATHS = Renaming((1, 0), (1, 0))


class StroboscopicMap(AbstractUpdate):
    """x <- X Phi(x): a system after all blocks of a curriculum, and then with other names for tasks and paths.

    Itself a system, of one step per period. Its orbits are those of the system: fixed points of H_0 (two tasks, one
    block, tasks swapped) are orbits of equal paths, those of H_1 (paths swapped, too) orbits of specialised ones, and
    those of two blocks without renaming are both.

    The map is differentiable in forward mode, in the state and in every number of the system, through the kinks of gate
    penalties too: event times are differentiated. At a gate that is exactly zero the derivative is the one toward
    positive gates.

    Attributes:
        system: what learns.
        curriculum: the blocks of one application.
        method: how to step; it decides whether laws such as that of Q are kept.
        grid: the steps, laid out for these blocks.
        renaming: X, or None for none.

    Raises:
        ValueError: for teachers that are not the same after renaming.
    """

    system: AbstractSystem
    curriculum: AbstractCurriculum
    method: AbstractMethod
    grid: TimeGrid
    renaming: Renaming | None = None

    @classmethod
    def of(
        cls,
        system: AbstractSystem,
        curriculum: AbstractCurriculum,
        state: PyTree,
        renaming: Renaming | None = None,
        method: AbstractMethod | None = None,
    ) -> "StroboscopicMap":
        """The map of a system of known numbers.

        Args:
            system: what learns.
            curriculum: the blocks of one application.
            state: any state of the system, from which a method and a step are chosen.
            renaming: X, or None for none.
            method: how to step; if omitted, `LorentzBoost` where it steps the system, because orbits are those of what
                a step conserves, and what suits the system where it does not.

        Raises:
            ValueError: for a state or a method that does not fit the system, another number of tasks, or teachers that
                are not the same after renaming.
        """
        system.check_state(state)
        if curriculum.num_tasks != system.num_tasks:
            raise ValueError(
                f"the curriculum has {curriculum.num_tasks} tasks and the system {system.num_tasks}; they must agree."
            )
        method = _keeping_method(system, state) if method is None else method
        method.check(system, state)
        if renaming is not None:
            _check_symmetric(system, state, renaming)
        grid = method.lay_out(system, state, curriculum, 0, ())
        system = numbers_as_arrays(system, curriculum.durations.dtype)
        fitted = method.fitted(system, state).laid_out()
        return cls(system=system, curriculum=curriculum, method=fitted, grid=grid, renaming=renaming)  # pyright: ignore[reportCallIssue]

    @property
    def num_tasks(self) -> int:
        """Number of tasks of the system."""
        return self.system.num_tasks

    def __call__(self, state: PyTree) -> PyTree:
        """The state one period later."""
        final = integrate(self.system, self.curriculum, state, self.method, self.grid, {}).final_state
        return final if self.renaming is None else self.renaming(final)

    def jacobian(self, state: PyTree) -> PyTree:
        """The derivative of the map: for every leaf of the state, how the next state moves with it."""
        return jax.jacfwd(self.__call__)(state)

    def update(self, state: PyTree, task: Task, step: Float[Array, ""]) -> PyTree:
        """One period, whatever the task and the length of the step: the map has its own."""
        del task, step
        return self(state)

    def initial_state(self, network: PyTree) -> PyTree:
        """That of the system."""
        return self.system.initial_state(network)

    def check_state(self, state: PyTree) -> None:
        """See `AbstractSystem.check_state`."""
        self.system.check_state(state)

    def loss(self, state: PyTree, task: Task) -> Float[Array, ""]:
        """That of the system."""
        return self.system.loss(state, task)

    def observables(self) -> dict[str, Observable]:
        """Those of the system, of whose states they are functions."""

        def of_system(observable: Observable) -> Observable:
            return lambda own, state, task: observable(own.system, state, task)

        return {name: of_system(observable) for name, observable in self.system.observables().items()}

    def default_step(self, state: PyTree, tasks: Any) -> float:
        """1: time counts periods."""
        del state, tasks
        return 1.0


def _keeping_method(system: AbstractSystem, state: PyTree) -> AbstractMethod:
    """What suits a system, with `LorentzBoost` in place of `Splitting` where that can be."""
    suits, boost = method_for(system, state), FixedSteps(LorentzBoost())
    if not isinstance(suits, FixedSteps) or type(suits.solver) is not Splitting:
        return suits
    if not isinstance(state, OrderParameterState | AbstractPathNetwork):
        return suits
    try:
        boost.check(system, state)
    except ValueError:  # a system that moves in other ways, or overrides how it is split
        return suits
    return boost


def _check_symmetric(system: AbstractSystem, state: PyTree, renaming: Renaming) -> None:
    """Refuse a renaming that does not fit, or that teachers do not allow."""
    gates = getattr(state, "gates", None)
    sizes = (system.num_tasks, None if gates is None else gates.shape[0])
    if sizes != (len(renaming.tasks), len(renaming.paths)):
        raise ValueError(
            f"the renaming is one of {len(renaming.tasks)} tasks and {len(renaming.paths)} paths; the system has "
            f"{sizes[0]} and {sizes[1]}."
        )
    if not isinstance(system, AbstractGatedLinear):
        return
    order = np.asarray(renaming.tasks)
    whole = jnp.sum(system.overlaps(state).teachers, axis=0)
    moved = float(jnp.max(jnp.abs(whole[order][:, order] - whole)))
    if moved > 1e-6 * float(jnp.max(jnp.abs(whole))):
        raise ValueError(
            f"the teachers change by {moved:.2g} when tasks are renamed, so that a renamed orbit is none. Give all "
            f"teachers one norm and all pairs one overlap, or leave the renaming out and take a whole period."
        )
