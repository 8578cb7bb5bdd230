"""Periodic orbits: fixed points of a stroboscopic map, alone or in families, by Newton's method."""

import enum
import math
from collections.abc import Callable, Mapping

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ntadyn.interface.gated_linear import AbstractGatedLinear
from ntadyn.interface.observables import similarity
from ntadyn.interface.system import AbstractSystem
from ntadyn.metrics.specialisation import specialisation
from ntadyn.networks import GatedLinear
from ntadyn.stability.coordinates import GatesAndFactors
from ntadyn.stability.stroboscopic import StroboscopicMap

# Singular values of H' - 1 below this one belong to a family of orbits.
NEUTRAL = 1e-7
CONVERGED, LARGEST = 1e-11, 1e6
# A contrast above one needs a path that is turned away from the other path's teacher.
OVERSPECIALISED = 1.02

Constraint = Callable[[GatedLinear], Float[Array, ""]]


class OrbitStatus(enum.Enum):
    """How a search for an orbit ended."""

    CONVERGED = "converged"
    OVERSPECIALISED = "converged, with a contrast above 1.02: paths differ by more than the teachers do"
    STALLED = "too many steps"
    DIVERGED = "left all bounds"
    RELEASED = "a gate that was held is not zero one period later"


class Orbit(eqx.Module):
    """A fixed point of a stroboscopic map.

    Attributes:
        state: the network at the start of the period.
        residual: the largest change of a coordinate in one period.
        jacobian: the derivative of the map in `coordinates`; toward positive gates where one is held.
        singular_values: of H' - 1, in falling order.
        neutral_dimension: how many of them are zero to all purposes: the dimension of the family of orbits.
        coordinates: of the derivative.
        status: how the search ended.
        num_steps: how many steps it took.
    """

    state: GatedLinear
    residual: float
    jacobian: np.ndarray
    singular_values: np.ndarray
    neutral_dimension: int
    coordinates: GatesAndFactors
    status: OrbitStatus = eqx.field(static=True)
    num_steps: int = eqx.field(static=True)

    @property
    def found(self) -> bool:
        """Whether the search ended at an orbit, over-specialised or not."""
        return self.status in (OrbitStatus.CONVERGED, OrbitStatus.OVERSPECIALISED)


def find_periodic(
    map: StroboscopicMap,
    guess: GatedLinear,
    fixed: Mapping[Constraint, float] | None = None,
    max_steps: int = 20,
    neutral: float = NEUTRAL,
) -> Orbit:
    """H(x) = x by Newton's method with steps of least norm, which need no isolated orbits.

    Steps solve (H' - 1) dx = x - H(x), and (grad g) dx = g_0 - g(x) for whatever is held fixed, in the sense of least
    squares; along directions whose singular value is below `neutral` they do not go. Where orbits come in families the
    one near the guess is found, or the one with the given values. Gates that are exactly zero in the guess stay zero.

    Args:
        map: the map, whose state is a network, see `coordinates.teacher_frame`.
        guess: where to start.
        fixed: function of a network -> its value, for example the conserved Q that selects one of a family.
        max_steps: how many steps are allowed.
        neutral: the singular value that counts as zero.

    Returns:
        Where the search ended, with a status; it raises nothing for an orbit that was not found.

    Raises:
        ValueError: for a guess that is not a finite network, or no steps.
    """
    if not isinstance(guess, GatedLinear) or not bool(jnp.all(jnp.isfinite(guess.weights))):
        raise ValueError("the guess must be a GatedLinear of finite weights; make one with `teacher_frame`.")
    if max_steps < 1:
        raise ValueError(f"max_steps is {max_steps}; allow at least one.")
    fixed = {} if fixed is None else fixed
    coordinates = GatesAndFactors.of(guess)
    x = np.asarray(coordinates.vector(guess))
    status, count = OrbitStatus.STALLED, 0
    while count < max_steps:
        count += 1
        image, gates, jacobian = map_and_jacobian(map, coordinates, jnp.asarray(x))
        residual = image - x
        if not np.all(np.isfinite(image)) or np.max(np.abs(x)) > LARGEST:
            status = OrbitStatus.DIVERGED
            break
        rows, wanted = [jacobian - np.eye(x.size)], [-residual]
        for function, value in fixed.items():
            here, slope = jax.value_and_grad(lambda v, function=function: function(coordinates.network(v)))(
                jnp.asarray(x)
            )
            rows.append(np.asarray(slope)[None])
            wanted.append(np.asarray([value - float(here)]))
        step = _least_norm(np.concatenate(rows), np.concatenate(wanted), neutral)
        if np.max(np.abs(step)) < CONVERGED:
            held = np.abs(gates[~np.asarray(coordinates.free)])
            status = OrbitStatus.RELEASED if np.any(held > CONVERGED) else OrbitStatus.CONVERGED
            break
        x = x + step
    singular = np.linalg.svd(jacobian - np.eye(x.size), compute_uv=False)
    network = coordinates.network(jnp.asarray(x))
    if status is OrbitStatus.CONVERGED and contrast_of(map.system, network) > OVERSPECIALISED:
        status = OrbitStatus.OVERSPECIALISED
    return Orbit(
        network,
        float(np.max(np.abs(residual))),
        jacobian,
        singular,
        int(np.sum(singular < neutral)),
        coordinates,
        status,
        count,
    )


def contrast_of(system: AbstractSystem, state: GatedLinear) -> float:
    """The similarity of matched teachers and paths minus that of others; NaN without teachers, or with too few paths.

    Args:
        system: what learns.
        state: a network.
    """
    if not isinstance(system, AbstractGatedLinear) or state.gates.shape[0] < system.num_tasks:
        return math.nan
    cosines = similarity(system, state, system.teacher_tasks()[0])
    return float(specialisation(cosines[None], jnp.ones(1, bool)).final_contrast)


def map_and_jacobian(
    map: StroboscopicMap, coordinates: GatesAndFactors, x: Float[Array, " n"]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """H(x), all gates of the image, and H'(x), in coordinates; one compiled program for all numbers of a system."""
    image, gates, jacobian = _compiled(map, coordinates, x)
    return np.array(image), np.array(gates), np.array(jacobian)


def _least_norm(matrix: np.ndarray, wanted: np.ndarray, neutral: float) -> np.ndarray:
    """The shortest least-squares solution that does not go along singular values below `neutral`."""
    left, values, right = np.linalg.svd(matrix, full_matrices=False)
    kept = values >= neutral
    return right[kept].T @ ((left.T @ wanted)[kept] / values[kept])


@eqx.filter_jit
def _compiled(map: StroboscopicMap, coordinates: GatesAndFactors, x: Float[Array, " n"]):
    def image(x: Float[Array, " n"]):
        network = map(coordinates.network(x))
        vector = coordinates.vector(network)
        return vector, (vector, network.gates)

    jacobian, (vector, gates) = jax.jacfwd(image, has_aux=True)(x)
    return vector, gates, jacobian
