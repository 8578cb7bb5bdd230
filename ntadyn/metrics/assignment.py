"""Which path belongs to which teacher: the optimal assignment, and the published rule with its defects."""

import itertools
import math

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int

# Up to five paths for five teachers. Enumerating is exact in any dtype and its ties are broken reproducibly; beyond
# this the number of candidates grows factorially and the cubic-time algorithm is cheaper.
_MOST_ENUMERATED = 120


def optimal_assignment(similarity: Float[Array, "m p"]) -> Int[Array, " m"]:
    """p(.) = argmax over injective maps of sum_m sim_{m, p(m)}: the path matched to each teacher.

    Args:
        similarity: similarities, shape (teachers, paths), with at least as many paths as teachers. Entries that are
            not finite are worse than every finite one.

    Returns:
        Path index of each teacher, shape (teachers,), int32, without repetition. Ties go to the lexicographically
        first assignment where candidates are enumerated (small sizes) and to any of the best ones otherwise.

    Raises:
        ValueError: if there are fewer paths than teachers, or no teacher.

    Source: linear assignment problem; replaces the published sorting of paths (arXiv 2411.03840).
    """
    num_teachers, num_paths = similarity.shape
    _check_sizes(num_teachers, num_paths)
    scores = _finite(similarity)
    if math.perm(num_paths, num_teachers) <= _MOST_ENUMERATED:
        candidates = jnp.asarray(list(itertools.permutations(range(num_paths), num_teachers)), dtype=jnp.int32)
        sums = jnp.sum(scores[jnp.arange(num_teachers), candidates], axis=-1)
        return candidates[jnp.argmax(sums)]
    # The algorithm allocates its potentials in the default float dtype and refuses to mix.
    costs = -scores.astype(jnp.zeros(()).dtype)
    rows, columns = optax.assignment.hungarian_algorithm(costs)
    return jnp.zeros(num_teachers, jnp.int32).at[rows].set(columns.astype(jnp.int32))


def _check_sizes(num_teachers: int, num_paths: int) -> None:
    if num_teachers < 1 or num_paths < num_teachers:
        raise ValueError(
            f"got similarities of {num_teachers} teachers with {num_paths} paths; matching needs at least one teacher "
            f"and at least as many paths as teachers. Pass the base teachers only, or a network with more paths."
        )


def _finite(similarity: Array) -> Array:
    # A non-finite entry becomes so poor that any assignment that avoids it wins; a NaN would otherwise win every
    # argmax and can keep the cubic-time algorithm from terminating.
    finite = jnp.isfinite(similarity)
    known = jnp.where(finite, similarity, jnp.zeros_like(similarity))
    spread = jnp.max(jnp.abs(known))
    return jnp.where(finite, known, -(2 * similarity.shape[0] + 1) * (spread + 1))


class PublishedSorting(eqx.Module):
    """The outcome of the published sorting rule: new labels of the paths, and the similarities as it reports them.

    Attributes:
        order: old path index at each new position, shape (paths,); may repeat a path and lose another.
        similarity: similarities after the rule, shape (records, teachers, paths).
    """

    order: Int[Array, " p"]
    similarity: Float[Array, "t m p"]


def published_sorting(similarity_over_time: Float[Array, "t m p"]) -> PublishedSorting:
    """m(p) = argmax_m <sim_{mp}>_t; wherever m(p) != p, exchange path p with path m(p).

    Kept to compare with published numbers; use `optimal_assignment` for anything else. Every exchange reads the
    original order, later ones overwrite earlier ones, which causes the known defects:

    - with three or more paths the result need not be a permutation (a cyclic preference duplicates one path and
      loses another);
    - if two paths prefer the same teacher, their order is an accident;
    - averaging over the whole run lets early, unspecialised records decide;
    - in the similarity matrix the teacher labels p and m(p) are exchanged within column p, where columns should have
      been: diagonal entries can end at each other's place, or show one teacher twice. (Columns of paths beyond the
      number of teachers stay as they are: they have no row of their own to exchange.)

    Args:
        similarity_over_time: similarities, shape (records, teachers, paths), paths at least as many as teachers.

    Returns:
        The new order of the paths, for `apply_published_sorting`, and the relabelled similarities.

    Raises:
        ValueError: if there are fewer paths than teachers, or no teacher.

    Source: published code of arXiv 2411.03840, sorting of students by their teachers.
    """
    _, num_teachers, num_paths = similarity_over_time.shape
    _check_sizes(num_teachers, num_paths)
    preferred = jnp.argmax(jnp.mean(similarity_over_time, axis=0), axis=0)
    order = places = np.arange(num_paths, dtype=np.int32)
    rows = np.arange(num_teachers, dtype=np.int32)
    labels = []
    for path in range(num_paths):
        teacher = preferred[path].astype(jnp.int32)
        # The later entry of an exchange counts. By masks, because in a batch every entry that is set costs a loop.
        exchanged = jnp.where(places == teacher, jnp.int32(path), jnp.where(places == path, teacher, order))
        order = jnp.where(teacher == path, order, exchanged)
        exchanged = jnp.where(rows == teacher, jnp.int32(path), jnp.where(rows == path, teacher, rows))
        labels.append(exchanged if path < num_teachers else jnp.asarray(rows))
    order, labels = jnp.asarray(order), jnp.stack(labels, axis=1)
    return PublishedSorting(order, jnp.take_along_axis(similarity_over_time, labels[None], axis=1))


def apply_published_sorting(sorting: PublishedSorting, values: Float[Array, "t p *rest"]) -> Float[Array, "t p *rest"]:
    """x'_{t, p} = x_{t, order(p)}: gates or weights relabelled by the published rule.

    Args:
        sorting: the outcome of `published_sorting` on the same run.
        values: gates, weights or anything else with axes (records, paths, ...).

    Returns:
        An array of the same shape.

    Raises:
        ValueError: if the second axis is not the path axis of the sorting.

    Source: published code of arXiv 2411.03840, sorting of students by their teachers.
    """
    if values.ndim < 2 or values.shape[1] != sorting.order.shape[0]:
        raise ValueError(
            f"the sorting is of {sorting.order.shape[0]} paths but values have shape {values.shape}; the axes must be "
            f"(records, paths, ...)."
        )
    return jnp.take(values, sorting.order, axis=1)
