"""Gradients of the log density on batches, for samplers that make their steps without a test."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from ntadyn.degeneracy.problem import ExampleLoss
from ntadyn.degeneracy.samplers.sampler import Draws, recorded
from ntadyn.degeneracy.target import Target


class Feed(eqx.Module):
    """From how many examples every gradient is taken.

    Attributes:
        batch_size: fresh examples per gradient, drawn with replacement; None for all of them.
        steps_per_draw: steps between two records. A record computes the loss over all examples, as costly as a third
            of a gradient.

    Raises:
        ValueError: for sizes that are not positive.
    """

    batch_size: int | None = eqx.field(static=True, default=None)
    steps_per_draw: int = eqx.field(static=True, default=1)

    def __check_init__(self):
        if (self.batch_size is not None and self.batch_size < 1) or self.steps_per_draw < 1:
            raise ValueError(
                f"Feed: batch_size is {self.batch_size} and steps_per_draw is {self.steps_per_draw}; both must be at "
                "least 1. Give None as batch_size for gradients over all examples."
            )

    def batch(self, target: Target, key: PRNGKeyArray) -> Int[Array, " b"] | None:
        """The examples of one gradient."""
        if self.batch_size is None:
            return None
        loss = target.problem.loss
        if not isinstance(loss, ExampleLoss):
            raise ValueError(
                f"batches of {self.batch_size} were asked for, but the loss is a {type(loss).__name__}, which has no "
                "examples: give an ExampleLoss, or batch_size=None."
            )
        return jax.random.randint(key, (self.batch_size,), 0, loss.num_examples)

    def slope(self, target: Target, coordinates: Float[Array, " d"], batch: Array | None) -> Float[Array, " d"]:
        """Grad log p(u), with the loss of a batch in place of the loss over all examples."""

        def log_density(coordinates: Array) -> Array:
            offset = target.chart.offset(coordinates)
            problem = target.problem
            if batch is None:
                return target.log_density_of(offset, problem.excess(offset))
            of_batch = problem.loss.on_batch(problem.at(offset), batch)  # pyright: ignore[reportFunctionMemberAccess]
            return target.log_density_of(offset, of_batch - problem.loss_at_centre)

        return jax.grad(log_density)(coordinates)

    def cost(self, target: Target, gradients: int) -> Float[Array, ""]:
        """Gradients of the full loss that a number of gradients on batches are worth."""
        share = 1.0 if self.batch_size is None else self.batch_size / target.problem.loss.num_examples  # pyright: ignore
        return jnp.full((), gradients * share, target.inverse_temperature.dtype)

    def record(self, target: Target, coordinates: Float[Array, " d"], gradients: int) -> Draws:
        """The loss over all examples, where the chain stands after some gradients."""
        return recorded(
            target,
            coordinates,
            target.log_density(coordinates),
            acceptance=jnp.full_like(target.inverse_temperature, jnp.nan),
            divergent=jnp.zeros((), bool),
            gradients=self.cost(target, gradients) + 1 / 3,
        )
