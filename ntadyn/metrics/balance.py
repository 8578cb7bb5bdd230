"""Balance of the two layers of a linear network: a conservation law for every pair of hidden units.

Both gradients of the task loss contain the same matrix E Sigma, so without a penalty on the first layer

    d/dt (tau_2 W2^T W2 - tau_1 W1 W1^T) = -(W2^T R' + R'^T W2),    R' = dR/dW2

for any inputs, teachers and curriculum: W2^T and W1 only exchange their strength. Its diagonal is the law of single
paths of gated networks (`path_invariant`), with a hidden unit for a path.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ntadyn.metrics.conservation import integral


def layer_invariant(
    gates: Float[Array, "n o"],
    students: Float[Array, "n n"],
    tau_2: float | Float[Array, ""],
    tau_1: float | Float[Array, ""],
) -> Float[Array, "n n"]:
    """I = tau_2 W2^T W2 - tau_1 W1 W1^T, constant without penalties.

    Args:
        gates: W2^T, shape (units, d_out).
        students: K = W1 W1^T, shape (units, units).
        tau_2: time constant of the second layer.
        tau_1: time constant of the first layer.

    Returns:
        A symmetric matrix, shape (units, units).

    Source: balancedness of linear networks, with a time constant for each layer.
    """
    return tau_2 * gates @ gates.T - tau_1 * students


class LayerSeries(eqx.Module):
    """What the conservation law needs to know of a run.

    Attributes:
        times: record times in increasing order, shape (records,); equal times at a switch are fine.
        gates: W2^T, shape (records, units, d_out).
        students: K = W1 W1^T, shape (records, units, units).
        penalty_gradient: dR/dW2 transposed, like the gates; None for a run without a penalty.
    """

    times: Float[Array, " t"]
    gates: Float[Array, "t n o"]
    students: Float[Array, "t n n"]
    penalty_gradient: Float[Array, "t n o"] | None = None


def layer_residual(
    series: LayerSeries, tau_2: float | Float[Array, ""], tau_1: float | Float[Array, ""]
) -> Float[Array, "t n n"]:
    """I(t) - I(0) + int_0^t (W2^T R' + R'^T W2) ds, zero along the exact flow.

    Args:
        series: the run; the integral is a trapezoid sum over its records, so its error falls with their spacing.
        tau_2: time constant of the second layer.
        tau_1: time constant of the first layer.

    Returns:
        Violation of the law up to each record, shape (records, units, units).

    Raises:
        ValueError: if the axes of the series do not match.

    Source: balancedness of linear networks, with a time constant for each layer and a penalty on the second.
    """
    _check_series(series)
    invariant = jax.vmap(lambda gates, students: layer_invariant(gates, students, tau_2, tau_1))(
        series.gates, series.students
    )
    drift = invariant - invariant[:1]
    if series.penalty_gradient is None:
        return drift
    half = series.gates @ jnp.swapaxes(series.penalty_gradient, 1, 2)
    return drift + integral(series.times, half + jnp.swapaxes(half, 1, 2))


def _check_series(series: LayerSeries) -> None:
    records, units, _ = series.gates.shape
    gradient_fits = series.penalty_gradient is None or series.penalty_gradient.shape == series.gates.shape
    if series.times.shape != (records,) or series.students.shape != (records, units, units) or not gradient_fits:
        raise ValueError(
            f"gates have shape {series.gates.shape}; times {series.times.shape} must be (records,), students "
            f"{series.students.shape} (records, units, units), and a penalty gradient the shape of the gates."
        )
