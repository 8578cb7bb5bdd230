"""Joint experiments: predictions are frozen and complete, verdicts come out in three ways, a small run is judged."""

from typing import Any

import jax
import matplotlib.pyplot as plt
import numpy as np
import pytest

from experiments.degeneracy import EXPERIMENTS
from experiments.degeneracy.joint.curves import first_at, rank_correlation, saturation
from experiments.degeneracy.joint.predictions import FILE, Prediction, frozen
from experiments.degeneracy.joint.verdicts import RULES, Verdict, judged, verdict_rows

NAN = float("nan")


def test_predictions_are_complete_and_cannot_be_changed(tmp_path):
    found = frozen()
    names = [name for name in EXPERIMENTS if name[0] == "e" and name[1].isdigit()]
    assert [name[:2].upper() for name in names] == ["E1", "E2", "E3", "E4", "E5", "E6"]
    assert sum(len(found.of(name[:2].upper())) for name in names) == len(found.predictions) == 52
    for each in found.predictions.values():
        assert each.expected[0] < each.expected[1]
        assert each.says
        assert each.why
        assert each.rule in RULES
        assert not each.over or each.over in found.sweeps
    assert all(len(values) == 4 for values in found.sweeps.values())
    changed = tmp_path / FILE.name
    changed.write_text(FILE.read_text(encoding="utf-8").replace("[30.4, 33.6]", "[20.0, 33.6]"), encoding="utf-8")
    with pytest.raises(ValueError, match="not the file that was committed before the runs"):
        frozen(changed)


@pytest.mark.parametrize(
    ("rule", "values", "verdict"),
    [
        ("seeds", [1.5, 1.5, 1.5, 1.5, 9.0], "CONFIRMED"),  # one of five may be outside
        ("seeds", [1.5, 1.5, 1.5, 9.0, np.inf], "REFUTED"),
        ("seeds", [1.5, 1.5, 1.5, 9.0, NAN], "UNRESOLVED"),
        ("seeds", [1.5, 1.5, 1.5, 1.5, NAN], "CONFIRMED"),
        ("mean", [1.4, 1.5, 1.6, 1.5, NAN], "CONFIRMED"),
        ("mean", [0.5, 1.5, 0.6, 1.5, 1.0], "UNRESOLVED"),
        ("mean_strict", [0.5, 1.5, 0.6, 1.5, 1.0], "REFUTED"),
        ("mean", [0.5, 0.6, 0.4, 0.5, 0.6], "REFUTED"),
        ("mean", [1.5, 1.5, NAN, NAN, NAN], "UNRESOLVED"),
        ("mean_strict", [1.5, 1.5, NAN, NAN, NAN], "UNRESOLVED"),
    ],
)
def test_one_row_of_numbers_is_judged(rule, values, verdict):
    said = Prediction("E0.a", "a number", (1.0, 2.0), rule, "", "")
    assert judged(said, values, {}).verdict is Verdict[verdict]


def test_a_sweep_needs_three_of_four_and_every_prediction_a_result():
    said = Prediction("E0.a", "a number", (1.0, 2.0), "seeds", "cutoff", "")
    sweeps = {"cutoff": (4.0, 3.0, 2.0, 1.0)}
    for inside, verdict in ((3, Verdict.CONFIRMED), (2, Verdict.UNRESOLVED), (1, Verdict.REFUTED)):
        values = np.where(np.arange(4)[:, None] < inside, 1.5, 9.0) * np.ones(5)
        found = judged(said, values, sweeps)
        assert found.verdict is verdict
        assert found.refused == 0
    with pytest.raises(ValueError, match=r"about 4 values of cutoff; got numbers of shape \(5,\)"):
        judged(said, np.ones(5), sweeps)
    with pytest.raises(ValueError, match="predictions of E6 are"):
        verdict_rows(frozen(), "E6", {"E6.a": np.ones(1)})


def test_curves():
    places = np.array([1.0, 2.0, 4.0, 8.0])
    # Nine tenths of the way from 0 to 10 are made for good between 4, where it is 8, and 8, where it is 10.
    assert saturation(places, np.array([0.0, 9.5, 8.0, 10.0])) == pytest.approx(6.0)
    assert np.isnan(saturation(places, np.array([1.0, 2.0, 2.0, 1.0])))
    assert first_at(places, np.array([0.0, NAN, 3.0, 1.0]), 2.0) == 4.0
    assert np.isnan(first_at(places, places, 9.0))
    assert rank_correlation(places, -(places**3)) == pytest.approx(-1)


@pytest.mark.slow
def test_a_small_run_is_judged_and_drawn():
    from experiments.degeneracy import e6_free_energy as experiment
    from experiments.harness.experiment import simulated

    before = jax.config.values["jax_numpy_dtype_promotion"]
    jax.config.update("jax_numpy_dtype_promotion", "standard")
    try:
        data: Any = simulated(experiment, experiment.FAST)
    finally:
        jax.config.update("jax_numpy_dtype_promotion", before)
    told = {row.name[:4]: row for row in experiment.accept(data) if row.source}
    assert set(told) == {"E6.a", "E6.b", "E6.c", "E6.d", "E6.e"}
    # The exact crossing of the smaller case is part of every run; that of D = 8 is not the one of D = 32.
    assert (told["E6.a"].measured.value, told["E6.b"].measured.value) == (-1, 1)
    found = data["free energies"]
    cold = found.sel(localisation=1.0, samples=5000, solution="flexible")
    assert np.all(np.abs(cold.value / cold.effective_dimension - 1) < 0.15)
    assert float(found.exact.sel(solution="flexible")) == 8
    assert float(found.loss.sel(solution="forgetful")) > 0.249
    data["free energies"] = found.assign(value=found.value * 0 + 1e3)
    assert {row.name[:4]: row for row in experiment.accept(data) if row.source}["E6.c"].measured.value != 1
    drawn = experiment.plot(data)
    drawn.canvas.draw()
    plt.close(drawn)
