"""The inner loop of meta-learning: some steps of descent on some parameters, and how to differentiate through them."""

import abc
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jax import lax
from jax.scipy.sparse.linalg import cg
from jaxtyping import Array, Float, PyTree

from ntadyn.continual.adaptation import AbstractAdaptation
from ntadyn.continual.inner_rates import AbstractInnerRates, CommonRate
from ntadyn.continual.problem import AbstractProblem
from ntadyn.networks import AbstractGatedNetwork
from ntadyn.regularizers.coefficients import known_reals
from ntadyn.tasks.examples import Batch

Energy = Callable[[PyTree, PyTree, PyTree], Float[Array, ""]]
"""E(x, x_0, w): what the inner loop descends by the adapted x, given where they began and all other parameters."""


def only_gates(network: PyTree) -> PyTree:
    """Adapt the gates of a gated network, and nothing else.

    Returns:
        A tree like the network, True for the gates.

    Raises:
        ValueError: for a network without gates.
    """
    if not isinstance(network, AbstractGatedNetwork):
        raise ValueError(
            f"a {type(network).__name__} has no gates to adapt; pass InnerLoop(adapts=every_parameter), or a function "
            f"that maps a network to a tree like it with True for what adapts."
        )
    return eqx.tree_at(lambda tree: tree.gates, jax.tree.map(lambda _: False, network), True)


def every_parameter(network: PyTree) -> PyTree:
    """Adapt all floating-point arrays."""
    return jax.tree.map(eqx.is_inexact_array, network)


class Descent(eqx.Module):
    """K steps x <- x - a rule(g): the numbers of an inner loop, without its objective.

    Attributes:
        steps: K.
        rates: a, a tree like x.
        rule: the update rule.
    """

    steps: int = eqx.field(static=True)
    rates: PyTree
    rule: optax.GradientTransformation = eqx.field(static=True)

    def follow(self, gradient: Callable[[PyTree], PyTree], start: PyTree) -> PyTree:
        """The parameters after the last step.

        Args:
            gradient: g as a function of x.
            start: x before the first step.
        """

        def step(carry: tuple[PyTree, Any], _: None) -> tuple[tuple[PyTree, Any], None]:
            moving, memory = carry
            direction, memory = self.rule.update(gradient(moving), memory, moving)
            moving = jax.tree.map(lambda x, rate, along: x - rate * along, moving, self.rates, direction)
            return (moving, memory), None

        return lax.scan(step, (start, self.rule.init(start)), length=self.steps)[0][0]


class AbstractOrder(eqx.Module):
    """What an outer gradient sees of the steps of an inner loop; all kinds take the same steps."""

    @abc.abstractmethod
    def descended(self, descent: Descent, energy: Energy, start: PyTree, others: PyTree) -> PyTree:
        """The adapted parameters after the steps, differentiable by `start`, `others` and the rates of the descent.

        Args:
            descent: the steps.
            energy: what they descend.
            start: the adapted parameters before the first step.
            others: all other parameters.
        """


class SecondOrder(AbstractOrder):
    """Every step is differentiated, which takes second derivatives of the loss: the exact gradient.

    Rules that divide by the root of squared gradients, such as Adam, have no derivative where a gradient is zero; give
    them an `eps_root`.

    Source: Finn, Abbeel, Levine 2017 (arXiv 1703.03400), equation 1.
    """

    def descended(self, descent: Descent, energy: Energy, start: PyTree, others: PyTree) -> PyTree:
        """See `AbstractOrder.descended`."""
        return descent.follow(lambda moving: jax.grad(energy)(moving, start, others), start)


class FirstOrder(AbstractOrder):
    """The gradients inside count as constants: dx_K/dx_0 = 1, and x_K depends on no other parameter.

    Source: Finn, Abbeel, Levine 2017 (arXiv 1703.03400), section 5.2.
    """

    def descended(self, descent: Descent, energy: Energy, start: PyTree, others: PyTree) -> PyTree:
        """See `AbstractOrder.descended`."""
        return descent.follow(lambda moving: lax.stop_gradient(jax.grad(energy)(moving, start, others)), start)


