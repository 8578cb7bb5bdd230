"""Discrete updates as a solver, so that learning rules run in the same harness as flows."""

from collections.abc import Callable
from typing import Any, ClassVar

import diffrax
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from ntadyn.dynamics.system import AbstractUpdatingSystem
from ntadyn.solvers.dividing import AbstractDividingSolver
from ntadyn.solvers.term import LearningTerm


class Descent(AbstractDividingSolver):
    """y <- system.update(y, task, h), as `OnlineSGD` has it; of a flow f, y <- y + h f(y): gradient descent.

    An algorithm, not an approximation: h / tau are learning rates, no step is ever divided, and the energy may rise.

    Source: published code of arXiv 2411.03840 (explicit Euler with a fresh batch at every step).
    """

    term_structure: ClassVar = LearningTerm
    interpolation_cls: ClassVar[Callable[..., diffrax.LocalLinearInterpolation]] = diffrax.LocalLinearInterpolation

    def order(self, terms: LearningTerm) -> int:
        """1."""
        del terms
        return 1

    def init(self, terms: LearningTerm, t0: Any, t1: Any, y0: PyTree, args: Any) -> None:
        """No memory outside the state."""
        del terms, t0, t1, y0, args

    def step(
        self, terms: LearningTerm, t0: Any, t1: Any, y0: PyTree, args: Any, solver_state: None, made_jump: Any
    ) -> tuple[PyTree, None, dict[str, PyTree], None, diffrax.RESULTS]:
        """One update of length t1 - t0 on the task at t0."""
        del solver_state, made_jump
        system, task, h = terms.system, terms.task(t0, args), t1 - t0
        if isinstance(system, AbstractUpdatingSystem):
            y1 = system.update(y0, task, h)
        else:
            y1 = jax.tree.map(lambda y, f: y + h * f, y0, system.vector_field(t0, y0, task))
        return y1, None, {"y0": y0, "y1": y1}, None, diffrax.RESULTS.successful

    def num_parts(
        self, terms: LearningTerm, t0: Any, t1: Any, y0: PyTree, args: Any, reference: Float[Array, ""]
    ) -> Float[Array, ""]:
        """1: the step is a learning rate."""
        del terms, t0, t1, y0, args
        return jnp.ones_like(reference)

    def func(self, terms: LearningTerm, t0: Any, y0: PyTree, args: Any) -> PyTree:
        """The direction of the update."""
        return terms.vf(t0, y0, args)
