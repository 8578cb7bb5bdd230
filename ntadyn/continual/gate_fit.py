"""The gates that serve a task best while the weights stand still: nonnegative least squares."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float

from ntadyn.networks import AbstractGatedNetwork
from ntadyn.tasks.examples import Batch

# In units of the machine epsilon times the number of gates: a slope below this is zero.
_ROUNDING = 100.0
# Every gate is entered once in almost all problems; scipy gives up after three rounds per gate.
_ROUNDS_PER_GATE = 10


def fitted_gates(network: AbstractGatedNetwork, batch: Batch, allowed: Bool[Array, " p"] | None = None) -> Array:
    """argmin_{c >= 0} E |y - sum_p c_p W^p x|^2, exactly: G c = b on the gates that are not zero.

    G_pq = <W^p, W^q Sigma> and b_p = <W^p, E y x^T> with the second moments Sigma = E x x^T of the batch. The gates in
    the network play no part. Where gates are per neuron, every output row is fitted by itself.

    Args:
        network: whose weights are used as they are.
        batch: weighted examples with real targets.
        allowed: which paths may have a gate; all if omitted.

    Returns:
        Gates of the shape of those of the network, exactly zero where the bound holds them.

    Raises:
        ValueError: for targets that are classes.
    """
    _check_targets(batch)
    seen = jnp.einsum("b,bi,bj->ij", batch.weights, batch.inputs, batch.inputs)
    asked = jnp.einsum("b,bo,bi->oi", batch.weights, batch.targets, batch.inputs)
    maps = network.gate_derivatives()
    if allowed is not None:
        maps = jnp.where(allowed[None, :, None, None], maps, 0)
    targets = asked.reshape(maps.shape[0], *maps.shape[2:])
    quadratic = jnp.einsum("kpri,kqrj,ij->kpq", maps, maps, seen)
    linear = jnp.einsum("kpri,kri->kp", maps, targets)
    found = jax.vmap(nonnegative_minimum)(quadratic, linear)
    return found[0] if network.gates.ndim == 1 else found.T


def residual(network: AbstractGatedNetwork, batch: Batch) -> Float[Array, ""]:
    """R = E |y - Y x|^2 / E |y|^2, what a network leaves unexplained of a batch; zero if nothing is asked.

    Args:
        network: with the gates that it has.
        batch: weighted examples with real targets.

    Raises:
        ValueError: for targets that are classes.
    """
    _check_targets(batch)
    left = batch.mean(jnp.sum((batch.targets - batch.inputs @ network.total_map().T) ** 2, axis=1))
    asked = batch.mean(jnp.sum(batch.targets**2, axis=1))
    return jnp.where(asked > 0, left / jnp.where(asked > 0, asked, 1), 0)


def with_fitted_gates(
    network: AbstractGatedNetwork, batch: Batch, allowed: Bool[Array, " p"] | None = None
) -> AbstractGatedNetwork:
    """The network with the gates of `fitted_gates`; the arguments are those."""
    return eqx.tree_at(lambda tree: tree.gates, network, fitted_gates(network, batch, allowed))


def nonnegative_minimum(quadratic: Float[Array, "n n"], linear: Float[Array, " n"]) -> Float[Array, " n"]:
    """argmin_{x >= 0} 1/2 x^T A x - b^T x, by solving for the entries that are not zero, one set after another.

    The set is searched for, and then the answer is A_SS^-1 b_S, of which derivatives of either mode are taken. Entries
    whose row of A is zero, or that repeat others, stay zero.

    Args:
        quadratic: A, symmetric positive semi-definite.
        linear: b, in the range of A.

    Source: Lawson, Hanson 1974, Solving Least Squares Problems, chapter 23 (algorithm NNLS), on normal equations.
    """
    diagonal = jnp.diagonal(quadratic)
    scale = jnp.where(diagonal > 0, 1 / jnp.sqrt(jnp.where(diagonal > 0, diagonal, 1)), 0)
    # With a diagonal of ones, slopes of all entries are in one unit.
    quadratic, linear = quadratic * scale[:, None] * scale[None, :], linear * scale
    positive = _positive_set(*lax.stop_gradient((quadratic, linear)))
    return scale * _solved(quadratic, linear, positive)


def _positive_set(quadratic: Float[Array, "n n"], linear: Float[Array, " n"]) -> Bool[Array, " n"]:
    """The entries of the minimum that are not zero, by the algorithm of Lawson and Hanson, one solve per round."""
    number = linear.size
    flat = _ROUNDING * number * jnp.finfo(linear.dtype).eps * jnp.max(jnp.abs(linear))

    def falling(x: Array, positive: Array) -> Array:
        """How fast the function falls along entries that are still at zero."""
        return jnp.where(positive, -jnp.inf, linear - quadratic @ x)

    def unfinished(state: tuple[Array, Array, Array, Array]) -> Array:
        x, positive, settled, count = state
        return (~settled | jnp.any(falling(x, positive) > flat)) & (count < _ROUNDS_PER_GATE * number)

    def round_of(state: tuple[Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array]:
        x, positive, settled, count = state
        slopes = falling(x, positive)
        entering = settled & (jnp.arange(number) == jnp.argmax(slopes))
        positive = positive | entering
        aim = _solved(quadratic, linear, positive)
        # Where the aim has left the bounds, go as far towards it as they allow, and drop what has arrived at zero.
        leaving = positive & (aim <= 0)
        shares = jnp.where(leaving, x / jnp.where(leaving, x - aim, 1), 1)
        share = jnp.min(shares)
        outside = jnp.any(leaving)
        stepped = jnp.where(positive, x + share * (aim - x), 0)
        positive = positive & ~(leaving & (shares <= share))
        return jnp.where(positive, jnp.where(outside, stepped, aim), 0), positive, ~outside, count + 1

    start = (jnp.zeros_like(linear), jnp.zeros(number, bool), jnp.asarray(True), jnp.asarray(0))
    return lax.while_loop(unfinished, round_of, start)[1]


def _solved(
    quadratic: Float[Array, "n n"], linear: Float[Array, " n"], positive: Bool[Array, " n"]
) -> Float[Array, " n"]:
    """A_SS^-1 b_S on a set S, zero elsewhere."""
    inside = positive[:, None] & positive[None, :]
    system = jnp.where(inside, quadratic, jnp.eye(linear.size, dtype=linear.dtype))
    return jnp.linalg.solve(system, jnp.where(positive, linear, 0))


def _check_targets(batch: Batch) -> None:
    if batch.targets.ndim != 2 or not jnp.issubdtype(batch.targets.dtype, jnp.floating):
        raise ValueError(
            f"gates are fitted to real targets of shape (examples, outputs); got shape {batch.targets.shape} and dtype "
            f"{batch.targets.dtype}. Encode classes as one output each."
        )
