"""Where the border of a phase map runs: first contact of a gate with zero, and the time after it.

A run specialises by the end of training if a gate reaches zero early enough. The first is a linear question, answered
without training anything; of the second the exponents are derived, and one number is fitted.
"""

import dataclasses
import math

import numpy as np
from jaxtyping import Float
from scipy.special import erfc

from ntadyn.stability.lorentz import at_rest, gate_gain, symmetric_run
from ntadyn.stability.plane import Numbers, TeacherPlane, check_blocks

# Sectors of a half plane.
NUM_DIRECTIONS = 64
# Standard deviations within which a Gaussian is resolved, and a number that is zero to all purposes.
FARTHEST, LEAST_REACHED = 3.0, 1e-100
_FIRST = np.array([1.0, 0.0])
# t_2 = 3000 (tau_c / tau_B)^2 tau_W at |A - B| = 1: derived exponents, and a number fitted to medians of 200 runs in 17
# cells with tau_c of .01 to .03, within a factor 2.1; see `time_to_specialise`.
FITTED = 3.0e3
# Of the logarithm of the range in which the border is sought; what is sought is a fit.
BISECTIONS = 11


def initial_spread(initial_scale: float, d_in: int) -> float:
    """Standard deviation of a component of D_0 = W^1 - W^2, for entries of weights of initial_scale / sqrt(d_in).

    sqrt(2) initial_scale / sqrt(d_in): a component along a unit matrix spreads like an entry.
    """
    return math.sqrt(2 / d_in) * initial_scale


def contact_probability(plane: TeacherPlane, until: Numbers, spread: float) -> Numbers:
    """P(max_t |h(t) . D_0| >= 1, t <= T): the probability that a gate has reached zero, by linear theory.

    D_0 is Gaussian in the plane of the teachers, and what is asked is how much of it lies outside of the polygon that
    the lines |h(t) . D_0| = 1 leave around zero. No training is simulated.

    Overshoots where blocks are short and the probability is near one half, since dc ~ 1 uses up the error that drives
    it: by 0.3 in the worst cell of figure 5.

    Args:
        plane: a cell, or a row of cells; gates of norm one and small weights at the start of a block.
        until: T, in the caller's unit, shape that of the plane; where it is not positive the probability is zero.
        spread: sd, the standard deviation of a component of D_0, see `initial_spread`.

    Raises:
        ValueError: for a spread that is not positive, times that are not finite, or infinite blocks.
    """
    check_blocks(plane)
    until = np.broadcast_to(np.asarray(until, float), plane.shape)
    if not (spread > 0 and math.isfinite(spread)):
        raise ValueError(f"spread is {spread}; it must be positive and finite, as initial weights are drawn with it.")
    if not np.all(np.isfinite(until)):
        raise ValueError(f"until is {until}; it must be finite. Contact by the end of time is no finite sum of blocks.")
    num_blocks = max(0, math.ceil(np.max(until) / plane.block_duration))
    gains = []
    for moment in symmetric_run(plane, at_rest(plane), num_blocks):
        gains.append(np.where(moment.time <= until, gate_gain(plane, moment), 0.0))
    return np.where(until > 0, np.maximum(1 - _stays_within(np.stack(gains), spread), 0.0), 0.0)


def time_to_specialise(plane: TeacherPlane) -> Numbers:
    """t_2 = 3000 tau_W (tau_c / (tau_B |A - B|^2))^2: from contact to a contrast of one half.

    Derived is the form, for blocks short beside tau_W: with l = |A - B|/2 and D_s the common error that is left at
    contact, an offset of the weights along A - B grows at the rate (D_s l tau_B / tau_c)^2 / (48 tau_W) + l^2 / (4 k_1
    tau_W) (`experiments/stability/staircase`), whose first term has these exponents. The factor |A - B| is that of
    units.

    Chosen is the number 3000: a fit to medians of runs with tau_c = .01, .02, .03 at |A - B| = 1, which agree within a
    factor 2.1. The rate needs two numbers besides, D_s and how many e-foldings there are; with the best guesses at both
    it is within a factor 1.4 at tau_c = .01, but only within 2.9 at .02, so that the fit stays. The fit leaves out the
    second term, which bounds t_2 for very short blocks: where t_2 is far above ten tau_W, it is too long.
    """
    distance = 2 * np.asarray(plane.half_distance)
    return (
        FITTED
        * plane.weights
        * (plane.gates / plane.weights / (plane.block_duration / plane.weights)) ** 2
        / (distance**4)
    )


def specialised_probability(plane: TeacherPlane, training_time: float, spread: float) -> Numbers:
    """P(t_contact + t_2 <= T): the predicted share of runs that have specialised at the end of training.

    Args:
        plane: a cell, or a row of cells.
        training_time: T.
        spread: standard deviation of a component of D_0, see `initial_spread`.

    Raises:
        ValueError: as `contact_probability`.
    """
    return contact_probability(plane, training_time - time_to_specialise(plane), spread)


