"""When the hinge keeps gates from becoming negative: a race that the first block decides.

With fast gates the first block, of task A, is won by one path: along A its weights are a_2 |A|, and those of the other
one, which has learned until its gate reached zero, a_1 |A|. When task B comes, the gates forget A within tau_c:
y = c_1 a_1 + c_2 a_2 falls to almost zero while |c_1| + |c_2| stays near one, so that the gate of the loser, c_1, turns
negative. Let b_p be the components along B, in units of |B|. Gates in equilibrium, c_1 < 0 < c_2, obey

    r^2 (b_p - a_p y) = k_1 (|c_1| + |c_2| - 1) sign(c_p) - k_nn [c_p < 0]

to first order in b. The sum of both gives y = (k_nn / r^2 + b_1 + b_2) / (a_1 + a_2), the second one at b = 0 the norm

    N = |c_1| + |c_2| = 1 - (k_nn / k_1) a_2 / (a_1 + a_2),

and together they give c_1 + c_2 = (2 y - N (a_2 - a_1)) / (a_1 + a_2). Since tau_W b_p' = c_p, b_1 + b_2 is unstable:

    tau_W d(b_1 + b_2)/dt = 2 / (a_1 + a_2)^2 [b_1 + b_2 + k_nn / r^2 - N (a_2^2 - a_1^2) / 2].

If it starts above its fixed point, the winner learns B, too, c_1 returns to zero, and each task can get a path. Below
it, the loser learns -B, and c_1 stays negative. When the second block begins, b is still zero, hence

    the hinge holds if k_nn > r^2 N (a_2^2 - a_1^2) / 2.

Of later blocks this says nothing: where weights start very small, gates become negative there, too, in a way that is
not known. Frozen weights (`hinge_bound`) ask for more.
"""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.stats import norm

from ntadyn.stability.plane import Numbers, TeacherPlane, check_finite

# sin(alpha) cos(2 alpha) is largest where sin(alpha)^2 = 1/6.
LARGEST_PULL = math.sqrt(2 / 27)
# Sizes of the initial difference, at equally likely quantiles.
QUANTILES = 24
# Steps per shortest time constant of the gates, and how many a block may take.
STEPS, MOST_STEPS = 6.0, 200_000


def hinge_bound(plane: TeacherPlane) -> Numbers:
    """k_nn > r^2 max_alpha sin(alpha) cos(2 alpha) = r^2 sqrt(2/27) keeps gates from becoming negative.

    The pull on a gate at zero when weights |W| <= r stand at an angle alpha from their teachers, with gates of norm one
    in equilibrium; it is largest at 24.1 degrees. Sufficient for frozen weights, and not necessary, see
    `negative_probability`.
    """
    return LARGEST_PULL * plane.teacher_norm**2


class FirstBlock(NamedTuple):
    """What the paths have learned of A at the end of the first block, in units of |A|.

    Attributes:
        loser: a_1, of the path whose gate is smaller.
        winner: a_2.
    """

    loser: Float[np.ndarray, "..."]
    winner: Float[np.ndarray, "..."]


def first_block(plane: TeacherPlane, difference: Numbers) -> FirstBlock:
    """The first block along A: tau_W a_p' = c_p e, tau_c c_p' = r^2 a_p e - k_1 (C - 1), e = 1 - c_1 a_1 - c_2 a_2.

    A gate that reaches zero stays there while its force is negative. From c_p = 1/2 and a_p = -+|D_A| / (2 r). Heun's
    method, in steps that resolve the gates.

    Args:
        plane: a cell, or cells.
        difference: |D_A|, the component along A of the initial difference of weights; broadcasts with the cells.

    Raises:
        ValueError: for an infinite block, or gates so fast that it takes more than 200,000 steps.
    """
    check_finite(plane)
    shape = np.broadcast_shapes(plane.shape, np.shape(difference))
    squared, norm_pull = np.square(plane.teacher_norm), np.asarray(plane.unit_l1)
    fastest = float(np.max((squared + 2 * norm_pull) / plane.gates))
    number = math.ceil(STEPS * plane.block_duration * max(fastest, float(np.max(1 / np.asarray(plane.weights)))))
    if number > MOST_STEPS:
        raise ValueError(
            f"gates of {np.min(plane.gates):g} are too fast for a block of {plane.block_duration:g}: it takes "
            f"{number:,} steps to resolve them, and at most {MOST_STEPS:,} are taken; take slower gates or shorter "
            f"blocks."
        )
    step = plane.block_duration / number
    half = np.broadcast_to(np.asarray(difference) / (2 * np.asarray(plane.teacher_norm)), shape)
    learned, gates = np.stack([-half, half]), np.full((2, *shape), 0.5)

    def slopes(learned: np.ndarray, gates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        missing = 1 - np.sum(gates * learned, axis=0)
        force = squared * learned * missing - norm_pull * (np.sum(gates, axis=0) - 1)
        force = np.where((gates <= 0) & (force < 0), 0.0, force)
        return gates * missing / plane.weights, force / plane.gates

    for _ in range(number):
        first = slopes(learned, gates)
        second = slopes(learned + step * first[0], np.maximum(gates + step * first[1], 0))
        learned = learned + 0.5 * step * (first[0] + second[0])
        gates = np.maximum(gates + 0.5 * step * (first[1] + second[1]), 0)
    return FirstBlock(*learned)


def needed_hinge(plane: TeacherPlane, learned: FirstBlock) -> Numbers:
    """k_nn = r^2 X / (1 + r^2 X a_2 / (k_1 (a_1 + a_2))), X = (a_2^2 - a_1^2) / 2: a weaker hinge does not hold.

    Args:
        plane: a cell, or cells, whose own hinge has no effect.
        learned: at the end of the first block.
    """
    loser, winner = learned
    pull = np.square(plane.teacher_norm) * (winner**2 - loser**2) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        return pull / (1 + pull * winner / (np.asarray(plane.unit_l1) * (loser + winner)))


def negative_probability(plane: TeacherPlane, spread: float) -> Numbers:
    """P(k_nn < what is needed): the share of runs of which a gate becomes negative and stays so.

    The larger |D_A|, the earlier the loser stops to learn, and the more is needed. Where no gate meets zero in the
    first block, because blocks are short or initial weights very small, a gate may become negative later in another
    way, which this does not know: right are 97.5 % of the cells of figure 5, at a tenth of its initial scale 92.4 %.

    Args:
        plane: a cell, or cells, with blocks of one duration.
        spread: standard deviation of a component of D_0, see `initial_spread`.

    Returns:
        Shares in the shape of the plane; no numbers where the norm of the gates has no penalty, k_1 = 0, since N is
        that of gates which have one.

    Raises:
        ValueError: for a spread that is not positive, and as `first_block`.
    """
    if not (spread > 0 and math.isfinite(spread)):
        raise ValueError(f"spread is {spread}; it must be positive and finite, as initial weights are drawn with it.")
    shares = (np.arange(QUANTILES) + 0.5) / QUANTILES
    sizes = spread * norm.ppf(0.5 + 0.5 * shares)
    needed = needed_hinge(plane, first_block(plane, sizes.reshape(-1, *[1] * len(plane.shape))))
    hinge = np.broadcast_to(np.asarray(plane.nonnegative, float), plane.shape)
    found = [
        1 - np.interp(have, have_not, shares, left=0.0, right=1.0)
        for have, have_not in zip(hinge.reshape(-1), np.asarray(needed).reshape(QUANTILES, -1).T, strict=True)
    ]
    return np.where(np.asarray(plane.unit_l1) > 0, np.reshape(found, plane.shape), np.nan)
