"""The systems that every test of the common interface runs through, and the problems that several tests share."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ntadyn.dynamics import (
    DeepOrderParameters,
    GradientFlow,
    OnlineSGD,
    OrderParameters,
    SVDModes,
    Symmetric,
    toy_flow,
)
from ntadyn.interface import AbstractFlow, AbstractSystem
from ntadyn.networks import DeepLinear, GatedLinear, NeuronGatedLinear
from ntadyn.regularizers import ColumnL2, Nonnegativity, UnitL1Norm, UnitL2Norm
from ntadyn.tasks import Blocked, TaskSet, from_matrices
from ntadyn.tasks.curricula import alternating
from ntadyn.tasks.teachers import orthogonal

TIME_CONSTANTS = {"gates": 0.3, "weights": 1.1}
KINKED = Nonnegativity(0.3) + UnitL1Norm(1.5)
ON_SPHERE = Nonnegativity(0.2) + UnitL2Norm(0.5)


class Case(NamedTuple):
    """One system with a network to start from.

    Attributes:
        name: what the test is called.
        make: dtype -> (system, network).
        white: the loss is a function of the overlaps (inputs have identity covariance).
        descends: the field is that of the population, hence never uphill.
    """

    name: str
    make: Callable[[Any], tuple[AbstractSystem, Any]]
    white: bool = True
    descends: bool = True


def general_tasks(
    num_tasks: int = 2, d_out: int = 2, d_in: int = 3, seed: int = 0, dtype: Any = jnp.float64
) -> TaskSet:
    """Teachers with nothing special about them: neither orthogonal nor of equal size."""
    return from_matrices(0.6 * jax.random.normal(jax.random.key(seed), (num_tasks, d_out, d_in), dtype))


def orthonormal_rows(number: int, d_in: int, seed: int = 0) -> np.ndarray:
    """Orthogonal rows of length one, shape (number, d_in); to make teachers of, and nothing is compiled."""
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(d_in, number)))[0].T


def orthogonal_tasks(num_tasks: int, d_out: int, d_in: int) -> TaskSet:
    """Teachers of which all rows are orthogonal and of length one, and nothing is compiled."""
    return from_matrices(orthonormal_rows(num_tasks * d_out, d_in).reshape(num_tasks, d_out, d_in))


def general_network(
    kind: type[eqx.Module] = GatedLinear,
    paths: int = 3,
    d_out: int = 2,
    d_in: int = 3,
    seed: int = 1,
    dtype: Any = jnp.float64,
) -> Any:
    """Different positive gates and weights of the size of the teachers; `paths` hidden units if it has two layers."""
    key_gates, key_weights = jax.random.split(jax.random.key(seed))
    gate_shape = (paths,) if kind is GatedLinear else (paths, d_out)
    weight_shape = (paths, d_in) if kind is DeepLinear else (paths, d_out, d_in)
    gates = jax.random.uniform(key_gates, gate_shape, dtype, 0.3, 0.7)
    return kind(gates, 0.5 * jax.random.normal(key_weights, weight_shape, dtype))


def covariance(d_in: int = 3, dtype: Any = jnp.float64) -> jax.Array:
    """A covariance matrix with different variances along rotated axes."""
    root = jnp.eye(d_in, dtype=dtype) + 0.3 * jax.random.normal(jax.random.key(5), (d_in, d_in), dtype)
    return root @ root.T


def two_blocks(dtype: Any = jnp.float64) -> Blocked:
    """A, B."""
    return alternating(2, 2, jnp.asarray(0.7, dtype))


def symmetric_network(gate_difference: float = -0.4, weight_difference: float = 0.7, dtype: Any = jnp.float64) -> Any:
    """A toy network on the symmetric manifold."""
    own, other = 0.5 * (1 + weight_difference), 0.5 * (1 - weight_difference)
    weights = jnp.asarray([[own + 0.1, other - 0.1], [other + 0.1, own - 0.1]], dtype)
    gates = jnp.asarray([0.5 * (1 + gate_difference), 0.5 * (1 - gate_difference)], dtype)
    return GatedLinear(gates, weights[:, :, None])


def _flow(dtype):
    penalties = {"gates": KINKED, "weights": ColumnL2(0.2)}
    return GradientFlow(general_tasks(dtype=dtype), TIME_CONSTANTS, penalties), general_network(dtype=dtype)


def _coloured(dtype):
    tasks = general_tasks(dtype=dtype)
    system = GradientFlow(tasks, TIME_CONSTANTS, {"gates": KINKED}, covariance(dtype=dtype))
    return system, general_network(dtype=dtype)


def _neuron_gated(dtype):
    system = GradientFlow(general_tasks(dtype=dtype), TIME_CONSTANTS, {"gates": ON_SPHERE})
    return system, general_network(NeuronGatedLinear, paths=2, dtype=dtype)


def _order_parameters(dtype):
    return OrderParameters(general_tasks(dtype=dtype), TIME_CONSTANTS, {"gates": KINKED}), general_network(dtype=dtype)


def _order_parameters_by_row(dtype):
    tasks = general_tasks(dtype=dtype)
    return OrderParameters(tasks, TIME_CONSTANTS, {"gates": KINKED}, row_resolved=True), general_network(dtype=dtype)


def _order_parameters_per_neuron(dtype):
    system = OrderParameters(general_tasks(dtype=dtype), TIME_CONSTANTS, {"gates": KINKED}, row_resolved=True)
    return system, general_network(NeuronGatedLinear, paths=2, dtype=dtype)


def _svd_modes(dtype):
    tasks = orthogonal(jax.random.key(3), 2, 2, 5, dtype=dtype)
    return SVDModes(tasks, TIME_CONSTANTS, {"gates": KINKED}), general_network(paths=2, d_in=5, dtype=dtype)


def _symmetric(dtype):
    return Symmetric(TIME_CONSTANTS, dtype), symmetric_network(dtype=dtype)


def _toy(dtype):
    return toy_flow(TIME_CONSTANTS, {"gates": KINKED}, 0.8, dtype), symmetric_network(dtype=dtype)


def _online(dtype):
    flow = GradientFlow(general_tasks(dtype=dtype), TIME_CONSTANTS, {"gates": KINKED})
    return OnlineSGD(flow, jax.random.key(9), batch_size=50), general_network(dtype=dtype)


# More hidden units than `Splitting` is made for.
MANY_UNITS = 17


def _two_layers(dtype):
    system = GradientFlow(general_tasks(dtype=dtype), TIME_CONSTANTS, {"gates": ON_SPHERE}, covariance(dtype=dtype))
    return system, general_network(DeepLinear, MANY_UNITS, dtype=dtype)


def _two_layers_order_parameters(dtype):
    system = DeepOrderParameters(general_tasks(dtype=dtype), TIME_CONSTANTS, {"gates": ON_SPHERE})
    return system, general_network(DeepLinear, MANY_UNITS, dtype=dtype)


def _two_layers_online(dtype):
    flow = GradientFlow(general_tasks(dtype=dtype), TIME_CONSTANTS, {"gates": ON_SPHERE})
    return OnlineSGD(flow, jax.random.key(9), batch_size=50), general_network(DeepLinear, paths=4, dtype=dtype)


CASES = (
    Case("gradient flow", _flow),
    Case("gradient flow, coloured inputs", _coloured, white=False),
    Case("gradient flow, gates per neuron", _neuron_gated),
    Case("order parameters", _order_parameters),
    Case("order parameters by row", _order_parameters_by_row),
    Case("order parameters, gates per neuron", _order_parameters_per_neuron),
    Case("singular modes", _svd_modes),
    Case("symmetric", _symmetric),
    Case("toy", _toy),
    Case("online", _online, descends=False),
    Case("two layers", _two_layers, white=False),
    Case("two layers, order parameters", _two_layers_order_parameters),
    Case("two layers, online", _two_layers_online, descends=False),
)


def parameters(tree: Any) -> Any:
    """The floating-point leaves of a state, None elsewhere."""
    return eqx.filter(tree, eqx.is_inexact_array)


def direction(system: AbstractSystem, state: Any, task: jax.Array) -> Any:
    """How the parameters move per unit of time: along the field, or by an update that is linear in its step."""
    if isinstance(system, AbstractFlow):
        return system.vector_field(0.0, state, task)
    moved = parameters(system.update(state, task, jnp.ones((), task.dtype)))
    return jax.tree.map(jnp.subtract, moved, parameters(state))


def penalty_energy(system: AbstractSystem, gates: jax.Array, weights: jax.Array | None) -> jax.Array:
    """The sum of a system's penalties, evaluated from outside."""
    groups = {"gates": gates, "weights": weights}
    energies = [penalty.energy(groups[name]) for name, penalty in system.penalties.items()]
    return sum(energies, start=jnp.zeros((), gates.dtype))