def predicted_border(plane: TeacherPlane, training_time: float, spread: float, between: tuple[float, float]) -> Numbers:
    """The gate time constant at which P(t_contact + t_2 <= T) = 1/2.

    Args:
        plane: the cell, or cells, whose own gate time constant has no effect.
        training_time: T.
        spread: standard deviation of a component of D_0.
        between: gate time constants between which the border is sought, by bisection.

    Returns:
        tau_c, in the shape of the plane; the lower end where even that cell is not expected to specialise, the upper
        one where all are.

    Raises:
        ValueError: unless the ends are positive and in order; and as `contact_probability`.
    """
    low, high = between
    if not 0 < low < high < math.inf:
        raise ValueError(f"between is {between}; it must be two positive numbers in rising order.")
    shape = dataclasses.replace(plane, gates=low).shape
    low, high = np.full(shape, low), np.full(shape, high)
    for _ in range(BISECTIONS):
        middle = np.sqrt(low * high)
        most = specialised_probability(dataclasses.replace(plane, gates=middle), training_time, spread) >= 0.5
        low, high = np.where(most, middle, low), np.where(most, high, middle)
    return np.sqrt(low * high)


def first_block_rapidity(plane: TeacherPlane) -> Numbers:
    """Theta_1 = 2 r (1 - e^(-tau_B / 2 tau_W)) / kappa: the boost of the first block, for C = 1."""
    return 2 * plane.teacher_norm * _learnt(plane, plane.block_duration) / plane.kappa


def first_contact_block(plane: TeacherPlane, difference: float) -> Numbers:
    """tau_B* = -2 tau_W log(1 - kappa asinh(kappa / |D_A|) / (2 r)): blocks that long meet zero within the first one.

    Args:
        plane: the cells, whose own block duration has no effect.
        difference: |D_A|, the component of D_0 along the teacher of the first block.

    Returns:
        The block duration; infinity where no first block is long enough.
    """
    share = plane.kappa * np.arcsinh(plane.kappa / difference) / (2 * np.asarray(plane.teacher_norm))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(share < 1, -2 * plane.weights * np.log1p(-share), np.inf)


def short_block_contact(plane: TeacherPlane, until: Numbers, spread: float) -> Numbers:
    """P = erfc(kappa / (sqrt 2 sd sinh Theta_s)), Theta_s = sqrt 2 r (1 - e^(-T / 2 tau_W)) / kappa: tau_B -> 0, C = 1.

    The common part of the teachers acts alone: what touches zero then is one path that wins everything, and it is no
    specialisation.

    Args:
        plane: the cells, whose own block duration has no effect.
        until: T.
        spread: standard deviation of a component of D_0.
    """
    rapidity = math.sqrt(2) * plane.teacher_norm * _learnt(plane, until) / plane.kappa
    return erfc(plane.kappa / (math.sqrt(2) * spread * np.sinh(rapidity)))


def _learnt(plane: TeacherPlane, duration: Numbers) -> Numbers:
    """F = 1 - e^(-t / 2 tau_W)."""
    return -np.expm1(-np.asarray(duration) / (2 * np.asarray(plane.weights)))


def _stays_within(gains: Float[np.ndarray, "t 2 ..."], spread: float) -> Numbers:
    """The probability that |h . D| < 1 for all h, of a Gaussian D with standard deviation `spread` per component.

    The polygon is cut into sectors around zero, in coordinates D = M z in which it is neither long nor thin: M is made
    of the longest h and of the largest component across it, and is no larger than a few standard deviations. With
    rho(u) the distance of its edge along u,

        P = |det M| mean_u (1 - exp(-rho^2 |M u|^2 / (2 sd^2))) / |M u|^2.
    """
    sizes = np.linalg.norm(gains, axis=1)
    longest = np.take_along_axis(gains, np.argmax(sizes, axis=0)[None, None], axis=0)[0]
    size = np.max(sizes, axis=0)
    along = np.where(size > 0, longest / np.where(size > 0, size, 1), _FIRST.reshape(2, *[1] * size.ndim))
    across = np.stack([-along[1], along[0]])
    width = np.max(np.abs(np.sum(gains * across, axis=1)), axis=0)
    extents = [1 / np.maximum(each, 1 / (FARTHEST * spread)) for each in (size, width)]
    angles = np.pi * np.arange(NUM_DIRECTIONS) / NUM_DIRECTIONS
    parts = []
    for one, other in zip(np.cos(angles), np.sin(angles), strict=True):
        direction = one * along * extents[0] + other * across * extents[1]
        reach = 1 / np.maximum(np.max(np.abs(np.sum(gains * direction, axis=1)), axis=0), LEAST_REACHED)
        inside = -np.expm1(-0.5 * np.sum(direction**2, axis=0) * (reach / spread) ** 2)
        parts.append(inside / np.sum(direction**2, axis=0))
    return np.mean(parts, axis=0) * extents[0] * extents[1]
