"""The structure-preserving step for gated networks."""

from collections.abc import Callable
from typing import Any, ClassVar

import diffrax
import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, PyTree

from ntadyn.dynamics.system import AbstractSplitSystem, AbstractSystem
from ntadyn.solvers.dividing import AbstractDividingSolver, parts_that_resolve
from ntadyn.solvers.term import LearningTerm


class Splitting(AbstractDividingSolver):
    """y <- G(h/2) W(h) G(h/2): gates and weights in turn, each by the flow that it has while the other is frozen.

    G moves the gates with frozen weights through the kinks of their penalty (`flow_gates`), W the weights along frozen
    gates (`flow_weights`). Each factor is stable at any step, so a fast gate costs accuracy only, never stability.
    Symmetric composition makes the step second order where the flow is smooth; the gates come last because they are the
    fast part and should end in equilibrium with the weights.

    Works for every `AbstractSplitSystem`: weight space, order parameters, singular modes; any number of paths.

    Attributes:
        max_pieces: how many smooth pieces of the gates' path are followed within half a step.

    Source: Strang 1968 (doi 10.1137/0705041); order of the stiff factor after Sportisse 2000
    (doi 10.1006/jcph.2000.6495).
    """

    max_pieces: int = eqx.field(static=True, default=4)

    term_structure: ClassVar = LearningTerm
    interpolation_cls: ClassVar[Callable[..., diffrax.LocalLinearInterpolation]] = diffrax.LocalLinearInterpolation

    def __check_init__(self):
        if self.max_pieces < 1:
            raise ValueError(f"max_pieces is {self.max_pieces}; at least one piece is needed.")

    def order(self, terms: LearningTerm) -> int:
        """2."""
        del terms
        return 2

    def init(self, terms: LearningTerm, t0: Any, t1: Any, y0: PyTree, args: Any) -> None:
        """No memory between steps; refuses systems that do not split.

        Raises:
            ValueError: if the system is not an `AbstractSplitSystem`.
        """
        del t0, t1, y0, args
        _split(terms.system)

    def step(
        self, terms: LearningTerm, t0: Any, t1: Any, y0: PyTree, args: Any, solver_state: None, made_jump: Any
    ) -> tuple[PyTree, None, dict[str, PyTree], None, diffrax.RESULTS]:
        """One step from t0 to t1, with the task frozen at its middle."""
        del solver_state, made_jump
        system, h = _split(terms.system), t1 - t0
        task = terms.task(t0 + 0.5 * h, args)

        # Weights for no time, gates, weights, gates: as a loop of two rounds the gate flow is compiled once, not twice.
        def half(round_index, y):
            y = system.flow_weights(y, task, h * jnp.asarray(round_index, h.dtype))
            return system.flow_gates(y, task, 0.5 * h, self.max_pieces)

        y = lax.fori_loop(0, 2, half, y0)
        return y, None, {"y0": y0, "y1": y}, None, diffrax.RESULTS.successful

    def num_parts(
        self, terms: LearningTerm, t0: Any, t1: Any, y0: PyTree, args: Any, reference: Float[Array, ""]
    ) -> Float[Array, ""]:
        """As many as the exchange of gates and weights asks for; everything else is solved."""
        del t1
        return parts_that_resolve(_split(terms.system), y0, terms.task(t0, args), reference)

    def func(self, terms: LearningTerm, t0: Any, y0: PyTree, args: Any) -> PyTree:
        """The vector field, which Diffrax asks for when it chooses a first step."""
        return terms.vf(t0, y0, args)


def _split(system: AbstractSystem) -> AbstractSplitSystem:
    if not isinstance(system, AbstractSplitSystem):
        raise ValueError(
            f"Splitting needs a system whose gates and weights can be frozen in turn (AbstractSplitSystem); "
            f"{type(system).__name__} is not one. Pass another solver, for example diffrax.Tsit5()."
        )
    return system
