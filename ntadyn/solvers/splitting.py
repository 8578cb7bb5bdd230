"""The structure-preserving step for flows whose state falls into parts."""

from collections.abc import Callable
from typing import Any, ClassVar

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, PyTree

from ntadyn.interface.loops import EventSearch
from ntadyn.interface.split_flow import AbstractSplitFlow, SubFlow
from ntadyn.interface.system import AbstractSystem, Task
from ntadyn.solvers.dividing import AbstractDividingSolver, parts_that_resolve
from ntadyn.solvers.term import LearningTerm


class Splitting(AbstractDividingSolver):
    """y <- G(h/2) W(h) G(h/2): the parts of a state in turn, each by its flow while the others are frozen.

    With gates and weights, G moves the gates through the kinks of their penalty, and W moves the weights along frozen
    gates. With more parts, W is the same step for all parts but the first. Each factor is solved and therefore stable
    at any step: a fast gate costs accuracy only, never stability. Symmetric composition makes the step second order
    where the flow is smooth; the fastest part comes last because it should end in equilibrium with the others.

    Works for every `AbstractSplitFlow`: weight space, order parameters, singular modes; any number of paths and parts.

    The default of runs and sweeps: it is the cheaper step, stable at any length, and as accurate as `LorentzBoost` over
    tens of blocks. It is not for orbits, nor for hundreds of blocks: there the Q that it gains adds up, see
    `LorentzBoost`, which is the default of `ntadyn.stability.StroboscopicMap`.

    Attributes:
        search: how gates are followed through kinks within half a step.

    Source: Strang 1968 (doi 10.1137/0705041); order of the stiff factor after Sportisse 2000
    (doi 10.1006/jcph.2000.6495).
    """

    search: EventSearch = EventSearch()
    moves_by: ClassVar[tuple[str, ...]] = ("sub_flows",)

    def check(self, system: AbstractSystem) -> None:
        """See `AbstractDividingSolver.check`; the system must be an `AbstractSplitFlow`."""
        _split(system)

    def advanced(
        self, terms: LearningTerm, t0: Any, t1: Any, y0: PyTree, args: Any, memory: None
    ) -> tuple[PyTree, None]:
        """See `AbstractDividingSolver.advanced`; the task is that of the middle."""
        del memory
        task = terms.task(t0 + 0.5 * (t1 - t0), args)
        step = self.composed(_split(terms.system).sub_flows(), task)
        return terms.flowing(step(terms.whole(y0), t1 - t0)), None

    def composed(self, sub_flows: tuple[SubFlow, ...], task: Task) -> Callable[[PyTree, Float[Array, ""]], PyTree]:
        """The symmetric composition of some flows, as a function (state, h) -> state."""
        fastest, *slower = sub_flows
        if not slower:
            return lambda state, h: fastest(state, task, h, self.search)
        inner = self.composed(tuple(slower), task)

        # Weights for no time, gates, weights, gates: in a loop of two rounds the gate flow is compiled once, not twice.
        def step(state: PyTree, h: Float[Array, ""]) -> PyTree:
            def half(round_index, state):
                state = inner(state, h * jnp.asarray(round_index, h.dtype))
                return fastest(state, task, 0.5 * h, self.search)

            return lax.fori_loop(0, 2, half, state)

        return step

    def num_parts(
        self, terms: LearningTerm, t0: Any, t1: Any, y0: PyTree, args: Any, reference: Float[Array, ""]
    ) -> Float[Array, ""]:
        """The number that the exchange of the parts asks for; everything else is solved exactly."""
        del t1
        return parts_that_resolve(_split(terms.system), terms.whole(y0), terms.task(t0, args), reference)


class SplittingInARow(AbstractDividingSolver):
    """Steps of a `Splitting` one after the other: the half flows at the end of one and the start of the next are one.

    G(h/2) W(h) G(h/2) G(h/2) W(h) G(h/2) = G(h/2) W(h) G(h) W(h) G(h/2), which saves half of the flows of the fastest
    part and is the same to rounding, if both steps are of one task. What a step leaves out at its end is its memory, a
    time that the fastest part is behind; a step of no length makes up for it.

    Attributes:
        splitting: the solver of a single step.
    """

    splitting: Splitting
    moves_by: ClassVar[tuple[str, ...]] = Splitting.moves_by

    def check(self, system: AbstractSystem) -> None:
        """See `Splitting.check`."""
        self.splitting.check(system)

    def init(self, terms: LearningTerm, t0: Any, t1: Any, y0: PyTree, args: Any) -> Any:
        """No time is missing at the start."""
        self.splitting.init(terms, t0, t1, y0, args)
        return jnp.zeros_like(t1 - t0)

    def advanced(
        self, terms: LearningTerm, t0: Any, t1: Any, y0: PyTree, args: Any, memory: Float[Array, ""]
    ) -> tuple[PyTree, Float[Array, ""]]:
        """What the fastest part is behind and half a step of it, and a step of the others."""
        h = t1 - t0
        task = terms.task(t0 + 0.5 * h, args)
        fastest, *slower = _split(terms.system).sub_flows()
        state = fastest(terms.whole(y0), task, memory + 0.5 * h, self.splitting.search)
        if slower:
            state = self.splitting.composed(tuple(slower), task)(state, h)
        return terms.flowing(state), 0.5 * h

    def num_parts(
        self, terms: LearningTerm, t0: Any, t1: Any, y0: PyTree, args: Any, reference: Float[Array, ""]
    ) -> Float[Array, ""]:
        """See `Splitting.num_parts`."""
        return self.splitting.num_parts(terms, t0, t1, y0, args, reference)


def _split(system: AbstractSystem) -> AbstractSplitFlow:
    if not isinstance(system, AbstractSplitFlow):
        raise ValueError(
            f"Splitting needs a system whose gates and weights can be frozen in turn (AbstractSplitFlow); "
            f"{type(system).__name__} is not one. Pass another solver, for example diffrax.Tsit5()."
        )
    return system
