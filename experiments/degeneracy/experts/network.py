"""Rectified experts that share what they say by a table of gates, or by a softmax that looks at the input.

y_m(x) = sum_p g_mp(x) V^p relu(U^p x) in task m; g is a table C, or softmax(R x + b_m). All tasks at once, it is two
sections with hidden units h = relu(U x) of all experts, and for the softmax also the votes R x.
"""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ntadyn.degeneracy.interaction import Sections, chain


class AbstractGates(eqx.Module):
    """How much experts are heard in every task."""

    @abc.abstractmethod
    def votes(self, x: Float[Array, " i"]) -> Float[Array, " v"]:
        """What gates look at: numbers that are hidden units like others."""

    @abc.abstractmethod
    def opened(self, votes: Float[Array, " v"]) -> Float[Array, "m p"]:
        """g."""


class Table(AbstractGates):
    """g = C: whatever the input.

    Attributes:
        gates: C, shape (tasks, experts).
    """

    gates: Float[Array, "m p"]

    def votes(self, x: Float[Array, " i"]) -> Float[Array, " v"]:
        """None."""
        return x[:0]

    def opened(self, votes: Float[Array, " v"]) -> Float[Array, "m p"]:
        """C."""
        return self.gates


class Router(AbstractGates):
    """g = softmax(R x + b_m): the gates of a mixture of experts, which is told its task by b.

    Attributes:
        looks: R, shape (experts, d_in).
        tells: b, shape (tasks, experts).
    """

    looks: Float[Array, "p i"]
    tells: Float[Array, "m p"]

    def votes(self, x: Float[Array, " i"]) -> Float[Array, " v"]:
        """R x."""
        return self.looks @ x

    def opened(self, votes: Float[Array, " v"]) -> Float[Array, "m p"]:
        """Softmax(R x + b_m)."""
        return jax.nn.softmax(votes[None, :] + self.tells, axis=1)


class Experts(eqx.Module):
    """All tasks at once.

    Attributes:
        hidden: U, shape (experts, units, d_in).
        readouts: V, shape (experts, d_out, units).
        gates: g.
    """

    hidden: Float[Array, "p h i"]
    readouts: Float[Array, "p o h"]
    gates: AbstractGates

    @property
    def num_units(self) -> int:
        """Of all experts together."""
        return self.hidden.shape[0] * self.hidden.shape[1]

    def features(self, x: Float[Array, " i"]) -> Float[Array, " hv"]:
        """Hidden units, expert by expert, and votes."""
        units = jax.nn.relu(jnp.einsum("phi,i->ph", self.hidden, x))
        return jnp.concatenate([units.ravel(), self.gates.votes(x)])

    def answers(self, features: Float[Array, " hv"]) -> Float[Array, " mo"]:
        """The outputs of all tasks, one after the other."""
        units = features[: self.num_units].reshape(self.hidden.shape[:2])
        gates = self.gates.opened(features[self.num_units :])
        return jnp.einsum("mp,poh,ph->mo", gates, self.readouts, units).ravel()

    def __call__(self, x: Float[Array, " i"]) -> Float[Array, " mo"]:
        """The outputs of all tasks for one input."""
        return self.answers(self.features(x))


class Features(eqx.Module):
    """The first section.

    Attributes:
        network: all of it.
    """

    network: Experts

    def __call__(self, x: Float[Array, " i"]) -> Float[Array, " hv"]:
        """Hidden units and votes."""
        return self.network.features(x)


class Answers(eqx.Module):
    """The second section.

    Attributes:
        network: all of it.
    """

    network: Experts

    def __call__(self, features: Float[Array, " hv"]) -> Float[Array, " mo"]:
        """The outputs of all tasks."""
        return self.network.answers(features)


def sections_of(network: Experts) -> Sections:
    """The network as a chain of two sections."""
    return chain(Features(network), Answers(network))
