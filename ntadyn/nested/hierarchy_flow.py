"""The population flow of a hierarchy of gates, in weight space or on overlaps."""

import itertools
import math
from typing import Any

import diffrax
import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from ntadyn.dynamics.validation import as_time_constants
from ntadyn.interface import AbstractGatedLinear, AbstractSplitFlow
from ntadyn.interface.gate_flow import GateProblem, flow_gates_and_norms
from ntadyn.interface.gated_linear import AbstractQuadraticGatedFlow, Overlaps, TaskWeights
from ntadyn.interface.loops import EventSearch
from ntadyn.interface.observables import Labelled, similarity
from ntadyn.interface.rates import curvature
from ntadyn.interface.split_flow import SubFlow
from ntadyn.interface.system import Observable
from ntadyn.metrics import context_similarity
from ntadyn.nested.gate_hierarchy import GateHierarchy, Gates, path_gates, per_path
from ntadyn.networks import GatedLinear
from ntadyn.regularizers import AbstractPenalty, PerGroup, Zero
from ntadyn.solvers import Splitting
from ntadyn.tasks.task_set import TaskSet

# Names of observables.
PATH_GATES, CONTEXT_SIMILARITY, CONTEXT_SHARES = "path_gates", "context_similarity", "context_shares"


class HierarchyState(eqx.Module):
    """Gates of contexts, and whatever the flow of the paths has as a state.

    Attributes:
        contexts: the gates above those of the paths, the coarsest first, as in `GateHierarchy`.
        paths: a state of the flow of the paths, whose gates are those of the paths alone, without what is above them.
    """

    contexts: tuple[Gates, ...]
    paths: PyTree


