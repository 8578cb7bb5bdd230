"""Memories that are written by the chunk: everything that a write depends on is read before the chunk starts.

With k_t and the target v_t of every token of a chunk known, and M_s the memory that the chunk finds,

    matrix      M(x) = A x          A <- A (a I - b k k^T) + b e k^T
    two layers  M(x) = B gelu(A x)  A <- A (a I - b k k^T) + b (B_s^T e * gelu'(A_s k)) k^T
                                    B <- a B + b e gelu(A_s k)^T

where e is v for the objective -<M(k), v>, and v - M_s(k) for 1/2 |M(k) - v|^2. Each line is a linear rule with keys and
values that are known: `Hebbian`, or `GatedDelta` where k k^T is there. So a chunk is one product of matrices, and
nothing of this is computed token by token.
"""

import abc
import enum

import equinox as eqx
import jax
from jaxtyping import Array, Float, PRNGKeyArray

from ntadyn.nested.memories import GatedDelta, Hebbian, Parallel, Reads, Writes
from ntadyn.nested.memories.linear import AbstractLinearRule


class Objective(enum.Enum):
    """The loss that a write descends.

    Attributes:
        DOT: -<M(k), v>.
        SQUARED: 1/2 |M(k) - v|^2.
    """

    DOT = enum.auto()
    SQUARED = enum.auto()


class Descent(enum.Enum):
    """The step down the loss.

    With one token per chunk, `DELTA` down the `DOT` objective is `PLAIN` down the `SQUARED` one, for a matrix. Beware
    of `DELTA` down the `SQUARED` objective, which is printed in the source: what the memory knows about a key is taken
    away twice, and however often a pair is written, the memory answers half of its value (two thirds of it if the
    objective is |M(k) - v|^2 without the half).

    Attributes:
        PLAIN: gradient descent, M <- a M - b G.
        DELTA: delta gradient descent, M <- M (a I - b k k^T) - b G.
    """

    PLAIN = enum.auto()
    DELTA = enum.auto()


class WriteGradient(enum.Enum):
    """What the gradient of an outer loss sees of the writes.

    Attributes:
        FULL: everything. The starts of all memories learn what writes should do.
        STOPPED: nothing: what writes have added is a constant. Only the start of what answers learns, and how it is
            asked.
    """

    FULL = enum.auto()
    STOPPED = enum.auto()


class WriteRule(eqx.Module):
    """How a chunk is written.

    Attributes:
        objective: the loss.
        descent: the step.
        gradient: what an outer gradient sees of it.
    """

    objective: Objective = eqx.field(static=True, default=Objective.DOT)
    descent: Descent = eqx.field(static=True, default=Descent.DELTA)
    gradient: WriteGradient = eqx.field(static=True, default=WriteGradient.FULL)

    def insertions(self, answers: Float[Array, "t e"], targets: Float[Array, "t e"]) -> Float[Array, "t e"]:
        """The vectors e: minus the gradient of the loss by the answers to the keys."""
        return targets if self.objective is Objective.DOT else targets - answers

    def erasing(self) -> AbstractLinearRule:
        """The linear rule of matrices that k k^T acts on."""
        return GatedDelta() if self.descent is Descent.DELTA else Hebbian()

    def write(
        self, rule: AbstractLinearRule, matrix: Float[Array, "e d"], writes: Writes, queries: Reads
    ) -> tuple[Float[Array, "e d"], Reads]:
        """The matrix after a chunk, and the answers within it."""
        if self.gradient is WriteGradient.FULL:
            return Parallel().run(rule, matrix, writes, queries)
        held, constants = jax.lax.stop_gradient((matrix, writes))
        # Zero, with the derivative of the matrix: an outer gradient goes past the writes as if they had not been.
        past = matrix - held
        after, answers = Parallel().run(rule, held, constants, queries)
        passed = jax.tree.map(lambda answer, query: answer + query @ past.T, answers, queries)
        return jax.lax.stop_gradient(after) + past, passed


