"""Memories that are one matrix M, whose write is one formula: M <- a M - (p M k - r v) k^T.

    rule            loss                              kept a   erased p       inserted r
    Hebbian         -<M k, v>                         a        0              b
    Delta           1/2 |M k - v|^2                   1        b              b
    GatedDelta      1/2 |M k - v|^2                   a        b              b
    ProximalDelta   1/2 |M k - v|^2, implicitly       a        a b'           b' = b / (1 + b |k|^2)

a is the retention and b the rate of the token. What a rule erases is its answer to the key; because of this alone a
key can be given another value. Every form of computation knows this formula only.
"""

import abc
from typing import ClassVar, TypeAlias

import equinox as eqx
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from ntadyn.nested.memories.proximal import Objective, linearised, proximal
from ntadyn.nested.memories.rule import AbstractRule

Scalar: TypeAlias = Float[Array, ""]
Matrix: TypeAlias = Float[Array, "e d"]
Key: TypeAlias = Float[Array, " d"]
Value: TypeAlias = Float[Array, " e"]


class Coefficients(eqx.Module):
    """The three numbers of a write M <- a M - (p M k - r v) k^T; of every token, with a leading axis.

    Attributes:
        retention: a, what is kept of M; None for all of it.
        erasure: p, what is taken away of the answer to the key.
        insertion: r, what is put there of the value.
    """

    retention: Float[Array, "*t"] | None
    erasure: Float[Array, "*t"]
    insertion: Float[Array, "*t"]


class AbstractLinearRule(AbstractRule):
    """M <- a M - (p M k - r v) k^T, read as M q; the state is M, of shape (e, d).

    Attributes:
        erases: whether p can differ from 0.
    """

    erases: ClassVar[bool] = True

    @abc.abstractmethod
    def coefficients(self, key: Key, retention: Scalar | None, rate: Scalar) -> Coefficients:
        """The numbers a, p and r of one write."""

    @abc.abstractmethod
    def minimised(self, state: Matrix, key: Key, value: Value) -> Objective:
        """The loss that a write minimises near what is kept of the old state."""

    def initial_state(self, key_size: int, value_size: int, dtype: DTypeLike | None = None) -> Matrix:
        """A memory in which nothing is stored: M = 0.

        Args:
            key_size: d.
            value_size: e.
            dtype: of M; the default floating-point type if omitted.
        """
        return jnp.zeros((value_size, key_size), dtype)

    def read(self, state: Matrix, query: Key) -> Value:
        """M q."""
        return state @ query

    def write(self, state: Matrix, key: Key, value: Value, retention: Scalar | None, rate: Scalar) -> Matrix:
        """M <- a M - (p M k - r v) k^T, see `AbstractRule.write`."""
        numbers = self.coefficients(key, retention, rate)
        change = numbers.insertion * value
        if self.erases:
            change = change - numbers.erasure * self.read(state, key)
        return kept(state, numbers.retention) + jnp.outer(change, key)

    def proximal_objective(
        self, state: Matrix, key: Key, value: Value, retention: Scalar | None, rate: Scalar
    ) -> Objective:
        """N -> b minimised(N) + 1/2 |N - a M|^2, see `AbstractRule.proximal_objective`."""
        return proximal(self.minimised(state, key, value), kept(state, retention), rate)


class AbstractDeltaRule(AbstractLinearRule):
    """A linear rule that descends 1/2 |M k - v|^2."""

    def loss(self, answer: Value, value: Value) -> Scalar:
        """1/2 |answer - v|^2."""
        return squared_error(answer, value)


class Hebbian(AbstractLinearRule):
    """M <- a M + b v k^T: descends -<M k, v>; linear attention, with a gate if there is a retention.

    Each write is the exact minimiser of -<M k, v> + |M - a M_t|^2 / (2 b). It never looks at what it knows: a key that
    is written twice answers with the sum of both values.

    Source: Hebb's rule; as linear attention: Katharopoulos et al. 2020 (arXiv 2006.16236); with a constant retention:
    Sun et al. 2023 (arXiv 2307.08621); as a proximal step: Behrouz et al. 2025 (arXiv 2512.24695), with other signs.
    """

    erases: ClassVar[bool] = False

    def coefficients(self, key: Key, retention: Scalar | None, rate: Scalar) -> Coefficients:
        """(a, 0, b)."""
        del key
        return Coefficients(retention, jnp.zeros_like(rate), rate)

    def loss(self, answer: Value, value: Value) -> Scalar:
        """-<answer, v>."""
        return -jnp.sum(answer * value)

    def minimised(self, state: Matrix, key: Key, value: Value) -> Objective:
        """The loss itself."""
        del state
        return lambda other: self.objective(other, key, value)


