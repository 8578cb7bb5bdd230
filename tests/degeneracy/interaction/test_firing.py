"""Units that fire together, and what can be left out of them."""

import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.degeneracy.interaction.firing import firing_blocks, firing_of, nearly_together
from ntadyn.degeneracy.interaction.reduction import reduce_block
from ntadyn.degeneracy.interaction.sections import Dense, chain
from tests.degeneracy.interaction.planted import normal, rectified, synchronised


@pytest.mark.parametrize(("sizes", "free"), [((), 7), ((2,), 9), ((3,), 13), ((2, 3), 15)])
def test_planted_blocks_are_found(sizes, free):
    """T21, the blocks; `test_ledger` has the nullities."""
    network, inputs = synchronised(sizes, examples=1000)
    found = firing_of(network, 1, inputs)
    starts = np.cumsum((0, *sizes))
    planted = {tuple(range(start, start + size)) for start, size in zip(starts[:-1], sizes, strict=True)}
    assert set(found.synchronised) == planted
    assert found.free_directions == free
    assert (found.dead, found.always_on) == ((), ())


def test_dead_units_and_those_that_are_always_on_have_blocks_of_their_own():
    values = normal(0, 50, 6)
    values[:, 1] = -np.abs(values[:, 1])
    values[:, [2, 4]] = 0.5 + np.abs(values[:, [2, 4]])
    values[:, 5] = 3 * values[:, 0]
    found = firing_blocks(values)
    assert (found.blocks, found.dead, found.always_on) == (((0, 5), (3,)), (1,), (2, 4))
    assert found.synchronised == ((0, 5), (2, 4))
    assert found.free_directions == 4 + 1 + 4
    assert found.margin((2, 4)) == np.abs(values[:, [2, 4]]).min() > 0.5


def test_nearly_synchronised_units_are_linked_in_chains():
    """Units 0, 1, 2 differ on one example from neighbour to neighbour; unit 3 on half of the data."""
    patterns = np.array([[1, 1, 1, 1], [1, 1, 0, 0], [1, 0, 0, 1], [0, 0, 0, 1]] + [[1, 1, 1, 0]] * 6)
    found = firing_blocks(np.where(patterns == 1, 1.0, -1.0))
    assert [nearly_together(found, tau) for tau in (0.0, 0.1)] == [((0,), (1,), (2,), (3,)), ((0, 1, 2), (3,))]
    assert nearly_together(found, 1.0) == ((0, 1, 2, 3),)
    with pytest.raises(ValueError, match="between 0 and 1"):
        nearly_together(found, 1.5)


@pytest.fixture(scope="module")
def pair():
    """Units 0 and 1 fire together; two outputs."""
    return synchronised((2,), outputs=2, examples=500)


@pytest.mark.slow
def test_synchronised_units_cannot_in_general_be_merged(pair):
    """The seed leaves out one of two units that fire together; they share when they fire, not what they say."""
    network, inputs = pair
    reduced = reduce_block(network, 1, (0, 1), inputs)
    assert (reduced.values_rank, reduced.read_rank, reduced.transform.shape) == (2, 2, (2, 2))
    assert reduced.lost < 1e-9
    hidden, readout = network.sections
    without = rectified(hidden.weight[1:], readout.weight[:, 1:])
    outputs = network.activations(inputs)[-1]
    off = np.abs(without.activations(inputs)[-1] - outputs).max() / np.abs(outputs).max()
    assert off > 0.1


def test_the_example_of_the_seed_is_the_one_that_can(pair):
    """B = A always, as the seed has it: values have one direction, and one unit with the sum of read-outs is left."""
    network, inputs = pair
    hidden, readout = network.sections
    same = rectified(hidden.weight.at[1].set(hidden.weight[0]), readout.weight)
    reduced = reduce_block(same, 1, (0, 1), inputs)
    assert (reduced.values_rank, reduced.read_rank, reduced.transform.shape) == (1, 2, (1, 2))
    assert reduced.lost < 1e-9
    assert len(reduced.sections.activations(inputs)[1][0]) == 6


def test_a_block_is_as_large_as_what_is_read_of_it():
    """T22: three units with biases, of which two outputs read two directions; the outputs stay."""
    weights = normal(0, 3, 5)
    weights[0, 4] = 0.1
    weights[1:] = weights[0] + 0.05 * weights[1:]
    first = Dense(jnp.asarray(normal(1, 4, 3)), jnp.asarray(normal(2, 4)), jnp.tanh)
    filler = np.concatenate([weights[:, :4], normal(3, 2, 4)])
    hidden = rectified(filler, normal(4, 2, 5), biases=[np.r_[weights[:, 4], normal(5, 2)], normal(6, 2)])
    network = chain(first, *hidden.sections)
    inputs = normal(7, 600, 3)
    before = np.asarray(network.activations(inputs)[1][:, :-1]) @ filler.T + np.r_[weights[:, 4], normal(5, 2)]
    fires = before[:, :3] > 0
    inputs = inputs[np.all(fires == fires[:, :1], axis=1)]
    reduced = reduce_block(network, 2, (0, 1, 2), inputs)
    assert (reduced.values_rank, reduced.read_rank, reduced.transform.shape) == (3, 2, (2, 3))
    assert reduced.lost < 1e-9


def test_what_is_no_block_is_refused(pair):
    network, inputs = pair
    with pytest.raises(ValueError, match="do not fire together; those that do are"):
        reduce_block(network, 1, (0, 2), inputs)
    with pytest.raises(ValueError, match="some of the units 0 to 6"):
        reduce_block(network, 1, (0, 9), inputs)
    with pytest.raises(ValueError, match="comes out of Dense"):
        reduce_block(network, 2, (0, 1), inputs)
    with pytest.raises(ValueError, match="comes out of none"):
        firing_of(network, 3, inputs)
    ends = chain(network.sections[0])
    with pytest.raises(ValueError, match="must be a `Dense` section"):
        reduce_block(ends, 1, (0, 1), inputs)
