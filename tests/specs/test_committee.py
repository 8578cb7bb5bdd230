"""Committee machines as plain values: what is refused, and that real numbers share a program."""

import dataclasses

import numpy as np
import pytest

import ntadyn
from ntadyn.specs.committee import Committee, committee, committee_wide
from ntadyn.sweeps import Axis, Sweep
from ntadyn.sweeps.layout import lay_out_sweep


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"similarity": 1.2}, "similarity is 1.2; it is a cosine"),
        ({"weight_rate": 0.0}, "weight_rate is 0.0; it must be positive"),
        ({"block_duration": float("inf")}, "block_duration is inf"),
        ({"num_units": 11}, "num_units is 11; it must be a whole number from 1 to 10"),
        ({"num_inputs": 1}, "num_inputs is 1"),
    ],
)
def test_refusals(changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(committee(), **changes).check()


def test_presets_make_sense_and_real_numbers_are_data():
    committee_wide().check()
    axes = (Axis("similarity", (0.0, 0.5, 1.0)), Axis("weight_rate", (0.5, 1.0)), Axis("initial_scale", (1e-3, 1e-2)))
    tiles = lay_out_sweep(Sweep(Committee(num_inputs=20), axes))
    assert len({str(tile.structure.paths) for tile in tiles}) == 1
    assert set(tiles[0].structure.paths) == {"similarity", "weight_rate", "initial_scale"}
    assert sorted(np.concatenate([tile.cells for tile in tiles])) == list(range(12))


@pytest.mark.slow
def test_a_committee_is_labelled_without_teachers_by_name():
    spec = dataclasses.replace(committee(), num_inputs=20)
    found = ntadyn.run(spec, seeds=1, records_per_block=1)
    assert found.sizes["seed"] == 1
    assert "teacher" not in found.coords
    assert (found.result == 0).all()
    assert found.loss.isel(record=-1) < found.loss.isel(record=0)
