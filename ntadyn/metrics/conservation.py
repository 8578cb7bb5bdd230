"""Conservation laws that tie gates to weights: invariants, residuals along a run, and where an invariant grows.

Both gradients of the task loss contain the same matrix, so without a penalty on the weights

    d/dt (tau_c C C^T - tau_w K) = -(C R'^T + R' C^T),    R' = dR/dC,    K_{pq} = <W^p, W^q>

for any inputs, teachers and curriculum: gates and weights only exchange their strength. The rows of C are the gates of
the paths, one number each, or the hidden units of a second layer, C = W2^T. Two projections of this law have names:

    I_p = tau_c c_p^2 - tau_w |W^p|^2,               dI_p/dt = -2 c_p dR/dc_p                           (every path)
    Q = tau_w |W^1 - W^2|^2 - tau_c (c_1 - c_2)^2,   dQ/dt = 2 (c_1 - c_2) (dR/dc_1 - dR/dc_2)          (two paths)

For gates per output row the law holds in every row: use `jax.vmap` over rows, with one row group each.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def layer_invariant(
    gates: Float[Array, "n ..."],
    students: Float[Array, "*r n n"],
    tau_c: float | Float[Array, ""],
    tau_w: float | Float[Array, ""],
) -> Float[Array, "n n"]:
    """I = tau_c C C^T - tau_w K, constant without penalties.

    Args:
        gates: C, shape (paths,) for gates, (units, d_out) for W2^T.
        students: K_{pq} = <W^p, W^q>, shape (..., paths, paths); leading axes are row groups and are summed.
        tau_c: time constant of the gates, or of the second layer.
        tau_w: time constant of the weights.

    Returns:
        A symmetric matrix, shape (paths, paths).

    Source: balancedness of linear networks, with a time constant for each layer.
    """
    columns = gates.reshape(len(gates), -1)
    return tau_c * (columns @ columns.T) - tau_w * _whole(students)


def path_invariant(
    gates: Float[Array, " p"],
    students: Float[Array, "*r p p"],
    tau_c: float | Float[Array, ""],
    tau_w: float | Float[Array, ""],
) -> Float[Array, " p"]:
    """I_p = tau_c c_p^2 - tau_w K_pp, constant without penalties: the diagonal of `layer_invariant`.

    Args:
        gates: gates c_p, shape (paths,).
        students: K_{pq} = <W^p, W^q>, shape (..., paths, paths); leading axes are row groups and are summed.
        tau_c: time constant of the gates.
        tau_w: time constant of the weights.

    Returns:
        One number per path, shape (paths,).

    Source: follows from the gradient flow of arXiv 2411.03840; balancedness of linear networks.
    """
    return jnp.diagonal(layer_invariant(gates, students, tau_c, tau_w))


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
    return _difference(layer_invariant(gates, students, tau_c, tau_w))


class GateWeightSeries(eqx.Module):
    """What the conservation laws need to know of a run.

    Attributes:
        times: record times in increasing order, shape (records,); equal times at a switch are fine.
        gates: C, shape (records, paths) for gates, (records, units, d_out) for W2^T.
        students: K_{pq}, shape (records, ..., paths, paths); axes in between are row groups and are summed.
        penalty_gradient: dR/dC at the records, shaped like the gates; None for a run without a penalty on them.
    """

    times: Float[Array, " t"]
    gates: Float[Array, "t p ..."]
    students: Float[Array, "t *r p p"]
    penalty_gradient: Float[Array, "t p ..."] | None = None


def layer_residual(
    series: GateWeightSeries, tau_c: float | Float[Array, ""], tau_w: float | Float[Array, ""]
) -> Float[Array, "t p p"]:
    """I(t) - I(0) + int_0^t (C R'^T + R' C^T) ds, zero along the exact flow.

    Args:
        series: the run; the integral is a trapezoid sum over its records, so its error falls with their spacing.
        tau_c: time constant of the gates, or of the second layer.
        tau_w: time constant of the weights.

    Returns:
        Violation of the law up to each record, shape (records, paths, paths).

    Raises:
        ValueError: if the axes of the series do not match.

    Source: balancedness of linear networks, with a time constant for each layer and a penalty on the second.
    """
    _check_series(series)
    invariant = jax.vmap(lambda gates, students: layer_invariant(gates, students, tau_c, tau_w))(
        series.gates, series.students
    )
    drift = invariant - invariant[:1]
    if series.penalty_gradient is None:
        return drift
    gates, gradient = (item.reshape(*item.shape[:2], -1) for item in (series.gates, series.penalty_gradient))
    half = gates @ jnp.swapaxes(gradient, 1, 2)
    return drift + integral(series.times, half + jnp.swapaxes(half, 1, 2))


def path_residual(
    series: GateWeightSeries, tau_c: float | Float[Array, ""], tau_w: float | Float[Array, ""]
) -> Float[Array, "t p"]:
    """I_p(t) - I_p(0) + int_0^t 2 c_p dR/dc_p ds, zero along the exact flow: the diagonal of `layer_residual`.

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
    return jnp.diagonal(layer_residual(series, tau_c, tau_w), axis1=1, axis2=2)


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
    _check_two(series.gates[0])
    return _difference(layer_residual(series, tau_c, tau_w))


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


def _difference(law: Array) -> Array:
    """Minus the matrix law between (1, -1) and itself: Q, or its violation."""
    return 2 * law[..., 0, 1] - law[..., 0, 0] - law[..., 1, 1]


def _check_two(gates: Array) -> None:
    if gates.shape != (2,):
        raise ValueError(
            f"the difference law is about two paths; got gates of shape {gates.shape}. Use the law of single paths."
        )


def _check_series(series: GateWeightSeries) -> None:
    records, paths = series.gates.shape[:2]
    gradient_fits = series.penalty_gradient is None or series.penalty_gradient.shape == series.gates.shape
    students_fit = series.students.shape[0] == records and series.students.shape[-2:] == (paths, paths)
    if series.times.shape != (records,) or not gradient_fits or not students_fit:
        raise ValueError(
            f"gates have shape {series.gates.shape}; times {series.times.shape} must be (records,), students "
            f"{series.students.shape} (records, ..., paths, paths), and a penalty gradient the shape of the gates."
        )
