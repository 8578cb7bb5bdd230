"""Discrete updates as a solver, so that learning rules on batches run in the same harness."""

from collections.abc import Callable
from typing import Any, ClassVar

import diffrax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from ntadyn.dynamics.system import AbstractSystem, AbstractUpdatingSystem
from ntadyn.solvers.dividing import AbstractDividingSolver
from ntadyn.solvers.term import LearningTerm


class Descent(AbstractDividingSolver):
    """y <- system.update(y, task, h): the step is the system's own, as for `OnlineSGD`.

    Source: published code of arXiv 2411.03840 (explicit Euler with a fresh batch at every step).
    """

    term_structure: ClassVar = LearningTerm
    interpolation_cls: ClassVar[Callable[..., diffrax.LocalLinearInterpolation]] = diffrax.LocalLinearInterpolation

    def order(self, terms: LearningTerm) -> int:
        """1."""
        del terms
        return 1

    def init(self, terms: LearningTerm, t0: Any, t1: Any, y0: PyTree, args: Any) -> None:
        """No memory outside the state; refuses systems without an update.

        Raises:
            ValueError: if the system has no `update` method.
        """
        del t0, t1, y0, args
        _updating(terms.system)

    def step(
        self, terms: LearningTerm, t0: Any, t1: Any, y0: PyTree, args: Any, solver_state: None, made_jump: Any
    ) -> tuple[PyTree, None, dict[str, PyTree], None, diffrax.RESULTS]:
        """One update of length t1 - t0 on the task at t0."""
        del solver_state, made_jump
        y1 = _updating(terms.system).update(y0, terms.task(t0, args), t1 - t0)
        return y1, None, {"y0": y0, "y1": y1}, None, diffrax.RESULTS.successful

    def num_parts(
        self, terms: LearningTerm, t0: Any, t1: Any, y0: PyTree, args: Any, reference: Float[Array, ""]
    ) -> Float[Array, ""]:
        """1: the step is a learning rate."""
        del terms, t0, t1, y0, args
        return jnp.ones_like(reference)

    def func(self, terms: LearningTerm, t0: Any, y0: PyTree, args: Any) -> PyTree:
        """The batch gradient direction."""
        return terms.vf(t0, y0, args)


def _updating(system: AbstractSystem) -> AbstractUpdatingSystem:
    if not isinstance(system, AbstractUpdatingSystem):
        raise ValueError(
            f"Descent needs a system with an update of its own; {type(system).__name__} has a vector field. "
            f"Pass Splitting() or any Diffrax solver."
        )
    return system
