"""How the volume of low loss grows with the cutoff: a coefficient at every scale, and whether one is free of scale."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Array, Float

from ntadyn.degeneracy.checks import positive
from ntadyn.degeneracy.nested_run import NestedRun, falls, mean_and_error, volumes_around
from ntadyn.degeneracy.plateau import Plateau, longest_plateau


@dataclass(frozen=True, eq=False)
class VolumeCurve:
    """lambda(epsilon) = d log V / d log epsilon, with V the share of a neighbourhood whose loss is at most epsilon.

    Attributes:
        cutoffs: epsilon, evenly spaced in its logarithm, from low to high.
        log_volumes: log V at each.
        coefficients: lambda at each, the slope over a window around it.
        errors: their standard errors; those of neighbours are correlated, as windows overlap.
        hill: the estimator of Hill at each: the mean of lambda below the cutoff, on a logarithmic scale, where points
            uniform below the cutoff lie.
        hill_errors: its standard errors.
        plateau: the longest interval in which lambda hardly changes, or None.
    """

    cutoffs: Float[np.ndarray, " cutoffs"]
    log_volumes: Float[np.ndarray, " cutoffs"]
    coefficients: Float[np.ndarray, " cutoffs"]
    errors: Float[np.ndarray, " cutoffs"]
    hill: Float[np.ndarray, " cutoffs"]
    hill_errors: Float[np.ndarray, " cutoffs"]
    plateau: Plateau | None

    @property
    def effective_parameters(self) -> Float[np.ndarray, " cutoffs"]:
        """N_eff = 2 lambda(epsilon): how many parameters a regular model with that volume has."""
        return 2 * self.coefficients

    @property
    def decades(self) -> float:
        """How many powers of ten the cutoffs span."""
        return float(np.log10(self.cutoffs[-1] / self.cutoffs[0]))

    def at(self, cutoff: float) -> tuple[float, float]:
        """The coefficient and its error between the cutoffs of the curve: where a cutoff of interest lies on it.

        Raises:
            ValueError: outside the curve.
        """
        if not self.cutoffs[0] <= cutoff <= self.cutoffs[-1]:
            raise ValueError(
                f"cutoff {cutoff:g} lies outside the curve, {self.cutoffs[0]:.1e} to {self.cutoffs[-1]:.1e}; for lower "
                f"ones let the run end at a lower log_volume, for higher ones take a larger neighbourhood."
            )
        place = np.log(cutoff), np.log(self.cutoffs)
        return float(np.interp(*place, self.coefficients)), float(np.interp(*place, self.errors))

    def __str__(self) -> str:
        rows = [
            f"{cutoff:9.1e} {log_volume:8.2f} {value:8.3f} +- {error:.3f} {hill:8.3f} +- {hill_error:.3f}"
            for cutoff, log_volume, value, error, hill, hill_error in zip(
                self.cutoffs,
                self.log_volumes,
                self.coefficients,
                self.errors,
                self.hill,
                self.hill_errors,
                strict=True,
            )
        ]
        found = "no scale-free coefficient in this range" if self.plateau is None else str(self.plateau)
        head = "  epsilon    log V   lambda               Hill"
        return "\n".join([f"{self.decades:.1f} decades of cutoffs:", head, *rows, found])


def volume_curve(run: NestedRun, window: float = 4.0, per_decade: int = 4) -> VolumeCurve:
    """The coefficient at all cutoffs that a run resolves: some -log_volume / (2.3 lambda) decades of them.

    lambda is the slope of log V over log L by least squares, among points within half a window of log V to either side.
    It is a mean over exp(window / lambda) in the cutoff. For a power law and n live points its error is
    sqrt(6 / (5 n window)) lambda; that of Hill is lambda / sqrt(2 n).

    Args:
        run: of nested sampling.
        window: its width, in units of log V.
        per_decade: how many cutoffs per power of ten.

    Returns:
        The curve.

    Raises:
        ValueError: if the centre is no minimum, or the run is shorter than two windows.
    """
    positive("window", window)
    positive("per_decade", per_decade)
    log_losses, log_volumes = _resolved(run)
    # Half a window stays free at both ends.
    inner = (log_volumes <= -window / 2) & (log_volumes >= log_volumes[-1] + window / 2)
    if log_volumes[-1] > -2 * window or not np.any(inner):
        raise ValueError(
            f"the run resolves volumes down to log V = {log_volumes[-1]:.1f}, less than two windows of {window:g}; let "
            f"it end at a lower log_volume."
        )
    places = log_losses[inner] / np.log(10.0) * per_decade
    cutoffs = 10 ** (np.arange(np.ceil(places[-1]), np.floor(places[0]) + 1) / per_decade)
    if cutoffs.size < 2:
        raise ValueError(f"the run resolves {cutoffs.size} cutoffs; ask for more than {per_decade} per decade.")
    centres = np.interp(-np.log(cutoffs), -log_losses, log_volumes)
    slopes = [_slope(log_losses, log_volumes, np.abs(log_volumes - centre) <= window / 2) for centre in centres]
    hills = [_hill(run, cutoff, centre) for cutoff, centre in zip(cutoffs, centres, strict=True)]
    coefficients, errors = np.array(slopes).T
    below, below_errors = np.array(hills).T
    found = longest_plateau(np.log10(cutoffs), coefficients, errors)
    plateau = None
    if found is not None:
        lowest, highest, trend = float(cutoffs[found[0]]), float(cutoffs[found[1]]), found[2]
        chosen = (log_losses >= np.log(lowest)) & (log_losses <= np.log(highest))
        plateau = Plateau(lowest, highest, *_slope(log_losses, log_volumes, chosen), trend)
    return VolumeCurve(cutoffs, centres, coefficients, errors, below, below_errors, plateau)


def hill(losses: Float[Array | np.ndarray, " points"], cutoff: float) -> tuple[float, float]:
    """1 / mean(log(epsilon / L)) over the losses below epsilon of points drawn uniformly.

    Args:
        losses: of independent points, uniform in a neighbourhood or in what of it has a loss below the cutoff.
        cutoff: epsilon.

    Returns:
        The estimator and its standard error, lambda / sqrt(N) for N points below the cutoff.

    Raises:
        ValueError: if fewer than two points have a loss below the cutoff, or one has none.

    Source: Hill 1975, doi 10.1214/aos/1176343247.
    """
    positive("cutoff", cutoff)
    below = np.asarray(losses, float)
    below = below[below < cutoff]
    if below.size < 2 or np.min(below) <= 0:
        raise ValueError(
            f"{below.size} points have a loss below {cutoff:g}, the lowest {np.min(below, initial=np.inf):g}; at least "
            f"two must, and all losses must be positive."
        )
    value = 1 / np.mean(np.log(cutoff / below))
    return float(value), float(value / np.sqrt(below.size))


def effective_cutoff(coefficient: float, inverse_temperature: float) -> float:
    """epsilon_eff = lambda / t: the mean loss at inverse temperature t, the cutoff that lambda(t) speaks of."""
    return coefficient / inverse_temperature


def noise_cutoff(dimension: int, num_examples: int) -> float:
    """epsilon_noise = d / (2 n): by how much d parameters fitted to n examples lower the loss by chance."""
    return dimension / (2 * num_examples)


def _resolved(run: NestedRun) -> tuple[Float[np.ndarray, " dead"], Float[np.ndarray, " dead"]]:
    """Log L and log V of the points that died before the run ended, without those that have no loss at all."""
    losses, log_volumes = np.asarray(run.losses, float), np.asarray(run.log_volumes, float)
    if losses[-1] < 0:
        raise ValueError(
            f"a point has a loss {-losses[-1]:.2g} below that of the centre, which is therefore no minimum; train "
            f"further, or take the behavioural loss."
        )
    losses, log_volumes = losses[: -run.num_live], log_volumes[: -run.num_live]
    if losses[0] <= 0:
        raise ValueError("no point has a loss above that of the centre: there is no volume to measure.")
    return np.log(losses[losses > 0]), log_volumes[losses > 0]


def _slope(
    log_losses: Float[np.ndarray, " dead"], log_volumes: Float[np.ndarray, " dead"], chosen: np.ndarray
) -> tuple[float, float]:
    """The slope of log V over log L among some points, and what exponentially distributed falls of log V make of it."""
    places, heights = log_losses[chosen], log_volumes[chosen]
    factors = places - np.mean(places)
    factors = factors / np.sum(factors**2)
    change = falls(heights) * np.cumsum(factors[::-1])[::-1]
    return float(factors @ heights), float(np.sqrt(np.sum(change**2)))


def _hill(run: NestedRun, cutoff: float, log_volume: float) -> tuple[float, float]:
    """The estimator of Hill with all points below a cutoff, each weighed by the volume around it."""
    losses, log_volumes = np.asarray(run.losses, float), np.asarray(run.log_volumes, float)
    chosen = (losses < cutoff) & (losses > 0)
    weights = volumes_around(log_volumes[chosen] - log_volume, 1.0)
    mean, error = mean_and_error(np.log(cutoff / losses[chosen]), weights / np.sum(weights), log_volumes[chosen])
    return 1 / mean, error / mean**2
