"""y = sum_k g_k sum_p c_kp W^kp x: contexts, each with paths of its own, and deeper by the same rule."""

import math

import equinox as eqx
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float, PRNGKeyArray

from ntadyn.networks import GatedLinear
from ntadyn.networks.network import check_axes, check_parameters, check_sizes, gaussian_weights

Gates = Float[Array, "_"]


class GateHierarchy(eqx.Module):
    """y = sum_k g_k sum_p c_kp W^kp x: a tree of gates, whose leaves are paths.

    A gate multiplies everything below it, so that a path counts with the product of all gates above it. With no
    contexts this is a `GatedLinear`.

    Attributes:
        contexts: the gates above those of the paths, the coarsest first. Each level is a vector in the order of the
            tree: (K,), then (K L,) with the L children of the first gate first.
        gates: c, one per path, shape (paths,); the paths of the first context come first.
        weights: W, shape (paths, d_out, d_in).

    Raises:
        ValueError: for shapes that do not fit, mixed dtypes, values that are not finite, or a level whose gates cannot
            be shared out equally among those above.
    """

    contexts: tuple[Gates, ...]
    gates: Gates = eqx.field(converter=jnp.asarray)
    weights: Float[Array, "p o i"] = eqx.field(converter=jnp.asarray)

    def __check_init__(self):
        check_axes(self.weights, ("paths", "d_out", "d_in"))
        check_parameters(self.gates, self.weights, self.weights.shape[:1])
        sizes = [level.size for level in (*self.contexts, self.gates)]
        for level in self.contexts:
            check_parameters(level, self.weights, (level.size,))
        if any(lower % upper for upper, lower in zip(sizes, sizes[1:], strict=False)):
            raise ValueError(
                f"levels of {sizes} gates, from the coarsest to the paths, do not make a tree; every number must be a "
                f"multiple of the one before."
            )

    def flat(self) -> GatedLinear:
        """The same map as a `GatedLinear`, whose gates are products of the gates along each branch."""
        return GatedLinear(path_gates((*self.contexts, self.gates)), self.weights)

    def __call__(self, x: Float[Array, " i"]) -> Float[Array, " o"]:
        """The output for one input x of shape (d_in,); use `jax.vmap` for a batch."""
        return self.flat()(x)

    @classmethod
    def initialise(
        cls,
        key: PRNGKeyArray,
        branches: tuple[int, ...],
        size: tuple[int, int],
        scale: float | Float[Array, ""] = 0.01,
        gate: float | Float[Array, ""] = 0.5,
        dtype: DTypeLike | None = None,
    ) -> "GateHierarchy":
        """All gates equal and W^p_{ij} ~ N(0, scale^2 / d_in), as `GatedLinear` has them.

        Args:
            key: the random key of the initial state.
            branches: branches at every level, the coarsest first: (K, P) for K contexts with P paths each.
            size: (d_out, d_in).
            scale: initialisation scale sigma_0.
            gate: initial value of every gate of every level.
            dtype: floating dtype, JAX's default one when omitted.

        Raises:
            ValueError: if a number is not positive, or there is no level.
        """
        if not branches or min(branches) < 1:
            raise ValueError(f"branches are {branches}; give one positive number for every level, for example (2, 2).")
        shape = (math.prod(branches), *size)
        check_sizes(shape)
        weights = gaussian_weights(key, shape, scale, dtype)
        sizes = [math.prod(branches[: level + 1]) for level in range(len(branches))]
        *contexts, gates = (jnp.full(size, gate, weights.dtype) for size in sizes)
        return cls(tuple(contexts), gates, weights)


def per_path(level: Gates, num_paths: int) -> Gates:
    """The gate of one level above every path, shape (paths,)."""
    return jnp.repeat(level, num_paths // level.size)


def path_gates(levels: tuple[Gates, ...]) -> Gates:
    """e, the product of all gates above every path and its own, shape (paths,).

    Args:
        levels: the gates of all levels, the coarsest first; the last is one per path.
    """
    return math.prod((per_path(level, levels[-1].size) for level in levels[:-1]), start=levels[-1])
