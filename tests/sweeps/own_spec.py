"""A network of somebody's own: one tanh layer that learns data sets in turn, without gates, teachers or overlaps."""

from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from ntadyn.interface import AbstractFlow
from ntadyn.tasks.curriculum import Listed

SAMPLES, INPUTS, HIDDEN = 12, 3, 4


class TanhState(eqx.Module):
    v: jax.Array
    w: jax.Array


class TanhFlow(AbstractFlow):
    """tau_v dv/dt = -dL/dv, tau_w dw/dt = -dL/dw, y = v tanh(w x), on the data set that the task is the index of."""

    inputs: jax.Array
    targets: jax.Array
    tau_v: jax.Array
    tau_w: jax.Array

    @property
    def num_tasks(self):
        return self.targets.shape[0]

    def initial_state(self, network):
        return TanhState(*network)

    def loss(self, state, task):
        outputs = jnp.tanh(self.inputs @ state.w.T) @ state.v
        return 0.5 * jnp.mean((outputs - self.targets[task]) ** 2)

    def vector_field(self, t, state, task):
        slope = jax.grad(self.loss)(state, task)
        return TanhState(-slope.v / self.tau_v, -slope.w / self.tau_w)

    def observables(self):
        return super().observables() | {"norm": norm}


def norm(system, state, task):
    """The norm of the hidden weights."""
    return jnp.sqrt(jnp.sum(state.w**2))


@dataclass(frozen=True)
class Speeds:
    tau_v: float = 0.1
    tau_w: float = 1.0


@dataclass(frozen=True)
class TanhOnData:
    speeds: Speeds = Speeds()
    scale: float = 0.5
    block: float = 0.5
    num_blocks: int = 4
    num_sets: int = 2

    def check(self):
        if self.num_sets < 1:
            raise ValueError(f"num_sets is {self.num_sets}; at least one data set is needed.")

    def build(self, keys):
        first, second = jax.random.split(keys.teachers)
        inputs = jax.random.normal(first, (SAMPLES, INPUTS))
        targets = jax.random.normal(second, (self.num_sets, SAMPLES))
        v, w = jax.random.split(keys.initial)
        network = (
            self.scale * jax.random.normal(v, (HIDDEN,)),
            self.scale * jax.random.normal(w, (HIDDEN, INPUTS)),
        )
        system = TanhFlow(inputs, targets, jnp.asarray(self.speeds.tau_v), jnp.asarray(self.speeds.tau_w))
        return system, system.initial_state(network)

    def build_curriculum(self, system: Any):
        tasks = jnp.arange(self.num_blocks) % self.num_sets
        durations = jnp.full(self.num_blocks, self.block)
        return Listed(tasks=tasks, durations=durations, num_tasks=self.num_sets)
