"""The unspecialised run and the boosts along it: how far a small difference of the paths grows.

Axes: components of weights along A/|A| and B/|B|; everything else broadcasts behind them.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Inexact
from scipy.integrate import cumulative_simpson

from ntadyn.stability.plane import Numbers, TeacherPlane, check_blocks

# Steps in units of the relaxation time of C: the first ones of a block, in which C settles, and all later ones.
FIRST_STEP, LAST_STEP, GRADING = 0.05, 0.8, 1.2
# At least so many steps per block, and so many per e-folding of the boosts.
LEAST_STEPS, STEPS_PER_BOOST = 24, 8
NEWTON_STEPS, CONVERGED = 20, 1e-10
# A direction whose singular value in X Phi' - 1 is below this one is taken for a family of orbits.
NEUTRAL = 1e-7
TARGETS = np.eye(2)
METRIC = np.diag([1.0, -1.0, -1.0])


class Moment(NamedTuple):
    """The unspecialised run at one time.

    Attributes:
        time: t, in the caller's unit.
        block: number of the block, from 0.
        state: C, U_A, U_B, shape (3, ...).
        boost: Lambda(t), which takes (sqrt(tau_c) dc, sqrt(tau_W) D) from the start to t; shape (..., 3, 3).
    """

    time: float
    block: int
    state: Float[np.ndarray, "3 ..."]
    boost: Float[np.ndarray, "... 3 3"]


def at_rest(plane: TeacherPlane) -> Float[np.ndarray, "3 ..."]:
    """C = 1, U = 0: small initial weights, gates of norm one."""
    return np.stack([np.ones(plane.shape), np.zeros(plane.shape), np.zeros(plane.shape)])


def error(plane: TeacherPlane, state: Inexact[np.ndarray, "3 ..."], task: int) -> Inexact[np.ndarray, "2 ..."]:
    """E = W*^m - C U / 2 along A and B; of A, alone, if the task is 0."""
    target = TARGETS[task].reshape(2, *[1] * (state.ndim - 1))
    return target * plane.teacher_norm - 0.5 * state[0] * state[1:]


def symmetric_run(
    plane: TeacherPlane, start: Float[np.ndarray, "3 ..."], num_blocks: int, refinement: int = 1
) -> Iterator[Moment]:
    """tau_W U' = C E, tau_c C' = <U, E> - 2 k_1 (C - 1), and Lambda' = K(E) Lambda / s, K(E) = (0 E^T; E 0).

    The state is stepped by the classical Runge-Kutta method in steps graded from the start of each block, and two of
    them make one step of Lambda by Magnus's series to fourth order. Its exponential is in closed form, so that Lambda
    is a Lorentz matrix to rounding.

    Args:
        plane: a cell, or a row of cells.
        start: C, U_A, U_B at the start of a block of task A.
        num_blocks: how many blocks follow, A and B in turn.
        refinement: by how much steps are shorter.

    Yields:
        The start, and the end of every pair of steps.

    Raises:
        ValueError: for an infinite block duration.
    """
    state, boost = start, np.broadcast_to(np.eye(3), (*start.shape[1:], 3, 3))
    edges = plane.block_duration * _edges(plane, refinement)
    yield Moment(0.0, 0, state, boost)
    for block in range(num_blocks):
        for left, right in zip(edges[:-1], edges[1:], strict=True):
            half = 0.5 * (right - left)
            middle = _runge_kutta(plane, state, block % 2, half)
            after = _runge_kutta(plane, middle, block % 2, half)
            first, mean, last = (error(plane, each, block % 2) / plane.exchange for each in (state, middle, after))
            boost = _magnus(first, mean, last, 2 * half) @ boost
            state = after
            yield Moment(block * plane.block_duration + right, block, state, boost)


def gate_gain(plane: TeacherPlane, moment: Moment) -> Float[np.ndarray, "2 ..."]:
    """The vector h = Lambda_0. / (kappa C), with dc/C = h . D_0 for a small difference D_0 of weights; 1 is contact."""
    return np.moveaxis(moment.boost[..., 0, 1:], -1, 0) / (plane.kappa * moment.state[0])


def growth(plane: TeacherPlane, num_blocks: int) -> Float[np.ndarray, "b ..."]:
    """The largest |h| in each block, from small weights: by how much dc/C exceeds |D_0| at most.

    Args:
        plane: a cell, or a row of cells.
        num_blocks: how many blocks.
    """
    peaks = np.zeros((num_blocks, *plane.shape))
    for moment in symmetric_run(plane, at_rest(plane), num_blocks):
        peaks[moment.block] = np.maximum(peaks[moment.block], np.linalg.norm(gate_gain(plane, moment), axis=0))
    return peaks


class UnspecialisedOrbit(NamedTuple):
    """The orbit of two equal paths, at the start of a block of task A.

    Attributes:
        state: C, U_A, U_B, shape (3, ...).
        residual: how far it is from a fixed point of the half-period map that swaps the tasks.
        multipliers: those of the half-period map that keep the paths equal, shape (..., 3).
        antisymmetric: those that part them, real, in falling order: mu, 1/mu, -1; shape (..., 3).
        rapidity: Theta = int <E, e> dt / s of one block: its boost has entries up to e^Theta.
    """

    state: Float[np.ndarray, "3 ..."]
    residual: Float[np.ndarray, "..."]
    multipliers: np.ndarray
    antisymmetric: Float[np.ndarray, "... 3"]
    rapidity: Float[np.ndarray, "..."]


def unspecialised_orbit(plane: TeacherPlane, refinement: int = 2) -> UnspecialisedOrbit:
    """c_1 = c_2, W^1 = W^2: the fixed point of H_0, a block of A and then the names of A and B swapped.

    By Newton's method with steps of least norm: without a penalty, tau_c C^2 - tau_W |U|^2 is conserved, orbits come in
    families, and the one next to C = 1 is found.

    Args:
        plane: a cell, or a row of cells.
        refinement: by how much steps are shorter than in a map.

    Raises:
        ValueError: if Newton's method does not converge.
    """
    decayed = np.exp(-plane.block_duration / (2 * np.asarray(plane.weights)))
    guess = 2 * plane.teacher_norm / (1 + decayed)
    state = np.stack(np.broadcast_arrays(np.ones(plane.shape), guess * decayed, guess))
    for _ in range(NEWTON_STEPS):
        image, slope = _half_period(plane, state, refinement)
        inverse = np.linalg.pinv(slope - np.eye(3), rcond=NEUTRAL)
        step = np.moveaxis(np.einsum("...ij,j...->...i", inverse, image - state), -1, 0)
        if np.max(np.abs(step)) < CONVERGED:
            break
        state = state - step
    else:
        raise ValueError(f"no unspecialised orbit found: Newton's method still moves by {np.max(np.abs(step)):.1e}.")
    *_, last = symmetric_run(plane, state, 1, refinement)
    parting = np.linalg.eigvals(_SWAP @ last.boost)
    order = np.argsort(-parting.real, axis=-1)
    times, errors = _errors_of_a_block(plane, state, refinement)
    return UnspecialisedOrbit(
        state,
        np.max(np.abs(image - state), axis=0),
        np.linalg.eigvals(slope),
        np.take_along_axis(parting.real, order, axis=-1),
        _cumulative(times, errors[:, 0] / plane.exchange)[-1],
    )


def glide_length(plane: TeacherPlane, orbit: UnspecialisedOrbit, refinement: int = 2) -> Numbers:
    """Log mu = |int_0^tau_B E_s cosh(theta - Theta/2) dt| / s, theta(t) = int_0^t <E, e> dt / s, Theta = theta(tau_B).

    To first order in E_s, the part of the error along A + B; e is the direction of A - B. The half-period map reflects
    and boosts, which is a glide reflection of the hyperbolic plane: mu is the length by which it glides.

    Args:
        plane: a cell, or a row of cells.
        orbit: its unspecialised orbit.
        refinement: by how much steps are shorter than in a map.
    """
    times, errors = _errors_of_a_block(plane, orbit.state, refinement)
    theta = _cumulative(times, errors[:, 0] / plane.exchange)
    return np.abs(_cumulative(times, errors[:, 1] / plane.exchange * np.cosh(theta - 0.5 * theta[-1]))[-1])


# A block, and then the names of A and B swapped.
_SWAP = np.array([[1.0, 0, 0], [0, 0, 1], [0, 1, 0]])
# Directions of A - B and of A + B.
_ALONG = np.array([[1.0, -1.0], [1.0, 1.0]]) / math.sqrt(2)


def _errors_of_a_block(plane: TeacherPlane, start: np.ndarray, refinement: int) -> tuple[np.ndarray, np.ndarray]:
    """Times and errors along A - B and A + B, shapes (t,) and (t, 2, ...)."""
    moments = list(symmetric_run(plane, start, 1, refinement))
    errors = np.stack([error(plane, moment.state, 0) for moment in moments])
    return np.array([moment.time for moment in moments]), np.einsum("ij,tj...->ti...", _ALONG, errors)


def _cumulative(times: np.ndarray, values: np.ndarray) -> np.ndarray:
    return cumulative_simpson(values, x=times, axis=0, initial=np.zeros_like(values[:1]))


def _edges(plane: TeacherPlane, refinement: int) -> np.ndarray:
    """Edges of steps as shares of a block, for the fastest of the cells."""
    check_blocks(plane)
    tau_b, norm = float(plane.block_duration), np.asarray(plane.teacher_norm)
    fastest = float(np.max((2 * np.asarray(plane.unit_l1) + 2 * norm**2) / plane.gates))
    boosts = float(np.max(2 * norm / plane.exchange))
    longest = min(2 * LAST_STEP / fastest, tau_b / LEAST_STEPS, 1 / (STEPS_PER_BOOST * boosts))
    steps = [min(2 * FIRST_STEP / fastest, longest)]
    while sum(steps) < tau_b:
        steps.append(min(GRADING * steps[-1], longest))
    edges = np.concatenate([[0.0], np.cumsum(steps)])
    parts = np.arange(refinement) / refinement
    finer = (edges[:-1, None] + np.diff(edges)[:, None] * parts).ravel()
    return np.append(finer, edges[-1]) / edges[-1]


def _runge_kutta(plane: TeacherPlane, state: np.ndarray, task: int, h: float) -> np.ndarray:
    """One step of the classical method; the innermost loop of everything here."""
    target = TARGETS[task].reshape(2, *[1] * (state.ndim - 1)) * plane.teacher_norm
    rates = [1 / plane.gates, 2 * plane.unit_l1 / plane.gates, 1 / plane.weights]
    slopes = np.zeros_like(state)
    total = np.zeros_like(state)
    for share, weight in ((0.0, 1.0), (0.5, 2.0), (0.5, 2.0), (1.0, 1.0)):
        here = state + share * h * slopes
        off = target - 0.5 * here[0] * here[1:]
        slopes = np.empty_like(state)
        slopes[0] = rates[0] * (here[1] * off[0] + here[2] * off[1]) - rates[1] * (here[0] - 1)
        slopes[1:] = rates[2] * here[0] * off
        total += weight * slopes
    return state + h / 6 * total


def _magnus(first: np.ndarray, middle: np.ndarray, last: np.ndarray, h: float) -> np.ndarray:
    """exp(h/6 (K_0 + 4 K_1 + K_2) - h^2/12 [K_0, K_2]): a boost along the mean error, and the turn of Thomas."""
    boost = h / 6 * (first + 4 * middle + last)
    turn = -(h**2) / 12 * (first[0] * last[1] - first[1] * last[0])
    omega = np.zeros((*turn.shape, 3, 3), boost.dtype)
    omega[..., 0, 1:] = omega[..., 1:, 0] = np.moveaxis(boost, 0, -1)
    omega[..., 1, 2], omega[..., 2, 1] = turn, -turn
    # omega^3 = square * omega
    square = (np.sum(boost**2, axis=0) - turn**2)[..., None, None]
    root = np.sqrt(np.maximum(square, 1e-300))
    odd = np.where(square > 1e-8, np.sinh(root) / root, 1 + square / 6 * (1 + square / 20))
    even = np.where(square > 1e-8, 2 * (np.sinh(0.5 * root) / root) ** 2, 0.5 + square / 24)
    return np.eye(3) + odd * omega + even * (omega @ omega)


def _half_period(plane: TeacherPlane, state: np.ndarray, refinement: int) -> tuple[np.ndarray, np.ndarray]:
    """H_0 and its derivative, shapes (3, ...) and (..., 3, 3), the latter by an imaginary step, exact to rounding."""
    step = 1e-30
    seeds = np.moveaxis(np.broadcast_to(np.eye(3), (*state.shape[1:], 3, 3)), (-1, -2), (0, 1))
    moved = np.moveaxis(state[None] + 1j * step * seeds, 0, -1)  # (3, ..., seed)
    columns = _with_last_axis(plane)
    edges = plane.block_duration * _edges(plane, refinement)
    for left, right in zip(edges[:-1], edges[1:], strict=True):
        for _ in range(2):
            moved = _runge_kutta(columns, moved, 0, 0.5 * (right - left))
    image = moved[[0, 2, 1]]
    return np.real(image)[..., 0], np.moveaxis(np.imag(image) / step, 0, -2)


def _with_last_axis(plane: TeacherPlane) -> TeacherPlane:
    numbers = {name: value for name, value in vars(plane).items() if name != "block_duration"}
    return TeacherPlane(plane.block_duration, **{name: np.asarray(value)[..., None] for name, value in numbers.items()})
