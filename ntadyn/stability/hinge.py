"""When gates become negative: a race that the first block decides, and a way back that takes its time.

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
it, the loser learns -B. When the second block begins, b is still zero, hence the winner learns B

    if k_nn > r^2 N (a_2^2 - a_1^2) / 2.

How far c_1 has come back when training ends is another question. Where the first block is hardly decided, because it is
short or initial weights are small, b_1 + b_2 starts near its fixed point, and a block lets it grow by no more than e^(2
tau_B / tau_W (a_1 + a_2)^2); and as long as a gate is negative it hides the error by which weights would forget, so
that they change at the pace of the penalty (`return_time`). That holds in short blocks, too, in which gates become
negative after many of them: the path that has learned both tasks is helped out by the negative gate of the other. So
`negative_probability` follows the same equations through all of training. Frozen weights (`hinge_bound`) ask for a
stronger hinge.
"""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.stats import norm

from ntadyn.stability.plane import Numbers, TeacherPlane
from ntadyn.stability.plane_run import run_in_plane

# sin(alpha) cos(2 alpha) is largest where sin(alpha)^2 = 1/6.
LARGEST_PULL = math.sqrt(2 / 27)
# Sizes of the initial difference, at equally likely quantiles.
QUANTILES = 16
# Steps per shortest time constant of the gates in a block whose end is asked for, rather than a share of runs.
FINE = 6.0


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

    Args:
        plane: cells, whose block durations may differ.
        difference: |D_A|, the component along A of the initial difference of weights; broadcasts with the cells.

    Raises:
        ValueError: as `run_in_plane`.
    """
    loser, winner = run_in_plane(plane, plane.block_duration, difference, FINE).weights[:, 0]
    return FirstBlock(loser, winner)


def needed_hinge(plane: TeacherPlane, learned: FirstBlock) -> Numbers:
    """k_nn = r^2 X / (1 + r^2 X a_2 / (k_1 (a_1 + a_2))), X = (a_2^2 - a_1^2) / 2: below it the loser learns -B.

    Args:
        plane: a cell, or cells, whose own hinge has no effect.
        learned: at the end of the first block.
    """
    loser, winner = learned
    pull = np.square(plane.teacher_norm) * (winner**2 - loser**2) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        return pull / (1 + pull * winner / (np.asarray(plane.unit_l1) * (loser + winner)))


def negative_probability(plane: TeacherPlane, until: Numbers, spread: float) -> Numbers:
    """The share of runs of which a gate is negative at the end of one of the last two blocks.

    Runs in the plane are followed from 16 sizes of one number, the initial difference along A, the first task. What
    else initial weights have is left out: on the maps of figure 5, at its initial scale and at a tenth of it, 98.8 and
    98.5 % of the cells with blocks above 0.25 are right, and 94.4 and 98.1 % of the others.

    Args:
        plane: cells, whose block durations may differ.
        until: T, in the caller's unit; broadcasts with the cells.
        spread: standard deviation of a component of D_0, see `initial_spread`.

    Returns:
        Shares in the shape of the cells, multiples of 1/16.

    Raises:
        ValueError: for a spread that is not positive, and as `run_in_plane`.
    """
    if not (spread > 0 and math.isfinite(spread)):
        raise ValueError(f"spread is {spread}; it must be positive and finite, as initial weights are drawn with it.")
    sizes = spread * norm.ppf(0.5 + 0.5 * (np.arange(QUANTILES) + 0.5) / QUANTILES)
    dimensions = max(len(plane.shape), np.ndim(until))
    return np.mean(run_in_plane(plane, until, sizes.reshape(-1, *[1] * dimensions)).least < 0, axis=0)
