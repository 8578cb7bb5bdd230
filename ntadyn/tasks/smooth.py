"""Switching between tasks without jumps.

Source: Sandbrink et al., NeurIPS 2024 (arXiv 2411.03840), and its published code.
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int, Real

from ntadyn.tasks.curricula import block_durations
from ntadyn.tasks.curriculum import AbstractCurriculum, kept_blocks
from ntadyn.tasks.known import known_values
from ntadyn.tasks.times import running_sums

__all__ = ["Smooth"]

_SHIFT = 1e-4
"""By how much, in half blocks, switches come before the end of a block."""


class Smooth(AbstractCurriculum):
    """`a_i(t) = 1/2 + 1/2 sign(u_i) |sin(pi u_i / 2)|^(1/g)`: tasks 0, 1, ... in turn, with soft switches.

    With `tau` the block length and `n` tasks, `r_i` is the distance of `t` from the nearest middle of a block of task
    `i` (those middles lie `n tau` apart), and `u_i = cos(pi r_i / tau)` up to `r_i = tau`, else -1. The middles are
    shifted by `tau/2` times 1e-4, as published, so that a switch time never sits exactly on the steepest point.
    The weights sum to one. The larger `g`, the sharper the switch; a weight is 1 in the middle of its block only.

    The published shift is a quarter period, `n tau / 4`. It equals the half block used here for two tasks, the only
    case in the paper, and would put the blocks of more tasks out of step with `edges`.

    Attributes:
        hardness: `g`, dimensionless and positive.
        block_duration: `tau`.
        durations: `(b,)`; all `tau` at first, `until` may shorten the last one, which does not speed up the mixture.
        num_tasks: `n`.

    Raises:
        ValueError: if `hardness` or `block_duration` is not positive and finite, if `num_blocks` or `num_tasks` is
            less than 1 (or 2, for tasks to switch between), or if there are so many blocks that the dtype does not tell
            the last switches from the ends of their blocks (some 400 in single precision).

    Source: published code, smooth context switching of the reduced model (Figs 4, A1, A9, A10).
    """

    hardness: Float[Array, ""]
    block_duration: Float[Array, ""]
    durations: Float[Array, " b"]
    num_tasks: int = eqx.field(static=True)

    def __init__(
        self,
        hardness: Real[ArrayLike, ""],
        block_duration: Real[ArrayLike, ""],
        num_blocks: int,
        num_tasks: int = 2,
    ):
        """Equal blocks in which the tasks take turns.

        Args:
            hardness: `g`, dimensionless and positive.
            block_duration: `tau`, which also sets the dtype.
            num_blocks: number of blocks.
            num_tasks: number of tasks, at least 2.
        """
        self.durations = block_durations(block_duration, num_blocks)
        self.block_duration = jnp.asarray(block_duration, self.durations.dtype)
        self.hardness = jnp.asarray(hardness, self.durations.dtype)
        self.num_tasks = num_tasks

    def __check_init__(self):
        hardness = known_values(self.hardness)
        if hardness is not None and not (np.isfinite(hardness) and hardness > 0):
            raise ValueError(
                f"Smooth: got hardness = {hardness}; it must be positive and finite. For jumps use Blocked curricula."
            )
        if self.num_tasks < 2:
            raise ValueError(
                f"Smooth: got num_tasks = {self.num_tasks}; switching needs at least 2. Use sequence(...) for one task."
            )
        durations, tau = known_values(self.durations), known_values(self.block_duration)
        if durations is None or tau is None:
            return
        # Rounding of the time, and of a period as often as there were periods.
        longest = 0.5 * _SHIFT * float(tau) / float(jnp.finfo(tau.dtype).eps)
        end = running_sums(durations)[-1]
        if end > longest:
            raise ValueError(
                f"Smooth: got {durations.size} blocks up to t = {end:.6g} in {tau.dtype}, which tells switches from "
                f"the ends of blocks up to {longest:.6g} only. Use fewer blocks, or double precision."
            )

    def task(self, block: Int[ArrayLike, ""], t: Real[ArrayLike, ""]) -> Float[Array, " m"]:
        """`a_i(t)` of the class formula; it follows from the time alone, so `block` is not used."""
        del block
        tau = self.block_duration
        period = self.num_tasks * tau
        middles = jnp.arange(self.num_tasks, dtype=tau.dtype) * tau + 0.5 * tau * (1.0 - _SHIFT)
        # In this order, because the remainder of a division is exact and a difference is not.
        within = jnp.abs(jnp.fmod(jnp.asarray(t, tau.dtype), period) - middles)
        phase = jnp.pi * jnp.minimum(within, period - within) / tau
        wave = jnp.where(phase < jnp.pi, jnp.cos(phase), -1.0)
        # The power has an infinite slope at 0, where the sign makes its value irrelevant.
        height = jnp.where(wave == 0.0, 1.0, jnp.abs(jnp.sin(0.5 * jnp.pi * wave)))
        return 0.5 + 0.5 * jnp.sign(wave) * height ** (1.0 / self.hardness)

    def with_durations(self, durations: Float[Array, " b"]) -> "Smooth":
        """The first `len(durations)` blocks, with these durations `(b,)`; the mixture keeps its `block_duration`."""
        kept_blocks("Smooth", durations, self.num_blocks)
        changed = eqx.tree_at(lambda curriculum: curriculum.durations, self, durations)
        for check in (AbstractCurriculum.__check_init__, Smooth.__check_init__):
            check(changed)  # tree_at does not construct, so nothing else would look
        return changed
