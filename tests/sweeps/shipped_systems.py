"""Specs of the seven systems that ship, with parameters of their own names; a `Configuration` can say three of them."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from ntadyn.dynamics import (
    DeepOrderParameters,
    GradientFlow,
    OnlineSGD,
    OrderParameters,
    SVDModes,
    Symmetric,
    toy_flow,
)
from ntadyn.networks import DeepLinear, GatedLinear
from ntadyn.regularizers import ColumnL2, Nonnegativity, UnitL1Norm, UnitL2Norm
from ntadyn.tasks import from_matrices
from ntadyn.tasks.curricula import alternating
from ntadyn.tasks.teachers import orthogonal

D_OUT, D_IN, PATHS, UNITS = 2, 3, 2, 4
KINKED = Nonnegativity(0.3) + UnitL1Norm(1.5)
ON_SPHERE = UnitL2Norm(0.5)


@dataclass(frozen=True)
class AnySystem:
    """What all specs below share: the speed of the gates, and how the two tasks alternate."""

    gates_take: float = 0.3
    block: float = 0.3
    num_blocks: int = 3

    def build(self, keys):
        system, network = self.make(keys, {"gates": self.gates_take, "weights": 1.1})
        return system, system.initial_state(network)

    def make(self, keys, time_constants) -> Any:
        raise NotImplementedError

    def build_curriculum(self, system):
        return alternating(2, self.num_blocks, self.block)


def tasks_of(keys):
    return from_matrices(0.6 * jax.random.normal(keys.teachers, (2, D_OUT, D_IN)))


def network_of(keys, paths=PATHS):
    gates, weights = jax.random.split(keys.initial)
    return GatedLinear(
        jax.random.uniform(gates, (paths,), minval=0.3, maxval=0.7),
        0.5 * jax.random.normal(weights, (paths, D_OUT, D_IN)),
    )


def symmetric_network(keys):
    """Two paths on the symmetric manifold, each of which leans towards a task."""
    c, w, u = 0.2 * jax.random.normal(keys.initial, (3,))
    weights = jnp.asarray([[1 + w + u, 1 - w - u], [1 - w + u, 1 + w - u]]) / 2
    return GatedLinear(jnp.asarray([1 + c, 1 - c]) / 2, weights[:, :, None])


@dataclass(frozen=True)
class Flow(AnySystem):
    def make(self, keys, time_constants):
        return GradientFlow(tasks_of(keys), time_constants, {"gates": KINKED, "weights": ColumnL2(0.2)}), network_of(
            keys
        )


@dataclass(frozen=True)
class Overlaps(AnySystem):
    paths: int = PATHS

    def make(self, keys, time_constants):
        return OrderParameters(tasks_of(keys), time_constants, {"gates": KINKED}), network_of(keys, self.paths)


@dataclass(frozen=True)
class DeepOverlaps(AnySystem):
    """Two full layers, whose second one takes the place of gates."""

    def make(self, keys, time_constants):
        second, first = jax.random.split(keys.initial)
        network = DeepLinear(
            0.5 * jax.random.normal(second, (UNITS, D_OUT)), 0.5 * jax.random.normal(first, (UNITS, D_IN))
        )
        return DeepOrderParameters(tasks_of(keys), time_constants, {"gates": ON_SPHERE}), network


@dataclass(frozen=True)
class Modes(AnySystem):
    def make(self, keys, time_constants):
        return SVDModes(orthogonal(keys.teachers, 2, D_OUT, 2 * D_OUT), time_constants, {"gates": KINKED}), GatedLinear(
            network_of(keys).gates, 0.5 * jax.random.normal(keys.initial, (PATHS, D_OUT, 2 * D_OUT))
        )


@dataclass(frozen=True)
class Toy(AnySystem):
    mode_energy: float = 0.8

    def make(self, keys, time_constants):
        return toy_flow(time_constants, {"gates": KINKED}, self.mode_energy), symmetric_network(keys)


@dataclass(frozen=True)
class OnManifold(AnySystem):
    gate_sum: float = 1.0

    def make(self, keys, time_constants):
        network = symmetric_network(keys)
        return Symmetric(time_constants), GatedLinear(self.gate_sum * network.gates, network.weights)


@dataclass(frozen=True)
class Batches(AnySystem):
    samples: int = 20

    def make(self, keys, time_constants):
        flow = GradientFlow(tasks_of(keys), time_constants, {"gates": KINKED})
        return OnlineSGD(flow, keys.data, batch_size=self.samples), network_of(keys)


# System -> its spec, and the further parameter of its own that is swept.
SHIPPED = {
    "GradientFlow": Flow(),
    "OrderParameters": Overlaps(),
    "DeepOrderParameters": DeepOverlaps(),
    "SVDModes": Modes(),
    "toy_flow": Toy(),
    "Symmetric": OnManifold(),
    "OnlineSGD": Batches(),
}
