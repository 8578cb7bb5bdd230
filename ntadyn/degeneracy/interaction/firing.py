"""Which rectified units fire together: blocks of units with one firing pattern on the data, and how robust they are.

Synchronised units share *when* they fire, not their values. Two of them can in general not be merged into one: what
is free is a change of basis, GL(s), inside a block of s units, on which the network acts linearly wherever the block
fires. Only a block whose values, or what is read of them, have fewer than s directions can be made smaller, see
`reduce_block`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ntadyn.degeneracy.closed_form.ranks import as_table
from ntadyn.degeneracy.interaction.sections import Dense, Sections


@dataclass(frozen=True)
class Firing:
    """Firing patterns of the rectified units of one layer.

    Attributes:
        blocks: units with one and the same pattern, the largest block first, units alone included; without those that
            are dead or always on.
        dead: units that never fire.
        always_on: units that always fire, on which the layer is linear.
        margins: the smallest |preactivation| of every unit over the data: noise of that size in it flips a sign.
        patterns: whether a unit fires, shape (examples, units).
    """

    blocks: tuple[tuple[int, ...], ...]
    dead: tuple[int, ...]
    always_on: tuple[int, ...]
    margins: NDArray[np.float64]
    patterns: NDArray[np.bool_]

    @property
    def synchronised(self) -> tuple[tuple[int, ...], ...]:
        """Blocks of at least two units, that of units that are always on included."""
        return tuple(block for block in self.linear_blocks if len(block) > 1)

    @property
    def linear_blocks(self) -> tuple[tuple[int, ...], ...]:
        """All blocks that fire at all, in each of which the layer is linear."""
        return (*self.blocks, *([self.always_on] if self.always_on else []))

    @property
    def free_directions(self) -> int:
        """Sum of s^2 over blocks of s units that fire: changes of basis that leave the network as it is."""
        return sum(len(block) ** 2 for block in self.linear_blocks)

    def margin(self, block: Sequence[int]) -> float:
        """The smallest |preactivation| of the units of a block: the block is real only against noise below it."""
        return float(self.margins[list(block)].min())


def firing_blocks(preactivations: ArrayLike) -> Firing:
    """The blocks of units that fire together on all data.

    Args:
        preactivations: W f + b, shape (examples, units); a unit fires where it is positive.

    Raises:
        ValueError: for values that are not a finite table.
    """
    values = as_table("preactivations", np.asarray(preactivations), ("examples", "units"))
    patterns = values > 0
    packed = [column.tobytes() for column in np.packbits(patterns, axis=0).T]
    together: dict[bytes, list[int]] = {}
    for unit, key in enumerate(packed):
        together.setdefault(key, []).append(unit)
    never = np.flatnonzero(patterns.sum(axis=0) == 0).tolist()
    always = np.flatnonzero(patterns.sum(axis=0) == len(patterns)).tolist()
    firing = [tuple(units) for units in together.values() if units[0] not in {*never, *always}]
    return Firing(
        blocks=tuple(sorted(firing, key=lambda units: (-len(units), units))),
        dead=tuple(never),
        always_on=tuple(always),
        margins=np.abs(values).min(axis=0),
        patterns=patterns,
    )


def firing_of(sections: Sections, layer: int, inputs: ArrayLike) -> Firing:
    """The blocks of a rectified section.

    Args:
        sections: the network.
        layer: of the units, counted from 1: they are the outputs of section layer - 1.
        inputs: X, shape (examples, d_in).

    Raises:
        ValueError: if that section is not a rectified `Dense`.
    """
    return firing_blocks(preactivations(sections, layer, inputs))


def preactivations(sections: Sections, layer: int, inputs: ArrayLike) -> NDArray[np.float64]:
    """W f + b of a rectified section, shape (examples, units).

    Args:
        sections: the network.
        layer: of the units, counted from 1.
        inputs: X, shape (examples, d_in).

    Raises:
        ValueError: if that section is not a rectified `Dense`.
    """
    section = rectified(sections, layer)
    before = sections.activations(inputs)[layer - 1]
    values = before[:, : section.weight.shape[1]]
    return np.asarray(jax.vmap(section.before)(jnp.asarray(values)))


def rectified(sections: Sections, layer: int) -> Dense:
    """The rectified section whose outputs are a layer.

    Raises:
        ValueError: if there is none.
    """
    section = sections.sections[layer - 1] if 1 <= layer <= sections.depth else None
    if not isinstance(section, Dense) or not section.is_rectified:
        raise ValueError(
            f"units that fire are those of a `Dense` section with jax.nn.relu; layer {layer} of {sections.depth} comes "
            f"out of {'none' if section is None else type(section).__name__}."
        )
    return section


def nearly_together(firing: Firing, most_apart: float) -> tuple[tuple[int, ...], ...]:
    """Blocks of units that are linked by agreeing on all but a fraction of the data.

    Args:
        firing: exact patterns.
        most_apart: tau; units whose patterns differ on at most this fraction of examples are linked. 0 gives the exact
            blocks, dead and always-on units among them.

    Returns:
        Connected components, the largest first: neighbours agree, the ends of a long chain need not.

    Raises:
        ValueError: for a fraction outside of [0, 1].
    """
    if not 0 <= most_apart <= 1:
        raise ValueError(f"units differ on a fraction of the data, between 0 and 1; got {most_apart}.")
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    fires = firing.patterns.astype(np.float64)
    both = fires.T @ fires
    apart = (np.diagonal(both)[:, None] + np.diagonal(both) - 2 * both) / len(fires)
    number, component = connected_components(csr_matrix(apart <= most_apart), directed=False)
    found = [tuple(np.flatnonzero(component == each).tolist()) for each in range(number)]
    return tuple(sorted(found, key=lambda units: (-len(units), units)))
