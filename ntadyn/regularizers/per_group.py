"""One penalty on each of several groups of entries."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool

from ntadyn.regularizers.coefficients import Coefficient, Group, Scalar
from ntadyn.regularizers.penalty import AbstractPenalty, Zero


class PerGroup(AbstractPenalty):
    """`R(x) = sum_k R_1(x_k)`, with `x_k` the k-th of equally many consecutive entries: gates of a norm each.

    Attributes:
        penalty: `R_1`.
        num_groups: how many groups the entries make, at least 1.

    Raises:
        ValueError: if there is no group; on use, if the entries cannot be divided into so many.
    """

    penalty: AbstractPenalty
    num_groups: int = eqx.field(static=True)

    def __check_init__(self):
        if self.num_groups < 1:
            raise ValueError(f"PerGroup: got num_groups = {self.num_groups}; at least one group is needed.")

    @property
    def kinked(self) -> bool:
        """Whether the penalty on one group is."""
        return self.penalty.kinked

    def jumps(self, x: Group) -> Bool[Array, ""]:
        """Whether that of the penalty on one group does."""
        return self.penalty.jumps(x)

    def energy(self, x: Group) -> Scalar:
        """`sum_k R_1(x_k)`."""
        return jnp.sum(jax.vmap(self.penalty.energy)(self._groups(x)))

    def branch_gradient(self, x: Group, sign: Group) -> Group:
        """That of every group by itself."""
        return jax.vmap(self.penalty.branch_gradient)(self._groups(x), self._groups(sign)).reshape(x.shape)

    def proximal(self, x: Group, step: float | Scalar) -> Group:
        """That of every group by itself."""
        return jax.vmap(lambda group: self.penalty.proximal(group, step))(self._groups(x)).reshape(x.shape)

    def scaled(self, factor: Coefficient) -> "PerGroup":
        """The scaled penalty on every group."""
        return PerGroup(self.penalty.scaled(factor), self.num_groups)

    def split(self) -> tuple[AbstractPenalty, AbstractPenalty]:
        """The parts of the penalty, each on every group."""
        smooth, shrinking = (self._of(part) for part in self.penalty.split())
        return smooth, shrinking

    def _of(self, part: AbstractPenalty) -> AbstractPenalty:
        return part if isinstance(part, Zero) else PerGroup(part, self.num_groups)

    def _groups(self, x: Group) -> Group:
        if x.size % self.num_groups:
            raise ValueError(
                f"PerGroup: {x.size} entries cannot be divided into {self.num_groups} equal groups; "
                f"give a multiple of {self.num_groups} entries."
            )
        return x.reshape(self.num_groups, -1)
