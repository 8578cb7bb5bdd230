"""Conservation laws that tie gates to weights: invariants, residuals along a run, and where the invariant grows.

Both gradients of the task loss contain the same matrix, so without a penalty on the weights

    d/dt (tau_c c_p^2 - tau_w |W^p|^2)               = -2 c_p dR/dc_p                             (every path)
    d/dt (tau_w |W^1 - W^2|^2 - tau_c (c_1 - c_2)^2) = 2 (c_1 - c_2) (dR/dc_1 - dR/dc_2)          (two paths)

for any inputs, teachers and curriculum. The state enters through the gates c and the overlaps K_{pq} = <W^p, W^q>.
For gates per output row the first law holds in every row: use `jax.vmap` over rows, with one row group each.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float


def path_invariant(
    gates: Float[Array, " p"],
    students: Float[Array, "*r p p"],
    tau_c: float | Float[Array, ""],
    tau_w: float | Float[Array, ""],
) -> Float[Array, " p"]:
    """I_p = tau_c c_p^2 - tau_w K_pp, constant without penalties.

    Args:
        gates: gates c_p, shape (paths,).
        students: K_{pq} = <W^p, W^q>, shape (..., paths, paths); leading axes are row groups and are summed.
        tau_c: time constant of the gates.
        tau_w: time constant of the weights.

    Returns:
        One number per path, shape (paths,).

    Source: follows from the gradient flow of arXiv 2411.03840; balancedness of linear networks.
    """
    return tau_c * gates**2 - tau_w * jnp.diagonal(_whole(students))


def difference_invariant(
    gates: Float[Array, " p"],
    students: Float[Array, "*r p p"],
    tau_c: float | Float[Array, ""],
    tau_w: float | Float[Array, ""],
) -> Float[Array, ""]:
    """Q = tau_w (K_11 + K_22 - 2 K_12) - tau_c (c_1 - c_2)^2, constant while the penalty treats both gates alike.

    An L1 norm of gates that are both positive is such a penalty, so specialisation |W^1 - W^2| can grow for good only
    while a gate is held at zero or below.

    Args:
        gates: the two gates, shape (2,).
        students: K_{pq} = <W^p, W^q>, shape (..., 2, 2); leading axes are row groups and are summed.
        tau_c: time constant of the gates.
        tau_w: time constant of the weights.

    Returns:
        A scalar.

    Raises:
        ValueError: unless there are two paths.

    Source: follows from the gradient flow of arXiv 2411.03840; not stated there.
    """
    _check_two(gates)
    overlaps = _whole(students)
    apart = overlaps[0, 0] + overlaps[1, 1] - 2 * overlaps[0, 1]
    return tau_w * apart - tau_c * (gates[0] - gates[1]) ** 2


class GateWeightSeries(eqx.Module):
    """What the conservation laws need to know of a run.

    Attributes:
        times: record times in increasing order, shape (records,); equal times at a switch are fine.
        gates: gates, shape (records, paths).
        students: K_{pq}, shape (records, ..., paths, paths); axes in between are row groups and are summed.
        penalty_gradient: dR/dc_p at the records, shape (records, paths); None for a run without gate penalty.
    """

    times: Float[Array, " t"]
    gates: Float[Array, "t p"]
    students: Float[Array, "t *r p p"]
    penalty_gradient: Float[Array, "t p"] | None = None


def path_residual(
    series: GateWeightSeries, tau_c: float | Float[Array, ""], tau_w: float | Float[Array, ""]
) -> Float[Array, "t p"]:
    """I_p(t) - I_p(0) + int_0^t 2 c_p dR/dc_p ds, zero along the exact flow.

    Args:
        series: the run; the integral is a trapezoid sum over its records, so its error falls with their spacing.
        tau_c: time constant of the gates.
        tau_w: time constant of the weights.

    Returns:
        Violation of the law up to each record, shape (records, paths).

    Raises:
        ValueError: if the axes of the series do not match.

    Source: follows from the gradient flow of arXiv 2411.03840; balancedness of linear networks.
    """
    _check_series(series)
    gates = series.gates
    invariant = tau_c * gates**2 - tau_w * jnp.diagonal(_whole_series(series), axis1=-2, axis2=-1)
    drift = invariant - invariant[:1]
    if series.penalty_gradient is None:
        return drift
    return drift - integral(series.times, -2 * gates * series.penalty_gradient)


def difference_residual(
    series: GateWeightSeries, tau_c: float | Float[Array, ""], tau_w: float | Float[Array, ""]
) -> Float[Array, " t"]:
    """Q(t) - Q(0) - int_0^t 2 (c_1 - c_2)(dR/dc_1 - dR/dc_2) ds, zero along the exact flow.

    Args:
        series: the run, with two paths; the integral is a trapezoid sum over its records.
        tau_c: time constant of the gates.
        tau_w: time constant of the weights.

    Returns:
        Violation of the law up to each record, shape (records,).

    Raises:
        ValueError: if the axes of the series do not match, or unless there are two paths.

    Source: follows from the gradient flow of arXiv 2411.03840; not stated there.
    """
    _check_series(series)
    _check_two(series.gates[0])
    overlaps, gap = _whole_series(series), series.gates[:, 0] - series.gates[:, 1]
    invariant = tau_w * (overlaps[:, 0, 0] + overlaps[:, 1, 1] - 2 * overlaps[:, 0, 1]) - tau_c * gap**2
    drift = invariant - invariant[:1]
    if series.penalty_gradient is None:
        return drift
    pull = series.penalty_gradient[:, 0] - series.penalty_gradient[:, 1]
    return drift - integral(series.times, 2 * gap * pull)


class SlidingGrowth(eqx.Module):
    """How much of the growth of the difference invariant falls into the time when a gate is held at zero.

    Attributes:
        growth_share: growth of Q in sliding steps / total growth of Q; 0 if Q does not change over the run.
        time_share: duration of sliding steps / total duration; 0 for a run of no duration.
    """

    growth_share: Float[Array, ""]
    time_share: Float[Array, ""]


def growth_while_sliding(
    times: Float[Array, " t"],
    invariant: Float[Array, " t"],
    gates: Float[Array, "t p"],
    tolerance: float | Float[Array, ""] = 0.0,
) -> SlidingGrowth:
    """(sum of dQ over steps with some gate <= tolerance) / (Q(T) - Q(0)).

    A step lies between two records and is sliding if some gate is at or below the tolerance at either end; with
    coarse records this counts the steps in which sliding begins or ends.

    Args:
        times: record times in increasing order, shape (records,).
        invariant: Q at the records, shape (records,), from `difference_invariant`.
        gates: gates, shape (records, paths).
        tolerance: largest gate that still counts as shut.

    Returns:
        Shares of the growth and of the time. The share of growth exceeds 1 when Q shrinks elsewhere.

    Raises:
        ValueError: if the axes do not match.

    Source: follows from the gradient flow of arXiv 2411.03840; not stated there.
    """
    if not times.shape == invariant.shape == gates.shape[:1]:
        raise ValueError(
            f"times {times.shape}, invariant {invariant.shape} and gates {gates.shape} must have one entry per record."
        )
    shut = jnp.any(gates <= tolerance, axis=1)
    sliding = shut[1:] | shut[:-1]
    return SlidingGrowth(_share_of(jnp.diff(invariant), sliding), _share_of(jnp.diff(times), sliding))


def integral(times: Float[Array, " t"], rate: Float[Array, "t ..."]) -> Float[Array, "t ..."]:
    """int_0^t rate ds by the trapezoid rule over records, 0 at the first one, shape like the rate."""
    steps = jnp.diff(times).reshape(-1, *(1,) * (rate.ndim - 1))
    increments = (rate[1:] + rate[:-1]) / 2 * steps
    return jnp.concatenate([jnp.zeros_like(rate[:1]), jnp.cumsum(increments, axis=0)])


def _share_of(steps: Array, chosen: Array) -> Array:
    total = jnp.sum(steps)
    part = jnp.sum(jnp.where(chosen, steps, jnp.zeros_like(steps)))
    defined = total != 0
    return jnp.where(defined, part / jnp.where(defined, total, jnp.ones_like(total)), jnp.zeros_like(total))


def _whole(students: Array) -> Array:
    return jnp.sum(students.reshape(-1, *students.shape[-2:]), axis=0)


def _whole_series(series: GateWeightSeries) -> Array:
    students = series.students
    return jnp.sum(students.reshape(students.shape[0], -1, *students.shape[-2:]), axis=1)


def _check_two(gates: Array) -> None:
    if gates.shape != (2,):
        raise ValueError(
            f"the difference law is about two paths; got gates of shape {gates.shape}. Use the law of single paths."
        )


def _check_series(series: GateWeightSeries) -> None:
    records, paths = series.gates.shape
    gradient_fits = series.penalty_gradient is None or series.penalty_gradient.shape == series.gates.shape
    students_fit = series.students.shape[0] == records and series.students.shape[-2:] == (paths, paths)
    if series.times.shape != (records,) or not gradient_fits or not students_fit:
        raise ValueError(
            f"gates have shape {series.gates.shape}; times {series.times.shape} must be (records,), students "
            f"{series.students.shape} (records, ..., paths, paths), and a penalty gradient the shape of the gates."
        )
