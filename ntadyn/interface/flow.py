"""Systems that move in continuous time."""

import abc
from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from ntadyn.interface.rates import spectral_radius
from ntadyn.interface.system import AbstractSystem, Task
from ntadyn.limits import STEP_OF_EXCHANGE

# The default step if nothing moves.
_LONGEST_STEP = 1e10


class AbstractFlow(AbstractSystem):
    """dx/dt = f(t, x, task): a state that flows, and whatever it carries along unmoved.

    The floating-point arrays of the state flow; anything else in it (anchors, snapshots, masks, keys) is carried along
    and changes at the edges of blocks only, see `flowing`.
    """

    @abc.abstractmethod
    def vector_field(self, t: Any, state: PyTree, task: Task) -> PyTree:
        """d(state)/dt at time t, a pytree like the state, with anything (for example None) for what is carried."""

    def energy(self, state: PyTree, task: Task) -> Float[Array, ""]:
        """What the flow descends: the loss, unless a subclass adds penalties."""
        return self.loss(state, task)

    def flowing(self, state: PyTree) -> PyTree:
        """Which leaves of a state flow: a pytree of booleans, or a prefix of one; by default floating-point arrays."""
        return jax.tree.map(eqx.is_inexact_array, state)

    def has_kinks(self) -> bool:
        """Whether the vector field jumps somewhere, which solvers for smooth fields do not notice."""
        return False

    def default_solver(self, state: PyTree) -> diffrax.AbstractSolver:
        """Tsit5, which can choose its own steps; Heun's method if the field jumps."""
        del state
        return diffrax.Heun() if self.has_kinks() else diffrax.Tsit5()

    def ways_to_move(self) -> tuple[tuple[str, ...], ...]:
        """One: by the vector field."""
        return (("vector_field",),)

    def fastest_rate(self, state: PyTree, task: Task) -> Float[Array, ""]:
        """The largest modulus of an eigenvalue of d(vector field)/d(state): what an explicit step has to resolve.

        Per unit of time. The default is an estimate by power iteration, which covers all time constants and whatever
        else the vector field depends on; systems of a known form give upper bounds.
        """
        moving, carried = eqx.partition(state, self.flowing(state))

        def field(moving: PyTree) -> PyTree:
            whole = eqx.combine(moving, carried)
            return eqx.filter(self.vector_field(jnp.zeros(()), whole, task), self.flowing(whole))

        return spectral_radius(field, moving)

    def reference_rate(self, state: PyTree, task: Task) -> Float[Array, ""]:
        """The rate for which the length of steps was chosen, for methods that divide them where the state is faster."""
        del task
        return jnp.ones((), jnp.result_type(*(leaf for leaf in jax.tree.leaves(state) if eqx.is_inexact_array(leaf))))

    def default_step(self, state: PyTree, tasks: Task) -> float:
        """A step h = 0.0125 / r, with r the fastest rate at the start under any task."""
        return step_for(jax.vmap(lambda task: self.fastest_rate(state, task))(tasks))


def step_for(rates: Float[Array, "..."]) -> float:
    """The default step h = 0.0125 / r for a rate r that has to be resolved, or for the fastest of several."""
    fastest = float(np.max(np.asarray(rates)))
    return STEP_OF_EXCHANGE / max(fastest, STEP_OF_EXCHANGE / _LONGEST_STEP)
