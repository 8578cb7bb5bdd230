"""The closed-form flow of a norm under a constant drive: into zero, at rest there, through it, and away from it."""

import jax.numpy as jnp
from jax import lax

from ntadyn.regularizers.coefficients import Group, Scalar
from ntadyn.regularizers.norms import norm_and_direction

# Newton's method finds where a vector is along its curve: to rounding in three iterations far from zero, and to 1e-7 of
# the time in ten iterations anywhere. The error that is left moves it along the curve, never off it.
_MAX_ITERATIONS = 10


def driven_entries(x: Group, drift: Group, threshold: Scalar) -> Group:
    """Where entries are after unit time of `dx/dt = d - s sign(x)`, with d the drift and s the threshold.

    Each moves at one velocity above zero and at another below: into zero, where it stays if |d| <= s, or through it.

    Args:
        x: the entries, any shape.
        drift: d, how far the drive alone takes them, shape of `x`.
        threshold: s, how far the norm alone takes them, >= 0.

    Returns:
        The new entries, shape of `x`; exactly 0 where they are held at zero.
    """
    away = jnp.sign(drift) * jnp.maximum(jnp.abs(drift) - threshold, 0.0)  # from zero
    own = jnp.where(x == 0, away, drift - threshold * jnp.sign(x))
    end = x + own
    meets_zero = x * end < 0
    # The share of the time that is left when an entry reaches zero: 1 + x / own.
    left = end / jnp.where(meets_zero, own, 1.0)
    return jnp.where(meets_zero, away * left, end)


def driven_vectors(x: Group, drift: Group, threshold: Scalar, axis: int | None) -> Group:
    """Where vectors are after unit time of `dx/dt = d - s x/|x|`, with d the drift and s the threshold.

    This is the pursuit of a target that moves along d. With e = d/|d|, the sums p = |x| + x.e and m = |x| - x.e change
    as dp/dt = (|d| - s) p/|x| and dm/dt = -(|d| + s) m/|x|. In the time r with dr = dt/|x|, these sums and the
    part of x across e are exponentials, and t = (p0 (1 - exp(-(s - |d|) r)) / (s - |d|) + m0 (1 - exp(-(s + |d|) r)) /
    (s + |d|)) / 2. Zero is reached if s > |d|, at the limit of this time, T = (s |x| + d.x) / (s^2 - d^2), or if the
    vector comes from straight ahead (p0 = 0). A vector at zero stays if |d| <= s, and leaves along d otherwise.

    Args:
        x: the vectors, any shape.
        drift: d, how far the drive alone takes them, shape of `x`.
        threshold: s, how far the norm alone takes them, >= 0.
        axis: the axis along which a vector extends; None for all entries together.

    Returns:
        The new vectors, shape of `x`; exactly 0 where they are held at zero.

    Source: Bouguer 1732, the curve of pursuit.
    """
    (norm, _), (speed, ahead) = norm_and_direction(x, axis), norm_and_direction(drift, axis)
    along = jnp.sum(x * ahead, axis=axis, keepdims=True)
    slow, fast = threshold - speed, threshold + speed
    # A vector so short that rounding loses it beside one step starts at zero.
    at_zero = norm <= jnp.finfo(x.dtype).eps * fast
    p, m = (jnp.where(at_zero, 0.0, jnp.maximum(part, 0.0)) for part in (norm + along, norm - along))
    head_on = p == 0
    arrives = (slow > 0) | head_on
    arrival = 0.5 * (jnp.where(head_on, 0.0, p / jnp.where(slow > 0, slow, 1.0)) + m / jnp.where(fast > 0, fast, 1.0))
    arrives = arrives & (arrival <= 1.0)
    beyond = ahead * jnp.maximum(-slow, 0.0) * (1.0 - arrival)
    # Vectors that have arrived are on no curve at time one; any curve will do for them.
    p, m = jnp.where(arrives, 1.0, p), jnp.where(arrives, 1.0, m)
    slow, fast = jnp.where(arrives, 0.0, slow), jnp.where(arrives, 0.0, fast)
    time = _time_along_curve(p, m, slow, fast)
    across = (x - along * ahead) * jnp.exp(-threshold * time)
    forward = 0.5 * (p * jnp.exp(-slow * time) - m * jnp.exp(-fast * time))
    return jnp.where(arrives, beyond, forward * ahead + across)


def _time_along_curve(p: Group, m: Group, slow: Group, fast: Group) -> Group:
    """The r at which `(p phi(slow, r) + m phi(fast, r)) / 2 = 1`, with phi the integral of an exponential.

    In y = phi(slow, r) the left side is increasing and concave. Each of its terms alone bounds y from above. From
    there Newton's method steps below the root, where the tangent at 0 is another bound, and then rises without ever
    passing it.
    """

    def excess(y, p, m, slow, fast):
        return 0.5 * (p * y + m * _integral(fast, _when(slow, y))) - 1.0

    def improved(y, p, m, slow, fast):
        slope = 0.5 * (p + m * jnp.exp((slow - fast) * _when(slow, y)))
        return y - excess(y, p, m, slow, fast) / slope

    def nearly(p, m, slow, fast):
        eps, tiny = jnp.finfo(p.dtype).eps, jnp.finfo(p.dtype).tiny
        alone = 2.0 / jnp.maximum(p, tiny), _integral(slow, _when(fast, 2.0 / jnp.maximum(m, tiny)))
        first = improved(jnp.minimum(*alone), p, m, slow, fast)

        def unfinished(state):
            y, count = state
            return (count < _MAX_ITERATIONS) & jnp.any(jnp.abs(excess(y, p, m, slow, fast)) > eps**0.5)

        def step(state):
            y, count = state
            return improved(y, p, m, slow, fast), count + 1

        return lax.while_loop(unfinished, step, (jnp.maximum(first, 2.0 / (p + m)), jnp.asarray(0)))[0]

    # Differentiating the last iteration alone gives the derivative of the root.
    y = nearly(*(lax.stop_gradient(each) for each in (p, m, slow, fast)))
    return _when(slow, improved(y, p, m, slow, fast))


def _integral(rate: Group, time: Group) -> Group:
    """`(1 - exp(-rate time)) / rate`, and `time` at rate 0."""
    return jnp.where(rate == 0, time, -jnp.expm1(-rate * time) / jnp.where(rate == 0, 1.0, rate))


def _when(rate: Group, value: Group) -> Group:
    """The time at which `_integral` reaches this value; a late one if it never does."""
    reached = jnp.maximum(-rate * value, jnp.finfo(value.dtype).eps - 1.0)
    return jnp.where(rate == 0, value, -jnp.log1p(reached) / jnp.where(rate == 0, 1.0, rate))
