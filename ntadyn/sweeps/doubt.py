"""How far a trajectory of a sweep can be trusted: what finer steps change, and a start that is moved a little."""

from collections.abc import Callable
from dataclasses import dataclass

import equinox as eqx
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Bool, Float, PyTree

from ntadyn.interface import AbstractFlow, AbstractGatedLinear, AbstractQuadraticGatedFlow, AbstractSystem
from ntadyn.interface.observables import STANDARD, Observable
from ntadyn.simulation.method import AbstractMethod
from ntadyn.simulation.outcome import RESULTS, Trajectory
from ntadyn.simulation.whole_steps import AbstractWholeSteps
from ntadyn.sweeps.scores import Measures, alignment, gate_bar, recorded

# How far the start is moved to find trajectories that sit on a separatrix, relative to the gates.
NUDGE = 1e-6

PERTURBATION = "perturbation"
_GATES = {
    "gate_error": "largest change of any recorded gate when all steps are halved; infinite where a run failed",
    "alignment_error": "change of the alignment when all steps are halved; infinite where a run failed",
    PERTURBATION: f"largest change of any recorded gate when the first gates are moved by {NUDGE} of themselves",
}
_STATE_MOVES = f"largest change of the last state, in units of its largest entry, when the first is moved by {NUDGE}"

Change = Callable[[Trajectory, Trajectory, Bool[Array, " record"]], Float[Array, ""]]


@dataclass(frozen=True)
class Checks:
    """What is compared between a run, the same with finer steps, and the same from a start that is moved a little.

    Attributes:
        observables: what is recorded for it.
        finer: name -> how far two runs differ, for the run with finer steps.
        moved: how far two runs differ, for the one from another start.
        descriptions: name -> what it says; `PERTURBATION` is that of `moved`.
    """

    observables: dict[str, Observable]
    finer: dict[str, Change]
    moved: Change
    descriptions: dict[str, str]

    def compare(
        self, plain: Trajectory, finer: Trajectory, moved: Trajectory, real: Bool[Array, " record"], nudge: float
    ) -> dict[str, Float[Array, ""]]:
        """All differences of one trajectory; infinite where one of its runs did not end well.

        Args:
            plain: the run itself.
            finer: with finer steps.
            moved: from a start that is moved by `nudge`.
            real: which records are not padding.
            nudge: how far; the perturbation is reported per `NUDGE`.
        """

        def told(change: Change, other: Trajectory, factor: float = 1.0) -> Float[Array, ""]:
            failed = (plain.result != RESULTS.successful) | (other.result != RESULTS.successful)
            return jnp.where(failed, jnp.inf, change(plain, other, real) * factor)

        found = {name: told(change, finer) for name, change in self.finer.items()}
        return found | {PERTURBATION: told(self.moved, moved, NUDGE / nudge)}


def checks_of(measures: Measures, by_gates: bool) -> Checks:
    """The checks of a sweep.

    Args:
        measures: what it keeps.
        by_gates: whether its systems are those of `is_checked_by_gates`; all others are checked by what is kept.
    """
    if by_gates:
        observables = {name: STANDARD[name] for name in ("gates", "similarity")}
        return Checks(observables, {"gate_error": _gates, "alignment_error": _alignment}, _gates, _GATES)
    # An error bar is no result, and runs with finer steps have none.
    scores = {f"{name}_error": name for name in measures.scores if name not in ("result", gate_bar.__name__)}
    texts = {
        error: f"change of {name} when all steps are halved, or tolerances divided by 100; infinite where a run failed"
        for error, name in scores.items()
    }
    changes = {error: _score(measures, name) for error, name in scores.items()}
    return Checks(measures.observables, changes, _state, texts | {PERTURBATION: _STATE_MOVES})


def is_checked_by_gates(system: AbstractSystem, state: PyTree) -> bool:
    """Whether a system has gates that can be moved, and a path for every task; only shapes are looked at."""
    if not isinstance(system, AbstractQuadraticGatedFlow):
        return False
    return eqx.filter_eval_shape(_gates_of, system, state).shape[0] >= system.num_tasks


def check_can_be_checked(system: AbstractSystem, method: AbstractMethod) -> None:
    """Refuse systems whose steps are their rule.

    Raises:
        ValueError: for discrete updates, and whole steps along a field.
    """
    if isinstance(method, AbstractWholeSteps):
        raise ValueError(
            f"check runs cells again with halved steps, but the steps of {type(system).__name__} by "
            f"{type(method).__name__} are the rule itself, as learning rates are: with others it is another rule, and "
            f"the difference no error. Set check to 0, and compare with the population flow where there is one."
        )


def nudged(system: AbstractSystem, state: PyTree, size: float) -> PyTree:
    """The state with its gates moved against each other; without gates, all that flows.

    Args:
        system: the system.
        state: a state of it.
        size: how far, in units of each number.
    """
    if isinstance(system, AbstractQuadraticGatedFlow):
        gates = system.gates(state)
        return system.with_gates(state, gates.reshape(-1) * (1 + size * _signs(gates)))
    assert isinstance(system, AbstractFlow)  # see `check_can_be_checked`
    moving, carried = eqx.partition(state, system.flowing(state))
    flat, unravel = ravel_pytree(moving)
    return eqx.combine(unravel(flat * (1 + size * _signs(flat))), carried)


def _signs(numbers: Float[Array, "..."]) -> Float[Array, " n"]:
    """1, -1, 1, ...: numbers that are equal by symmetry are moved apart."""
    return jnp.where(jnp.arange(numbers.size) % 2 == 0, 1, -1).astype(numbers.dtype)


def _gates_of(system: AbstractGatedLinear, state: PyTree) -> Array:
    return system.gates(state)


def _gates(one: Trajectory, other: Trajectory, real: Bool[Array, " record"]) -> Float[Array, ""]:
    del real
    return jnp.max(jnp.abs(one.values["gates"] - other.values["gates"]))


def _alignment(one: Trajectory, other: Trajectory, real: Bool[Array, " record"]) -> Float[Array, ""]:
    return jnp.abs(alignment(recorded(one, real)) - alignment(recorded(other, real)))


def _score(measures: Measures, name: str) -> Change:
    def change(one: Trajectory, other: Trajectory, real: Bool[Array, " record"]) -> Float[Array, ""]:
        def number(trajectory: Trajectory) -> Array:
            value = jnp.asarray(measures.scores[name](recorded(trajectory, real)))
            # Counts, and whether something is so, differ by numbers, too.
            return value if jnp.issubdtype(value.dtype, jnp.inexact) else value.astype(one.times.dtype)

        return jnp.max(jnp.abs(number(one) - number(other)), initial=0)

    return change


def _state(one: Trajectory, other: Trajectory, real: Bool[Array, " record"]) -> Float[Array, ""]:
    del real
    first, second = (ravel_pytree(eqx.filter(item.final_state, eqx.is_inexact_array))[0] for item in (one, other))
    largest = jnp.max(jnp.abs(first))
    return jnp.max(jnp.abs(first - second)) / jnp.where(largest > 0, largest, 1)
