"""How long a gate stays negative: weights that solve both tasks descend on the penalty of the gates that they need.

Let W be the weights of both paths along A and B, in units of r, axes path and teacher. Gates c_m with W^T c_m = e_m,
the unit vector of task m, solve it, whatever their signs. What is left of the error e is what fast gates need to stand
against their penalty R: r^2 W e = dR/dc. Since tau_W W' = c e^T, averaged over both tasks,

    tau_W W' = -d/dW [R(c_A) + R(c_B)] / (2 r^2),   R(c) = k_1 (|c|_1 - 1)^2 / 2 + k_nn sum_p max(-c_p, 0),

because d(W^T c) = 0 makes dR = -r^2 e . (dW^T c). A negative gate is a solution, and only the penalty is against it: it
returns to zero in a time of tau_W r^2 / k, which is one of hundreds of blocks where the penalty is weak.
"""

import math

import numpy as np
from jaxtyping import Float
from scipy.integrate import solve_ivp

from ntadyn.stability.plane import TeacherPlane

# Relative and absolute tolerance of the descent.
TOLERANCE = 1e-8


def return_time(plane: TeacherPlane, weights: Float[np.ndarray, "2 2"], within: float) -> float:
    """The time until neither task needs a negative gate.

    Runs of blocks of tau_W return 3 to 25 % sooner; of blocks of a tenth it is only the order: errors are not that
    small there, and gates not that fast.

    Args:
        plane: one cell, whose block duration and gate time constant have no effect.
        weights: W, in units of r, as `run_in_plane` returns them; they must not be parallel.
        within: the longest time that is followed, in the caller's unit.

    Returns:
        The time; zero if no gate is negative, infinite if one still is after `within`.

    Raises:
        ValueError: for weights that do not solve both tasks, or a time that is not positive.
    """
    weights = np.asarray(weights, float)
    if not (within > 0 and math.isfinite(within)):
        raise ValueError(f"within is {within}; it must be positive and finite.")
    if not (weights.shape == (2, 2) and np.linalg.cond(weights) < 1 / TOLERANCE):
        raise ValueError(
            f"weights are {weights.tolist()}; they must be those of two paths along two teachers, and not parallel."
        )
    squared, unit_l1, nonnegative = float(plane.teacher_norm) ** 2, float(plane.unit_l1), float(plane.nonnegative)

    def least_gate(_, state):
        return np.min(np.linalg.inv(state.reshape(2, 2)))

    def slopes(_, state):
        inverse = np.linalg.inv(state.reshape(2, 2))
        gates = inverse.T  # axes path, task
        forces = unit_l1 * (np.sum(np.abs(gates), axis=0) - 1) * np.sign(gates) - nonnegative * (gates < 0)
        errors = inverse @ forces / squared  # axes teacher, task
        return (gates @ errors.T / (2 * float(plane.weights))).ravel()

    least_gate.terminal, least_gate.direction = True, 1
    if least_gate(0.0, weights.ravel()) >= 0:
        return 0.0
    found = solve_ivp(slopes, (0.0, within), weights.ravel(), events=least_gate, rtol=TOLERANCE, atol=TOLERANCE)
    return float(found.t[-1]) if found.status == 1 else math.inf
