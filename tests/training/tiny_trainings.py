"""A recurrent model of a few numbers, and trainings that take a moment."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp

from ntadyn.training import Recall, TrainingSpec
from ntadyn.training.program import Program


class Tiny(eqx.Module):
    """h <- tanh(A h + B x), y = C h, of one-hot symbols or of vectors."""

    recurrent: jax.Array
    reading: jax.Array
    readout: jax.Array
    number: int | None = eqx.field(static=True)

    def initial_state(self):
        return jnp.zeros_like(self.recurrent[0])

    def __call__(self, state, inputs):
        if self.number is not None:
            inputs = jax.nn.one_hot(inputs, self.number, dtype=self.reading.dtype)

        def one(state, x):
            state = jnp.tanh(self.recurrent @ state + self.reading @ x)
            return state, self.readout @ state

        return jax.lax.scan(one, state, inputs)


def maker(inputs, outputs, symbols, width=6):
    def make(key):
        keys = jax.random.split(key, 3)
        shapes = ((width, width), (width, inputs), (outputs, width))
        recurrent, reading, readout = (jax.random.normal(k, s) / 3.0 for k, s in zip(keys, shapes, strict=True))
        return Tiny(recurrent, reading, readout, symbols)

    return make


RECALL = Recall(symbols=8, length=10, pairs=2, held_out=16)
RECALLING = maker(8, 8, 8)
SPEC = TrainingSpec(RECALL, steps=40, batch=4, rates=(0.03,), seeds=2, evaluations=4)


def spec(**changes):
    return dataclasses.replace(SPEC, **changes)


def program(spec, make=RECALLING):
    return Program(spec, spec.data.build(), make)
