"""The law that is sampled."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from ntadyn.degeneracy.problem import LossProblem
from ntadyn.degeneracy.whitening import Chart


class Target(eqx.Module):
    """p(u) ~ exp(-t (L(w* + v) - L(w*)) - gamma/2 |v|^2) in the coordinates u of a chart, v = Q diag(s) u.

    Attributes:
        problem: L and w*.
        chart: the coordinates.
        inverse_temperature: t, the number of examples times the inverse temperature of a posterior.
        localisation: gamma: offsets are of about gamma^(-1/2) in directions in which the loss is flat.
    """

    problem: LossProblem
    chart: Chart
    inverse_temperature: Float[Array, ""]
    localisation: Float[Array, ""]

    def log_density(self, coordinates: Float[Array, " d"]) -> Float[Array, ""]:
        """Log p(u), up to a constant."""
        offset = self.chart.offset(coordinates)
        return self.log_density_of(offset, self.problem.excess(offset))

    def log_density_of(self, offset: Float[Array, " d"], excess: Float[Array, ""]) -> Float[Array, ""]:
        """Log p where the loss is known already."""
        return -self.inverse_temperature * excess - 0.5 * self.localisation * jnp.sum(offset**2)

    def excess_from(self, log_density: Float[Array, ""], offset: Float[Array, " d"]) -> Float[Array, ""]:
        """L - L(w*) where log p is known already."""
        return -(log_density + 0.5 * self.localisation * jnp.sum(offset**2)) / self.inverse_temperature
