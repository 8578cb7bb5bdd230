"""Self-modifying memory: fast weights that make their own keys, values, rates and retentions, and write themselves."""

import enum
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from ntadyn.nested.memories import Reads, Writes
from ntadyn.nested.memories.memory import unit
from ntadyn.nested.sequence_models.fast_groups import Group, grouped
from ntadyn.nested.sequence_models.fast_memories import AbstractFastMemory, FastMatrix, FastTwoLayers, WriteRule
from ntadyn.nested.sequence_models.memory_mixers import RETENTION
from ntadyn.nested.sequence_models.sequence_model import AbstractMixer

MEMORY = "memory"


class MaxRates(NamedTuple):
    """The largest rate at which each memory is written; one of rate 0 is a map that stays as it was trained.

    Attributes:
        keys: of M_k.
        values: of M_v.
        queries: of M_q.
        rates: of M_eta.
        retentions: of M_alpha.
        memory: of M_mem, the one that answers.
    """

    keys: float = 0.02
    values: float = 0.02
    queries: float = 0.0
    rates: float = 0.02
    retentions: float = 0.02
    memory: float = 1.0


FROZEN = MaxRates(keys=0.0, values=0.0, rates=0.0, retentions=0.0)
"""Only the memory that answers is written: nothing modifies itself."""


class Guard(enum.Enum):
    """What is done to the length of values and of the targets that memories make of them.

    Attributes:
        CLIPPED: values have length 1, and targets are shortened to 1 where they are longer.
        NORMALISED: values have length 1.
        RAW: nothing. A memory that makes its own targets then grows without bound, for most starts.
    """

    CLIPPED = enum.auto()
    NORMALISED = enum.auto()
    RAW = enum.auto()


class Targets(enum.Enum):
    """What is written into the memory that answers; the others always make their own targets.

    Attributes:
        GENERATED: M_mem(v), what the memory itself makes of the value.
        VALUES: v.
    """

    GENERATED = enum.auto()
    VALUES = enum.auto()


class Answering(enum.Enum):
    """Which writes the answer to a token knows.

    Attributes:
        CHUNK_START: those of earlier chunks.
        BEFORE: those of all earlier tokens.
        AFTER: its own, too.
    """

    CHUNK_START = enum.auto()
    BEFORE = enum.auto()
    AFTER = enum.auto()


class SelfModifyingState(eqx.Module):
    """What is carried along.

    Attributes:
        memories: those that are written, as the chunk under way has found them.
        waiting: the last tokens, of which the latest `count` belong to the chunk under way, shape (chunk - 1, width).
        count: of tokens of the chunk under way.
    """

    memories: dict[str, AbstractFastMemory]
    waiting: Float[Array, "c d"]
    count: Int[Array, ""]


