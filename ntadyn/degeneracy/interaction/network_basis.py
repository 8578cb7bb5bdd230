"""New coordinates in every layer of a network, and whether they keep what it computes."""

from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import ArrayLike, NDArray

from ntadyn.degeneracy.interaction.sections import Sections
from ntadyn.degeneracy.interaction.spectrum import Spectrum

# Of outputs rebuilt from the new coordinates, relative to the largest output.
MOST_LOST = 1e-6


@dataclass(frozen=True)
class LayerBasis:
    """fhat = C f, and f = C+ fhat on the data.

    Attributes:
        to_hat: C, shape (coordinates, units).
        from_hat: C+, shape (units, coordinates), with C C+ = 1.
        strengths: E[fhat_j^2] of all coordinates that are not kept apart.
        num_apart: how many coordinates, the first ones, are kept apart: 1 for a constant by itself, else 0.
        dead: units that are zero for all data.
        activations: singular values of f / sqrt(n), or None where the basis is not made of them.
        interactions: singular values of how active directions act on what follows, or None.
    """

    to_hat: NDArray[np.float64]
    from_hat: NDArray[np.float64]
    strengths: NDArray[np.float64]
    num_apart: int = 0
    dead: tuple[int, ...] = ()
    activations: Spectrum | None = None
    interactions: Spectrum | None = None

    @property
    def rank(self) -> int:
        """Coordinates that are not kept apart."""
        return self.to_hat.shape[0] - self.num_apart


class HatNetwork(eqx.Module):
    """fhat^(l+1) = C_(l+1) g_l(C+_l fhat^l): the network as its new coordinates see it.

    For a section that is a matrix W this is the matrix C_(l+1) W C+_l. The transformation of the layer that follows
    stands on the left, and acts after the activation.

    Attributes:
        sections: the network.
        to_hat: C of all layers.
        from_hat: C+ of all layers.
    """

    sections: Sections
    to_hat: tuple[Float[Array, "_ _"], ...]
    from_hat: tuple[Float[Array, "_ _"], ...]

    def step(self, layer: int, hat: Float[Array, " r"]) -> Float[Array, " s"]:
        """fhat^(l+1) from fhat^l."""
        return self.to_hat[layer + 1] @ self.sections.step(layer, self.from_hat[layer] @ hat)

    def enter(self, x: Float[Array, " i"]) -> Float[Array, " r"]:
        """fhat^0."""
        return self.to_hat[0] @ self.sections.enter(x)

    def __call__(self, x: Float[Array, " i"]) -> Float[Array, " o"]:
        """The outputs, rebuilt."""
        hat = self.enter(x)
        for layer in range(self.sections.depth):
            hat = self.step(layer, hat)
        return self.from_hat[-1] @ hat


@dataclass(frozen=True)
class NetworkBasis:
    """Coordinates of all layers of a network.

    Attributes:
        name: of the kind of basis.
        sections: the network, with a constant if the basis needs one.
        layers: from inputs to outputs.
        lost: max |rebuilt - outputs| / max |outputs| over the data.
    """

    name: str
    sections: Sections
    layers: tuple[LayerBasis, ...]
    lost: float

    @property
    def preserved(self) -> bool:
        """Whether rebuilt outputs are those of the network, up to 1e-6."""
        return self.lost <= MOST_LOST

    @property
    def status(self) -> str:
        """`PRESERVED` or `NOT_PRESERVED`."""
        return "PRESERVED" if self.preserved else "NOT_PRESERVED"

    @property
    def network(self) -> HatNetwork:
        """The network in these coordinates."""
        return hat_network(self.sections, self.layers)

    def hats(self, inputs: ArrayLike) -> list[NDArray[np.float64]]:
        """fhat^l = C_l f^l of all inputs, layer by layer, shapes (examples, coordinates)."""
        activations = self.sections.activations(inputs)
        return [values @ layer.to_hat.T for values, layer in zip(activations, self.layers, strict=True)]


def hat_network(sections: Sections, layers: tuple[LayerBasis, ...]) -> HatNetwork:
    """A network in some coordinates."""
    return HatNetwork(
        sections,
        tuple(jnp.asarray(layer.to_hat) for layer in layers),
        tuple(jnp.asarray(layer.from_hat) for layer in layers),
    )


def measured(
    name: str,
    sections: Sections,
    layers: tuple[LayerBasis, ...],
    inputs: NDArray[np.float64],
    outputs: NDArray[np.float64],
) -> NetworkBasis:
    """A basis, with what rebuilding loses.

    Args:
        name: of the kind of basis.
        sections: the network.
        layers: its coordinates.
        inputs: X, shape (examples, d_in).
        outputs: of the network itself, shape (examples, d_out).
    """
    rebuilt = np.asarray(outputs_of(hat_network(sections, layers), jnp.asarray(inputs)))
    return NetworkBasis(name, sections, layers, relative_loss(rebuilt, outputs))


@eqx.filter_jit
def outputs_of(network: eqx.Module, inputs: Float[Array, "n i"]) -> Float[Array, "n o"]:
    """The outputs of a network for many inputs."""
    return jax.vmap(network)(inputs)  # pyright: ignore[reportArgumentType]


def relative_loss(rebuilt: NDArray[np.float64], outputs: NDArray[np.float64]) -> float:
    """Max |rebuilt - outputs| / max |outputs|; infinite where nothing should be and something is."""
    off, size = float(np.max(np.abs(rebuilt - outputs))), float(np.max(np.abs(outputs)))
    if size == 0:
        return 0.0 if off == 0 else float("inf")
    return off / size if np.isfinite(off) else float("inf")
