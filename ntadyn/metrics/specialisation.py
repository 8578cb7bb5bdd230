"""How far paths have specialised: matched similarity late in a run, and the coordinates of two paths on two tasks."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ntadyn.metrics.assignment import optimal_assignment


def last_blocks_mask(block_of_record: Int[Array, " t"], num_blocks: int, last: int = 2) -> Bool[Array, " t"]:
    """b(t) >= num_blocks - last: the records of the last blocks of a run.

    Args:
        block_of_record: block index of every record, shape (records,).
        num_blocks: number of blocks of the run.
        last: how many of the last blocks to select; 2, the default, sees each of two alternating tasks once.

    Returns:
        A mask, shape (records,), for `specialisation`.

    Raises:
        ValueError: unless 1 <= last <= num_blocks.
    """
    if not 1 <= last <= num_blocks:
        raise ValueError(f"last = {last} blocks of {num_blocks}; choose a number from 1 to {num_blocks}.")
    return block_of_record >= num_blocks - last


class Specialisation(eqx.Module):
    """How well each teacher is owned by one path, under the optimal assignment of a window.

    Attributes:
        assignment: path index of each teacher, shape (teachers,).
        matched: mean similarity of matched pairs over the window.
        mismatched: mean over the window of the similarity of teachers with paths matched to another teacher; 0 when
            there is only one teacher.
        contrast: matched - mismatched.
        final: mean similarity of matched pairs at the last record, under the same assignment.
        final_contrast: the same at the last record, minus the mismatched pairs there.
    """

    assignment: Int[Array, " m"]
    matched: Float[Array, ""]
    mismatched: Float[Array, ""]
    contrast: Float[Array, ""]
    final: Float[Array, ""]
    final_contrast: Float[Array, ""]


def specialisation(similarity_over_time: Float[Array, "t m p"], window: Bool[Array, " t"]) -> Specialisation:
    """(1/M) sum_m <sim_{m, p(m)}>, with p(.) the optimal assignment of the similarities averaged over a window.

    Args:
        similarity_over_time: similarities, shape (records, teachers, paths), at least as many paths as teachers.
        window: the records that decide the assignment, shape (records,), for example `last_blocks_mask`. At least one
            must be selected, otherwise every value over the window is NaN.

    Returns:
        Assignment, matched and mismatched similarities in the window and at the last record. Independent of the
        order of the paths, except for the labels in `assignment`.

    Raises:
        ValueError: if there are fewer paths than teachers, or no teacher.

    Source: arXiv 2411.03840, specialisation; optimal assignment in place of the published sorting.
    """
    weight = window.astype(similarity_over_time.dtype)
    average = jnp.tensordot(weight, similarity_over_time, axes=1, precision=jax.lax.Precision.HIGHEST) / jnp.sum(weight)
    assignment = optimal_assignment(average)
    matched, mismatched = _matched_and_mismatched(average, assignment)
    final, final_mismatched = _matched_and_mismatched(similarity_over_time[-1], assignment)
    return Specialisation(assignment, matched, mismatched, matched - mismatched, final, final - final_mismatched)


def _matched_and_mismatched(similarity: Array, assignment: Array) -> tuple[Array, Array]:
    pairs = similarity[:, assignment]
    num_teachers = pairs.shape[0]
    own = jnp.eye(num_teachers, dtype=bool)
    zero = jnp.zeros_like(pairs)
    num_foreign = max(num_teachers * (num_teachers - 1), 1)
    return jnp.sum(jnp.where(own, pairs, zero)) / num_teachers, jnp.sum(jnp.where(own, zero, pairs)) / num_foreign


class TwoPathCoordinates(eqx.Module):
    """Where two paths stand between two tasks; path 1 is counted as the one of task 1.

    Attributes:
        wbar_1: w_1^1 - w_1^2, difference of the paths along teacher 1 (1 for perfect specialisation).
        wbar_2: w_2^2 - w_2^1, the same along teacher 2.
        wbar: (wbar_1 + wbar_2)/2, the published specialisation.
        wbar_rms: |W^1 - W^2| in units of two perfect specialists, the one in the exact conservation law.
        cbar: c_1 - c_2.
    """

    wbar_1: Float[Array, ""]
    wbar_2: Float[Array, ""]
    wbar: Float[Array, ""]
    wbar_rms: Float[Array, ""]
    cbar: Float[Array, ""]


def two_path_coordinates(gates: Float[Array, " p"], weights: Float[Array, "p m"]) -> TwoPathCoordinates:
    """wbar_1 = w_1^1 - w_1^2, wbar_2 = w_2^2 - w_2^1, wbar_rms = |w^1 - w^2|/sqrt(2), cbar = c_1 - c_2.

    Args:
        gates: the two gates, shape (2,).
        weights: component of each path along each teacher, in units of the teacher, shape (2 paths, 2 teachers).

    Returns:
        The coordinates. wbar^2 = wbar_rms^2 - (wbar_1 - wbar_2)^2/4.

    Raises:
        ValueError: unless there are two paths and two teachers.

    Source: arXiv 2411.03840, reduced model of two paths and two tasks.
    """
    _check_two(gates, weights)
    wbar_1 = weights[0, 0] - weights[1, 0]
    wbar_2 = weights[1, 1] - weights[0, 1]
    return TwoPathCoordinates(
        wbar_1, wbar_2, (wbar_1 + wbar_2) / 2, jnp.hypot(wbar_1, wbar_2) / 2**0.5, gates[0] - gates[1]
    )


def two_path_coordinates_from_overlaps(
    gates: Float[Array, " p"],
    students: Float[Array, "*r p p"],
    cross: Float[Array, "*r p m"],
    teachers: Float[Array, "*r m m"],
) -> TwoPathCoordinates:
    """w_m^p = S_{pm}/T_{mm} and wbar_rms^2 = (K_11 + K_22 - 2 K_12)/(T_11 + T_22), from order parameters.

    The components are those along orthogonal teachers. wbar_rms measures the whole difference of the two matrices:
    it equals the root mean square of wbar_1 and wbar_2 when students stay in the span of equally large teachers.

    Args:
        gates: the two gates, shape (2,).
        students: K_{pq} = <W^p, W^q>, shape (..., 2, 2); leading axes are row groups and are summed.
        cross: S_{pm} = <W^p, W*^m>, shape (..., 2, 2).
        teachers: T_{mn} = <W*^m, W*^n>, shape (..., 2, 2), teachers that are not zero.

    Returns:
        The coordinates, in units of the teachers.

    Raises:
        ValueError: unless there are two paths and two teachers.

    Source: arXiv 2411.03840, reduced model of two paths and two tasks, applied to the full model.
    """
    _check_two(gates, cross)
    whole_students, whole_cross, whole_teachers = (
        jnp.sum(overlaps.reshape(-1, *overlaps.shape[-2:]), axis=0) for overlaps in (students, cross, teachers)
    )
    along = two_path_coordinates(gates, whole_cross / jnp.diagonal(whole_teachers)[None, :])
    apart = whole_students[0, 0] + whole_students[1, 1] - 2 * whole_students[0, 1]
    # Rounding can leave a small negative number when both paths are equal.
    wbar_rms = jnp.sqrt(jnp.maximum(apart, 0) / jnp.trace(whole_teachers))
    return TwoPathCoordinates(along.wbar_1, along.wbar_2, along.wbar, wbar_rms, along.cbar)


def _check_two(gates: Array, components: Array) -> None:
    if gates.shape != (2,) or components.shape[-2:] != (2, 2):
        raise ValueError(
            f"these coordinates are of two paths and two teachers; got gates of shape {gates.shape} and path-teacher "
            f"components of shape {components.shape}. Use `specialisation` for other numbers."
        )
