"""How far the steps of an inner loop go: by one given rate, or by rates that are learned with the network."""

import abc
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from ntadyn.regularizers.coefficients import known_reals


class AbstractInnerRates(eqx.Module):
    """The rates of an inner loop, and the place where they are kept."""

    @abc.abstractmethod
    def bare(self, network: PyTree) -> PyTree:
        """The network without its rates."""

    @abc.abstractmethod
    def of(self, network: PyTree, adapting: PyTree) -> PyTree:
        """The rates of the parameters that adapt, a tree like `adapting`."""

    @abc.abstractmethod
    def rejoined(self, network: PyTree, bare: PyTree) -> PyTree:
        """The network with other parameters, and the same rates."""


class CommonRate(AbstractInnerRates):
    """One given rate for all parameters.

    Attributes:
        value: a.

    Raises:
        ValueError: if it is not positive.
    """

    value: float | Float[Array, ""]

    def __check_init__(self):
        known = known_reals("rate of an inner loop", self.value)
        if known is not None and not (known > 0).all():
            raise ValueError(f"the rate of an inner loop is {self.value}; it must be positive.")

    def bare(self, network: PyTree) -> PyTree:
        """The network itself."""
        return network

    def of(self, network: PyTree, adapting: PyTree) -> PyTree:
        """The rate, for every leaf."""
        del network
        return jax.tree.map(lambda leaf: jnp.asarray(self.value, leaf.dtype), adapting)

    def rejoined(self, network: PyTree, bare: PyTree) -> PyTree:
        """The other network."""
        del network
        return bare


class RatedNetwork(eqx.Module):
    """A network that also learns how fast its parameters adapt.

    Attributes:
        network: the network.
        log_rates: the logarithms of the rates: a tree like the network, None for what does not adapt.

    Source: Li, Zhou, Chen, Li 2017 (Meta-SGD, arXiv 1707.09835), with one rate per array in place of one per number.
    """

    network: PyTree
    log_rates: PyTree

    def __call__(self, x: Array) -> Array:
        """What the network answers."""
        return self.network(x)

    @classmethod
    def starting_at(
        cls, rate: float | Float[Array, ""], network: PyTree, adapts: Callable[[PyTree], PyTree]
    ) -> "RatedNetwork":
        """A network all of whose rates are equal at first.

        Args:
            rate: the rate at first.
            network: the network.
            adapts: which parameters have a rate, as for `InnerLoop`.
        """
        adapting = eqx.filter(network, adapts(network))
        return cls(network, jax.tree.map(lambda leaf: jnp.log(jnp.asarray(rate, leaf.dtype)), adapting))


class LearnedRates(AbstractInnerRates):
    """The rates of a `RatedNetwork`, one per array, which the outer loop learns like any parameter.

    Raises:
        ValueError: for any other network.
    """

    def bare(self, network: PyTree) -> PyTree:
        """The network without its rates."""
        if not isinstance(network, RatedNetwork):
            raise ValueError(
                f"a {type(network).__name__} has no rates to learn; start from RatedNetwork.starting_at(rate, network, "
                f"adapts), or use CommonRate(rate)."
            )
        return network.network

    def of(self, network: RatedNetwork, adapting: PyTree) -> PyTree:
        """Exp of the logarithms."""
        del adapting
        return jax.tree.map(jnp.exp, network.log_rates)

    def rejoined(self, network: RatedNetwork, bare: PyTree) -> RatedNetwork:
        """The other network, with the same rates."""
        return RatedNetwork(bare, network.log_rates)
