"""Fewer units for a block that fires together, where its values or what is read of them have fewer directions."""

from collections.abc import Sequence
from dataclasses import dataclass

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import ArrayLike, NDArray

from ntadyn.degeneracy.interaction.basis import TOLERANCE
from ntadyn.degeneracy.interaction.firing import firing_blocks, preactivations, rectified
from ntadyn.degeneracy.interaction.network_basis import outputs_of, relative_loss
from ntadyn.degeneracy.interaction.sections import Dense, Section, Sections
from ntadyn.degeneracy.interaction.spectrum import Spectrum


class GatedUnits(eqx.Module):
    """h(f) = [w f + b > 0] (W f + c): linear units behind one gate.

    Attributes:
        gate: w f + b, a `Dense` of one unit.
        units: W f + c, linear.
    """

    gate: Dense
    units: Dense

    def __call__(self, values: Float[Array, " i"]) -> Float[Array, " r"]:
        """The units for one example."""
        return jnp.where(self.gate(values)[0] > 0, self.units(values), 0)


class SideBySide(eqx.Module):
    """The units of several sections of the same inputs, one after the other.

    Attributes:
        sections: the sections.
    """

    sections: tuple[Section, ...]

    def __call__(self, values: Float[Array, " i"]) -> Float[Array, " o"]:
        """All units for one example."""
        return jnp.concatenate([section(values) for section in self.sections])


@dataclass(frozen=True)
class Reduction:
    """A network with fewer units.

    Attributes:
        sections: the network; other units come first, those of the block, now linear behind its gate, last.
        transform: T, shape (units now, units before): new values are T times the old ones wherever the block fires.
        values_rank: q, directions of the block's preactivations where it fires.
        read_rank: k, directions that the next section reads.
        lost: max |outputs' - outputs| / max |outputs| over the data.
    """

    sections: Sections
    transform: NDArray[np.float64]
    values_rank: int
    read_rank: int
    lost: float


def reduce_block(
    sections: Sections, layer: int, block: Sequence[int], inputs: ArrayLike, tolerance: float = TOLERANCE
) -> Reduction:
    """Replace a block of s units that fire together by as few linear units behind the same gate as the data allow.

    With values P = Z T^T of rank q where the block fires and read-outs V of rank k, the next section receives V P^T of
    rank at most min(q, k): that many units are left. Where both ranks are s nothing can be left out, however well the
    units are synchronised.

    Args:
        sections: the network; the next section must be a `Dense` too.
        layer: of the units, counted from 1.
        block: units with one firing pattern on the data, in which they do fire.
        inputs: X, shape (examples, d_in).
        tolerance: singular values below it times the largest one are cut off.

    Raises:
        ValueError: for units that do not fire together, or never, or a next section that is not a `Dense`.
    """
    members = list(block)
    rectified(sections, layer)
    readout = sections.sections[layer] if layer < sections.depth else None
    if not isinstance(readout, Dense):
        raise ValueError(
            f"reduce_block: what reads layer {layer} must be a `Dense` section; got {type(readout).__name__}."
        )
    before = preactivations(sections, layer, inputs)
    _check_block(before, members)
    fires = before[:, members[0]] > 0
    values, read = before[fires][:, members], np.asarray(readout.weight)[:, members]
    # On what the block reaches, V = L T with T of as many rows as V P^T has directions.
    _, sizes, right = np.linalg.svd(values / np.sqrt(len(values)), full_matrices=False)
    reached = Spectrum.cut(sizes, tolerance)
    lift = right[: reached.rank].T * sizes[: reached.rank]
    left, kept, back = np.linalg.svd(read @ lift, full_matrices=False)
    needed = Spectrum.cut(kept, tolerance).rank
    transform = back[:needed] @ (right[: reached.rank] / sizes[: reached.rank, None])
    found = _without(sections, layer, members, transform, left[:, :needed] * kept[:needed])
    table = jnp.asarray(np.asarray(inputs, np.float64))
    lost = relative_loss(np.asarray(outputs_of(found, table)), np.asarray(outputs_of(sections, table)))
    read_rank = Spectrum.cut(np.linalg.svd(read, compute_uv=False), tolerance).rank
    return Reduction(found, transform, reached.rank, read_rank, lost)


def _without(
    sections: Sections,
    layer: int,
    members: list[int],
    transform: NDArray[np.float64],
    readouts: NDArray[np.float64],
) -> Sections:
    hidden, readout = rectified(sections, layer), sections.sections[layer]
    others = np.setdiff1d(np.arange(hidden.weight.shape[0]), members)
    mixing = jnp.asarray(transform)

    def part(rows: NDArray[np.int64] | list[int]) -> Dense:
        chosen = np.asarray(rows)
        return Dense(hidden.weight[chosen], None if hidden.bias is None else hidden.bias[chosen], hidden.activation)

    of_block = part(members)
    linear = Dense(mixing @ of_block.weight, None if of_block.bias is None else mixing @ of_block.bias)
    gate = part(members[:1])
    units = SideBySide((part(others), GatedUnits(gate, linear)))
    assert isinstance(readout, Dense)
    weight = jnp.concatenate([readout.weight[:, others], jnp.asarray(readouts)], axis=1)
    changed = (units, Dense(weight, readout.bias, readout.activation))
    return Sections((*sections.sections[: layer - 1], *changed, *sections.sections[layer + 1 :]), sections.constant)


def _check_block(before: NDArray[np.float64], members: list[int]) -> None:
    units = before.shape[1]
    if len(set(members)) != len(members) or not members or not set(members) <= set(range(units)):
        raise ValueError(f"reduce_block: a block is some of the units 0 to {units - 1}, each once; got {members}.")
    fires = before[:, members] > 0
    if not np.all(fires == fires[:, :1]) or not fires.any():
        found = firing_blocks(before)
        raise ValueError(
            f"reduce_block: the units {members} do not fire together; those that do are "
            f"{', '.join(map(str, found.synchronised)) or 'none'}."
        )