class HierarchyFlow(AbstractGatedLinear, AbstractSplitFlow):
    """tau_l dx_l/dt = -dL/dx_l - sum_k dR_l(x_lk)/dx_l for every level l of gates, and the flow of the weights.

    The loss depends on gates through their products e_p along the branches alone, so that everything which is exact for
    a flat network stays so: with all levels but one at rest, e is linear in x_l, L is quadratic in it, and the level
    is followed in closed form from kink to kink; with all gates at rest, weights relax in closed form; and overlaps
    close. A penalty holds for the gates below one and the same gate: a norm of one means that the gates of every
    context have norm one.

    Attributes:
        paths: the flow of a flat network, on overlaps (`OrderParameters`) or in weight space (`GradientFlow`), with the
            teachers, and time constants and penalties of path gates and weights.
        branches: branches of every gate at the levels above, the coarsest first: (K,) for K contexts.
        context_time_constants: tau of each of these levels.
        context_penalties: R of each of these levels.

    Raises:
        ValueError: for levels of different numbers, or time constants that are not positive.

    Source: the flat flow is that of arXiv 2411.03840; that the network nests by levels of their own update frequency
    is the idea of Behrouz et al., Nested Learning (NeurIPS 2025; arXiv 2512.24695), here for gates.
    """

    paths: AbstractQuadraticGatedFlow
    branches: tuple[int, ...] = eqx.field(static=True)
    context_time_constants: tuple[Float[Array, ""], ...]
    context_penalties: tuple[AbstractPenalty, ...]

    def __init__(
        self,
        paths: AbstractQuadraticGatedFlow,
        branches: tuple[int, ...],
        context_time_constants: tuple[Any, ...],
        context_penalties: tuple[AbstractPenalty, ...] | None = None,
    ):
        penalties = (Zero(),) * len(branches) if context_penalties is None else context_penalties
        if not len(branches) == len(context_time_constants) == len(penalties):
            raise ValueError(
                f"HierarchyFlow: got {len(branches)} levels of contexts, {len(context_time_constants)} time constants "
                f"and {len(penalties)} penalties; give one of each for every level."
            )
        if any(number < 1 for number in branches):
            raise ValueError(f"HierarchyFlow: got branches {branches}; every level needs at least one.")
        self.paths = paths
        self.branches = branches
        named = dict(zip(self.context_names, context_time_constants, strict=True))
        self.context_time_constants = tuple(as_time_constants(named, tuple(named), paths.tasks.teachers.dtype).values())
        self.context_penalties = penalties

    @property
    def context_names(self) -> tuple[str, ...]:
        """The names of the levels above the paths as parameter groups: "contexts", or numbered from the coarsest."""
        number = len(self.branches)
        return ("contexts",) if number == 1 else tuple(f"contexts_{level + 1}" for level in range(number))

    @property
    def gate_names(self) -> tuple[str, ...]:
        """The names of all levels of gates as parameter groups, the coarsest first."""
        return (*self.context_names, "gates")

    @property
    def tasks(self) -> TaskSet:
        """The teachers."""
        return self.paths.tasks

    @property
    def time_constants(self) -> dict[str, Float[Array, ""]]:
        """Those of all levels and of the weights."""
        return dict(zip(self.context_names, self.context_time_constants, strict=True)) | self.paths.time_constants

    @property
    def penalties(self) -> dict[str, AbstractPenalty]:
        """Those of all levels and of the weights, each on a whole level at once."""
        own = {
            name: PerGroup(penalty, math.prod(self.branches[:level]))
            for level, (name, penalty) in enumerate(zip(self.context_names, self.context_penalties, strict=True))
            if not isinstance(penalty, Zero)
        }
        of_paths = dict(self.paths.penalties)
        if "gates" in of_paths:
            of_paths["gates"] = PerGroup(of_paths["gates"], math.prod(self.branches))
        return own | of_paths

    def initial_state(self, network: Any) -> HierarchyState:
        """The gates of contexts, and the state of the flow of the paths.

        Raises:
            ValueError: for a network without such levels, or one that does not fit the teachers.
        """
        if not isinstance(network, GateHierarchy):
            raise ValueError(f"HierarchyFlow needs a GateHierarchy; got a {type(network).__name__}.")
        needed = [math.prod(self.branches[: level + 1]) for level in range(len(self.branches))]
        found = [level.size for level in network.contexts]
        if found != needed or network.gates.size % math.prod(self.branches):
            raise ValueError(
                f"branches {self.branches} need levels of {needed} gates and a multiple of {math.prod(self.branches)} "
                f"paths; the network has levels of {found} gates and {network.gates.size} paths."
            )
        flat = GatedLinear(network.gates, network.weights)
        return HierarchyState(network.contexts, self.paths.initial_state(flat))

    def levels(self, state: HierarchyState) -> tuple[Gates, ...]:
        """The gates of all levels, the coarsest first; the last are those of the paths."""
        return (*state.contexts, self.paths.gates(state.paths))

    def gates(self, state: HierarchyState) -> Gates:
        """e: with how much of it every path counts, shape (paths,)."""
        return path_gates(self.levels(state))

    def flat(self, state: HierarchyState) -> PyTree:
        """The state of a flat network that computes the same: paths with the gates e."""
        return self.paths.with_gates(state.paths, self.gates(state))

    def network(self, state: HierarchyState) -> GateHierarchy:
        """Gates of all levels, and weights.

        Raises:
            ValueError: if the paths are reduced to overlaps.
        """
        network = self.paths.network(state.paths)
        return GateHierarchy(state.contexts, network.gates, network.weights)

    def loss(self, state: HierarchyState, task: TaskWeights) -> Float[Array, ""]:
        """That of the flat network."""
        return self.paths.loss(self.flat(state), task)

    def energy(self, state: HierarchyState, task: TaskWeights) -> Float[Array, ""]:
        """Loss plus the penalties of all levels and of the weights."""
        penalties, energy = self.penalties, self.loss(state, task)
        for name, level in zip(self.gate_names, self.levels(state), strict=True):
            energy = energy + penalties.get(name, Zero()).energy(level)
        if "weights" in penalties:
            energy = energy + penalties["weights"].energy(self.paths.network(state.paths).weights)
        return energy

    def overlaps(self, state: HierarchyState) -> Overlaps:
        """Those of the paths; gates do not matter."""
        return self.paths.overlaps(state.paths)

    def gram(self, state: HierarchyState) -> Float[Array, "b n n"] | None:
        """See `AbstractGatedFlow.gram`."""
        return self.paths.gram(state.paths)

    def has_kinks(self) -> bool:
        """Whether the penalty of any level has."""
        return any(self.penalties.get(name, Zero()).kinked for name in self.gate_names)

    def check_state(self, state: Any) -> None:
        """See `AbstractSystem.check_state`."""
        if not isinstance(state, HierarchyState):
            raise ValueError(
                f"the initial state is a {type(state).__name__}; make it with system.initial_state(GateHierarchy(...))."
            )
        self.paths.check_state(state.paths)

    def observables(self) -> dict[str, Observable]:
        """Those of a gated linear network, the gates of every level, and which context has learned what.

        The last two, `context_similarity` and `context_shares` (how much of every context is in force), are there if
        the teachers can be shared out equally among the contexts of the first level.
        """
        levels = {name: _Level(index) for index, name in enumerate((*self.context_names, PATH_GATES))}
        if not self.branches or self.num_tasks % self.branches[0]:
            return super().observables() | levels
        return super().observables() | levels | {CONTEXT_SIMILARITY: _CONTEXT_SIMILARITY, CONTEXT_SHARES: _SHARES}

    def vector_field(self, t: Any, state: HierarchyState, task: TaskWeights) -> HierarchyState:
        """Every level of gates down its own slope, and the weights as in a flat network."""
        force, penalties = self._force(state, task), self.penalties
        rates = []
        for index, (name, level) in enumerate(zip(self.gate_names, self.levels(state), strict=True)):
            pull = _fold(self._slope(state, index) * force, level.size)
            rates.append((pull - penalties.get(name, Zero()).gradient(level)) / self.time_constants[name])
        field = self.paths.vector_field(t, self.flat(state), task)
        return HierarchyState(tuple(rates[:-1]), self.paths.with_gates(field, rates[-1]))

    def sub_flows(self) -> tuple[SubFlow, ...]:
        """The gates of the paths, those of contexts from the finest to the coarsest, and the weights."""

        def weights(state: HierarchyState, task: TaskWeights, duration: Array, search: EventSearch) -> HierarchyState:
            del search
            moved = self.paths.flow_weights(self.flat(state), task, duration)
            return HierarchyState(state.contexts, self.paths.with_gates(moved, self.paths.gates(state.paths)))

        return (*(self._level_flow(index) for index in reversed(range(len(self.branches) + 1))), weights)

    def _level_flow(self, index: int) -> SubFlow:
        """The flow of one level of gates with everything else at rest."""
        name = self.gate_names[index]

        def flow(state: HierarchyState, task: TaskWeights, duration: Array, search: EventSearch) -> HierarchyState:
            linear, quadratic = self.paths.gate_quadratic(self.flat(state), task)
            slope, level = self._slope(state, index), self.levels(state)[index]
            by_path = _fold(quadratic * slope[:, None] * slope[None, :], level.size)
            problem = GateProblem(
                _fold(slope * linear, level.size),
                _fold(by_path.T, level.size),
                self.penalties.get(name, Zero()),
                self.time_constants[name],
            )
            return self._with_level(state, index, flow_gates_and_norms(problem, level, duration, search))

        return flow

    def _with_level(self, state: HierarchyState, index: int, gates: Gates) -> HierarchyState:
        if index == len(self.branches):
            return HierarchyState(state.contexts, self.paths.with_gates(state.paths, gates))
        contexts = (*state.contexts[:index], gates, *state.contexts[index + 1 :])
        return HierarchyState(contexts, state.paths)

    def _slope(self, state: HierarchyState, index: int) -> Gates:
        """de_p/dx_l: the product of the gates of all levels but one above every path, shape (paths,)."""
        levels = self.levels(state)
        others = [per_path(level, levels[-1].size) for at, level in enumerate(levels) if at != index]
        return math.prod(others, start=jnp.ones_like(levels[-1]))

    def _force(self, state: HierarchyState, task: TaskWeights) -> Gates:
        """-dL/de, shape (paths,)."""
        linear, quadratic = self.paths.gate_quadratic(self.flat(state), task)
        # As a sum, which in a batch runs side by side.
        return linear - jnp.sum(quadratic * self.gates(state)[None], axis=1)

    def exchange(self, state: HierarchyState, task: TaskWeights) -> Float[Array, ""]:
        """How fast any two of the levels and the weights change each other; the sum over pairs.

        Gates and weights as in a flat network, a level of gates with all that hangs on it. Two levels of gates change
        each other by the force on their product. What they do to each other beyond that is to share a sum that has come
        to rest, which steps of any length leave alone.
        """
        weights = self.paths.rates(self.flat(state), task)
        with_weights = jnp.sqrt(self._relaxations(state, task))
        shares = with_weights / jnp.sqrt(jnp.where(weights.gates > 0, weights.gates, 1))
        total = jnp.sum(shares * weights.drive + with_weights * jnp.sqrt(weights.weights))
        levels, taus = self.levels(state), [self.time_constants[name] for name in self.gate_names]
        force = jnp.abs(self._force(state, task))
        for one, other in itertools.combinations(range(len(levels)), 2):
            rest = [per_path(level, force.size) for at, level in enumerate(levels) if at not in (one, other)]
            pull = jnp.max(jnp.abs(math.prod(rest, start=force)))
            total = total + pull / jnp.sqrt(taus[one] * taus[other])
        return total

    def fastest_rate(self, state: HierarchyState, task: TaskWeights) -> Float[Array, ""]:
        """An upper bound on all rates: of levels and weights by themselves, by each other, and of penalties."""
        levels = zip(self.gate_names, self.levels(state), strict=True)
        stiffest = [
            curvature(self.penalties[name], level) / self.time_constants[name]
            for name, level in levels
            if name in self.penalties
        ]
        weights = self.paths.rates(self.flat(state), task).weights
        alone = jnp.sum(self._relaxations(state, task)) + 2 * weights
        return alone + self.exchange(state, task) + (jnp.max(jnp.stack(stiffest)) if stiffest else 0)

    def _relaxations(self, state: HierarchyState, task: TaskWeights) -> Float[Array, " levels"]:
        """Upper bounds of how fast every level of gates relaxes with all else at rest."""
        rate = self.paths.rates(self.flat(state), task).gates * self.paths.time_constants["gates"]
        each = [
            jnp.max(_fold(self._slope(state, index) ** 2, level.size)) / self.time_constants[name]
            for index, (name, level) in enumerate(zip(self.gate_names, self.levels(state), strict=True))
        ]
        return rate * jnp.stack(each)

    def task_rate(self) -> Float[Array, ""]:
        """That of a flat network whose gates have the time constant of the fastest level."""
        tau = self.paths.time_constants["gates"]
        fastest = jnp.min(jnp.stack([tau, *self.context_time_constants]), axis=0)
        return self.paths.task_rate() * jnp.sqrt(tau / fastest)

    def solver_of_parts(self, state: HierarchyState) -> diffrax.AbstractSolver:
        """`Splitting`."""
        del state
        return Splitting()


