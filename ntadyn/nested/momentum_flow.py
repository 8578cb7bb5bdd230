"""Momentum in continuous time: the heavy ball, and one that forgets along the gradient."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from ntadyn.continual.flow import TASK_LOSS
from ntadyn.continual.groups import of_arrays
from ntadyn.continual.problem import AbstractProblem, Shares
from ntadyn.interface.flow import AbstractFlow
from ntadyn.interface.system import Observable
from ntadyn.nested.clocks import Real, check_positive
from ntadyn.nested.optimisers.per_matrix import per_matrix, unit, zeros_like


class MomentumState(eqx.Module):
    """A network, and the momentum of its parameters.

    Attributes:
        network: x.
        momentum: m, like the arrays of floating-point numbers of the network.
    """

    network: PyTree
    momentum: PyTree


class MomentumFlow(AbstractFlow):
    """tau dx/dt = m, tau_m dm/dt = -m - kappa m h^T h - g, with g = dL/dx and h = g / |g|_F, matrix by matrix.

    With kappa = 0 this is the heavy ball, tau tau_m x'' + tau x' = -dL/dx: a memory of gradients, tau_m long, in which
    x moves at the rate 1/tau; for short tau_m the gradient flow of tau. It is what
    `optimisers.momentum(eta, a)` and `optimisers.delta_momentum(eta, a, kappa h / tau_m)` follow in small steps h, with
    eta = h^2 / (tau tau_m) and a = 1 - h / tau_m, as far from it as a step is long.

    Attributes:
        problem: what is asked; populations are exact for networks that are linear in x.
        time_constant: tau, of the parameters.
        memory: tau_m, of the momentum.
        forgetting: kappa >= 0; along a constant gradient the momentum comes to rest at -g / (1 + kappa).

    Raises:
        ValueError: for time constants that are not positive, or a negative forgetting.

    Source: Polyak (1964) for the heavy ball; Behrouz et al., Nested Learning (NeurIPS 2025), equations 17 and 22, of
    which it is the limit.
    """

    problem: AbstractProblem
    time_constant: Real
    memory: Real
    forgetting: Real = 0.0

    def __check_init__(self):
        check_positive("MomentumFlow: time constant", self.time_constant)
        check_positive("MomentumFlow: memory", self.memory)
        if isinstance(self.forgetting, float | int) and not self.forgetting >= 0:
            raise ValueError(f"MomentumFlow: forgetting is {self.forgetting}; it must be zero or more.")

    @property
    def num_tasks(self) -> int:
        """Number of tasks of the problem."""
        return self.problem.num_tasks

    def initial_state(self, network: PyTree) -> MomentumState:
        """The network, at rest."""
        network = of_arrays(network)
        return MomentumState(network, zeros_like(eqx.filter(network, eqx.is_inexact_array)))

    def vector_field(self, t: Any, state: MomentumState, task: Shares) -> MomentumState:
        """Parameters along their momentum, and the momentum after the slope."""
        del t
        batch = self.problem.population(task)
        slope = eqx.filter_grad(lambda network: self.problem.loss(network, batch))(state.network)

        def rate(m: Float[Array, "o i"], g: Float[Array, "o i"]) -> Float[Array, "o i"]:
            key = unit(g)
            kappa, tau = (jnp.asarray(number, m.dtype) for number in (self.forgetting, self.memory))
            return (-m - kappa * (m @ key.T) @ key - g) / tau

        moved = jax.tree.map(lambda m: m / jnp.asarray(self.time_constant, m.dtype), state.momentum)
        return MomentumState(moved, per_matrix(rate, state.momentum, slope))

    def loss(self, state: MomentumState, task: Shares) -> Float[Array, ""]:
        """The mean of the reported losses, weighted by the shares of the tasks."""
        return jnp.sum(task * self.problem.losses(state.network))

    def observables(self) -> dict[str, Observable]:
        """The loss on the task in force, and on every task."""
        return super().observables() | {"task_loss": TASK_LOSS}
