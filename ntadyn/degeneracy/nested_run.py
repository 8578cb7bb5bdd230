"""What nested sampling found: losses of points, and the share of the neighbourhood below each of them."""

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float, Int

from ntadyn.degeneracy.checks import positive

# Of the weight at a temperature, what may rest on points that were still alive: below them nothing is known.
ALIVE = 0.2


class NestedRun(eqx.Module):
    """Points in the order in which they died: the highest loss first.

    V is the share of the neighbourhood whose loss is lower. It is not known: at each death log V falls by a random
    number, exponentially distributed, whose mean is what `log_volumes` sums up. That is the error of everything that
    follows from a run.

    Attributes:
        losses: above that of the centre, non-increasing; the last `num_live` are those of points that were still alive.
        log_volumes: log V at each of them, on average.
        num_evaluations: how often the loss was asked for.
        num_stuck: how many moves found no other point of low enough loss: none, unless the loss has a flat bottom.
        num_live: how many points were alive at a time.
    """

    losses: Float[Array | np.ndarray, " points"]
    log_volumes: Float[Array | np.ndarray, " points"]
    num_evaluations: Int[Array | np.ndarray, ""]
    num_stuck: Int[Array | np.ndarray, ""]
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
        scaled = inverse_temperature * losses
        log_weights = np.log(volumes_around(log_volumes, 1.0)) - scaled
        weights = np.exp(log_weights - np.max(log_weights))
        weights /= np.sum(weights)
        alive = float(np.sum(weights[-self.num_live :]))
        if alive > ALIVE:
            raise ValueError(
                f"at inverse temperature {inverse_temperature:g}, {alive:.0%} of the weight rests on points that were "
                f"still alive; let the run end at a lower log_volume than {log_volumes[-self.num_live - 1]:.1f}."
            )
        return mean_and_error(scaled, weights, log_volumes)


def mean_and_error(
    values: Float[np.ndarray, " points"],
    weights: Float[np.ndarray, " points"],
    log_volumes: Float[np.ndarray, " points"],
) -> tuple[float, float]:
    """The weighted mean of what points have, and its error because their volumes are not known.

    Args:
        values: of points in the order in which they died.
        weights: proportional to the volumes around them; their sum is one.
        log_volumes: log V at each of them, on average.

    Returns:
        The mean, and what exponentially distributed falls of log V make of it to first order, see
        `NestedRun.coefficient`.
    """
    mean = float(weights @ values)
    moved = weights * (values - mean)
    change = moved - falls(log_volumes) * np.cumsum(moved[::-1])[::-1]
    return mean, float(np.sqrt(np.sum(change**2)))


def falls(log_volumes: Float[np.ndarray, " points"]) -> Float[np.ndarray, " points"]:
    """How far log V falls at each death, on average: 0 at the first, which moves all volumes alike."""
    return -np.diff(log_volumes, prepend=log_volumes[0])


def volumes_around(log_volumes: Float[np.ndarray, " points"], above: float) -> Float[np.ndarray, " points"]:
    """(V_(i-1) - V_(i+1)) / 2 of points below a volume V_0 that is given, with zero below the last."""
    volumes = np.concatenate([[above], np.exp(log_volumes), [0.0]])
    return (volumes[:-2] - volumes[2:]) / 2
