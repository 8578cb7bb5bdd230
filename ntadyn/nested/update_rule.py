"""What is made of a gradient before a level takes a step along it."""

import abc
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import PyTree


class AbstractUpdateRule(eqx.Module):
    """x <- x - rate u, (u, s) <- rule(g, s): a direction u from gradients g and a memory s of them."""

    @abc.abstractmethod
    def init(self, params: PyTree) -> Any:
        """The memory at the start."""

    @abc.abstractmethod
    def update(self, updates: PyTree, state: Any, params: PyTree) -> tuple[PyTree, Any]:
        """The direction, against which a step is taken, and the memory after it."""


class Transformation(AbstractUpdateRule):
    """A transformation of optax without a learning rate, `optax.identity()` for the gradient itself.

    Attributes:
        transformation: what it is; a part of the program, whose numbers are compiled in.
    """

    transformation: optax.GradientTransformation = eqx.field(static=True)

    def init(self, params: PyTree) -> Any:
        """That of the transformation."""
        return self.transformation.init(params)

    def update(self, updates: PyTree, state: Any, params: PyTree) -> tuple[PyTree, Any]:
        """That of the transformation."""
        return self.transformation.update(updates, state, params)


class Optimiser(AbstractUpdateRule):
    """U = -make(parameters)(g): a complete optimiser, whose numbers are data and can be traced, batched and swept.

    The updates of an optimiser are made to be added, and carry a learning rate: with a rate of one outside (a time
    constant as long as the step) a level moves by just these.

    Attributes:
        make: parameters -> transformation, for example `ntadyn.nested.optimisers.momentum` or `optax.adam`.
        parameters: what it is made with.
    """

    make: Callable[..., optax.GradientTransformation] = eqx.field(static=True)
    parameters: tuple[Any, ...] = ()

    def init(self, params: PyTree) -> Any:
        """That of the optimiser."""
        return self.make(*self.parameters).init(params)

    def update(self, updates: PyTree, state: Any, params: PyTree) -> tuple[PyTree, Any]:
        """That of the optimiser, with its sign turned."""
        moves, after = self.make(*self.parameters).update(updates, state, params)
        return jax.tree.map(jnp.negative, moves), after


def as_update_rule(given: AbstractUpdateRule | optax.GradientTransformation) -> AbstractUpdateRule:
    """A rule, also where a transformation of optax is given."""
    return given if isinstance(given, AbstractUpdateRule) else Transformation(given)
