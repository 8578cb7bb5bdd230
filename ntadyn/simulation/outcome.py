"""The outcome of a simulation: what was recorded, how it ended, and how far it can be trusted."""

import warnings
from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PyTree

with warnings.catch_warnings():
    # Equinox warns that Diffrax's message for success is replaced. That message is empty, and prints as RESULTS<>.
    warnings.simplefilter("ignore", UserWarning)

    class RESULTS(diffrax.RESULTS):  # pyright: ignore[reportGeneralTypeIssues]
        """Result codes of trajectories: those of Diffrax, and some of our own."""

        successful = "successful"
        diverged = (
            "The trajectory diverged: its state is not finite, or, for updates, ten thousand times as large as "
            "teachers and start together. Take smaller steps (`max_step`), a solver that is stable at them "
            "(`Splitting`), or weaker drive."
        )
        impossible = (
            "The trajectory broke a law of the flow: its loss became negative, its energy rose while one task was in "
            "force, or its overlaps are those of no network. Its numbers mean nothing. Take smaller steps "
            "(`max_step`) or the default solver; if it was the default, please report it."
        )
        unresolved = (
            "The state changes so much faster than the steps were chosen for that each would have to be divided into "
            "more than 4096 parts; it was left as it was. Start nearer to zero or to the teachers, or take smaller "
            "steps (`max_step`)."
        )
        kink_met = (
            "A gate reached zero, where its penalty has a kink, under an adaptive solver: such solvers chatter there "
            "and can report success with wrong gates. Use the default fixed-step `Splitting`, or a smoothed penalty."
        )
        full = (
            "A network that grows needed more paths than it was given, and went on without them. Give it more, or let "
            "it grow less readily."
        )


RESULT_CODES = "result code: 0 successful, 1 diverged, 2 other failure, 3 impossible, 4 unresolved, 5 full"


def result_codes(result: RESULTS) -> Int[Array, "..."]:
    """Results as the numbers that files hold, see `RESULT_CODES`."""
    code = jnp.where(result == RESULTS.successful, 0, 2)
    for name, number in (("diverged", 1), ("impossible", 3), ("unresolved", 4), ("full", 5)):
        code = jnp.where(result == getattr(RESULTS, name), number, code)
    return code


class Trajectory(eqx.Module):
    """What was recorded, and how far it can be trusted.

    Attributes:
        times: t of every record, shape (records,).
        blocks: the block of each record, shape (records,); a switch has one record in either of its blocks.
        values: name -> recorded array, leading axis = record.
        final_state: the state at the end.
        result: result code, one per trajectory; compare with `RESULTS.successful`.
        error: the estimated absolute errors, like `values`, infinite where they are unknown; None if not asked for.
    """

    times: Float[Array, " record"]
    blocks: Int[Array, " record"]
    values: dict[str, Any]
    final_state: PyTree
    result: RESULTS
    error: dict[str, Any] | None = None

    def at_block_ends(self, values: PyTree) -> PyTree:
        """The last record of every block; the times must be unbatched."""
        blocks = np.asarray(self.blocks)
        last = np.flatnonzero(np.append(blocks[1:] != blocks[:-1], True))
        return jax.tree.map(lambda leaf: leaf[last], values)
