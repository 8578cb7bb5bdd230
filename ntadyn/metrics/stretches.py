"""What happens after a change of task, where tasks switch at irregular times: adaptation, first losses, means in time.

A *stretch* is a maximal run of blocks (trials) of one task: consecutive equal trials are no switch. How long adaptation
takes is known only where the next switch leaves time for it; what it cuts off is *censored*, and counted.

All functions take one trajectory; memory grows like the number of records. Axes: `t` record.
"""

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int


class Stretches(eqx.Module):
    """Where stretches begin and end among the records.

    Attributes:
        begins: the first record of every stretch `(t,)`.
        ends: the last record of every stretch `(t,)`.
        after_switch: which records belong to a stretch that another one came before, so to all but the first `(t,)`.
        complete: which records belong to a stretch that another one follows, so to all but the last `(t,)`.
        first: index of the first record of the stretch of every record `(t,)`.
    """

    begins: Bool[Array, " t"]
    ends: Bool[Array, " t"]
    after_switch: Bool[Array, " t"]
    complete: Bool[Array, " t"]
    first: Int[Array, " t"]


def stretches(task: Int[Array, " t"]) -> Stretches:
    """Stretches of records with the same task in force.

    Args:
        task: index of the task in force at every record; at a switch, both the end of one block and the start of the
            next are recorded, as simulations do. Padding that repeats the last record is part of the last stretch.

    Raises:
        ValueError: if there are no records.
    """
    if task.ndim != 1 or task.shape[0] == 0:
        raise ValueError(
            f"task has the shape {task.shape}; give one number per record, and use jax.vmap for more axes."
        )
    switches = task[1:] != task[:-1]
    yes = jnp.ones((1,), bool)
    begins, ends = jnp.concatenate([yes, switches]), jnp.concatenate([switches, yes])
    number = jnp.cumsum(begins)
    index = jnp.arange(task.shape[0])
    first = lax.cummax(jnp.where(begins, index, 0))
    return Stretches(begins, ends, number > 1, number < number[-1], first)


class Adaptation(eqx.Module):
    """How long the loss took to fall below a threshold in every stretch, each at the last record of the stretch.

    Attributes:
        time: time since the start of the stretch `(t,)`; infinity where the stretch ended before. Meant to be read
            where `counts`.
        counts: last records of stretches that begin and end with a switch `(t,)`.
        censored: those of them whose stretch ended before the threshold was reached `(t,)`.
    """

    time: Float[Array, " t"]
    counts: Bool[Array, " t"]
    censored: Bool[Array, " t"]

    def censored_share(self, among: Bool[Array, " t"] | None = None) -> Float[Array, ""]:
        """Share of the stretches that ended too early; NaN without any.

        Args:
            among: records that may count, such as those of one task; all if omitted.
        """
        counts = self._counted(among)
        return _share(self.censored, counts, self.time.dtype)

    def mean_time(self, among: Bool[Array, " t"] | None = None) -> Float[Array, ""]:
        """Mean over the stretches that were long enough; NaN without any. Read it beside `censored_share`.

        Long times are cut off more often than short ones, so that this is a lower bound.

        Args:
            among: see `censored_share`.
        """
        counts = self._counted(among) & ~self.censored
        return mean_where(jnp.where(counts, self.time, jnp.zeros_like(self.time)), counts)

    def _counted(self, among: Bool[Array, " t"] | None) -> Bool[Array, " t"]:
        return self.counts if among is None else self.counts & among


def adaptation(
    times: Float[Array, " t"], loss: Float[Array, " t"], found: Stretches, threshold: float | Float[Array, ""]
) -> Adaptation:
    """inf{s : L(t_b + s) < threshold} in every stretch from t_b on, linear between records.

    If k trials are needed and every trial switches with hazard H, the share 1 - (1 - H)^(k - 1) is censored.

    Args:
        times: record times, not decreasing `(t,)`.
        loss: task loss at the records `(t,)`.
        found: see `stretches`.
        threshold: the loss to fall below.

    Returns:
        Times in the unit of `times`, 0 where the first record of a stretch is below already.

    Raises:
        ValueError: if the axes do not match.
    """
    _check_equal(times=times, loss=loss, stretches=found.begins)
    index = jnp.arange(loss.shape[0])
    below = loss < threshold
    # The last record below the threshold whose predecessor in the stretch was not: the first one, if none came before.
    count = jnp.cumsum(below)
    before_stretch = (count - below.astype(count.dtype))[found.first]
    reached = count > before_stretch
    is_first = below & (count - before_stretch == 1)
    at = lax.cummax(jnp.where(is_first, index, 0))
    previous = jnp.maximum(at - 1, found.first)
    drop = loss[previous] - loss[at]
    interpolates = (at > found.first) & jnp.isfinite(drop) & (drop > 0)
    share = jnp.where(interpolates, (loss[previous] - threshold) / jnp.where(interpolates, drop, 1), 1)
    crossing = times[previous] + share * (times[at] - times[previous])
    counts = found.ends & found.after_switch & found.complete
    time = jnp.where(reached, crossing - times[found.first], jnp.inf)
    return Adaptation(time, counts, counts & ~reached)


def first_loss(loss: Float[Array, " t"], found: Stretches, among: Bool[Array, " t"] | None = None) -> Float[Array, ""]:
    """The loss with which the first trial after a switch is met, mean over switches; NaN without any.

    Args:
        loss: task loss at the records `(t,)`; at the first record of a stretch nothing has been learned from it yet.
        found: see `stretches`.
        among: records that may count, such as those of one task; all if omitted.

    Raises:
        ValueError: if the axes do not match.
    """
    _check_equal(loss=loss, stretches=found.begins)
    counts = found.begins & found.after_switch
    return mean_where(loss, counts if among is None else counts & among)


def time_average(
    times: Float[Array, " t"], loss: Float[Array, " t"], among: Bool[Array, " t"] | None = None
) -> Float[Array, ""]:
    """Integral of the loss over time, over the time; by trapezoids between records, so record where the loss falls.

    Args:
        times: record times, not decreasing `(t,)`.
        loss: task loss at the records `(t,)`.
        among: intervals count whose both ends do; all if omitted.

    Raises:
        ValueError: if the axes do not match.
    """
    _check_equal(times=times, loss=loss)
    length = jnp.diff(times)
    if among is not None:
        length = jnp.where(among[1:] & among[:-1], length, 0)
    return jnp.sum(0.5 * length * (loss[1:] + loss[:-1])) / jnp.sum(length)


def mean_where(values: Float[Array, " t"], counts: Bool[Array, " t"]) -> Float[Array, ""]:
    """Mean of the entries that count; NaN without any."""
    return jnp.sum(jnp.where(counts, values, 0)) / jnp.sum(counts).astype(values.dtype)


def _share(part: Bool[Array, " t"], whole: Bool[Array, " t"], dtype: jnp.dtype) -> Float[Array, ""]:
    return jnp.sum(part & whole).astype(dtype) / jnp.sum(whole).astype(dtype)


def _check_equal(**given: Array) -> None:
    if len({array.shape for array in given.values()}) > 1 or any(array.ndim != 1 for array in given.values()):
        named = ", ".join(f"{name} {array.shape}" for name, array in given.items())
        raise ValueError(f"records need one axis, of one length: got {named}. Use jax.vmap for more axes.")
