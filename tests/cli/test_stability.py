"""`ntadyn stability` and `phase-diagram --predict`: refused early, and what is written; orbits: tests/stability."""

import dataclasses

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from ntadyn.cli import main
from ntadyn.maps.prediction import agreement, with_prediction
from ntadyn.plotting.phase_diagram import draw_phase_map
from ntadyn.plotting.prediction import draw_prediction
from ntadyn.results import storage
from ntadyn.results.quantities import CONTACT, FOLD, HINGE, PREDICTED
from ntadyn.specs.paths import replaced
from ntadyn.sweeps.phase_maps import figure_5_maps, published
from ntadyn.sweeps.plan import TOTAL_TIME


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["stability", "orbits", "--network.num-paths", "3"], "network.num_paths is 3; it must be 2"),
        (["stability", "orbits", "--preset", "figure-6-flexible"], "it must be path"),
        (["stability", "border", "--size", "1"], "size is 1; give a number from 2"),
        (["stability", "border", "--block-duration", "1", "0.1"], "block_duration is 1 0.1; give two"),
        (["stability", "border", "--penalties.l2", "1"], "only nonnegative and unit_l1"),
        (["stability", "branch", "--gate-time-constant", "0.1", "0.2"], "one below and one above it"),
        (["stability", "branch", "--gate-time-constant", "0.01", "1e300"], "too long for the theory in the plane"),
        (["stability", "orbits", "--curriculum.block-duration", "1e20"], "Take blocks of 1.3e-06 to 1300"),
        (["stability", "orbits", "--time-constants.weights", "1e20"], "a block of 1 is as good as none"),
        (
            ["stability", "basin", "--network.initial-scale", "1e20"],
            "small initial weights. Take less than 2.24",
        ),
        (["stability", "sensitivity", "--threshold", "1.5"], "threshold is 1.5; a contrast between"),
        (["stability", "sensitivity", "--dynamics", "online", "--max-step", "0.01"], "those of a population flow"),
        (["design-curriculum", "--shortest", "2"], "do not fit into 7"),
        (
            ["design-curriculum", "--teachers.num-tasks", "3", "--network.num-paths", "3", "--teachers.d-in", "30"],
            "curricula alternate two",
        ),
        (["stability", "basin", "--spread", "0.3", "0.1"], "give each once, in rising order"),
        (["stability", "basin", "--blocks", "4"], "blocks is 4; give a number from 8"),
        (["stability", "plane", "--q", "-1"], "q is -1; it must be positive"),
        (["stability", "plane", "--q", "1e20"], "not larger than 1e+08"),
        (["stability", "plane", "--time-constants.gates", "1e-5"], "Take at least 0.000239, or shorter blocks"),
        (["stability", "border", "--gate-time-constant", "1e-5", "1"], "boosted by e^155, and what"),
        (["stability", "border", "--block-duration", "1e-9", "1"], "blocks of block_duration 1e-09 in 7: that makes"),
        (["stability", "border", "--block-duration", "1", "9"], "training takes 7; longer blocks never switch"),
        (["stability", "basin", "--spread", "11"], "spread is 11; give numbers up to 10"),
        (["stability", "sensitivity", "--steps-per-block", "-5"], "steps_per_block is -5; give a number from 1"),
        (["design-curriculum", "--shortest", "nan"], "shortest is nan; it must be positive"),
        (["design-curriculum", "--test-blocks", "0"], "test_blocks is 0; give a number from 1 to 1,000"),
        (["phase-diagram", "--predict", "--curriculum.tasks", "0", "0", "1", "1"], "they must alternate"),
    ],
)
def test_wrong_input_is_refused(words, said, capsys, tmp_path):
    with pytest.raises(SystemExit) as end:
        main([*words, "--out", str(tmp_path / "out")])
    assert end.value.code == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_the_border_as_a_table_and_a_file(capsys, tmp_path):
    out = tmp_path / "out"
    words = ["--size", "2", "--block-duration", "0.8", "1", "--gate-time-constant", "0.03", "0.06", "--out", str(out)]
    with pytest.raises(SystemExit) as end:
        main(["stability", "border", *words])
    assert end.value.code == 0
    assert "<0.03" in capsys.readouterr().out  # the border of the shorter blocks lies outside of the range
    dataset = storage.read_dataset(out / "border.nc")
    assert float(dataset.predicted_border[-1]) == pytest.approx(0.0322, abs=2e-4)
    assert float(dataset.band_fold[-1]) == pytest.approx(0.110299, abs=1e-6)
    assert {path.name for path in out.iterdir()} == {"border.nc", "border.png", "border.pdf"}


