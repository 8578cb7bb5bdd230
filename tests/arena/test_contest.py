"""A contest on a small stream: rows, tuning on seeds of their own, the table, and what is refused."""

import dataclasses

import numpy as np
import pytest

from ntadyn.arena import Contest, Entry, Tuning, run_contest, table
from ntadyn.arena.contest import TUNING_SEED
from ntadyn.plotting.arena import arena_figure
from ntadyn.results import storage
from ntadyn.specs.configuration import (
    NO_PENALTIES,
    Curriculum,
    Network,
    TeacherKind,
    Teachers,
    TeacherScale,
    TimeConstants,
)
from ntadyn.specs.continual import ContinualTeachers
from ntadyn.specs.strategies import EWC, Fisher

SMALL = ContinualTeachers(
    teachers=Teachers(kind=TeacherKind.MATCHED_ROWS_ORTHOGONAL, num_tasks=2, d_out=2, d_in=4, scale=TeacherScale.UNIT),
    network=Network(num_paths=1, initial_gate=1.0),
    curriculum=Curriculum(tasks=(0, 1), num_blocks=4, block_duration=2.0),
    time_constants=TimeConstants(gates=1e9, weights=1.0),
    penalties=NO_PENALTIES,
)
GATED = dataclasses.replace(
    SMALL,
    network=Network(num_paths=2),
    time_constants=TimeConstants(gates=0.05, weights=1.0),
    penalties=ContinualTeachers().penalties,
)
STRENGTHS = (0.1, 1.0)


@pytest.fixture(scope="module")
def dataset():
    entries = (
        Entry("ewc", dataclasses.replace(SMALL, strategy=EWC(0.0)), Tuning("strategy.strength", STRENGTHS)),
        Entry("gated", GATED, note="has gates"),
    )
    return run_contest(Contest(entries, num_seeds=2))


@pytest.mark.slow
def test_rows(dataset):
    assert dataset.row.values.tolist() == ["ewc", "ewc, tuned", "gated"]
    assert dict(dataset.sizes)["seed"] == 2
    assert not (dataset.result > 0).any()
    assert dataset.behavioural.dims == ("row", "seed", "block", "task")
    assert dataset.needs_boundaries.values.tolist() == [True, True, False]
    assert dataset.parameters.values.tolist() == [9, 9, 18]
    assert dataset.state_floats.values[0] >= 16
    assert dataset.state_floats.values[2] == 0
    assert dataset.attrs["tuning_seed"] == TUNING_SEED


@pytest.mark.slow
def test_a_single_path_obeys_its_closed_form(dataset):
    """In a block of length 2 tau_W the error of the single path shrinks by exp(-2), if nothing holds it."""
    row = dataset.sel(row="ewc")
    shrink = np.exp(-2.0)
    first = 1.0 * shrink**2  # |W*|^2 / 2 = 1, from a start near zero
    np.testing.assert_allclose(row.behavioural.values[:, 0, 0], first, rtol=0.1)
    # In the end of a cycle of two orthogonal tasks the error after a switch is (W*_A - W*_B) (1 - s) / (1 - s^2).
    jump = (1 - shrink) / (1 - shrink**2)
    np.testing.assert_allclose(row.jump.values[:, -1], 2.0 * jump**2, rtol=0.02)
    # Without gates that can adapt, being adapted is being as it is.
    np.testing.assert_allclose(row.adapted, row.behavioural, rtol=1e-6)


@pytest.mark.slow
def test_readings_are_ordered(dataset):
    """Least squares over gates can only be better than gates that flow, and these than gates of another task."""
    assert (dataset.latent <= dataset.adapted + 1e-9).all()
    gated = dataset.sel(row="gated")
    # Gates that follow a penalty for longer may lose a little on the task in force.
    assert (gated.adapted.values[:, -1] < gated.behavioural.values[:, -1] + 0.02).all()
    assert float(gated.adapted.values[:, -1].max()) < 0.1 * float(gated.behavioural.values[:, -1].max())


@pytest.mark.slow
def test_tuning_takes_the_best_of_the_grid_on_other_seeds(dataset):
    tuned = dataset.sel(row="ewc, tuned")
    told = dict(pair.split(": ") for pair in str(tuned.tried.values).removeprefix("strategy.strength ").split(", "))
    assert {float(value) for value in told} == set(STRENGTHS)
    best = min(told, key=lambda value: float(told[value]))
    assert float(tuned.value) == float(best)
    untuned = dataset.sel(row="ewc")
    assert float(untuned.value) == 0.0
    assert float(untuned.behavioural.values[0, -1, 0]) != float(tuned.behavioural.values[0, -1, 0])


@pytest.mark.slow
def test_table_and_picture(dataset, tmp_path):
    lines = table(dataset)
    assert sum(line.startswith("ewc, tuned ") for line in lines) == 2
    assert any("no single map is better than 0.500" in line for line in lines)
    assert any("has gates" in line for line in lines)
    assert table(dataset.assign_attrs(published="known of larger ones"))[5] == "known of larger ones"
    figure = arena_figure(dataset)
    assert len(figure.axes) >= 2 + dataset.sizes["row"]
    again = storage.read_dataset(storage.write_dataset(dataset, tmp_path / "arena.nc"))
    assert table(again) == lines


@pytest.mark.slow
def test_every_variable_says_what_it_is(dataset):
    for name, variable in dataset.variables.items():
        assert variable.attrs["long_name"], name
        assert variable.attrs["units"], name
    assert dataset.time.attrs["units"] == "unit of the time constants"
    assert dataset.seconds.attrs["units"] == "s"


@pytest.mark.slow
@pytest.mark.exhaustive
def test_an_empirical_fisher_that_vanishes_is_told_and_protects_nothing():
    quick = dataclasses.replace(SMALL, time_constants=TimeConstants(gates=1e9, weights=0.1))
    entries = [Entry(kind.name, dataclasses.replace(quick, strategy=EWC(fisher=kind))) for kind in Fisher]
    found = run_contest(Contest(tuple(entries), num_seeds=1))
    lost = found.adapted.values[:, 0, -1].mean(axis=-1)
    told = dict(zip(found.row.values.tolist(), found.complaints.values.tolist(), strict=True))
    # Orthogonal teachers of squared norm 2: a map that solves the last task has a loss of 2 on the other.
    assert lost[2] == pytest.approx(1.0, abs=1e-3)
    assert [name for name, complaint in told.items() if complaint] == ["EMPIRICAL"]
    assert any("EMPIRICAL: the empirical Fisher information vanished" in line for line in table(found))
    # For one path and white inputs the matrix is its diagonal.
    np.testing.assert_allclose(lost[3], lost[0], rtol=1e-9)
    assert lost[0] < 0.75


def test_what_is_refused():
    with pytest.raises(ValueError, match="different names"):
        Contest((Entry("a", SMALL), Entry("a", SMALL)))
    with pytest.raises(ValueError, match="num_seeds is 0"):
        Contest((Entry("a", SMALL),), num_seeds=0)
    misspelt = Entry("a", dataclasses.replace(SMALL, strategy=EWC()), Tuning("strategy.strong", (1.0,)))
    with pytest.raises(ValueError, match="strategy.strong"):
        Contest((misspelt,))
    longer = dataclasses.replace(SMALL, curriculum=Curriculum(tasks=(0, 1), num_blocks=6))
    with pytest.raises(ValueError, match="another stream"):
        run_contest(Contest((Entry("a", SMALL), Entry("b", longer)), num_seeds=1))