class AbstractFastMemory(eqx.Module):
    """A network from tokens to answers whose weights are written while it is used."""

    @property
    @abc.abstractmethod
    def answers(self) -> int:
        """The size of an answer."""

    @abc.abstractmethod
    def __call__(self, rows: Float[Array, "t d"]) -> Float[Array, "t e"]:
        """M(x) for every row x."""

    @abc.abstractmethod
    def written(self, how: WriteRule, writes: Writes, queries: Reads) -> tuple["AbstractFastMemory", Reads]:
        """The memory after a chunk, and its answers within it.

        Args:
            how: the rule.
            writes: keys, targets as values, rates, and retentions or None to keep all.
            queries: what is asked before and after the write of every token.
        """


class FastMatrix(AbstractFastMemory):
    """M(x) = A x.

    Attributes:
        matrix: A, shape (e, d).
    """

    matrix: Float[Array, "e d"]

    @property
    def answers(self) -> int:
        """See `AbstractFastMemory.answers`."""
        return self.matrix.shape[0]

    @classmethod
    def initialise(cls, key: PRNGKeyArray, answers: int, width: int) -> "FastMatrix":
        """Uniform entries of variance 1 / (3 width), as those of any linear layer.

        Args:
            key: of the random numbers.
            answers: e.
            width: d.
        """
        most = width**-0.5
        return cls(jax.random.uniform(key, (answers, width), minval=-most, maxval=most))

    def __call__(self, rows: Float[Array, "t d"]) -> Float[Array, "t e"]:
        """See `AbstractFastMemory.__call__`."""
        return rows @ self.matrix.T

    def written(self, how: WriteRule, writes: Writes, queries: Reads) -> tuple["FastMatrix", Reads]:
        """See `AbstractFastMemory.written`."""
        inserted = how.insertions(self(writes.keys), writes.values)
        changed = Writes(writes.keys, inserted, writes.rates, writes.retentions)
        matrix, answers = how.write(how.erasing(), self.matrix, changed, queries)
        return FastMatrix(matrix), answers


class FastTwoLayers(AbstractFastMemory):
    """M(x) = B gelu(A x).

    Attributes:
        inner: A, shape (h, d).
        outer: B, shape (e, h).
    """

    inner: Float[Array, "h d"]
    outer: Float[Array, "e h"]

    @property
    def answers(self) -> int:
        """See `AbstractFastMemory.answers`."""
        return self.outer.shape[0]

    @classmethod
    def initialise(cls, key: PRNGKeyArray, answers: int, width: int, hidden: int) -> "FastTwoLayers":
        """Uniform entries of variance 1 / (3 width) in A, and 1 / (3 h) in B.

        Args:
            key: of the random numbers.
            answers: e.
            width: d.
            hidden: h.
        """
        first, second = jax.random.split(key)
        inner = FastMatrix.initialise(first, hidden, width).matrix
        return cls(inner, FastMatrix.initialise(second, answers, hidden).matrix)

    def __call__(self, rows: Float[Array, "t d"]) -> Float[Array, "t e"]:
        """See `AbstractFastMemory.__call__`."""
        return jax.nn.gelu(rows @ self.inner.T) @ self.outer.T

    def written(self, how: WriteRule, writes: Writes, queries: Reads) -> tuple["FastTwoLayers", Reads]:
        """See `AbstractFastMemory.written`."""
        keys, rates, retentions = writes.keys, writes.rates, writes.retentions
        hidden, pull = jax.vjp(jax.nn.gelu, keys @ self.inner.T)
        inserted = how.insertions(hidden @ self.outer.T, writes.values)
        (inner_inserted,) = pull(inserted @ self.outer)
        inner, asked = how.write(how.erasing(), self.inner, Writes(keys, inner_inserted, rates, retentions), queries)
        outer, answers = how.write(
            Hebbian(), self.outer, Writes(hidden, inserted, rates, retentions), jax.tree.map(jax.nn.gelu, asked)
        )
        return FastTwoLayers(inner, outer), answers