@pytest.mark.slow
def test_basins_and_the_plane_as_files(capsys, tmp_path):
    """Few blocks, in which nothing ends; the plane of a cell is that of its specialised orbit."""
    words = [["basin", "--runs", "3", "--spread", "0.01", "1", "--blocks", "8", "--size", "4"], ["plane"]]
    for more in words:
        with pytest.raises(SystemExit) as end:
            main(["stability", *more, "--out", str(tmp_path / more[0])])
        assert end.value.code == 0
    said = capsys.readouterr().out
    assert "spread 0.01: " in said
    assert "q = 40.2923: |c_1 - c_2| up to 1.0000" in said
    basins, plane = (storage.read_dataset(tmp_path / "basin" / f"{name}.nc") for name in ("basins", "plane"))
    assert basins["count"].sum("fate").values.tolist() == [3, 3]
    assert plane.fate.shape == (4, 4)
    # The run from the start of the orbit of gates of norm one stays on it, but for the softness of the norm.
    drawn = storage.read_dataset(tmp_path / "plane" / "plane.nc")
    for name in ("lead", "along"):
        assert float(drawn[f"run_{name}"][0, 0, -1]) == pytest.approx(float(drawn[f"orbit_{name}"][-1]), abs=1e-3)
        np.testing.assert_array_equal(abs(drawn[f"run_{name}"][1]), abs(drawn[f"run_{name}"][0]))
    names = {path.name for path in (tmp_path / "basin").iterdir()}
    assert names == {"basins.nc", "plane.nc", "basins.png", "basins.pdf"}


@pytest.mark.slow
def test_predictions_over_both_maps():
    """On 2 x 2 cells, as if every run below tau_c = .03 or above lambda = 0 had specialised."""
    ranges = dataclasses.replace(published(), size=(2, 2), block_duration=(0.8, 1.0))
    ranges = dataclasses.replace(ranges, base=replaced(ranges.base, {TOTAL_TIME: 2.4}))
    maps = figure_5_maps(ranges)
    for plan, line in zip(maps, (FOLD, HINGE), strict=True):
        rows, columns = (axis.parameters[0] for axis in plan.axes)
        specialised = np.array([[[1.0], [0.0]]] * 2 if line == FOLD else [[[0.0], [1.0]]] * 2)
        ran = xr.Dataset(
            {
                "contrast": ((rows.name, columns.name, "seed"), specialised),
                "alignment": ((rows.name, columns.name, "seed"), 0.5 + 0.5 * specialised),
                "result": ((rows.name, columns.name, "seed"), np.zeros((2, 2, 1), int)),
            },
            coords={rows.name: list(rows.values), columns.name: list(columns.values)},
            attrs={"name": plan.name},
        )
        dataset = with_prediction(ran, plan)
        assert agreement(dataset) == (4, 4)
        assert np.all(dataset[CONTACT] >= dataset[PREDICTED] - 1e-6)
        assert line in dataset
        figure, ax = plt.subplots()
        draw_phase_map(ax, dataset)
        told = [str(handle.get_label()) for handle in draw_prediction(ax, dataset)]
        plt.close(figure)
        assert "half of all runs" in told[0]
        assert len(told) == (1 if line == FOLD else 2)  # the band is open in these cells
