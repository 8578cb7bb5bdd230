"""The nested wiring: every level starts anew from the level above it, which learns where to start."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

from ntadyn.continual.flow import TASK_LOSS
from ntadyn.continual.groups import of_arrays
from ntadyn.continual.problem import AbstractProblem, Shares
from ntadyn.interface.flow import step_for
from ntadyn.interface.rates import spectral_radius
from ntadyn.interface.system import Observable
from ntadyn.interface.update import AbstractUpdate
from ntadyn.nested.clocks import Real, check_positive
from ntadyn.nested.level import either
from ntadyn.nested.level_descent import cumulative_loss


class NestedStartsState(eqx.Module):
    """What one run carries along.

    Attributes:
        network: theta_1, which answers.
        starts: theta_2, ..., theta_K, each like the network.
        count: steps since the start.
        key: the key of the batch that the next step will draw.
        cumulative_loss: the sum of h L over all steps, each on its batch, before the step that learns from it.
    """

    network: PyTree
    starts: tuple[PyTree, ...]
    count: Int[Array, ""]
    key: PRNGKeyArray
    cumulative_loss: Float[Array, ""]


class NestedStarts(AbstractUpdate):
    """theta_1 <- theta_1 - (h / tau) dL/dtheta_1, and every C_l steps theta_l follows and restarts it.

    When a chunk of level l ends, theta_l <- theta_l + b_l (theta_{l-1} - theta_l), a step down half the squared
    distance, and then theta_{l-1} <- theta_l. So level l learns from where the level below it ends, which has as long
    as a chunk of l to get there. With b = 1 nothing is nested: the network is never set back.

    Attributes:
        problem: what is asked.
        time_constant: tau of the network.
        data_key: the random key of the batches.
        chunks: C_2, ..., C_K, increasing, each dividing the next.
        shares: b_2, ..., b_K in (0, 1].
        batch_size: examples per step; None for the exact mean over all of them.

    Raises:
        ValueError: for a time constant that is not positive, chunks that do not nest, or shares outside (0, 1].

    Source: nested wiring of the continuum memory system of Behrouz et al., arXiv 2512.24695; that a slow level learns
    the starting point by moving towards the end is Reptile (Nichol et al., arXiv 1803.02999).
    """

    problem: AbstractProblem
    time_constant: Real
    data_key: PRNGKeyArray
    chunks: tuple[int, ...] = eqx.field(static=True, default=(8, 64))
    shares: tuple[Real, ...] = (0.5, 0.5)
    batch_size: int | None = eqx.field(static=True, default=32)

    def __check_init__(self):
        check_positive("NestedStarts: time constant", self.time_constant)
        pairs = list(zip((1, *self.chunks), self.chunks, strict=False))
        if len(self.shares) != len(self.chunks) or any(slow <= fast or slow % fast for fast, slow in pairs):
            raise ValueError(
                f"NestedStarts: got chunks {self.chunks} and {len(self.shares)} shares; give one share per chunk, and "
                f"chunks of more than one step that increase, each dividing the next."
            )
        for share in self.shares:
            if isinstance(share, float | int) and not 0 < share <= 1:
                raise ValueError(f"NestedStarts: a share is {share}; it must be above 0 and at most 1.")

    @property
    def num_tasks(self) -> int:
        """Number of tasks of the problem."""
        return self.problem.num_tasks

    def initial_state(self, network: PyTree) -> NestedStartsState:
        """All levels at the network."""
        network = of_arrays(network)
        nothing = jnp.zeros((), jnp.result_type(*jax.tree.leaves(_arrays(network))))
        starts = (network,) * len(self.chunks)
        return NestedStartsState(network, starts, jnp.zeros((), int), self.data_key, nothing)

    def default_step(self, state: NestedStartsState, tasks: Float[Array, "n m"]) -> float:
        """The step that resolves the flow of the network alone."""

        def rate(task: Shares) -> Float[Array, ""]:
            batch = self.problem.population(task)
            moving, rest = eqx.partition(state.network, eqx.is_inexact_array)
            slope = eqx.filter_grad(lambda moving: self.problem.loss(eqx.combine(moving, rest), batch))
            return spectral_radius(slope, moving) / self.time_constant

        return step_for(jax.vmap(rate)(jnp.asarray(np.asarray(tasks))))

    def update(self, state: NestedStartsState, task: Shares, step: Float[Array, ""]) -> NestedStartsState:
        """One step of length h on one batch, after which the levels move whose chunks end."""
        key, of_batch = jax.random.split(state.key)
        size = self.batch_size
        batch = self.problem.population(task) if size is None else self.problem.draw(of_batch, task, size)
        slope = eqx.filter_grad(lambda network: self.problem.loss(network, batch))(state.network)
        levels: list[Any] = [_moved(state.network, slope, -step / self.time_constant), *state.starts]
        count = state.count + 1
        for index, (chunk, share) in enumerate(zip(self.chunks, self.shares, strict=True), start=1):
            due = count % chunk == 0
            away = jax.tree.map(lambda low, high: low - high, *_arrays(levels[index - 1], levels[index]))
            slow = _moved(levels[index], away, jnp.where(due, share, 0.0))
            levels[index] = slow
            # Whatever is faster starts anew from here.
            for faster in range(index):
                levels[faster] = either(due, slow, levels[faster])
        met = state.cumulative_loss + step * self.problem.loss(state.network, batch)
        return NestedStartsState(levels[0], tuple(levels[1:]), count, key, met)

    def loss(self, state: NestedStartsState, task: Shares) -> Float[Array, ""]:
        """The mean of the reported losses, weighted by the shares of the tasks."""
        return jnp.sum(task * self.problem.losses(state.network))

    def observables(self) -> dict[str, Observable]:
        """The loss on the task in force, on every task, and that of all practice so far."""
        return super().observables() | {"task_loss": TASK_LOSS, "cumulative_loss": cumulative_loss}


def _arrays(*trees: PyTree) -> tuple[PyTree, ...]:
    return tuple(eqx.filter(tree, eqx.is_inexact_array) for tree in trees)


def _moved(network: PyTree, direction: PyTree, rate: Array) -> PyTree:
    steps = jax.tree.map(lambda leaf: rate.astype(leaf.dtype) * leaf, direction)
    return eqx.apply_updates(network, steps)
