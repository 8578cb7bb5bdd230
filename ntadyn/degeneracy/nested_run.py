"""What nested sampling found: losses of points, and the share of the neighbourhood below each of them."""

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float, Int

from ntadyn.degeneracy.checks import positive

# Of the weight at a temperature, what may rest on points that were still alive: their volumes are hardly known.
ALIVE = 0.02


class NestedRun(eqx.Module):
    """Points in the order in which they died: the highest loss first.

    V is the share of the neighbourhood whose loss is lower. It is not known: at each death log V falls by a random
    number, exponentially distributed, whose mean is what `log_volumes` sums up. That is the error of everything that
    follows from a run.

    Attributes:
        losses: above that of the centre, non-increasing; the last `num_live` are those of points that were still alive.
        log_volumes: log V at each of them, on average.
        num_evaluations: how often the loss was asked for.
        num_live: how many points were alive at a time.
    """

    losses: Float[Array, " points"]
    log_volumes: Float[Array, " points"]
    num_evaluations: Int[Array, ""]
    num_live: int = eqx.field(static=True)

    def coefficient(self, inverse_temperature: float) -> tuple[float, float]:
        """lambda(t) = t E_t[L], the mean under exp(-t L) times the neighbourhood, by weighing all points.

        The weight of a point is exp(-t L) times the volume around it, (V_(i-1) - V_(i+1)) / 2. If log V fell by
        s_j (1 + x_j) instead of its mean s_j, every later weight would lose s_j x_j of itself, and that of point j gain
        x_j. The error is what independent x_j of unit variance make of lambda, to first order; where points are drawn
        independently it is all there is, as a loss depends on the volume below it alone.

        Args:
            inverse_temperature: t; for n examples at the temperature of Bayes, n / log n.

        Returns:
            lambda(t) and its standard error.

        Raises:
            ValueError: if t is not positive, or so large that points that were still alive count.

        Source: Skilling 2006, doi 10.1214/06-BA127, sections 2 and 3.
        """
        positive("inverse_temperature", inverse_temperature)
        losses, log_volumes = np.asarray(self.losses, float), np.asarray(self.log_volumes, float)
        volumes = np.concatenate([[1.0], np.exp(log_volumes), [0.0]])
        log_weights = np.log((volumes[:-2] - volumes[2:]) / 2) - inverse_temperature * losses
        weights = np.exp(log_weights - np.max(log_weights))
        weights /= np.sum(weights)
        alive = float(np.sum(weights[-self.num_live :]))
        if alive > ALIVE:
            raise ValueError(
                f"at inverse temperature {inverse_temperature:g}, {alive:.0%} of the weight rests on points that were "
                f"still alive; let the run end at a lower log_volume than {log_volumes[-self.num_live - 1]:.1f}."
            )
        scaled = inverse_temperature * losses
        value = float(weights @ scaled)
        moved = weights * (scaled - value)
        falls = -np.diff(log_volumes, prepend=0.0)
        change = moved - falls * np.cumsum(moved[::-1])[::-1]
        return value, float(np.sqrt(np.sum(change**2)))