class SelfModifyingMemory(AbstractMixer):
    """Memories M_b, b in {k, v, q, eta, alpha, mem}, that write themselves; what is trained is where they start.

    For every token x of a chunk, with all memories as the chunk finds them,

        k = unit(M_k(x)),  v = unit(M_v(x)),  q = unit(M_q(x)),
        eta_b = eta_max_b sigmoid(M_eta(x) + bias),  alpha = sigmoid(M_alpha(x) + bias),
        targets v_b = clip(M_b(v)),  answer y = M_mem(q),

    and then for every token of the chunk, in turn, M_b is written with key k, target v_b, rate eta_b and retention
    alpha, see `WriteRule`; M_k, M_v, M_q, M_eta and M_alpha forget nothing, alpha = 1 for them. M_mem answers
    M(x) = x + A x where memories are matrices; those of two layers add x where they answer with a token. An objective
    sees what a memory adds, A x, not the x that passes it by.

    The bound: for a matrix of `Descent.DELTA` down `Objective.DOT`, with |k| = 1, targets of length at most 1, a
    retention alpha < 1 and a rate eta <= 2 alpha, A (alpha I - eta k k^T) is not longer than alpha |A|, hence
    |A|_F <= eta / (1 - alpha) at all times, if it is so at the start. This is why targets are clipped.

    Attributes:
        keys: M_k at the start of a sequence.
        values: M_v.
        queries: M_q.
        rates: M_eta.
        retentions: M_alpha.
        memory: M_mem.
        rate_bias: of eta, in logits.
        retention_bias: of alpha.
        how: the rule of writing.
        max_rates: eta_max, of each.
        guard: of lengths.
        targets: of M_mem.
        answering: which writes an answer knows.
        chunk: tokens between two times of reading.

    Raises:
        ValueError: for a chunk of no tokens, or rates that are negative.

    Source: Behrouz et al. 2025, Nested Learning (arXiv 2512.24695), section 8; which of its equations are not taken
    literally, and why, is said in the tests of this class.
    """

    keys: AbstractFastMemory
    values: AbstractFastMemory
    queries: AbstractFastMemory
    rates: AbstractFastMemory
    retentions: AbstractFastMemory
    memory: AbstractFastMemory
    rate_bias: Float[Array, ""]
    retention_bias: Float[Array, ""]
    how: WriteRule = WriteRule()
    max_rates: MaxRates = eqx.field(static=True, default=MaxRates())
    guard: Guard = eqx.field(static=True, default=Guard.CLIPPED)
    targets: Targets = eqx.field(static=True, default=Targets.GENERATED)
    answering: Answering = eqx.field(static=True, default=Answering.CHUNK_START)
    chunk: int = eqx.field(static=True, default=8)

    def __check_init__(self):
        if self.chunk < 1:
            raise ValueError(f"SelfModifyingMemory: chunk is {self.chunk}; a chunk has at least 1 token.")
        if any(not rate >= 0 for rate in self.max_rates) or not self.max_rates.memory > 0:
            raise ValueError(
                f"SelfModifyingMemory: got {self.max_rates}; no rate may be negative, and that of the memory that "
                f"answers must be positive."
            )

    @classmethod
    def linear(cls, key: PRNGKeyArray, width: int, **choices: Any) -> "SelfModifyingMemory":
        """Memories that are matrices; M_mem starts as the identity, A = 0.

        Args:
            key: of the random numbers.
            width: of tokens.
            **choices: attributes of the class that have a default.
        """
        made = {
            name: FastMatrix.initialise(one, size, width)
            for one, (name, size) in zip(jax.random.split(key, 6), _sizes(width).items(), strict=True)
        }
        return cls(**(made | {MEMORY: FastMatrix(jnp.zeros((width, width)))} | _biases()), **choices)

    @classmethod
    def two_layers(cls, key: PRNGKeyArray, width: int, hidden: int, **choices: Any) -> "SelfModifyingMemory":
        """Memories of two layers.

        Args:
            key: of the random numbers.
            width: of tokens.
            hidden: units of every memory.
            **choices: attributes of the class that have a default.
        """
        made = {
            name: FastTwoLayers.initialise(one, size, width, hidden)
            for one, (name, size) in zip(jax.random.split(key, 6), _sizes(width).items(), strict=True)
        }
        return cls(**(made | _biases()), **choices)

    @property
    def width(self) -> int:
        """Of tokens."""
        return self.keys.answers

    def initial_state(self) -> SelfModifyingState:
        """The trained starts of all memories that are written."""
        written = {name: getattr(self, name) for name, rate in self.max_rates._asdict().items() if rate > 0}
        waiting = jnp.zeros((self.chunk - 1, self.width), self.rate_bias.dtype)
        return SelfModifyingState(written, waiting, jnp.zeros((), int))

    def __call__(
        self, state: SelfModifyingState, tokens: Float[Array, "t d"]
    ) -> tuple[SelfModifyingState, Float[Array, "t d"]]:
        """See `AbstractMixer.__call__`; tokens of a chunk under way are read again with those that follow."""
        size, length = self.chunk, tokens.shape[0]
        known = jnp.concatenate([state.waiting, tokens])
        number = -(-known.shape[0] // size)
        filled = jnp.pad(known, [(0, number * size), (0, 0)])
        rows = jax.lax.dynamic_slice_in_dim(filled, size - 1 - state.count, number * size)
        total = state.count + length
        there = jnp.arange(number * size).reshape(number, size) < total

        rates = self.max_rates._asdict()
        fixed = grouped({name: getattr(self, name) for name in rates if name not in state.memories}, rates)
        found = grouped(state.memories, rates)

        def through(groups: tuple[Group, ...], chunk: tuple[Array, Array]) -> tuple[tuple[Group, ...], Array]:
            left, answers = self._chunk(fixed, groups, *chunk)
            is_whole = chunk[1][-1]
            return jax.tree.map(lambda new, old: jnp.where(is_whole, new, old), left, groups), answers

        left, answers = jax.lax.scan(jax.checkpoint(through), found, (rows.reshape(number, size, -1), there))
        answers = jax.lax.dynamic_slice_in_dim(answers.reshape(number * size, -1), state.count, length)
        memories = {name: memory for group in left for name, memory in group.apart().items()}
        return SelfModifyingState(memories, known[length:], total % size), answers

    def _chunk(
        self, fixed: tuple[Group, ...], groups: tuple[Group, ...], tokens: Float[Array, "c d"], there: Bool[Array, " c"]
    ) -> tuple[tuple[Group, ...], Float[Array, "c d"]]:
        """What a chunk leaves, and the answers to its tokens; there may be fewer than a chunk has."""
        made = {name: answer for group in (*fixed, *groups) for name, answer in group(tokens).items()}
        keys, queries = unit(made["keys"]), unit(made["queries"])
        values = made["values"] if self.guard is Guard.RAW else unit(made["values"])
        rates = jnp.where(there, jax.nn.sigmoid(made["rates"][:, 0] + self.rate_bias), 0)
        retentions = jnp.where(there, jax.nn.sigmoid(made["retentions"][:, 0] + self.retention_bias), 1)
        left, answers = [], queries
        for group in groups:
            answers_here = MEMORY in group.names
            of_group = Writes(
                keys,
                self._targets(group, values),
                getattr(self.max_rates, group.names[0]) * rates,
                retentions if answers_here else None,
            )
            memory, reads = group.memory.written(self.how, of_group, self._asked(queries) if answers_here else Reads())
            left.append(Group(group.names, group.sizes, memory))
            if answers_here:
                within = reads.before + reads.after
                answers = answers + (within[0] if within else group.memory(queries))
        return tuple(left), answers

    def _targets(self, group: Group, values: Float[Array, "c d"]) -> Float[Array, "c e"]:
        """What is written into the memories of a group."""
        own = group(values)
        if MEMORY in own and isinstance(group.memory, FastMatrix):
            own[MEMORY] = own[MEMORY] + values
        if MEMORY in own and self.targets is Targets.VALUES:
            own[MEMORY] = values
        if self.guard is Guard.CLIPPED:
            own = {name: _clipped(target) for name, target in own.items()}
        return jnp.concatenate(list(own.values()), axis=1)

    def _asked(self, queries: Float[Array, "c d"]) -> Reads:
        match self.answering:
            case Answering.CHUNK_START:
                return Reads()
            case Answering.BEFORE:
                return Reads((queries,))
            case Answering.AFTER:
                return Reads((), (queries,))


def _clipped(rows: Float[Array, "t e"]) -> Float[Array, "t e"]:
    """Every row at most of length 1."""
    # The square root never sees a zero, at which its derivative is infinite.
    return rows / jnp.sqrt(jnp.maximum(jnp.sum(rows**2, axis=1, keepdims=True), 1))


def _sizes(width: int) -> dict[str, int]:
    return {name: 1 if name in ("rates", "retentions") else width for name in MaxRates._fields}


def _biases() -> dict[str, Array]:
    return {"rate_bias": jnp.asarray(0.0), "retention_bias": jnp.asarray(RETENTION)}
