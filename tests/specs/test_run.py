"""One line from a preset to labelled time series: the data set that the command writes, own observables kept."""

import jax.numpy as jnp
import numpy as np
import pytest

import ntadyn
from ntadyn.interface.observables import Labelled
from ntadyn.specs import presets
from ntadyn.specs.paths import replaced
from tests.sweeps.own_spec import TanhOnData, norm

SMALL = replaced(
    presets.figure_2_flexible(),
    {"teachers.d_in": 4, "teachers.d_out": 2, "curriculum.total_time": 3.0, "randomness.num_seeds": 3},
)


def squares(system, state, task):
    """The squares of the gates."""
    return system.gates(state) ** 2


@pytest.fixture(scope="module")
def dataset():
    observables = {
        "squares": Labelled(squares, ("path",)),
        "unlabelled": squares,
        "pair": lambda system, state, task: {"a": jnp.zeros(()), "b": system.gates(state)[0]},
    }
    return ntadyn.run(SMALL, observables=observables, records_per_block=3, estimate_error=True)


@pytest.mark.slow
def test_it_is_what_the_command_writes(dataset):
    assert dataset.gates.dims == ("seed", "record", "path")
    assert dataset.sizes["seed"] == 3
    assert {"time", "block", "task", "teacher"} <= set(dataset.coords)
    assert {"loss", "gates", "similarity", "loss_error", "result"} <= set(dataset)
    assert {"configuration", "ntadyn_version", "dtype", "created"} <= set(dataset.attrs)
    assert (dataset.result == 0).all()


@pytest.mark.slow
def test_observables_of_ones_own_are_kept_and_sorted_like_gates(dataset):
    assert dataset.squares.dims == ("seed", "record", "path")
    np.testing.assert_allclose(dataset.squares, dataset.gates**2, rtol=1e-12)
    assert dataset.squares.attrs["long_name"] == "The squares of the gates"
    assert dataset.unlabelled.dims == ("seed", "record", "unlabelled_0")
    assert dataset["pair.b"].dims == ("seed", "record")
    assert "squares_error" in dataset


@pytest.mark.slow
def test_presets_go_by_their_names(monkeypatch):
    monkeypatch.setitem(presets.SIMULATIONS, "figure-2-flexible", lambda: SMALL)
    found = ntadyn.run("figure_2_flexible", seeds=2, records_per_block=0)
    assert found.sizes["seed"] == 2
    assert found.attrs["preset"] == "figure-2-flexible"
    with pytest.raises(ValueError, match="no preset 'figure-2-flexibel'.*Did you mean figure-2-flexible"):
        ntadyn.run("figure-2-flexibel")


@pytest.mark.slow
def test_a_spec_of_ones_own_runs():
    found = ntadyn.run(TanhOnData(), seeds=2, observables={"again": norm}, records_per_block=2)
    assert found.sizes["seed"] == 2
    assert set(found.data_vars) == {"loss", "norm", "again", "result"}
    np.testing.assert_array_equal(found.norm, found.again)
    assert found.norm.attrs["long_name"] == "The norm of the hidden weights"
    assert found.task.values.tolist()[:4] == [0, 0, 0, 0]
    assert (found.loss.isel(record=3) < found.loss.isel(record=0)).all()
    with pytest.raises(ValueError, match="is not a spec"):
        ntadyn.run(3.0)
