"""How far a network under periodic tasks is from a periodic orbit: the same phase, some blocks later."""

import jax.numpy as jnp
from jaxtyping import Array, Float


def block_distance(states: Float[Array, "b phase n"], lag: int) -> Float[Array, " b_minus_lag"]:
    """d_b = max over phases s of |x_{b+lag}(s) - x_b(s)|.

    On a periodic orbit of two alternating tasks it vanishes for lag 2. For lag 1, the published choice, it compares
    different tasks and stays at the distance between their states.

    Args:
        states: all parameters as one vector, at equal phases of every block, shape (blocks, phases, parameters).
        lag: how many blocks apart.

    Returns:
        One distance per pair of blocks, shape (blocks - lag,).

    Raises:
        ValueError: unless 1 <= lag < blocks.

    Source: arXiv 2411.03840, convergence of the reduced model (figure 4G), with lag 1.
    """
    if not 1 <= lag < states.shape[0]:
        raise ValueError(f"lag = {lag} for {states.shape[0]} blocks; choose a number from 1 to {states.shape[0] - 1}.")
    return jnp.max(jnp.linalg.norm(states[lag:] - states[:-lag], axis=-1), axis=-1)
