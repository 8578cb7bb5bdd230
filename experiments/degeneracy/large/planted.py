"""Deep linear networks of any size whose curvatures, at the weights that are planted, are known in closed form."""

from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

Layers = tuple[Array, ...]


class LinearLoss(eqx.Module):
    """L(W) = 1/2 |W_L ... W_1 - B|^2.

    Attributes:
        target: B.
    """

    target: Float[Array, "o i"]

    def __call__(self, layers: Layers) -> Float[Array, ""]:
        """The loss."""
        return 0.5 * jnp.sum((product(layers) - self.target) ** 2)


class Planted(NamedTuple):
    """A network, and what is known about it.

    Attributes:
        widths: of inputs, hidden layers and outputs.
        layers: W_1 ... W_L.
        curvatures: eigenvalues of the Hessian that can be positive.
    """

    widths: tuple[int, ...]
    layers: Layers
    curvatures: np.ndarray

    @property
    def loss(self) -> LinearLoss:
        """The distance to the map of these weights."""
        return LinearLoss(product(self.layers))

    @property
    def dimension(self) -> int:
        """The number of weights."""
        return sum(layer.size for layer in self.layers)

    def effective_dimension(self, inverse_temperature: float, localisation: float) -> float:
        """sum_i t h_i / (2 (t h_i + gamma))."""
        steep = inverse_temperature * self.curvatures
        return float(np.sum(steep / (2 * (steep + localisation))))


def product(layers: Layers) -> Float[Array, "o i"]:
    """W_L ... W_1."""
    found = layers[0]
    for layer in layers[1:]:
        found = layer @ found
    return found


def planted(widths: tuple[int, ...], rank: int | None, least: float, seed: int) -> Planted:
    """W_l = Q_l S_l Q_(l-1)^T, with random orthogonal Q_l: layers that pass singular values through.

    The product moves by sum_l A_l dW_l B_l, with A_l all layers above and B_l all below. In the bases Q, output j and
    input k have the curvature h_jk = sum_l (A_l)_jj^2 (B_l)_kk^2, where singular values beyond a layer's rank are zero.

    Args:
        widths: of inputs, hidden layers and outputs.
        rank: of every layer; None for full rank.
        least: singular values go from 1 down to this in every layer, in equal ratios; 1 for orthonormal layers.
        seed: of the bases.
    """
    random = np.random.default_rng(seed)
    bases = [np.linalg.qr(random.normal(size=(width, width)))[0] for width in widths]
    size = max(widths)
    layers, values = [], []
    for index, (columns, rows) in enumerate(zip(widths[:-1], widths[1:], strict=True)):
        kept = min(rows, columns) if rank is None else min(rows, columns, rank)
        singular = np.geomspace(1, least, kept)
        layers.append(jnp.asarray(bases[index + 1][:, :kept] * singular @ bases[index][:, :kept].T))
        values.append(np.pad(singular, (0, size - kept)) ** 2)
    curvatures = np.zeros((widths[-1], widths[0]))
    for index in range(len(layers)):
        above = np.prod(np.array([np.ones(size), *values[index + 1 :]]), axis=0)[: widths[-1]]
        below = np.prod(np.array([np.ones(size), *values[:index]]), axis=0)[: widths[0]]
        curvatures += np.outer(above, below)
    return Planted(widths, tuple(layers), curvatures.ravel())
