"""The step that keeps what flows of gates and weights keep."""

from typing import Any, ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from ntadyn.interface.boost_flow import AbstractBoostFlow
from ntadyn.interface.loops import EventSearch
from ntadyn.interface.system import AbstractSystem
from ntadyn.solvers.dividing import AbstractDividingSolver, parts_that_resolve
from ntadyn.solvers.term import LearningTerm

# The largest exchange of gates and weights within a step, h / s times the error and the rates that produce it.
_LARGEST_ANGLE = 0.5


class LorentzBoost(AbstractDividingSolver):
    """Gates and weights together, by a boost along the error: keeps tau_c c c^T - tau_W K but for the penalty's part.

    The error is that of a second-order prediction in closed form, so fast gates, fast weights and stiff penalties do
    not limit the step; their exchange does, and steps in which it would turn gates and weights by more than half a
    unit are divided. `Splitting` needs no such division, but gains Q = |W^1 - W^2|^2 - (tau_c/tau_W) (c_1 - c_2)^2 at
    the second order in the step: harmless over tens of blocks, and the end of every specialised orbit over thousands.

    The default of `ntadyn.stability.StroboscopicMap`, whose orbits are those of what the step keeps; for runs of
    hundreds of blocks pass it by hand, `FixedSteps(LorentzBoost())`. Over tens of blocks it errs as `Splitting` does,
    which is cheaper, steps more systems (noise of batches, penalties on weights, two layers), and stays the default of
    runs and sweeps. Both are stable for gates however fast; only `Splitting` is so without dividing steps.

    Works for weight space and order parameters, with any number of paths and any penalty on gates.

    Attributes:
        search: how gates are followed through kinks within a step.

    Source: derived here, see `AbstractBoostFlow.boosted`; quadratic invariants of the midpoint rule after Cooper 1987
    (doi 10.1093/imanum/7.1.1).
    """

    search: EventSearch = EventSearch()
    moves_by: ClassVar[tuple[str, ...]] = ("boosted",)

    def check(self, system: AbstractSystem) -> None:
        """See `AbstractDividingSolver.check`; the system must be an `AbstractBoostFlow`, its weights unpenalised."""
        _boost_flow(system)

    def advanced(
        self, terms: LearningTerm, t0: Any, t1: Any, y0: PyTree, args: Any, memory: None
    ) -> tuple[PyTree, None]:
        """See `AbstractDividingSolver.advanced`; the task is that of the middle."""
        del memory
        task = terms.task(t0 + 0.5 * (t1 - t0), args)
        moved = _boost_flow(terms.system).boosted(terms.whole(y0), task, t1 - t0, self.search)
        return terms.flowing(moved), None

    def num_parts(
        self, terms: LearningTerm, t0: Any, t1: Any, y0: PyTree, args: Any, reference: Float[Array, ""]
    ) -> Float[Array, ""]:
        """The number that the exchange asks for, in comparison with that of the tasks and with the step."""
        system, state, task = _boost_flow(terms.system), terms.whole(y0), terms.task(t0, args)
        angle = (t1 - t0) * system.exchange(state, task)
        return jnp.maximum(parts_that_resolve(system, state, task, reference), angle / _LARGEST_ANGLE)


def _boost_flow(system: AbstractSystem) -> AbstractBoostFlow:
    if not isinstance(system, AbstractBoostFlow):
        raise ValueError(
            f"LorentzBoost needs a system whose gates and weights are moved by the same error (AbstractBoostFlow); "
            f"{type(system).__name__} is not one. Pass another solver, for example Splitting()."
        )
    if refusal := system.boost_refusal():
        raise ValueError(
            f"LorentzBoost moves weights along the error alone, but this {type(system).__name__} cannot be stepped by "
            f"it: {refusal}. Pass another solver, for example Splitting()."
        )
    return system
