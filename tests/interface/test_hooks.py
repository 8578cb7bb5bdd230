"""Hooks at the edges of blocks, and states of which a part is carried along."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.interface import AbstractFlow, AbstractUpdate
from ntadyn.simulation import RESULTS, Adaptive, FixedSteps, GradientDescent, Updates, integrate, simulate
from ntadyn.simulation.time_grid import lay_out
from ntadyn.tasks.curricula import sequence

DURATIONS = (0.5, 0.25, 1.0, 0.75)
# The second and the third block have the same task: a switch all the same.
CURRICULUM = sequence([0, 1, 1, 2], DURATIONS, 3)
RECORDED = {"x": lambda system, state, task: state.x, "starts": lambda system, state, task: state.starts}


class Logged(eqx.Module):
    """A number that decays to its anchor, and what the hooks have seen."""

    x: jax.Array
    anchor: jax.Array
    key: jax.Array
    starts: jax.Array
    seen: jax.Array


class Anchored(AbstractFlow):
    """dx/dt = anchor - x; the anchor is where x was at the end of the last block."""

    num_tasks: int = 3

    def initial_state(self, network: Any) -> Logged:
        return Logged(
            jnp.asarray(1.0), jnp.asarray(0.0), jax.random.key(0), jnp.asarray(0), jnp.zeros((len(DURATIONS), 9))
        )

    def loss(self, state, task):
        return state.x**2

    def vector_field(self, t, state, task):
        return Logged(state.anchor - state.x, None, None, None, None)

    def flowing(self, state):
        return Logged(True, False, False, False, False)

    def at_block_start(self, state, block):
        return eqx.tree_at(lambda s: s.starts, state, state.starts + 1)

    def at_block_end(self, state, block):
        numbers = [block.start, block.end, *(jnp.argmax(task) for task in (block.ended, block.task, block.begins))]
        numbers += [block.is_first, block.is_last, block.index, state.starts]
        row = jnp.stack([jnp.asarray(number, state.x.dtype) for number in numbers])
        return Logged(
            state.x, state.x + 1, jax.random.split(state.key)[0], state.starts, state.seen.at[block.index].add(row)
        )


class AnchoredUpdate(AbstractUpdate):
    """The same in steps of its own."""

    flow: Anchored = Anchored()
    num_tasks: int = 3

    initial_state = Anchored.initial_state
    loss = Anchored.loss
    at_block_start = Anchored.at_block_start
    at_block_end = Anchored.at_block_end

    def default_step(self, state, tasks):
        return 0.01

    def update(self, state, task, step):
        return eqx.tree_at(lambda s: s.x, state, state.x + step * (state.anchor - state.x))


EXPECTED = np.array(
    [
        [0.0, 0.5, 0, 0, 1, 1, 0, 0, 1],
        [0.5, 0.75, 0, 1, 1, 0, 0, 1, 2],
        [0.75, 1.75, 1, 1, 2, 0, 0, 2, 3],
        [1.75, 2.5, 1, 2, 2, 0, 1, 3, 4],
    ]
)


def exact_ends():
    x, anchor, ends = 1.0, 0.0, []
    for duration in DURATIONS:
        x = anchor + (x - anchor) * np.exp(-duration)
        ends.append(x)
        anchor = x + 1
    return ends


@pytest.mark.representatives(2)
@pytest.mark.parametrize("method", [None, FixedSteps(), FixedSteps(max_step=0.3), Adaptive(), GradientDescent(1e-3)])
@pytest.mark.parametrize("records", [0, 3])
def test_every_method_calls_hooks_once_per_block(method, records):
    system = Anchored()
    found = simulate(
        system, CURRICULUM, system.initial_state(None), method=method, observables=RECORDED, records_per_block=records
    )
    assert bool(found.result == RESULTS.successful)
    np.testing.assert_allclose(found.final_state.seen, EXPECTED, atol=1e-12)
    ends = found.at_block_ends(found.values["x"])
    np.testing.assert_allclose(ends, exact_ends(), atol=2e-3 if isinstance(method, GradientDescent) else 1e-6)
    # The record at the start of a block lies behind both hooks, that at its end before the next one.
    np.testing.assert_array_equal(found.values["starts"], found.blocks + 1)


def test_updates_call_hooks_once_per_block():
    system = AnchoredUpdate()
    found = simulate(system, CURRICULUM, system.initial_state(None), method=Updates(1e-3), observables=RECORDED)
    np.testing.assert_allclose(found.final_state.seen, EXPECTED, atol=1e-12)
    np.testing.assert_allclose(found.at_block_ends(found.values["x"]), exact_ends(), atol=2e-3)


@pytest.mark.slow
def test_hooks_of_a_batch_and_of_a_padded_grid():
    system = Anchored()
    grid = lay_out(CURRICULUM, 0.1).padded(15)
    states = jax.vmap(lambda x: eqx.tree_at(lambda s: s.x, system.initial_state(None), x))(jnp.array([1.0, 2.0]))

    def one(state):
        return integrate(system, CURRICULUM, state, FixedSteps(), grid, RECORDED)

    found = jax.vmap(one)(states)
    for row in found.final_state.seen:
        np.testing.assert_allclose(row, EXPECTED, atol=1e-12)


def test_what_is_carried_does_not_flow():
    system = Anchored()
    curriculum = sequence([0], [1.0], 3)
    found = simulate(system, curriculum, system.initial_state(None), observables=RECORDED)
    assert float(found.values["x"][-1]) == pytest.approx(np.exp(-1.0), rel=1e-6)
    assert jnp.issubdtype(found.final_state.key.dtype, jax.dtypes.prng_key)


def test_a_field_that_is_not_like_the_state_is_refused_by_name():
    class Wrong(Anchored):
        def vector_field(self, t, state, task):
            return Logged(jnp.zeros(2), None, None, None, None)

    class Broken(Anchored):
        def vector_field(self, t, state, task):
            raise KeyError("somebody's own mistake")

    with pytest.raises(ValueError, match=r"(?s)Wrong.vector_field returns .*not like the part.*Wrong.flowing"):
        simulate(Wrong(), CURRICULUM, Anchored().initial_state(None))
    with pytest.raises(KeyError, match="own mistake") as raised:
        simulate(Broken(), CURRICULUM, Anchored().initial_state(None))
    assert any("Broken.vector_field" in note for note in raised.value.__notes__)
