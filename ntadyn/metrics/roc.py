"""How well scores tell two kinds of cases apart: areas under ROC curves, with what is known of their errors."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

_EXACT = "highest"


class RocAreas(eqx.Module):
    """Areas of several scores of the same cases.

    Attributes:
        area: A, shape (scores,).
        covariance: of all A, shape (scores, scores); that of a difference A_j - A_k is C_jj + C_kk - 2 C_jk. It is zero
            where a score tells all cases apart, which says nothing about the next ones.
    """

    area: Float[Array, " k"]
    covariance: Float[Array, "k k"]


def areas_under_roc(
    scores: Float[Array, "k n"], positive: Bool[Array, " n"], negative: Bool[Array, " n"] | None = None
) -> RocAreas:
    """A = P(score of a positive case > score of a negative one) + P(equal) / 2, for k scores of the same n cases.

    The covariance is that of DeLong's placements: V_i = P(s_i > s_j) of every positive case i over the m negative
    ones, and U_j of every negative one over the l positive ones, C = cov(V) / l + cov(U) / m.

    Args:
        scores: larger where a case is held for positive.
        positive: which cases are; may be traced.
        negative: which cases are negative, all others if omitted; those that are neither are left out.

    Returns:
        Areas and their covariance; NaN where there are less than two cases of a kind.

    Source: DeLong, DeLong and Clarke-Pearson 1988, Biometrics 44.
    """
    yes = positive.astype(scores.dtype)
    no = 1 - yes if negative is None else negative.astype(scores.dtype)
    over = (jnp.sign(scores[:, :, None] - scores[:, None, :]) + 1) / 2
    of_positive = jnp.einsum("kij,j->ki", over, no, precision=_EXACT) / jnp.sum(no)
    of_negative = jnp.einsum("kij,i->kj", over, yes, precision=_EXACT) / jnp.sum(yes)
    area = jnp.einsum("ki,i->k", of_positive, yes, precision=_EXACT) / jnp.sum(yes)

    def spread(placements: Array, weight: Array) -> Array:
        number = jnp.sum(weight)
        off = (placements - area[:, None]) * weight[None, :]
        # What is left of a single case is zero up to rounding only.
        degrees = jnp.where(number > 1, number * (number - 1), jnp.nan)
        return jnp.einsum("ki,li->kl", off, off, precision=_EXACT) / degrees

    return RocAreas(area, spread(of_positive, yes) + spread(of_negative, no))