class Implicit(AbstractOrder):
    """The adapted parameters count as the minimum x* of E: dx*/d(x_0, w) = -H^-1 d(grad E)/d(x_0, w).

    H is the Hessian of E by x, to be positive definite: where the loss alone does not see to that, a pull does. Memory
    does not grow with the steps. The rates get no gradient, as the minimum does not depend on them. Steps that stop
    short of the minimum make the gradient wrong by as much.

    Source: Rajeswaran, Finn, Kakade, Levine 2019 (arXiv 1909.04630), lemma 1.
    """

    def descended(self, descent: Descent, energy: Energy, start: PyTree, others: PyTree) -> PyTree:
        """See `AbstractOrder.descended`."""
        gradient = jax.grad(energy)
        fixed = lax.stop_gradient((start, others))
        reached = lax.stop_gradient(descent.follow(lambda moving: gradient(moving, *fixed), fixed[0]))

        def curved(direction: PyTree) -> PyTree:
            return jax.jvp(lambda moving: gradient(moving, *fixed), (reached,), (direction,))[1]

        residual = gradient(reached, start, others)
        # Zero as a number, so that the parameters stay what the steps made of them; only its derivative counts.
        changing = jax.tree.map(lambda leaf: leaf - lax.stop_gradient(leaf), residual)
        dtype = jnp.result_type(*jax.tree.leaves(reached))
        correction, _ = cg(curved, changing, tol=float(jnp.finfo(dtype).eps))
        return jax.tree.map(jnp.subtract, reached, correction)


class InnerLoop(AbstractAdaptation):
    """x <- x - a rule(dE/dx), K times, with E = loss on a batch + lambda/2 |x - x_0|^2, for some parameters x.

    Attributes:
        steps: K.
        rates: a, one number or learned.
        rule: any update rule without a learning rate, plain descent if omitted.
        adapts: which parameters are x: maps a network to a tree like it, True for what adapts. `only_gates`,
            `every_parameter`, or a function of one's own.
        pull: lambda, how strongly x is held where it began (proximal); zero for none.
        order: how an outer gradient goes through the steps.

    Raises:
        ValueError: for a negative number of steps or a negative pull; in `adapted`, if nothing adapts.

    Source: Finn, Abbeel, Levine 2017 (arXiv 1703.03400); the pull: Rajeswaran et al. 2019 (arXiv 1909.04630).
    """

    steps: int = eqx.field(static=True, default=1)
    rates: AbstractInnerRates = CommonRate(0.4)
    rule: optax.GradientTransformation = eqx.field(static=True, default=optax.identity())
    adapts: Callable[[PyTree], PyTree] = eqx.field(static=True, default=only_gates)
    pull: float | Float[Array, ""] = 0.0
    order: AbstractOrder = SecondOrder()

    def __check_init__(self):
        if self.steps < 0:
            raise ValueError(f"an inner loop of {self.steps} steps; allowed are 0 (no adaptation) and more.")
        pull = known_reals("pull of an inner loop", self.pull)
        if pull is not None and not (pull >= 0).all():
            raise ValueError(f"the pull of an inner loop is {self.pull}; it must be zero or more.")

    def adapted(self, problem: AbstractProblem, network: PyTree, batch: Batch) -> PyTree:
        """See `AbstractAdaptation.adapted`."""
        bare = self.rates.bare(network)
        start, others = eqx.partition(bare, self.adapts(bare))
        if not jax.tree.leaves(start):
            raise ValueError(
                f"nothing of a {type(bare).__name__} adapts; let `adapts` return True for at least one parameter."
            )

        def energy(moving: PyTree, start: PyTree, others: PyTree) -> Float[Array, ""]:
            loss = problem.loss(eqx.combine(moving, others), batch)
            apart = sum(jnp.sum((a - b) ** 2) for a, b in zip(*map(jax.tree.leaves, (moving, start)), strict=True))
            return loss + 0.5 * jnp.asarray(self.pull, loss.dtype) * apart

        descent = Descent(self.steps, self.rates.of(network, start), self.rule)
        moved = self.order.descended(descent, energy, start, others)
        return self.rates.rejoined(network, eqx.combine(moved, others))
