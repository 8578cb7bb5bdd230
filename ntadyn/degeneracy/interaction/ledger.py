"""The degeneracy ledger: how many directions of a network's parameters change nothing, and why.

Of d parameters, the Hessian J^T J / n of the behavioural loss sees rank J; the other d - rank J directions are null to
second order. Explanations are named spans of directions. What counts is their part in the null space, and of that what
no explanation before has: the remainder cannot be negative, and says what nobody has explained.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, PyTree
from numpy.typing import ArrayLike, NDArray

from ntadyn.degeneracy.closed_form.ranks import as_table
from ntadyn.degeneracy.estimate import LearningCoefficient
from ntadyn.degeneracy.interaction.basis import TOLERANCE
from ntadyn.degeneracy.interaction.derivatives import MOST_HELD, triangle
from ntadyn.degeneracy.interaction.spectrum import Spectrum

# Null spaces are d x d.
MOST_PARAMETERS = 5000
# The sine of an angle to the null space up to which a direction is in it, and that counts as a direction of its own.
MOST_SINE = 1e-3
INDEPENDENT = 1e-6


@dataclass(frozen=True)
class Explanation:
    """Directions of parameters that should change nothing.

    Attributes:
        name: why.
        directions: shape (directions, parameters); they need not be independent.
    """

    name: str
    directions: NDArray[np.float64]


@dataclass(frozen=True)
class Entry:
    """What an explanation is worth.

    Attributes:
        name: why.
        claimed: directions that it names.
        explained: null directions that it explains and none before it did.
    """

    name: str
    claimed: int
    explained: int


@dataclass(frozen=True)
class Ledger:
    """Where the null directions of a network come from.

    Attributes:
        dimension: d.
        spectrum: singular values of J / sqrt(n) with their rank, that of the Hessian of the behavioural loss.
        entries: in the order in which explanations were heard.
    """

    dimension: int
    spectrum: Spectrum
    entries: tuple[Entry, ...]

    @property
    def rank(self) -> int:
        """The directions that are seen to second order."""
        return self.spectrum.rank

    @property
    def nullity(self) -> int:
        """Those that are not."""
        return self.dimension - self.rank

    @property
    def unexplained(self) -> int:
        """Null directions without an explanation, never negative."""
        return self.nullity - sum(entry.explained for entry in self.entries)

    def singular_part(self, coefficient: LearningCoefficient) -> float:
        """The coefficient minus half the rank: what no counting of flat directions can see, at its temperature."""
        return coefficient.value - self.rank / 2

    def __add__(self, other: "Ledger") -> "Ledger":
        """The ledger of two networks without common parameters or outputs; explanations of one name are added up."""
        names = dict.fromkeys(entry.name for entry in (*self.entries, *other.entries))
        both = [[entry for entry in (*self.entries, *other.entries) if entry.name == name] for name in names]
        entries = tuple(
            Entry(each[0].name, sum(entry.claimed for entry in each), sum(entry.explained for entry in each))
            for each in both
        )
        seen, unseen = (
            np.concatenate([one.spectrum.values[part] for one, part in parts])
            for parts in (
                [(self, slice(self.rank)), (other, slice(other.rank))],
                [(self, slice(self.rank, None)), (other, slice(other.rank, None))],
            )
        )
        values = np.concatenate([np.sort(seen)[::-1], np.sort(unseen)[::-1]])
        return Ledger(self.dimension + other.dimension, Spectrum(values, self.rank + other.rank), entries)

    def __str__(self) -> str:
        """A table."""
        rows = [("parameters", self.dimension), ("rank of the Hessian", self.rank), ("null directions", self.nullity)]
        rows += [(f"  {entry.name}", entry.explained) for entry in self.entries]
        rows.append(("  unexplained", self.unexplained))
        width = max(len(name) for name, _ in rows)
        return "\n".join(f"{name.ljust(width)}  {number:6d}" for name, number in rows)


def ledger(
    network: Callable[[Any, Array], Array],
    point: PyTree,
    inputs: ArrayLike,
    explanations: Sequence[Explanation] = (),
    tolerance: float = TOLERANCE,
) -> Ledger:
    """The ledger of any function of parameters; see `degeneracy_ledger` for networks that are chains of sections.

    Args:
        network: from parameters and one input to the outputs.
        point: parameters, a pytree whose floating-point arrays count, in the order of `ravel_pytree`.
        inputs: X, shape (examples, d_in).
        explanations: in the order in which they are heard.
        tolerance: singular values of J below it times the largest one are null.

    Raises:
        ValueError: for more than 5000 parameters, none, or explanations of another size.
    """
    flat, _ = ravel_pytree(eqx.filter(point, eqx.is_inexact_array))
    if not 0 < flat.size <= MOST_PARAMETERS:
        raise ValueError(
            f"a ledger needs the null space of all parameters, of which there may be 1 to {MOST_PARAMETERS}; got "
            f"{flat.size}."
        )
    wrong = [each.name for each in explanations if each.directions.ndim != 2 or each.directions.shape[1] != flat.size]
    if wrong:
        raise ValueError(f"directions have {flat.size} entries each; those of {', '.join(wrong)} do not.")

    table = as_table("inputs", np.asarray(inputs), ("examples", "d_in"))
    acting = _triangle(network, point, flat.size, table)
    _, values, right = np.linalg.svd(acting, full_matrices=True)
    spectrum = Spectrum.cut(np.pad(values, (0, flat.size - values.size)), tolerance)
    return Ledger(flat.size, spectrum, _entries(right[spectrum.rank :], explanations))


def _triangle(
    network: Callable[[Any, Array], Array], point: PyTree, size: int, inputs: NDArray[np.float64]
) -> NDArray[np.float64]:
    number = len(inputs)
    outputs = eqx.filter_eval_shape(network, point, jnp.asarray(inputs[0])).size
    some = -(-number // -(-number * outputs * size // MOST_HELD))

    def rows() -> Iterator[NDArray[np.float64]]:
        for start in range(0, number, some):
            chosen = inputs[start : start + some]
            padded = np.concatenate([chosen, np.repeat(chosen[-1:], some - len(chosen), axis=0)])
            found = np.asarray(_jacobians(network, point, jnp.asarray(padded)))[: len(chosen)]
            yield found.reshape(len(chosen) * outputs, size) / math.sqrt(number)

    return triangle(rows(), size)


@eqx.filter_jit
def _jacobians(network: Callable[[Any, Array], Array], point: PyTree, inputs: Array) -> Float[Array, "n o d"]:
    arrays, rest = eqx.partition(point, eqx.is_inexact_array)
    flat, unravel = ravel_pytree(arrays)

    def of_one(parameters: Array, x: Array) -> Array:
        return jnp.ravel(network(eqx.combine(unravel(parameters), rest), x))

    return jax.vmap(jax.jacrev(of_one), in_axes=(None, 0))(flat, inputs)


def _entries(null: NDArray[np.float64], explanations: Sequence[Explanation]) -> tuple[Entry, ...]:
    known, entries = np.zeros((0, len(null))), []
    for each in explanations:
        inside = _within(null, each.directions)
        grown = _span(np.concatenate([known, inside]))
        entries.append(Entry(each.name, len(each.directions), len(grown) - len(known)))
        known = grown
    return tuple(entries)


def _within(null: NDArray[np.float64], directions: NDArray[np.float64]) -> NDArray[np.float64]:
    """The part of a span of directions that is in the null space, as orthonormal rows of its coordinates there."""
    sizes = np.linalg.norm(directions, axis=1)
    span = _span(directions[sizes > 0] / sizes[sizes > 0, None])
    _, cosines, right = np.linalg.svd(span @ null.T, full_matrices=False)
    return right[cosines > math.sqrt(1 - MOST_SINE**2)]


def _span(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Orthonormal rows with the same span."""
    if not rows.size:
        return np.zeros((0, rows.shape[1]))
    _, sizes, right = np.linalg.svd(rows, full_matrices=False)
    return right[sizes > INDEPENDENT * sizes[0]]
