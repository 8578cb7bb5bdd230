"""How a trajectory ended."""

import diffrax
import jax.numpy as jnp
from jaxtyping import Array, Int


class RESULTS(diffrax.RESULTS):  # pyright: ignore[reportGeneralTypeIssues]
    """Result codes of trajectories: those of Diffrax, and two of our own."""

    successful = ""
    diverged = (
        "The trajectory diverged: its state is not finite. Take smaller steps (`max_step`), a solver that is stable at "
        "them (`Splitting`), or weaker drive."
    )
    kink_met = (
        "A gate reached zero, where its penalty has a kink, under an adaptive solver: such solvers chatter there and "
        "can report success with wrong gates. Use the default fixed-step `Splitting`, or a smoothed penalty."
    )


RESULT_CODES = "result code: 0 successful, 1 diverged, 2 other failure"


def result_codes(result: RESULTS) -> Int[Array, "..."]:
    """Results as the numbers that are written to files, see `RESULT_CODES`."""
    failed = jnp.where(result == RESULTS.diverged, 1, 2)
    return jnp.where(result == RESULTS.successful, 0, failed)
