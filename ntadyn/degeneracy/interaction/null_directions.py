"""Why parameters of a chain of dense sections can move without changing what it computes.

For f^(l+1) = act(W f^l + b), with b a column of W that reads a constant:

- activations: dW = u v^T where v is orthogonal to all f^l of the data: d_(l+1) (d_l - r_act) directions;
- gradients: dW = u v^T where outputs do not depend on u: r_act (d_(l+1) - r_grad) more;
- a single unit: incoming weights that see nothing of the data on which the unit matters;
- synchronised units: dW_l = A W_l, dW_(l+1) = - W_(l+1) A inside a block that fires together, s^2 directions;
- linear layers: the same with all units of a layer, and with what is taken from a bias given to the next one.
"""

from collections.abc import Iterator, Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float
from numpy.typing import ArrayLike, NDArray

from ntadyn.degeneracy.interaction.basis import TOLERANCE
from ntadyn.degeneracy.interaction.derivatives import AtData, matrices, triangle
from ntadyn.degeneracy.interaction.firing import firing_of
from ntadyn.degeneracy.interaction.ledger import Explanation, Ledger, ledger
from ntadyn.degeneracy.interaction.sections import Dense, Section, Sections
from ntadyn.degeneracy.interaction.spectrum import Spectrum

ACTIVATIONS, GRADIENTS, UNITS = "activations span too little", "gradients span too little", "single units"
SYNCHRONISED, GAUGE = "synchronised units", "linear layers"


def degeneracy_ledger(
    sections: Sections, inputs: ArrayLike, others: Sequence[Explanation] = (), tolerance: float = TOLERANCE
) -> Ledger:
    """The ledger of a chain of sections, all of whose arrays are parameters.

    Directions are looked for in `Dense` sections; what others hide counts as unexplained.

    Args:
        sections: the network.
        inputs: X, shape (examples, d_in).
        others: further explanations, heard last; directions in the order of `ravel_pytree` of the sections.
        tolerance: singular values below it times the largest one are null.

    Raises:
        ValueError: for inputs that the network does not take, or more than 5000 parameters.
    """
    explanations = [*explanations_of(sections, inputs, tolerance), *others]
    return ledger(_apply, sections, inputs, explanations, tolerance)


def explanations_of(sections: Sections, inputs: ArrayLike, tolerance: float = TOLERANCE) -> list[Explanation]:
    """All named directions of the dense sections of a network.

    Args:
        sections: the network.
        inputs: X, shape (examples, d_in).
        tolerance: singular values below it times the largest one are null.
    """
    places = _places(sections)
    activations = sections.activations(inputs)
    found: dict[str, list[NDArray[np.float64]]] = {
        name: [np.zeros((0, places.total))] for name in (ACTIVATIONS, GRADIENTS, UNITS, SYNCHRONISED, GAUGE)
    }
    for layer, section in enumerate(sections.sections):
        if not isinstance(section, Dense):
            continue
        seen = activations[layer][:, : section.weight.shape[1]]
        if section.bias is not None:
            seen = np.concatenate([seen, np.ones((len(seen), 1))], axis=1)
        where = places.of(layer)
        alive, never = _split(seen, tolerance)
        after = AfterActivation(sections, layer)
        before = seen[:, : section.weight.shape[1]] @ np.asarray(section.weight).T
        before = before if section.bias is None else before + np.asarray(section.bias)
        slopes = np.concatenate([part for _, part in matrices(AtData(), after, before)])
        useful, useless = _split(slopes.reshape(-1, slopes.shape[2]), tolerance)
        units = np.eye(len(where))
        found[ACTIVATIONS].append(places.outer(where, units, never))
        found[GRADIENTS].append(places.outer(where, useless, alive))
        for unit in range(len(where)):
            matters = seen[np.any(slopes[:, :, unit] != 0, axis=1)]
            found[UNITS].append(places.outer(where, units[unit : unit + 1], _split(matters, tolerance)[1]))
    for layer in range(1, sections.depth):
        first, second = sections.sections[layer - 1 : layer + 1]
        if isinstance(first, Dense) and isinstance(second, Dense):
            if first.is_rectified:
                firing = firing_of(sections, layer, inputs)
                blocks = [(block, SYNCHRONISED) for block in firing.blocks] + [(firing.always_on, GAUGE)]
            else:
                blocks = [(tuple(range(first.weight.shape[0])), GAUGE)] if first.is_linear else []
            for block, name in blocks:
                found[name] += places.exchanges(layer, block, shifts=name == GAUGE)
    return [Explanation(name, np.concatenate(parts)) for name, parts in found.items()]


