"""Five losses around a point, at a temperature, and the mean loss that is right there."""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from ntadyn.degeneracy.closed_form import gated_linear, laplace_dimension, localised_monomial, two_layer_at
from ntadyn.degeneracy.problem import LossProblem

Loss = Callable[[PyTree], Array]


class Reference(NamedTuple):
    """What estimates should find.

    Attributes:
        value: t E[L - L(w*)].
        error: its standard error, 0 for a closed form.
        laplace: the effective dimension there, of which the value is a refinement.
        asymptotic: the learning coefficient.
    """

    value: float
    error: float
    laplace: float
    asymptotic: float


class Problem(NamedTuple):
    """A loss around a point.

    Attributes:
        loss: L.
        centre: w*.
        inverse_temperature: t.
        localisation: gamma.
        reference: computed when it is called.
    """

    loss: Loss
    centre: PyTree
    inverse_temperature: float
    localisation: float
    reference: Callable[[], Reference]

    def seen(self) -> LossProblem:
        """The loss from its point."""
        return LossProblem(self.loss, self.centre)


def quadratic() -> Problem:
    """v.Hv/2 with ten curvatures from 0.01 to 1 in random directions."""
    temperature, localisation = 1e4, 1.0
    curvatures = np.geomspace(0.01, 1.0, 10)
    directions = np.linalg.qr(np.random.default_rng(0).normal(size=(10, 10)))[0]
    hessian = jnp.asarray(directions * curvatures @ directions.T)
    exact = float(np.sum(temperature * curvatures / (temperature * curvatures + localisation)) / 2)
    return Problem(
        lambda point: 0.5 * point @ hessian @ point,
        jnp.zeros(10),
        temperature,
        localisation,
        lambda: Reference(exact, 0.0, exact, 5.0),
    )


def crossing() -> Problem:
    """w1^2 w2^2 at the crossing."""
    exact = localised_monomial(1, 1, 1e4, 1.0)
    return Problem(
        lambda point: point[0] ** 2 * point[1] ** 2,
        jnp.zeros(2),
        1e4,
        1.0,
        lambda: Reference(exact, 0.0, 0.0, 0.5),
    )


def crossings() -> Problem:
    """w1^2 w2^2 + w3^2 w4^4 + w5^4 w6^4: three crossings that know nothing of each other."""
    powers = ((1, 1), (1, 2), (2, 2))
    exact = sum(localised_monomial(*pair, 1e4, 1.0) for pair in powers)

    def loss(point: Array) -> Array:
        pairs = zip(powers, range(0, 6, 2), strict=True)
        return sum((point[i] ** (2 * a) * point[i + 1] ** (2 * b) for (a, b), i in pairs), jnp.zeros(()))

    return Problem(loss, jnp.zeros(6), 1e4, 1.0, lambda: Reference(exact, 0.0, 0.0, 1.0))


def reduced_rank() -> Problem:
    """|W2 W1 - F|^2 / 2 with 5 inputs, 3 hidden units, 5 outputs, at balanced weights of full rank: a regular zero."""
    random = np.random.default_rng(1)
    left, right = (np.linalg.qr(random.normal(size=(5, 3)))[0] for _ in range(2))
    return _two_layers(left, right.T, float(two_layer_at(5, 3, 5, 3, 3, 3).coefficient), tasks=1.0)


def gate_table() -> Problem:
    """|C W - F|^2 / 8 for the gates C of 4 tasks over 4 paths, and weights W of 6 numbers each: a mixed solution."""
    random = np.random.default_rng(2)
    gates = np.eye(4) + 0.3 * random.normal(size=(4, 4))
    weights = random.normal(size=(4, 6)) / 6**0.5
    exact = float(gated_linear(gates, weights).exact.coefficient)
    return _two_layers(gates, weights, exact, tasks=4.0)


PROBLEMS: dict[str, Callable[[], Problem]] = {
    "quadratic": quadratic,
    "crossing": crossing,
    "three crossings": crossings,
    "reduced rank": reduced_rank,
    "gate table": gate_table,
}


def _two_layers(second: np.ndarray, first: np.ndarray, asymptotic: float, tasks: float) -> Problem:
    temperature, localisation = 1e4, 100.0
    target = jnp.asarray(second @ first)
    # The effective dimension divides by the number of rows of the second factor, and this loss by that of tasks.
    laplace = laplace_dimension(second, first, temperature * second.shape[0] / tasks, localisation)
    centre = (jnp.asarray(first), jnp.asarray(second))

    def reference() -> Reference:
        value, error = by_turns(centre, temperature / tasks, localisation)
        return Reference(value, error, laplace, asymptotic)

    return Problem(
        lambda layers: 0.5 / tasks * jnp.sum((layers[1] @ layers[0] - target) ** 2),
        centre,
        temperature,
        localisation,
        reference,
    )


def by_turns(
    centre: tuple[Array, Array], precision: float, localisation: float, chains: int = 16, sweeps: int = 100000
) -> tuple[float, float]:
    """s/2 E|W2 W1 - F|^2 under exp(-s/2 |W2 W1 - F|^2 - gamma/2 |W - W*|^2), without steps that could be too long.

    Given W1, the rows of W2 are Gaussian with precision A = s W1 W1^T + gamma and the means
    A^-1 (s W1 F^T + gamma W2*^T), and so are the columns of W1 given W2: each is drawn from its own law in turn.
    Recorded is the mean energy given W1, s/2 |M - F|^2 + s/2 (rows) tr(W1^T A^-1 W1), with M the map at the means,
    which varies less than the energy.

    Args:
        centre: W1* and W2*, whose product is F.
        precision: s.
        localisation: gamma.
        chains: independent, from the centre.
        sweeps: of each; the first tenth is left out.

    Returns:
        The mean over all chains, and sd / sqrt(chains) of their means.
    """
    first, second = centre
    target = second @ first

    def conditional(other: Array, wanted: Array, kept: Array) -> tuple[Array, Array]:
        """Mean and lower Cholesky factor of the precision, for rows of X in X other ~ wanted."""
        factor = jnp.linalg.cholesky(precision * other @ other.T + localisation * jnp.eye(other.shape[0]))
        pulled = precision * other @ wanted.T + localisation * kept.T
        return jax.scipy.linalg.cho_solve((factor, True), pulled).T, factor

    def drawn(key: PRNGKeyArray, mean: Array, factor: Array) -> Array:
        noise = jax.random.normal(key, mean.T.shape)
        return mean + jax.scipy.linalg.solve_triangular(factor.T, noise, lower=False).T

    def sweep(first: Array, key: PRNGKeyArray) -> tuple[Array, Array]:
        of_second, of_first = jax.random.split(key)
        mean, factor = conditional(first, target, second)
        spread = jax.scipy.linalg.solve_triangular(factor, first, lower=True)
        energy = 0.5 * precision * (jnp.sum((mean @ first - target) ** 2) + second.shape[0] * jnp.sum(spread**2))
        drawn_second = drawn(of_second, mean, factor)
        mean, factor = conditional(drawn_second.T, target.T, centre[0].T)
        return drawn(of_first, mean, factor).T, energy

    @jax.jit
    def chain(keys: PRNGKeyArray) -> Float[Array, " chains"]:
        def one(key: PRNGKeyArray) -> Array:
            energies = jax.lax.scan(sweep, first, jax.random.split(key, sweeps))[1]
            return jnp.mean(energies[sweeps // 10 :])

        return jax.vmap(one)(keys)

    found = np.asarray(chain(jax.random.split(jax.random.key(12345), chains)))
    return float(found.mean()), float(found.std(ddof=1) / math.sqrt(chains))
