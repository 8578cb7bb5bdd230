"""Associative memories as mixers: keys, values, queries and gates are maps of the token, fixed while it is used."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from ntadyn.nested.memories import (
    AbstractLinearRule,
    AssociativeMemory,
    Titans,
    TitansRetention,
    TitansState,
    Writes,
)
from ntadyn.nested.sequence_models.sequence_model import AbstractMixer

# Where gates start, in logits: retention near 1, momentum near 0.1.
RETENTION, MOMENTUM = 4.0, -2.0


class Gate(eqx.Module):
    """sigmoid(w . x + b), a number between 0 and 1 per token.

    Attributes:
        weights: w, shape (width,).
        bias: b.
    """

    weights: Float[Array, " d"]
    bias: Float[Array, ""]

    @classmethod
    def initialise(cls, key: PRNGKeyArray, width: int, bias: float = 0.0) -> "Gate":
        """Uniform weights of variance 1 / (3 width).

        Args:
            key: of the random numbers.
            width: of tokens.
            bias: b.
        """
        most = width**-0.5
        return cls(jax.random.uniform(key, (width,), minval=-most, maxval=most), jnp.asarray(bias))

    def __call__(self, tokens: Float[Array, "t d"]) -> Float[Array, " t"]:
        """One number per token."""
        return jax.nn.sigmoid(tokens @ self.weights + self.bias)


class Projections(eqx.Module):
    """The maps of a token to its key, value and query.

    Attributes:
        keys: to k.
        values: to v.
        queries: to q.
    """

    keys: eqx.nn.Linear
    values: eqx.nn.Linear
    queries: eqx.nn.Linear

    @classmethod
    def initialise(cls, key: PRNGKeyArray, width: int) -> "Projections":
        """Random maps.

        Args:
            key: of the random numbers.
            width: of tokens, keys, values and queries.
        """
        return cls(*(eqx.nn.Linear(width, width, use_bias=False, key=one) for one in jax.random.split(key, 3)))

    def __call__(self, tokens: Float[Array, "t d"]) -> tuple[Array, Array, Array]:
        """Keys, values and queries."""
        return tuple(jax.vmap(one)(tokens) for one in (self.keys, self.values, self.queries))  # pyright: ignore


class LinearMemoryMixer(AbstractMixer):
    """A memory that is one matrix, empty at the start: linear attention, the delta rule, the gated delta rule.

    Attributes:
        projections: of tokens.
        rates: the gate of the rate of writes; they all have rate 1 if None.
        retentions: the gate of what every write keeps; all if None.
        memory: the rule of writing, and how a sequence of writes is computed.
    """

    projections: Projections
    rates: Gate | None
    retentions: Gate | None
    memory: AssociativeMemory

    @classmethod
    def initialise(
        cls, key: PRNGKeyArray, width: int, rule: AbstractLinearRule, *, has_rates: bool, has_retentions: bool
    ) -> "LinearMemoryMixer":
        """Random maps and gates.

        Args:
            key: of the random numbers.
            width: of tokens.
            rule: of writing.
            has_rates: whether there is a gate of rates.
            has_retentions: whether there is one of retentions.
        """
        of_maps, of_rates, of_retentions = jax.random.split(key, 3)
        return cls(
            Projections.initialise(of_maps, width),
            Gate.initialise(of_rates, width) if has_rates else None,
            Gate.initialise(of_retentions, width, RETENTION) if has_retentions else None,
            AssociativeMemory(rule),
        )

    def initial_state(self) -> Float[Array, "d d"]:
        """Nothing is stored."""
        return jnp.zeros_like(self.projections.keys.weight)

    def __call__(self, state: Float[Array, "d d"], tokens: Float[Array, "t d"]) -> tuple[Array, Float[Array, "t d"]]:
        """See `AbstractMixer.__call__`."""
        keys, values, queries = self.projections(tokens)
        rates = jnp.ones_like(keys[:, 0]) if self.rates is None else self.rates(tokens)
        retentions = None if self.retentions is None else self.retentions(tokens)
        return self.memory(state, Writes(keys, values, rates, retentions), queries)


class TitansMixer(AbstractMixer):
    """Any network as a memory, written with momentum from a trained start.

    Attributes:
        projections: of tokens.
        rates: the gate of the rate of writes.
        retentions: of what every write keeps of the memory.
        momenta: of what it keeps of the momentum.
        start: the memory that every sequence finds.
        memory: the rule of writing.
    """

    projections: Projections
    rates: Gate
    retentions: Gate
    momenta: Gate
    start: PyTree
    memory: AssociativeMemory

    @classmethod
    def initialise(cls, key: PRNGKeyArray, width: int, start: PyTree) -> "TitansMixer":
        """Random maps and gates.

        Args:
            key: of the random numbers.
            width: of tokens.
            start: a callable tree of arrays, such as `MatrixMemory` or `TwoLayerMemory`, from this width to the same.
        """
        of_maps, of_rates, of_retentions, of_momenta = jax.random.split(key, 4)
        return cls(
            Projections.initialise(of_maps, width),
            Gate.initialise(of_rates, width),
            Gate.initialise(of_retentions, width, RETENTION),
            Gate.initialise(of_momenta, width, MOMENTUM),
            start,
            AssociativeMemory(Titans()),
        )

    def initial_state(self) -> TitansState:
        """The trained start, at rest."""
        return self.memory.rule.initial_state(self.start)  # pyright: ignore[reportAttributeAccessIssue]

    def __call__(self, state: TitansState, tokens: Float[Array, "t d"]) -> tuple[TitansState, Float[Array, "t d"]]:
        """See `AbstractMixer.__call__`."""
        keys, values, queries = self.projections(tokens)
        kept = TitansRetention(self.retentions(tokens), self.momenta(tokens))
        return self.memory(state, Writes(keys, values, self.rates(tokens), kept), queries)
