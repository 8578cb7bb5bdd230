"""Gates and factors: coordinates in which every state is realisable, and in which orbits can be sought.

Overlaps (c, K, S) of an orbit lie on the boundary of what networks can realise, K - S T^-1 S^T = 0, because parts of
weights outside of the teachers decay. Newton's method in them may leave it, and their derivative has directions that no
network has. Weights in a frame of the teachers have no such boundary, and are few: P (M + P).
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ntadyn.decompositions import eigh
from ntadyn.dynamics.gradient_flow import GradientFlow
from ntadyn.dynamics.order_parameters import OrderParameters, OrderParameterState
from ntadyn.networks import GatedLinear
from ntadyn.tasks.task_set import TaskSet

# How far overlaps may be from realisable by rounding.
ROUNDING = 1e-8


def realisable(system: OrderParameters, state: OrderParameterState) -> Float[Array, ""]:
    """The smallest eigenvalue of K - S T^-1 S^T, of the parts of weights outside of the teachers: not negative.

    Args:
        system: whose teachers are linearly independent; one group of rows.
        state: c, K, S.
    """
    return eigh(_outside(system, state))[0][0]


def teacher_frame(system: OrderParameters, state: OrderParameterState) -> tuple[GradientFlow, GatedLinear]:
    """The smallest network with these overlaps, as (system, state): one output, M + P inputs.

    The teachers are the rows of T^(1/2), so that a renaming of tasks that leaves T as it is permutes the first M inputs
    (see `Renaming`). The other P inputs hold what the paths have outside of the teachers.

    Args:
        system: white inputs, one gate per path, no noise; linearly independent teachers.
        state: c, K, S.

    Raises:
        ValueError: for any other system, or a state that no network has.
    """
    if system.spectrum is not None or system.batch_noise is not None or system.row_resolved:
        raise ValueError(
            "a teacher frame is made of white inputs, whole matrices and no noise; leave input_covariance, batch_noise "
            "and row_resolved out."
        )
    values, axes = eigh(jnp.sum(system.teacher_overlaps, axis=0))
    if not float(values[0]) > ROUNDING * float(values[-1]):
        raise ValueError(f"the teachers are linearly dependent: T has the eigenvalues {np.asarray(values)}.")
    teachers = (axes * jnp.sqrt(values)[None]) @ axes.T
    inside = jnp.linalg.solve(teachers, jnp.sum(state.cross, axis=0).T).T
    outside_values, outside_axes = eigh(_outside(system, state))
    if float(outside_values[0]) < -ROUNDING * max(1.0, float(jnp.max(jnp.abs(state.students)))):
        raise ValueError(
            f"no network has these overlaps: K - S T^-1 S^T has the eigenvalue {float(outside_values[0]):.2g}."
        )
    outside = (outside_axes * jnp.sqrt(jnp.maximum(outside_values, 0))[None]) @ outside_axes.T
    num_paths, num_tasks = inside.shape
    rows = jnp.concatenate([teachers, jnp.zeros((num_tasks, num_paths), teachers.dtype)], axis=1)
    weights = jnp.concatenate([inside, outside], axis=1)
    tasks = TaskSet(rows[:, None, :], names=system.tasks.names, num_base=system.tasks.num_base)
    flow = GradientFlow(tasks, system.time_constants, system.penalties)
    return flow, GatedLinear(state.gates, weights[:, None, :])


class GatesAndFactors(eqx.Module):
    """Vectors of the gates that are not held, and all weights.

    A gate that is held at zero is no direction: derivatives along it would be those of one side only.

    Attributes:
        free: whether each gate is a coordinate; the others are zero.
        shape: the shape of the weights.
    """

    free: tuple[bool, ...] = eqx.field(static=True)
    shape: tuple[int, int, int] = eqx.field(static=True)

    @classmethod
    def of(cls, network: GatedLinear) -> "GatesAndFactors":
        """Those of a network, in which gates are held that are exactly zero."""
        num_paths, d_out, d_in = network.weights.shape
        return cls(tuple(bool(gate != 0) for gate in np.asarray(network.gates)), (num_paths, d_out, d_in))

    def vector(self, network: GatedLinear) -> Float[Array, " n"]:
        """The coordinates of a network."""
        return jnp.concatenate([network.gates[np.flatnonzero(self.free)], network.weights.reshape(-1)])

    def network(self, vector: Float[Array, " n"]) -> GatedLinear:
        """The network with these coordinates."""
        number = sum(self.free)
        places = np.cumsum(self.free) - 1
        gates = [vector[place] if free else 0 * vector[0] for free, place in zip(self.free, places, strict=True)]
        return GatedLinear(jnp.stack(gates), vector[number:].reshape(self.shape))


def _outside(system: OrderParameters, state: OrderParameterState) -> Float[Array, "p p"]:
    cross = jnp.sum(state.cross, axis=0)
    inside = cross @ jnp.linalg.solve(jnp.sum(system.teacher_overlaps, axis=0), cross.T)
    outside = jnp.sum(state.students, axis=0) - inside
    return 0.5 * (outside + outside.T)