class AfterActivation(eqx.Module):
    """From the preactivations of a dense section to the outputs of the network.

    Attributes:
        sections: the network.
        layer: the section.
    """

    sections: Sections
    layer: int = eqx.field(static=True)

    def __call__(self, before: Float[Array, " o"]) -> Float[Array, " outputs"]:
        """The outputs."""
        section = self.sections.sections[self.layer]
        assert isinstance(section, Dense)
        after = section.activation(before)
        last = self.layer == self.sections.depth - 1
        if self.sections.constant and not last:
            after = jnp.append(after, jnp.ones((), after.dtype))
        return self.sections.onward(self.layer + 1, after)


class _Places(eqx.Module):
    """Where the entries of weights and biases are among all parameters.

    Attributes:
        sections: a chain like the network, with places instead of values.
        values: the network.
        total: number of parameters.
    """

    sections: Sections
    values: Sections
    total: int

    def of(self, layer: int) -> NDArray[np.int64]:
        """Places of [W b], shape (units, inputs), with biases if there are any as the last column."""
        return _with_bias(self.sections.sections[layer]).astype(np.int64)

    def outer(
        self, where: NDArray[np.int64], left: NDArray[np.float64], right: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """All u v^T as directions, for u in the rows of one matrix and v in those of another."""
        found = np.zeros((len(left), len(right), self.total))
        found[:, :, where.ravel()] = np.einsum("ua,vb->uvab", left, right).reshape(len(left), len(right), where.size)
        return found.reshape(-1, self.total)

    def exchanges(self, layer: int, block: Sequence[int], shifts: bool) -> Iterator[NDArray[np.float64]]:
        """DW_l = e_a e_b^T W_l, dW_(l+1) = - W_(l+1) e_a e_b^T for a, b in a block; with shifts, b may be the bias."""
        first, second = self.values.sections[layer - 1 : layer + 1]
        into, out_of = _with_bias(first), _with_bias(second)
        where_into, where_out = self.of(layer - 1), self.of(layer)
        has_shift = shifts and all(isinstance(one, Dense) and one.bias is not None for one in (first, second))
        for a in block:
            for b in [*block, *([-1] if has_shift else [])]:
                direction = np.zeros((1, self.total))
                direction[0, where_into[a]] = into[b] if b >= 0 else np.eye(into.shape[1])[-1]
                direction[0, where_out[:, b]] = -out_of[:, a]
                yield direction


def _apply(network: Sections, x: Array) -> Array:
    return network(x)


def _places(sections: Sections) -> _Places:
    arrays, rest = eqx.partition(sections, eqx.is_inexact_array)
    flat, unravel = ravel_pytree(arrays)
    return _Places(eqx.combine(unravel(jnp.arange(flat.size, dtype=flat.dtype)), rest), sections, flat.size)


def _with_bias(section: Section) -> NDArray[np.float64]:
    assert isinstance(section, Dense)
    weight = np.asarray(section.weight)
    return weight if section.bias is None else np.concatenate([weight, np.asarray(section.bias)[:, None]], axis=1)


def _split(rows: NDArray[np.float64], tolerance: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Orthonormal rows that span the rows of a matrix, and those that are orthogonal to all of them."""
    _, values, right = np.linalg.svd(triangle(iter([rows]), rows.shape[1]), full_matrices=True)
    rank = Spectrum.cut(values, tolerance).rank
    return right[:rank], right[rank:]
