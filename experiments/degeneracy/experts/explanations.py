"""Why parameters of a network of experts can move without changing what it computes.

- activations: dU = u v^T and dR = u v^T where v is orthogonal to all inputs, dV = u v^T where it is to all units;
- single units: incoming weights that see nothing of the inputs on which the unit fires;
- synchronised units: dU = A U, dV = -V A inside a block of an expert that fires together; a block of one is a scale;
- gates: C_p / a with a V^p for a table; the same to all experts for a softmax, in R and in every b_m.
"""

from collections.abc import Iterator

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array
from numpy.typing import NDArray

from experiments.degeneracy.experts.network import Experts, Router, Table
from ntadyn.degeneracy.interaction import Explanation, Ledger, firing_blocks, ledger
from ntadyn.degeneracy.interaction.null_directions import ACTIVATIONS, SYNCHRONISED, UNITS

GATES = "scales of gates"
TOLERANCE = 1e-8


def ledger_of(network: Experts, inputs: NDArray[np.float64]) -> Ledger:
    """The ledger of the parameters that are learned: weights, and gates or router.

    Args:
        network: the network.
        inputs: shape (examples, d_in).
    """
    explanations = [
        Explanation(ACTIVATIONS, _stacked(network, _of_activations(network, inputs))),
        Explanation(UNITS, _stacked(network, _of_units(network, inputs))),
        Explanation(SYNCHRONISED, _stacked(network, _of_blocks(network, inputs))),
        Explanation(GATES, _stacked(network, _of_gates(network))),
    ]
    return ledger(_apply, network, inputs, explanations, TOLERANCE)


def _apply(network: Experts, x: Array) -> Array:
    return network(x)


def _stacked(network: Experts, directions: Iterator[Experts]) -> NDArray[np.float64]:
    rows = [np.asarray(ravel_pytree(each)[0]) for each in directions]
    size = ravel_pytree(network)[0].size
    return np.stack(rows) if rows else np.zeros((0, size))


def _moved(
    network: Experts, where: str, value: NDArray[np.float64], *others: tuple[str, NDArray[np.float64]]
) -> Experts:
    """The direction that moves some arrays and nothing else."""
    direction = jax.tree.map(np.zeros_like, network)
    for name, moved in ((where, value), *others):
        direction = eqx.tree_at(lambda each, name=name: _at(each, name), direction, jnp.asarray(moved))
    return direction


def _at(network: Experts, name: str) -> Array:
    return getattr(network if name in ("hidden", "readouts") else network.gates, name)


def _of_activations(network: Experts, inputs: NDArray[np.float64]) -> Iterator[Experts]:
    units = np.maximum(np.einsum("phi,ni->pnh", np.asarray(network.hidden), inputs), 0)
    seen = {"hidden": [inputs] * len(units), "readouts": list(units)}
    if isinstance(network.gates, Router):
        seen["looks"] = [inputs] * len(units)
    for name, of_experts in seen.items():
        shape = _at(network, name).shape
        unseen = [_orthogonal(each) for each in of_experts]
        for row in np.ndindex(shape[:-1]):
            for direction in unseen[row[0]]:
                value = np.zeros(shape)
                value[row] = direction
                yield _moved(network, name, value)


def _of_units(network: Experts, inputs: NDArray[np.float64]) -> Iterator[Experts]:
    for expert, patterns in enumerate(_firing(network, inputs)):
        for unit, fires in enumerate(patterns.T):
            for direction in _orthogonal(inputs[fires]):
                value = np.zeros(network.hidden.shape)
                value[expert, unit] = direction
                yield _moved(network, "hidden", value)


def _of_blocks(network: Experts, inputs: NDArray[np.float64]) -> Iterator[Experts]:
    hidden, readouts = np.asarray(network.hidden), np.asarray(network.readouts)
    for expert in range(len(hidden)):
        for block in firing_blocks(inputs @ hidden[expert].T).linear_blocks:
            for a in block:
                for b in block:
                    into, out_of = np.zeros(hidden.shape), np.zeros(readouts.shape)
                    into[expert, a] = hidden[expert, b]
                    out_of[expert, :, b] = -readouts[expert, :, a]
                    yield _moved(network, "hidden", into, ("readouts", out_of))


def _of_gates(network: Experts) -> Iterator[Experts]:
    gates = network.gates
    if isinstance(gates, Table):
        for expert in range(gates.gates.shape[1]):
            chosen = np.zeros(gates.gates.shape)
            chosen[:, expert] = np.asarray(gates.gates)[:, expert]
            out_of = np.zeros(network.readouts.shape)
            out_of[expert] = -np.asarray(network.readouts)[expert]
            yield _moved(network, "gates", chosen, ("readouts", out_of))
    elif isinstance(gates, Router):
        for name, axis, number in (("looks", 1, gates.looks.shape[1]), ("tells", 0, gates.tells.shape[0])):
            for place in range(number):
                value = np.zeros(_at(network, name).shape)
                np.moveaxis(value, axis, 0)[place] = 1
                yield _moved(network, name, value)


def _firing(network: Experts, inputs: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.einsum("phi,ni->pnh", np.asarray(network.hidden), inputs) > 0


def _orthogonal(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Orthonormal rows that are orthogonal to all of some."""
    if not len(rows):
        return np.eye(rows.shape[1])
    _, values, right = np.linalg.svd(rows, full_matrices=True)
    return right[int(np.sum(values > TOLERANCE * values[0])) :]
