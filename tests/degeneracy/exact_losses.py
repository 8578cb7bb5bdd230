"""Losses whose coefficients are known at every temperature."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.integrate import quad

from ntadyn.degeneracy.problem import LossProblem


class Powers(eqx.Module):
    """prod_i |w_i|^p_i (1 + s w_1), with a skewness s."""

    powers: Float[Array, " d"]
    skewness: Float[Array, ""] = eqx.field(converter=jnp.asarray, default=0.0)

    def __call__(self, weights: Float[Array, " d"]) -> Float[Array, ""]:
        return jnp.prod(jnp.abs(weights) ** self.powers) * (1 + self.skewness * weights[0])


class Quadratic(eqx.Module):
    """sum_i h_i w_i^2 / 2."""

    curvatures: Float[Array, " d"]

    def __call__(self, weights: Float[Array, " d"]) -> Float[Array, ""]:
        return 0.5 * jnp.sum(self.curvatures * weights**2)


class TwoCrossings(eqx.Module):
    """w_1^2 w_2^2 + w_3^2 w_4^4."""

    def __call__(self, weights: Float[Array, "4"]) -> Float[Array, ""]:
        return weights[0] ** 2 * weights[1] ** 2 + weights[2] ** 2 * weights[3] ** 4


class GatedLinear(eqx.Module):
    """|C W - T|^2 / (2 M): gates C of M tasks over P paths, weights W of the paths, teachers T of the tasks."""

    teachers: Float[Array, "tasks size"]

    def __call__(self, parameters: tuple[Float[Array, "tasks paths"], Float[Array, "paths size"]]) -> Float[Array, ""]:
        gates, weights = parameters
        return jnp.sum((gates @ weights - self.teachers) ** 2) / (2 * self.teachers.shape[0])


def specialised() -> LossProblem:
    """Two tasks, two paths, orthogonal teachers of unit length; each path does one task."""
    teachers = jnp.eye(2)
    return LossProblem(GatedLinear(teachers), (jnp.eye(2), teachers))


def gated_linear(inverse_temperature: float, localisation: float, degree: int = 14) -> float:
    """lambda(t) at `specialised`, by Gauss-Hermite quadrature over the gates: for given gates, weights are normal.

    This is -d log Z / d log t. Weights leave exp((b A^-1 b - t/M |r|^2) / 2) / sqrt(det A) for each of D = 2 inputs,
    with A = gamma + t/M C^T C, r = (C - 1) T and b = t/M C^T r.
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(degree)
    grid = np.stack(np.meshgrid(*4 * [nodes], indexing="ij"), axis=-1).reshape(-1, 2, 2)
    log_weights = jnp.asarray(np.sum(np.meshgrid(*4 * [np.log(weights)], indexing="ij"), axis=0).ravel())
    moved = jnp.asarray(grid) / localisation**0.5

    def log_factor(moved: Array, scale: Array) -> Array:
        gates = moved + jnp.eye(2)
        precision = localisation * jnp.eye(2) + scale * gates.T @ gates
        drive = scale * gates.T @ moved
        exponent = jnp.sum(drive * jnp.linalg.solve(precision, drive)) - scale * jnp.sum(moved**2)
        return 0.5 * exponent - jnp.linalg.slogdet(precision)[1]

    def log_integral(log_temperature: Array) -> Array:
        scale = jnp.exp(log_temperature) / 2
        return jax.scipy.special.logsumexp(log_weights + jax.vmap(log_factor, (0, None))(moved, scale))

    return -float(jax.jit(jax.grad(log_integral))(jnp.log(inverse_temperature)))


def laplace(problem: LossProblem, inverse_temperature: float, localisation: float) -> float:
    """sum_i t h_i / (2 (t h_i + gamma)) over the curvatures h_i at the centre."""
    hessian = jax.hessian(problem.excess)(jnp.zeros(problem.dimension))
    scaled = inverse_temperature * np.linalg.eigvalsh(np.asarray(hessian))
    return float(np.sum(scaled / (2 * (scaled + localisation))))


def crossing(first: float, second: float, inverse_temperature: float) -> float:
    """lambda(t) of |w_1|^a |w_2|^b on the square, by quadrature over s = -log L, a sum of two exponential variables."""
    a, b, t = first, second, inverse_temperature

    def density(s: float) -> float:
        together = s * np.exp(-s / a) / a**2 if a == b else (np.exp(-s / a) - np.exp(-s / b)) / (a - b)
        return float(together * np.exp(-t * np.exp(-s)))

    ends = (0.0, np.log(t), np.log(t) + 10, np.log(t) + 400)
    return _ratio(density, lambda s: t * np.exp(-s), ends)


def skewed(inverse_temperature: float, half_width: float) -> float:
    """lambda(t) of w^2 (1 + w) for |w| <= a."""

    def scaled(w: float) -> float:
        return inverse_temperature * w**2 * (1 + w)

    return _ratio(lambda w: np.exp(-scaled(w)), scaled, (-half_width, 0.0, half_width))


def _ratio(density, value, ends) -> float:
    pieces = list(zip(ends[:-1], ends[1:], strict=True))

    def integral(function) -> float:
        return sum(quad(function, low, high, epsabs=0, epsrel=1e-10, limit=200)[0] for low, high in pieces)

    return integral(lambda x: value(x) * density(x)) / integral(density)
