"""What a sweep says of its own doubt, for systems with and without gates."""

import dataclasses

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.maps.run_summary import run_summary
from ntadyn.maps.summary import error_names, score_names, summarise
from ntadyn.maps.sweep_description import describe_sweep
from ntadyn.plotting.sweep_overview import sweep_overview
from ntadyn.simulation import FixedSteps, simulate
from ntadyn.specs import building
from ntadyn.specs.paths import replaced
from ntadyn.sweeps import Measures, Sweep, as_axes, run_sweep
from ntadyn.sweeps.doubt import NUDGE, nudged
from ntadyn.sweeps.layout import lay_out_sweep
from ntadyn.sweeps.scores import OUTCOME, Final
from tests.sweeps.own_spec import TanhFlow, TanhOnData, norm
from tests.sweeps.shipped_systems import SHIPPED

STEP = 0.05


class Calm(TanhFlow):
    """Known to be slow enough for any step, which saves the compiler its estimate."""

    def fastest_rate(self, state, task):
        return jnp.ones_like(self.tau_v)


@dataclasses.dataclass(frozen=True)
class InSteps(TanhOnData):
    """By Heun's method, in steps so long that halving them shows."""

    def build(self, keys):
        system, state = super().build(keys)
        return Calm(system.inputs, system.targets, system.tau_v, system.tau_w), state

    def build_method(self, system, state):
        return FixedSteps(diffrax.Heun(), STEP)


AXES = {"scale": (0.4, 0.5, 0.6), "speeds.tau_v": (0.1, 0.2)}
PLAN = Sweep(InSteps(), as_axes(AXES), num_seeds=2, check=1.0)
CELL = {"scale": 0.5, "speeds_tau_v": 0.2}


@pytest.fixture(scope="module")
def result():
    return run_sweep(PLAN)


def alone(method, move=0.0):
    spec = replaced(PLAN.configuration, {"scale": 0.5, "speeds.tau_v": 0.2})
    keys = building.keys_of(0, PLAN.repetitions())
    system, state = spec.build(jax.tree.map(lambda leaf: leaf[1], keys))
    return simulate(system, spec.build_curriculum(system), nudged(system, state, move), method=method)


@pytest.mark.slow
def test_everything_that_is_kept_is_compared_with_halved_steps(result):
    assert set(result.data_vars) == {"loss", "norm", "loss_error", "norm_error", "perturbation", "result"}
    method = FixedSteps(diffrax.Heun(), STEP)
    plain, finer = alone(method), alone(method.refined("float64"))
    cell = result.sel(CELL).isel(seed=1)
    for name in ("loss", "norm"):
        change = abs(float(plain.values[name][-1] - finer.values[name][-1]))
        assert change > 1e-7
        assert float(cell[f"{name}_error"]) == pytest.approx(change, rel=1e-6)
        assert "halved" in result[f"{name}_error"].attrs["long_name"]


@pytest.mark.slow
def test_a_start_that_is_moved_is_told_by_the_state_at_the_end(result):
    plain, moved = (alone(FixedSteps(diffrax.Heun(), STEP), size) for size in (0.0, NUDGE))
    first, second = (
        np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(item.final_state)]) for item in (plain, moved)
    )
    change = np.max(np.abs(first - second)) / np.max(np.abs(first))
    assert change > 1e-8
    assert float(result.perturbation.sel(CELL).isel(seed=1)) == pytest.approx(change, rel=1e-4)
    assert "last state" in result.perturbation.attrs["long_name"]


def test_only_what_flows_is_moved_and_neighbours_go_apart():
    system, state = TanhOnData().build(building.first(building.keys_of(0, [(0, 0, 0)])))
    moved = nudged(system, state, 0.25)
    np.testing.assert_allclose(np.asarray(moved.v / state.v), [1.25, 0.75, 1.25, 0.75])


@pytest.mark.slow
def test_a_summary_tells_the_errors_of_what_was_kept(result):
    assert error_names(result) == ("loss_error", "norm_error")
    assert score_names(result) == ("loss", "norm")
    summary = summarise(result, score="loss", level=0.3)
    np.testing.assert_array_equal(summary.loss_error_max, result.loss_error.max("seed"))
    assert (summary.amplification > 0).all()
    assert "halving all steps moves loss by" in run_summary(result)
    assert "halving all steps moves norm by" in run_summary(result)
    told = describe_sweep(result, score="loss", level=0.3)["change when all steps are halved"]
    assert [line.split()[0] for line in told[1:]] == ["loss_error", "norm_error"]


@pytest.mark.slow
@pytest.mark.parametrize("axes", [2, 1])
def test_a_picture_shows_the_error_of_its_score(result, axes):
    shown = result if axes == 2 else result.isel(speeds_tau_v=0)
    figure = sweep_overview(shown, score="norm", level=0.3)
    titles = [ax.get_title() for ax in figure.axes] + [ax.get_ylabel() for ax in figure.axes]
    assert any("all steps halved" in title for title in titles)
    labels = [ax.get_ylabel() for ax in figure.axes] + [
        text.get_text() for ax in figure.axes if ax.get_legend() for text in ax.get_legend().get_texts()
    ]
    assert any("norm error" in label for label in labels)
    assert not any("loss error" in label for label in labels)


@pytest.mark.slow
def test_a_score_that_calls_itself_an_error_is_one_only_where_it_checks_another(result):
    own = result.drop_vars(["loss", "perturbation"])
    assert error_names(own) == ()
    assert set(score_names(own)) == {"norm", "loss_error", "norm_error"}


@pytest.mark.slow
def test_shares_of_cells_are_checked_and_the_others_told_apart():
    some = run_sweep(dataclasses.replace(PLAN, check=0.5))
    known = np.isfinite(some.norm_error.values)
    assert 0 < known.sum() < known.size
    np.testing.assert_array_equal(known, np.isfinite(some.perturbation.values))


@pytest.mark.parametrize("name", ["Symmetric", "OnlineSGD"])
def test_any_flow_is_checked_and_rules_that_make_steps_are_not(name):
    plan = Sweep(SHIPPED[name], as_axes({"gates_take": (0.2, 0.3)}), check=1.0)
    if name == "OnlineSGD":
        with pytest.raises(ValueError, match=r"the steps of OnlineSGD by Updates are the rule itself.*Set check to 0"):
            lay_out_sweep(plan)
    else:
        (tile,) = lay_out_sweep(plan)
        assert not tile.structure.by_gates


def number_of_records(record):
    return jnp.sum(record.real)


@pytest.mark.slow
def test_gates_without_a_path_for_every_task_are_checked_by_what_is_kept():
    one_path = dataclasses.replace(SHIPPED["OrderParameters"], paths=1)
    scores = {"loss": Final("loss"), "number": number_of_records, "result": OUTCOME.scores["result"]}
    measures = Measures({"loss": OUTCOME.observables["loss"]}, scores)
    found = run_sweep(Sweep(one_path, as_axes({"gates_take": (0.2, 0.3)}), check=1.0, bars=False), measures)
    assert set(found.data_vars) == {"loss", "loss_error", "number", "number_error", "perturbation", "result"}
    assert np.all(found.number_error == 0)
    assert np.all((found.loss_error > 0) & (found.loss_error < 1e-2))


def test_a_score_with_the_name_of_a_check_is_refused():
    measures = Measures({"norm": norm}, {"norm": Final("norm"), "norm_error": Final("norm")})
    with pytest.raises(ValueError, match=r"scores are called \['norm_error'\], too; give them other names"):
        run_sweep(PLAN, measures)
