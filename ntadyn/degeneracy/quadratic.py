"""What a quadratic loss gives exactly: references to hold an estimate against.

For a loss g.v + v.Hv/2 around the centre, with the eigenvalues h of H, the components g of the gradient along its
eigenvectors, an inverse temperature t and a localisation gamma, the law exp(-t L - gamma/2 |v|^2) is Gaussian with the
precisions a = t h + gamma.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

Spectrum = Float[Array, " n"]
Number = Float[Array, ""]


def counted(curvatures: Spectrum, inverse_temperature: Number, localisation: Number) -> Spectrum:
    """T h / (2 (t h + gamma)): how much of a direction counts, between 0 and 1/2.

    Directions of a curvature below gamma/t are declared free: what counts as flat is a choice of t and gamma.
    Negative curvatures are taken for zero.

    Args:
        curvatures: h, shape (n,).
        inverse_temperature: t.
        localisation: gamma.
    """
    steep = inverse_temperature * jnp.maximum(curvatures, 0)
    return steep / (2 * (steep + localisation))


def effective_dimension(curvatures: Spectrum, inverse_temperature: Number, localisation: Number) -> Number:
    """sum_i t h_i / (2 (t h_i + gamma)): the Laplace approximation of the learning coefficient.

    Args:
        curvatures: h, shape (d,).
        inverse_temperature: t.
        localisation: gamma.
    """
    return jnp.sum(counted(curvatures, inverse_temperature, localisation))


def lowered_by_slope(
    curvatures: Spectrum, slopes: Spectrum, inverse_temperature: Number, localisation: Number
) -> Number:
    """B = sum_i (t g_i)^2 / a_i (1 - t h_i / (2 a_i)): how much a slope at the centre lowers the estimate.

    The centre is then no minimum, and the mean loss around it can be below the loss at it: the usual reason for
    negative learning coefficients.

    Args:
        curvatures: h, shape (d,).
        slopes: g, shape (d,), along the same directions.
        inverse_temperature: t.
        localisation: gamma.
    """
    pull = (inverse_temperature * slopes) ** 2
    precisions = inverse_temperature * jnp.maximum(curvatures, 0) + localisation
    return jnp.sum(pull / precisions * (1 - counted(curvatures, inverse_temperature, localisation)))


def raised_by_steps(counted: Spectrum, rates: Spectrum, step: Number) -> Number:
    """sum_i t h_i / (2 a_i) (1 / (1 - eps r_i / 4) - 1): how much Langevin steps without a test raise the estimate.

    A step x -> x - eps/2 grad U + sqrt(eps) xi has, along a direction of curvature r of U, the stationary variance
    1 / (r (1 - eps r / 4)) where that of U is 1/r. It is unstable from eps r = 4 on.

    Args:
        counted: t h_i / (2 a_i), see `counted`.
        rates: r, the curvatures of U in the coordinates in which steps are made; a without preconditioner.
        step: eps, in the convention above; BlackJAX and others call eps/2 the step.

    Returns:
        The bias; infinity where a direction is unstable, and not a number where a rate is not known.
    """
    left = 1 - step * rates / 4
    bias = jnp.sum(counted * (1 / jnp.where(left <= 0, 1, left) - 1))
    return jnp.where(jnp.any(left <= 0), jnp.inf, bias)


def lowered_by_start(counted: Spectrum, rates: Spectrum, step: Number, skipped: int, recorded: int) -> Number:
    """sum_i t h_i / (2 a_i) mean_k q_i^k / (1 - eps r_i / 4): how much chains that start at the centre fall short.

    With q = (1 - eps r / 2)^2, after k Langevin steps from the centre a direction of curvature r has the variance it
    would have in the end, times 1 - q^k. The mean is over the recorded k, from skipped + 1 to skipped + recorded. Where
    eps r k is small the direction has not been explored yet, and looks flat.

    Args:
        counted: t h_i / (2 a_i), see `counted`.
        rates: r, see `raised_by_steps`; steps must be stable, eps r < 4.
        step: eps.
        skipped: steps of warm-up.
        recorded: steps that are averaged over.
    """
    left = (1 - step * rates / 2) ** 2
    whole = -jnp.expm1(recorded * jnp.log(left)) / (1 - left)
    missing = left ** (skipped + 1) * whole / recorded
    return jnp.sum(counted * missing / (1 - step * rates / 4))
