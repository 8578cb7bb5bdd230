"""Runs that are kept in a folder go on, and belong to one loss and one sampler."""

import jax
import jax.numpy as jnp
import pytest

from ntadyn.degeneracy.coefficient import Running, Settings, learning_coefficient
from ntadyn.degeneracy.kept import Kept
from ntadyn.degeneracy.samplers import SGLD
from tests.degeneracy.losses import SHORT, table


@pytest.mark.slow
def test_a_run_that_is_kept_goes_on_and_gives_the_same(tmp_path):
    point, loss = table(jnp.eye(2))
    told = []
    running = Running(lambda *done: told.append(done), tmp_path)
    kept = learning_coefficient(loss, point, Settings(sampler=SHORT), 3, running)
    assert told[-1] == (11, 11)
    (tmp_path / "first-part-9.npz").unlink()
    (tmp_path / "first-part-8.npz").unlink()
    again = learning_coefficient(loss, point, Settings(sampler=SHORT), 3, Running(keep=str(tmp_path)))
    assert again == kept
    assert kept == learning_coefficient(loss, point, Settings(sampler=SHORT), 3)
    with pytest.raises(ValueError, match="belongs to another run"):
        learning_coefficient(loss, point, Settings(sampler=SHORT), 4, Running(keep=tmp_path))
    (tmp_path / "first-part-3.npz").write_bytes(b"")
    with pytest.raises(ValueError, match="first-part-3.npz is damaged"):
        learning_coefficient(loss, point, Settings(sampler=SHORT), 3, Running(keep=tmp_path))
    with pytest.raises(ValueError, match="is a file"):
        learning_coefficient(loss, point, Settings(sampler=SHORT), 3, Running(keep=tmp_path / "first-part-3.npz"))


def kept_with(folder, data, sampler):
    return Kept(folder, lambda: (jax.jit(lambda point: jnp.sum(data * point)), jnp.ones(2), (sampler, 0)))


def test_what_is_kept_knows_data_that_a_compiled_loss_holds_and_numbers_of_the_sampler(tmp_path):
    first = kept_with(tmp_path, jnp.ones(2), SGLD(0.1))
    assert first.recall("step", lambda: jnp.ones(3)).shape == (3,)
    assert kept_with(tmp_path, jnp.ones(2), SGLD(0.1)).recall("step", lambda: jnp.zeros(3)).sum() == 3
    with pytest.raises(ValueError, match="another run"):
        kept_with(tmp_path, 2 * jnp.ones(2), SGLD(0.1))
    with pytest.raises(ValueError, match="another run"):
        kept_with(tmp_path, jnp.ones(2), SGLD(0.01))
