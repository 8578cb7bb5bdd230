"""Two paths beside two orthogonal teachers of one norm, tasks in turn: the numbers of the theory in the plane."""

import dataclasses
import math

import numpy as np
from jaxtyping import Float

Numbers = float | Float[np.ndarray, "..."]

# |W*|_F of teachers whose rows have the norm 1/sqrt(d_in), at twice as many inputs as outputs.
TEACHER_NORM = math.sqrt(0.5)


@dataclasses.dataclass(frozen=True)
class TeacherPlane:
    """tau_W D' = dc E, tau_c dc' = <D, E>, tau_W U' = C E, tau_c C' = <U, E> - 2 k_1 (C - 1), both gates positive.

    D = W^1 - W^2, U = W^1 + W^2, dc = c_1 - c_2, C = c_1 + c_2, and E = W*^m - (C U + dc D)/2 is the error of the task
    in force. Given E(t), the pair (sqrt(tau_c) dc, sqrt(tau_W) D) is boosted along E with the rate |E|/s, as in special
    relativity, and Q = |D|^2 - kappa^2 dc^2 is conserved.

    All of it takes place in the plane of the teachers A and B. It is computed in double precision whatever the settings
    of JAX, because boosts are products of numbers as large as e^(2 l/kappa).

    Attributes:
        block_duration: tau_B, in the caller's unit of time; infinite, or different from cell to cell, only where it is
            said so.
        gates: tau_c.
        weights: tau_W.
        unit_l1: k_1 of the penalty k_1/2 (|c|_1 - 1)^2.
        nonnegative: k_nn of the penalty k_nn sum_p max(-c_p, 0).
        teacher_norm: r = |A| = |B|.

    All may be arrays that broadcast: with one block duration a plane is a row of a phase map, else all of it.

    Raises:
        ValueError: for a time or a norm that is not positive, or a penalty that is negative or not finite.
    """

    block_duration: Numbers
    gates: Numbers
    weights: Numbers = 1.0
    unit_l1: Numbers = 0.0
    nonnegative: Numbers = 0.0
    teacher_norm: Numbers = TEACHER_NORM

    def __post_init__(self):
        if not np.all(np.asarray(self.block_duration) > 0):
            raise ValueError(f"block_duration is {self.block_duration}; it must be positive.")
        for name in ("gates", "weights", "teacher_norm"):
            values = np.asarray(getattr(self, name))
            if not np.all((values > 0) & np.isfinite(values)):
                raise ValueError(f"{name} is {getattr(self, name)}; it must be positive and finite.")
        for name in ("unit_l1", "nonnegative"):
            values = np.asarray(getattr(self, name))
            if not np.all((values >= 0) & np.isfinite(values)):
                raise ValueError(f"{name} is {getattr(self, name)}; it must be zero or positive, and finite.")

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape to which the numbers broadcast."""
        return np.broadcast_shapes(*(np.shape(value) for value in vars(self).values()))

    @property
    def kappa(self) -> Numbers:
        """Kappa = sqrt(tau_c / tau_W): how much of D a unit of dc is worth."""
        return np.sqrt(self.gates / self.weights)

    @property
    def exchange(self) -> Numbers:
        """S = sqrt(tau_c tau_W): gates and weights exchange at the rate |E|/s."""
        return np.sqrt(self.gates * self.weights)

    @property
    def half_distance(self) -> Numbers:
        """L = |A - B|/2."""
        return self.teacher_norm / math.sqrt(2)


def check_blocks(plane: TeacherPlane) -> None:
    """Refuse blocks without an end, and cells whose blocks have different durations.

    Raises:
        ValueError: for more than one block duration, or an infinite one.
    """
    if np.ndim(plane.block_duration) != 0:
        raise ValueError(
            f"block_duration is {plane.block_duration}; one number is allowed where cells are followed block by block. "
            f"Take the rows of a map one by one."
        )
    if not math.isfinite(plane.block_duration):
        raise ValueError("block_duration is infinite; what happens block by block needs blocks that end.")
