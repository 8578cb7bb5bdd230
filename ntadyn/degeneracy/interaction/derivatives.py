"""How a layer acts on what comes after it: derivatives at the data, or along rays to it, and their spectra."""

import abc
from collections.abc import Callable, Iterator

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import NDArray

from ntadyn.degeneracy.interaction.sections import Sections

# Numbers of derivatives that are held at once.
MOST_HELD = 2**22


class AbstractReach(eqx.Module):
    """What a layer is asked to act on."""

    @abc.abstractmethod
    def target(self, sections: Sections, layer: int, onward: Float[Array, "r e"]) -> eqx.Module:
        """A callable module from f^l to a vector of what it acts on.

        Args:
            sections: the network.
            layer: l.
            onward: C_(l+1), from the units of the next layer to its coordinates.
        """


class NextLayer(AbstractReach):
    """The next layer in its new coordinates, C_(l+1) g_l(f): the local Interaction Basis."""

    def target(self, sections: Sections, layer: int, onward: Float[Array, "r e"]) -> "Onward":
        """C_(l+1) g_l."""
        return Onward(sections, onward, layer, layer + 1)


class Outputs(AbstractReach):
    """The outputs of the network: the global Interaction Basis."""

    def target(self, sections: Sections, layer: int, onward: Float[Array, "r e"]) -> "Onward":
        """g_(L-1) o ... o g_l."""
        return Onward(sections, None, layer, sections.depth)


class Onward(eqx.Module):
    """C g_(end-1) o ... o g_start, or without C.

    Attributes:
        sections: the network.
        to_hat: C, shape (coordinates, units), or None.
        start: a layer.
        end: a later one.
    """

    sections: Sections
    to_hat: Float[Array, "r e"] | None
    start: int = eqx.field(static=True)
    end: int = eqx.field(static=True)

    def __call__(self, activation: Float[Array, " d"]) -> Float[Array, " r"]:
        """The value at an activation."""
        for layer in range(self.start, self.end):
            activation = self.sections.step(layer, activation)
        return activation if self.to_hat is None else self.to_hat @ activation


class AbstractDerivative(eqx.Module):
    """A matrix that says how a function acts on a vector f."""

    @abc.abstractmethod
    def __call__(self, function: Callable[[Array], Array], at: Float[Array, " d"], size: int) -> Float[Array, "r d"]:
        """The matrix.

        Args:
            function: from d numbers to r.
            at: f.
            size: r.
        """


class AtData(AbstractDerivative):
    """dg/df at f."""

    def __call__(self, function: Callable[[Array], Array], at: Float[Array, " d"], size: int) -> Float[Array, "r d"]:
        """The Jacobian."""
        return (jax.jacrev if size < at.size else jax.jacfwd)(function)(at)


class AlongRays(AbstractDerivative):
    """int_0^1 dg/df(a f) da by Gauss and Legendre: times f it is g(f) - g(0), for any g.

    Where g is homogeneous, as rectified sections with folded biases are, it is dg/df.

    Attributes:
        nodes: of the quadrature.

    Raises:
        ValueError: for less than one node.
    """

    nodes: int = eqx.field(static=True, default=16)

    def __check_init__(self):
        if self.nodes < 1:
            raise ValueError(f"AlongRays: a quadrature needs at least one node; got {self.nodes}.")

    def __call__(self, function: Callable[[Array], Array], at: Float[Array, " d"], size: int) -> Float[Array, "r d"]:
        """The mean Jacobian on the way from 0 to f."""
        places, weights = np.polynomial.legendre.leggauss(self.nodes)
        along = jax.vmap(lambda place: AtData()(function, place * at, size))
        matrices = along(jnp.asarray((places + 1) / 2, at.dtype))
        return jnp.einsum("a,ard->rd", jnp.asarray(weights / 2, at.dtype), matrices)


def matrices(
    derivative: AbstractDerivative, function: eqx.Module, points: NDArray[np.float64]
) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    """Derivatives at all points, some at a time.

    Args:
        derivative: which.
        function: callable, from d numbers to r.
        points: shape (n, d).

    Yields:
        Which points, and their matrices, shape (some, r, d).
    """
    number, width = points.shape
    at = jax.ShapeDtypeStruct((width,), points.dtype)
    size = eqx.filter_eval_shape(function, at).shape[0]  # pyright: ignore[reportArgumentType]
    parts = -(-number * max(size, 1) * width // MOST_HELD)
    some = -(-number // max(parts, 1))
    for start in range(0, number, some):
        chosen = points[start : start + some]
        padded = np.concatenate([chosen, np.repeat(chosen[-1:], some - len(chosen), axis=0)])  # one shape, one program
        found = _at_points(derivative, function, size, jnp.asarray(padded))
        yield slice(start, start + len(chosen)), np.asarray(found)[: len(chosen)]


@eqx.filter_jit
def _at_points(derivative: AbstractDerivative, function: eqx.Module, size: int, points: Array) -> Array:
    return jax.vmap(lambda at: derivative(function, at, size))(points)  # pyright: ignore[reportArgumentType]


def triangle(rows: Iterator[NDArray[np.float64]], width: int) -> NDArray[np.float64]:
    """R of A = Q R, for a matrix that comes some rows at a time: as many digits as A has, unlike its Gram matrix.

    Args:
        rows: parts of A, shape (some, width) each.
        width: columns of A.

    Returns:
        Shape (at most width, width), with the singular values and the right singular vectors of A.
    """
    found = np.zeros((0, width))
    for part in rows:
        found = np.asarray(np.linalg.qr(np.concatenate([found, part]), mode="r"))
    return found
