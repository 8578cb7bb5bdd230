"""A step of training against optax, schedules, lanes that do not know of each other."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ntadyn.nested.sequence_models import MODELS, Tokens, build
from ntadyn.sweeps.plan import Precision
from ntadyn.training import Recall, TrainingSpec, preset
from ntadyn.training.program import DATA, MODEL, Lane, Program, maker_of, optimiser_of
from ntadyn.training.schedule import rate_share
from ntadyn.training.spec import MODEL_NAMES
from tests.training.tiny_trainings import RECALLING, SPEC, program, spec


def test_the_names_of_models_are_known_without_jax():
    assert set(MODEL_NAMES) == set(MODELS)


@pytest.mark.parametrize(("warm_up", "last"), [(0.1, 0.0), (0.25, 0.5), (0.0, 1.0)])
def test_the_schedule_rises_linearly_and_falls_as_half_a_cosine(warm_up, last):
    steps = 40
    warm = max(1, int(warm_up * steps))
    ours = np.array([float(rate_share(n, steps, warm_up, last)) for n in range(steps)])
    np.testing.assert_allclose(ours[:warm], np.arange(1, warm + 1) / warm, atol=1e-12)
    cosine = optax.schedules.cosine_decay_schedule(1.0, steps - warm, alpha=last)
    np.testing.assert_allclose(ours[warm:], [np.asarray(cosine(n)) for n in range(steps - warm)], atol=1e-7)


@pytest.fixture
def promoting():
    """As optax needs it, which raises real numbers to whole powers."""
    with jax.numpy_dtype_promotion("standard"):
        yield


@pytest.mark.slow
@pytest.mark.usefixtures("promoting")
def test_steps_are_those_of_adamw_on_clipped_gradients():
    given = spec(weight_decay=0.1, clip=0.3, precision=Precision.DOUBLE)
    lane = Lane(3, 0.02)
    mine = program(given)
    task = mine.task
    theirs = RECALLING(jax.random.fold_in(jax.random.key(3), MODEL))
    rates = [0.02 * float(rate_share(n, given.steps, given.warm_up, given.last_rate)) for n in range(5)]
    optimiser = optax.chain(
        optax.clip_by_global_norm(0.3), optax.adamw(lambda n: jnp.asarray(rates)[n], weight_decay=0.1)
    )
    memory = optimiser.init(eqx.filter(theirs, eqx.is_inexact_array))
    state = mine.start((lane,))
    for step in range(5):
        key = jax.random.fold_in(jax.random.fold_in(jax.random.key(3), DATA), step)
        batch = task.draw(key, given.batch, jnp.asarray(step))

        @eqx.filter_value_and_grad
        def loss(model, batch=batch):
            answers = jax.vmap(lambda x: model(model.initial_state(), x)[1])(batch.inputs)
            each = optax.losses.softmax_cross_entropy_with_integer_labels(answers, batch.targets)
            return jnp.sum(each * batch.weights) / jnp.sum(batch.weights)

        value, gradient = loss(theirs)
        update, memory = optimiser.update(gradient, memory, theirs)
        theirs = eqx.apply_updates(theirs, update)
        state, losses = mine.step(state, (lane,), step, given.steps)
        assert float(losses[0]) == pytest.approx(float(value), abs=1e-12)
    for ours, other in zip(jax.tree.leaves(mine.models(state)[0]), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(ours, other, atol=1e-12)


@pytest.mark.slow
def test_lanes_do_not_know_of_each_other():
    """Side by side or alone, a lane has the same losses."""
    lanes = (Lane(0, 0.02), Lane(1, 0.01), Lane(0, 0.05))
    mine = program(spec(precision=Precision.DOUBLE))

    def losses(lanes):
        state, told = mine.start(lanes), []
        for step in range(6):
            state, loss = mine.step(state, lanes, step, 40)
            told.append(np.asarray(loss))
        return np.stack(told, axis=1)

    np.testing.assert_allclose(losses(lanes)[1:2], losses(lanes[1:2]), atol=1e-13)
    together = losses(lanes)
    assert together[0, 0] == together[2, 0]
    assert together[0, -1] != together[2, -1]
    assert together[0, 0] != together[1, 0]


@pytest.mark.slow
@pytest.mark.usefixtures("promoting")
def test_levels_move_by_their_clocks():
    given = spec(model="hope-attention", chunks=(1, 2, 4), shares=(1.0, 0.5, 0.25))
    model = build("hope-attention", inputs=Tokens(8), outputs=8, width=4, depth=1, hidden=6, key=jax.random.key(0))
    trained = eqx.filter(model, eqx.is_inexact_array)
    optimiser = optimiser_of(given, trained)
    memory = optimiser.init(trained)
    ones = jax.tree.map(jnp.ones_like, trained)
    moved = []
    for _ in range(4):
        update, memory = optimiser.update(ones, memory, trained)
        (block,) = update.blocks  # pyright: ignore[reportAttributeAccessIssue]
        levels = [jnp.any(jax.tree.leaves(level)[0] != 0) for level in block.feed_forward.levels]
        moved.append([bool(level) for level in levels])
    assert moved == [[True, False, False], [True, True, False], [True, False, False], [True, True, True]]


def test_clocks_that_do_not_fit_the_model_are_refused():
    given = dataclasses.replace(SPEC, chunks=(1, 2, 4), model="transformer", width=8, depth=1)
    task = given.data.build()
    with pytest.raises(ValueError, match="with 1 levels"):
        Program(given, task, maker_of(given, task))


def test_attention_that_would_not_see_whole_sequences_is_refused():
    attending = TrainingSpec(Recall(length=513), model="transformer")
    with pytest.raises(ValueError, match="looks back over 512 tokens, and sequences have 513"):
        maker_of(attending, attending.data.build())
    maker_of(dataclasses.replace(attending, model="gated-delta"), attending.data.build())


def test_nobody_stands_beside_teachers_that_are_fresh_in_every_sequence():
    assert preset("regression-fresh").data.references() == ({}, {})
