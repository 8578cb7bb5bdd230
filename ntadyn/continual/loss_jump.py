"""Where one task gives way to another, for learners that are not told: a jump of the loss."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Bool, Float, Int

from ntadyn.tasks.known import known_values


class RecentLosses(eqx.Module):
    """What a detector remembers.

    Attributes:
        losses: `(window,)`, the last ones, the newest at the end.
        number: how many there have been since the last jump.
    """

    losses: Float[Array, " window"]
    number: Int[Array, ""]


class LossJump(eqx.Module):
    """Fires where loss - mean > z sigma, with mean and standard deviation sigma of the last `window` losses.

    After a jump the window is filled again before the next one can be seen, so that blocks have to be longer than it. A
    loss that falls, or that drifts upwards evenly, however fast, never fires: the newest value of a straight line is
    1.8 sigma from its mean. Losses whose distribution has a heavy tail ask for a higher threshold: with z = 6
    and a window of 50 normal losses fire once in 6 million steps, exponentially distributed ones more than once in a
    thousand.

    Attributes:
        threshold: z.
        window: number of steps.

    Raises:
        ValueError: if the threshold is not positive or the window shorter than 2.
    """

    threshold: float | Float[Array, ""] = 6.0
    window: int = eqx.field(static=True, default=50)

    def __check_init__(self):
        known = known_values(self.threshold)
        if self.window < 2 or (known is not None and not np.all(known > 0)):
            raise ValueError(
                f"LossJump: threshold is {self.threshold} and window is {self.window}; the threshold must be positive, "
                "and the window 2 or more."
            )

    def begin(self, dtype: DTypeLike) -> RecentLosses:
        """No loss so far."""
        return RecentLosses(jnp.zeros(self.window, dtype), jnp.asarray(0))

    def look(self, recent: RecentLosses, loss: Float[Array, ""]) -> tuple[RecentLosses, Bool[Array, ""]]:
        """Take note of a loss.

        Returns:
            The new memory, which holds this loss only if there was a jump, and whether there was one.
        """
        losses = recent.losses
        mean, sigma = jnp.mean(losses), jnp.std(losses)
        # Of losses that are equal but for rounding, none is a jump.
        least = jnp.sqrt(jnp.finfo(losses.dtype).eps) * jnp.abs(mean)
        jumped = (recent.number >= self.window) & (loss - mean > self.threshold * jnp.maximum(sigma, least))
        number = jnp.where(jumped, jnp.ones_like(recent.number), recent.number + 1)
        return RecentLosses(jnp.append(losses[1:], loss), number), jumped