class _Level(eqx.Module):
    """Records the gates of one level."""

    index: int = eqx.field(static=True)

    @property
    def dims(self) -> tuple[str, ...]:
        """The branches of the tree at this level."""
        return (f"branch_{self.index + 1}",)

    @property
    def description(self) -> str:
        """What is recorded."""
        return "gates of one level of the hierarchy, without those above"

    def __call__(self, system: HierarchyFlow, state: HierarchyState, task: Any) -> Gates:
        """The gates."""
        del task
        return system.levels(state)[self.index]


def _similarity_of_contexts(system: HierarchyFlow, state: HierarchyState, task: Any) -> Float[Array, "k k"]:
    return context_similarity(similarity(system, state, task), system.branches[0])


def _shares_of_contexts(system: HierarchyFlow, state: HierarchyState, task: TaskWeights) -> Float[Array, " k"]:
    del state
    return jnp.sum(task.reshape(system.branches[0], -1), axis=1)


_CONTEXT_SIMILARITY = Labelled(
    _similarity_of_contexts, ("context", "branch_1"), "how well the paths below every gate know every context's tasks"
)
_SHARES = Labelled(_shares_of_contexts, ("context",), "share of every context in the task in force")


def _fold(values: Float[Array, "p ..."], number: int) -> Float[Array, "n ..."]:
    """Sums over the paths below each of `number` gates."""
    return jnp.sum(values.reshape(number, -1, *values.shape[1:]), axis=1)