class Delta(AbstractDeltaRule):
    """M <- M - b (M k - v) k^T: one step of gradient descent on 1/2 |M k - v|^2; keeps all else.

    With b = 1 and |k| = 1 the pair is stored exactly, whatever was stored under this key before. It is stable along a
    key for 0 <= b |k|^2 <= 2. Each write is the exact minimiser of the *linearised* loss <g, M> + |M - M_t|^2 / (2 b),
    where g is the gradient at the old M_t; that of the loss itself is `ProximalDelta`.

    Source: Widrow and Hoff 1960; as the write of a memory: Schlag et al. 2021 (arXiv 2102.11174).
    """

    def coefficients(self, key: Key, retention: Scalar | None, rate: Scalar) -> Coefficients:
        """(1, b, b).

        Raises:
            ValueError: if there is a retention.
        """
        del key
        if retention is not None:
            raise ValueError("Delta keeps all of its state and takes no retention; leave it out, or use GatedDelta().")
        return Coefficients(None, rate, rate)

    def minimised(self, state: Matrix, key: Key, value: Value) -> Objective:
        """The loss, linearised at the old state."""
        return linearised(lambda other: self.objective(other, key, value), state)


class GatedDelta(AbstractDeltaRule):
    """M <- a M - b (M k - v) k^T: the delta rule on a state that fades; both parts see the old M.

    This order is that of Titans without momentum. Gated DeltaNet forgets first, M <- a M (I - b k k^T) + b v k^T: it is
    this rule with rate a b and value v / a. Each write is the exact minimiser of <g, M> + |M - a M_t|^2 / (2 b), where
    g is the gradient of 1/2 |M k - v|^2 at M_t: of the linearised loss.

    Source: Behrouz et al. 2024, Titans (arXiv 2501.00663), equations 13 and 14 without momentum; the other order: Yang
    et al. 2024 (arXiv 2412.06464).
    """

    def coefficients(self, key: Key, retention: Scalar | None, rate: Scalar) -> Coefficients:
        """(a, b, b)."""
        del key
        return Coefficients(retention, rate, rate)

    def minimised(self, state: Matrix, key: Key, value: Value) -> Objective:
        """The loss, linearised at the old state."""
        return linearised(lambda other: self.objective(other, key, value), state)


class ProximalDelta(AbstractDeltaRule):
    """M <- a M - b' (a M k - v) k^T with b' = b / (1 + b |k|^2): the implicit step of the delta rule.

    Each write is the exact minimiser of 1/2 |M k - v|^2 + |M - a M_t|^2 / (2 b), the loss itself. The error at the key
    shrinks by 1 / (1 + b |k|^2): it is stable for every rate and every length of keys.

    Source: normalised least mean squares, Nagumo and Noda 1967; as the update of a memory: Behrouz et al. 2025 (arXiv
    2512.24695); the closed form by the formula of Sherman and Morrison.
    """

    def coefficients(self, key: Key, retention: Scalar | None, rate: Scalar) -> Coefficients:
        """(a, a b', b')."""
        implicit = rate / (1 + rate * jnp.sum(key**2))
        return Coefficients(retention, implicit if retention is None else retention * implicit, implicit)

    def minimised(self, state: Matrix, key: Key, value: Value) -> Objective:
        """The loss itself."""
        del state
        return lambda other: self.objective(other, key, value)


def kept(state: Matrix, retention: Scalar | None) -> Matrix:
    """The product a M, or M where all is kept."""
    return state if retention is None else retention * state


def squared_error(answer: Value, value: Value) -> Scalar:
    """1/2 |answer - v|^2."""
    return 0.5 * jnp.sum((answer - value) ** 2)
