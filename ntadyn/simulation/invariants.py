"""What holds along every run, for any numbers: checked at every record and at the end.

Losses are not negative, a flow never raises its energy while one task is in force, overlaps are those of some network,
and updates stay within a bound.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int, PyTree

from ntadyn.interface.gated_linear import AbstractGatedFlow, AbstractGatedLinear
from ntadyn.interface.system import AbstractSystem, Task

# The parameters of an update may become this many times as large as teachers and start together; with too long a step
# they grow without bound.
MOST_GROWTH = 1e4


class Watch(eqx.Module):
    """What has been seen of a run, or of many runs with arrays of lanes.

    Attributes:
        block: the block of the last record.
        task: the task at the last record.
        energy: the energy there.
        scale: the largest energy so far, or `scale_of` if that is larger.
    """

    block: Int[Array, ""]
    task: Task
    energy: Float[Array, "*lane"]
    scale: Float[Array, "*lane"]

    @classmethod
    def begin(cls, first_block: Int[Array, ""], task: Task, scale: Float[Array, "*lane"]) -> "Watch":
        """The watch before the first record; `scale` is that of `scale_of`."""
        return cls(first_block - jnp.ones_like(first_block), task, jnp.zeros_like(scale), scale)

    def look(
        self,
        block: Int[Array, ""],
        task: Task,
        energy: Float[Array, "*lane"],
        loss: Float[Array, "*lane"],
        slack: float,
    ) -> tuple["Watch", Bool[Array, "*lane"]]:
        """Take note of a record.

        Args:
            block: its block.
            task: the task in force.
            energy: the energy there.
            loss: the loss there.
            slack: how far a law may be broken, in units of the scale.

        Returns:
            The new watch, and whether a law was broken.
        """
        scale = jnp.maximum(self.scale, jnp.abs(energy))
        goes_on = (block == self.block) & _equal(task, self.task)
        rose = goes_on & (energy - self.energy > slack * scale)
        return Watch(block, task, energy, scale), rose | (loss < -slack * scale)


def scale_of(system: AbstractSystem, state: PyTree) -> Float[Array, ""]:
    """1/2 max_m |W*^m|^2, the loss of a zero network for white inputs; zero for systems that descend no energy."""
    if not isinstance(system, AbstractGatedFlow):
        return jnp.zeros((), _dtype_of(state))
    teachers = jnp.sum(system.overlaps(state).teachers, axis=0)
    return 0.5 * jnp.max(jnp.diagonal(teachers))


def energy_and_loss(system: AbstractSystem, state: PyTree, task: Task) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Energy and loss for `Watch.look`; zeros for systems that need not descend an energy, or have none."""
    zero = jnp.zeros((), _dtype_of(state))
    if not isinstance(system, AbstractGatedFlow):
        return zero, zero
    return system.energy(state, task) if system.descends() else zero, system.loss(state, task)


def is_possible(system: AbstractSystem, state: PyTree, slack: float) -> Bool[Array, ""]:
    """Whether some network has this state: its Gram matrix has no eigenvalue below -slack times its trace.

    Args:
        system: the system.
        state: a state of it.
        slack: the share of the trace that rounding or steps may cost.
    """
    if not isinstance(system, AbstractGatedFlow):
        return jnp.asarray(True)
    gram = system.gram(state)
    return jnp.asarray(True) if gram is None else jnp.all(jax.vmap(lambda one: _semidefinite(one, slack))(gram))


def within_bound(system: AbstractSystem, state: PyTree, start: PyTree) -> Bool[Array, ""]:
    """Whether the parameters of an update are at most `MOST_GROWTH` times as large as teachers and start together.

    True for systems without teachers, whose parameters have nothing to be compared with.
    """
    if not isinstance(system, AbstractGatedLinear):
        return jnp.asarray(True)
    return _size(state) <= MOST_GROWTH * (_size(system.tasks.teachers) + _size(start))


def float_leaves(tree: PyTree) -> list[Array]:
    """All floating-point arrays of a tree."""
    return [leaf for leaf in jax.tree.leaves(tree) if eqx.is_inexact_array(leaf)]


def _size(tree: PyTree) -> Float[Array, ""]:
    return jnp.max(jnp.stack([jnp.max(jnp.abs(leaf)) for leaf in float_leaves(tree)]))


def _dtype_of(state: PyTree) -> jnp.dtype:
    return jnp.result_type(*float_leaves(state))


def _equal(one: Task, other: Task) -> Bool[Array, ""]:
    """Whether two tasks are the same in every entry."""
    pairs = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    return jnp.all(jnp.stack([jnp.all(a == b) for a, b in pairs]))


def _semidefinite(gram: Float[Array, "n n"], slack: float) -> Bool[Array, ""]:
    """Whether a Gram matrix is symmetric, and all its pivots are positive after a shift by slack times its trace.

    By elimination instead of eigenvalues, so that a batch takes the same few operations on arrays.
    """
    shift = slack * jnp.trace(gram)
    skew = jnp.max(jnp.abs(gram - gram.T))

    def eliminate(k: Int[Array, ""] | int, carry):  # a plain number if jit is disabled
        rest, positive = carry
        pivot, column = rest[k, k], rest[:, k]
        step = column[:, None] * column[None, :] / jnp.where(pivot > 0, pivot, 1)
        return rest - step, positive & (pivot > 0)

    shifted = gram + shift * jnp.eye(gram.shape[0], dtype=gram.dtype)
    positive = lax.fori_loop(0, gram.shape[0], eliminate, (shifted, jnp.asarray(True)))[1]
    return (positive | (jnp.max(jnp.abs(gram)) == 0)) & (skew <= shift)
