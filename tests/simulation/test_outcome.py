import diffrax
import jax
import jax.numpy as jnp

from ntadyn.simulation.outcome import RESULTS


def test_a_trajectory_that_ended_well_says_so():
    assert repr(RESULTS.successful).endswith("RESULTS<successful>")
    assert RESULTS[RESULTS.successful] == "successful"


def test_success_of_a_solver_is_success_of_a_trajectory():
    assert bool(RESULTS.promote(diffrax.RESULTS.successful) == RESULTS.successful)
    assert not bool(RESULTS.promote(diffrax.RESULTS.max_steps_reached) == RESULTS.successful)
    chosen = jax.vmap(lambda ok: RESULTS.where(ok, RESULTS.successful, RESULTS.diverged))(jnp.asarray([True, False]))
    assert (chosen == RESULTS.successful).tolist() == [True, False]
