"""Flows under norms, event by event in SciPy: a reference for what vanishes, rests and leaves again."""

from collections.abc import Callable, Sequence

import numpy as np
from scipy.integrate import solve_ivp

# How far from zero a group counts as arrived, and leaves: the error of the reference is about as large.
_NEAR = 1e-9


def follow(
    velocity: Callable[[np.ndarray], np.ndarray],
    groups: Sequence[np.ndarray],
    slopes: Sequence[float],
    start: np.ndarray,
    duration: float,
) -> np.ndarray:
    """Where `dx/dt = velocity(x) - sum_g slope_g x_g / |x_g|` is after `duration`, by Filippov's convention.

    Args:
        velocity: the smooth part, x -> dx/dt, shape (n,).
        groups: indices of the entries of each group, disjoint.
        slopes: the slope of the norm of each group, over its time constant.
        start: x at the start, shape (n,); zeros are exact zeros.
        duration: for how long.

    Returns:
        x at the end, shape (n,), exactly zero in groups that are held.
    """
    x, now, held = start.copy(), 0.0, np.zeros(len(groups), bool)

    def settle(x: np.ndarray, which) -> None:
        """Hold the groups at zero that the norm can hold, and let the others go along what drives them."""
        for g in which:
            x[groups[g]] = 0.0
        for g in which:
            drive = velocity(x)[groups[g]]
            size = np.linalg.norm(drive)
            # A group whose release is the event is at its threshold up to rounding.
            held[g] = size <= slopes[g] and not held[g]
            if not held[g]:
                x[groups[g]] = 2 * _NEAR * drive / size

    def rate(_, x):
        out = velocity(x)
        for g, (indices, slope) in enumerate(zip(groups, slopes, strict=True)):
            if held[g]:
                out[indices] = 0.0
            else:
                out[indices] -= slope * x[indices] / np.linalg.norm(x[indices])
        return out

    def margin(g):
        def event(_, x):
            if held[g]:
                return slopes[g] - np.linalg.norm(velocity(x)[groups[g]])
            return np.linalg.norm(x[groups[g]]) - _NEAR

        event.terminal, event.direction = True, -1
        return event

    settle(x, [g for g, indices in enumerate(groups) if not np.any(x[indices])])
    while now < duration:
        found = solve_ivp(
            rate, (now, duration), x, "Radau", rtol=1e-10, atol=1e-13, events=[margin(g) for g in range(len(groups))]
        )
        assert found.success, found.message
        x, now = found.y[:, -1].copy(), found.t[-1]
        settle(x, [g for g, times in enumerate(found.t_events) if times.size])
    return x
