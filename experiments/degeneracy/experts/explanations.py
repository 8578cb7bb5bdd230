"""Why parameters of a network of experts can move without changing what it computes.

- activations: dU = u v^T and dR = u v^T where v is orthogonal to all inputs, dV = u v^T where it is to all units;
- single units: incoming weights that see nothing of the inputs on which the unit fires;
- synchronised units: dU = A U, dV = -V A inside a block of an expert that fires together; a block of one is a scale;
- gates: C_p / a with a V^p for a table; for a softmax the same to all experts, in R and in every b_m, and what R makes
  of a pixel that is always dark, which b can undo;
- single examples: where a direction of inputs is that of one example alone, a softmax can be moved for that example by
  a vote a that has one mean s = g_m . a in all tasks, if the units of expert p are scaled there by 1 + s - a_p.
"""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from jaxtyping import Array
from numpy.typing import NDArray

from experiments.degeneracy.experts.network import Experts
from ntadyn.degeneracy.interaction import Explanation, Ledger, firing_blocks, ledger
from ntadyn.degeneracy.interaction.null_directions import ACTIVATIONS, SYNCHRONISED, UNITS

GATES, EXAMPLES = "scales of gates", "single examples"
TOLERANCE = 1e-8


def ledger_of(network: Experts, inputs: NDArray[np.float64]) -> Ledger:
    """The ledger of the parameters that are learned: weights, and gates or router.

    Args:
        network: the network.
        inputs: shape (examples, d_in).
    """
    groups = {"hidden": network.hidden, "readouts": network.readouts} | vars(network.gates)
    arrays = {name: np.asarray(value) for name, value in groups.items()}
    found = {
        ACTIVATIONS: _of_activations(arrays, inputs),
        UNITS: _of_units(arrays, inputs),
        SYNCHRONISED: _of_blocks(arrays, inputs),
        GATES: _of_gates(arrays, inputs),
        EXAMPLES: _of_examples(arrays, inputs),
    }
    explanations = [Explanation(name, _stacked(arrays, directions)) for name, directions in found.items()]
    return ledger(_apply, network, inputs, explanations, TOLERANCE)


def _apply(network: Experts, x: Array) -> Array:
    return network(x)


Arrays = Mapping[str, NDArray[np.float64]]
# A direction: what is moved of some arrays, at places of theirs; nothing else is.
Moves = Iterator[dict[str, tuple[Any, Any]]]


def _stacked(arrays: Arrays, directions: Moves) -> NDArray[np.float64]:
    """Directions in the order in which fields are flattened, shape (directions, parameters)."""
    rows = []
    for each in directions:
        moved = {name: np.zeros_like(array) for name, array in arrays.items()}
        for name, (place, value) in each.items():
            moved[name][place] = value
        rows.append(np.concatenate([array.ravel() for array in moved.values()]))
    return np.reshape(rows, (len(rows), sum(array.size for array in arrays.values())))


def _of_activations(arrays: Arrays, inputs: NDArray[np.float64]) -> Moves:
    units = list(np.maximum(np.einsum("phi,ni->pnh", arrays["hidden"], inputs), 0))
    seen = {"hidden": [inputs] * len(units), "readouts": units, "looks": [inputs] * len(units)}
    for name in seen.keys() & arrays.keys():
        unseen = [_orthogonal(each) for each in seen[name]]
        for row in np.ndindex(arrays[name].shape[:-1]):
            for direction in unseen[row[0]]:
                yield {name: (row, direction)}


def _of_units(arrays: Arrays, inputs: NDArray[np.float64]) -> Moves:
    fires = np.einsum("phi,ni->phn", arrays["hidden"], inputs) > 0
    for unit in np.ndindex(fires.shape[:2]):
        for direction in _orthogonal(inputs[fires[unit]]):
            yield {"hidden": (unit, direction)}


def _of_blocks(arrays: Arrays, inputs: NDArray[np.float64]) -> Moves:
    hidden, readouts = arrays["hidden"], arrays["readouts"]
    for expert in range(len(hidden)):
        for block in firing_blocks(inputs @ hidden[expert].T).linear_blocks:
            for a, b in itertools.product(block, block):
                yield {
                    "hidden": ((expert, a), hidden[expert, b]),
                    "readouts": ((expert, slice(None), b), -readouts[expert, :, a]),
                }


def _of_gates(arrays: Arrays, inputs: NDArray[np.float64]) -> Moves:
    for expert in range(len(arrays["hidden"])) if "gates" in arrays else ():
        chosen = (slice(None), expert)
        yield {"gates": (chosen, arrays["gates"][chosen]), "readouts": (expert, -arrays["readouts"][expert])}
    for pixel in range(arrays["looks"].shape[1]) if "looks" in arrays else ():
        yield {"looks": ((slice(None), pixel), 1.0)}
    for task in range(arrays["tells"].shape[0]) if "tells" in arrays else ():
        yield {"tells": (task, 1.0)}
    reads_one = np.linalg.lstsq(inputs, np.ones(len(inputs)))[0]
    if "tells" in arrays and np.allclose(inputs @ reads_one, 1.0, rtol=0, atol=TOLERANCE):
        for expert in range(len(arrays["tells"].T)):
            yield {"looks": (expert, reads_one), "tells": ((slice(None), expert), -1.0)}


def _of_examples(arrays: Arrays, inputs: NDArray[np.float64]) -> Moves:
    if "looks" not in arrays:
        return
    left, values, right = np.linalg.svd(inputs, full_matrices=False)
    rank = int(np.sum(values > TOLERANCE * values[0]))
    for example in np.flatnonzero(np.sum(left[:, :rank] ** 2, axis=1) > 1 - TOLERANCE):
        only = left[example, :rank] / values[:rank] @ right[:rank]  # only . x is 1 for this example, 0 for others
        votes = np.exp(arrays["looks"] @ inputs[example] + arrays["tells"])
        gates = votes / votes.sum(axis=1, keepdims=True)
        units = arrays["hidden"] @ inputs[example]
        for vote in _orthogonal(np.diff(gates, axis=0)):
            scales = (gates[0] @ vote - vote)[:, None] * units
            yield {"looks": (..., np.outer(vote, only)), "hidden": (..., scales[..., None] * only)}


def _orthogonal(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Orthonormal rows that are orthogonal to all of some."""
    if not len(rows):
        return np.eye(rows.shape[1])
    square = np.linalg.qr(rows, mode="r")  # a full decomposition would be as large as the data squared
    _, values, right = np.linalg.svd(square)
    return right[int(np.sum(values > TOLERANCE * values[0])) :]
