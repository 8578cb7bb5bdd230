"""How the learning rate rises and falls."""

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Int


def rate_share(
    step: Int[ArrayLike, ""], steps: Int[ArrayLike, ""], warm_up: float, last_rate: float
) -> Float[Array, ""]:
    """s(n) = min(1, (n + 1) / m), then l + (1 - l) (1 + cos(pi (n - m) / (N - m))) / 2, with m = max(1, warm_up N).

    All numbers but the shares may be traced, so that one compiled program serves trainings of any length.

    Args:
        step: n, from 0 to N - 1.
        steps: N.
        warm_up: share of the steps over which the rate rises.
        last_rate: l, the share that is left at the end.
    """
    dtype = jnp.result_type(float)
    n, total = jnp.asarray(step, dtype), jnp.asarray(steps, dtype)
    warm = jnp.maximum(1.0, jnp.floor(warm_up * total))
    rises = jnp.minimum(1.0, (n + 1) / warm)
    through = jnp.clip((n - warm) / jnp.maximum(total - warm, 1.0), 0.0, 1.0)
    return rises * (last_rate + (1 - last_rate) * 0.5 * (1 + jnp.cos(jnp.pi * through)))
