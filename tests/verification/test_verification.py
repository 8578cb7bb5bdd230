"""`ntadyn verify` passes, and fails as soon as the vector field is wrong."""

import dataclasses
import subprocess
import sys

import equinox as eqx
import numpy as np
import pytest

from ntadyn import verification
from ntadyn.cli.verify import Verify
from ntadyn.dynamics import GradientFlow, symmetric
from ntadyn.verification import Check, check, compare, laws, table


class GatesUphill(GradientFlow):
    """The gates climb their energy: the wrong sign in one of the two equations."""

    def vector_field(self, t, state, task):
        rate = super().vector_field(t, state, task)
        return eqx.tree_at(lambda r: r.gates, rate, -rate.gates)


class FastGates(GradientFlow):
    """The gates run one per cent too fast: a wrong ratio of the time constants."""

    def vector_field(self, t, state, task):
        rate = super().vector_field(t, state, task)
        return eqx.tree_at(lambda r: r.gates, rate, 1.01 * rate.gates)


def use(monkeypatch, flow):
    """Build every system of the verification from another class; being another type, it never meets compiled code."""
    monkeypatch.setattr(laws, "GradientFlow", flow)
    monkeypatch.setattr(symmetric, "GradientFlow", flow)


def failures(rows):
    return [row.name for row in rows if not row.passed]


@pytest.mark.slow
def test_everything_passes_and_is_drawn(tmp_path, capsys):
    assert Verify(tmp_path / "new").run() == 0
    printed, told = capsys.readouterr()
    assert told.startswith("verify: everything")
    assert all(title in told for title in verification.COSTS)
    assert "100%" in told
    assert "comparisons passed" in printed
    assert "FAILED" not in printed
    assert max(map(len, printed.split("\nwrote")[0].splitlines())) <= 100
    for ratio in ("0.1", "0.1778", "0.3162", "0.5623", "1"):
        assert printed.count(f"tau_c/tau_W = {ratio} ") >= 4  # mean and rms, by two integrators
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"verification.png", "verification.pdf"}


@pytest.mark.exhaustive
@pytest.mark.parametrize("flow", [GatesUphill, FastGates])
def test_the_command_fails_on_a_wrong_field(monkeypatch, tmp_path, capsys, flow):
    use(monkeypatch, flow)
    assert Verify(tmp_path).run() == 1
    assert "comparisons FAILED" in capsys.readouterr().out


@pytest.mark.representatives(1)
@pytest.mark.slow
@pytest.mark.parametrize(("flow", "failed"), [(GradientFlow, 0), (GatesUphill, 2), (FastGates, 2)])
def test_a_wrong_field_makes_the_exit_code_nonzero(monkeypatch, tmp_path, capsys, flow, failed):
    # One cheap section through the command, so that this much is shown in every run of the tests.
    def only_conservation(report):
        return verification.Verification({"conservation": laws.forgetful_laws()}, _no_curves())

    monkeypatch.setattr(verification, "run_all", only_conservation)
    use(monkeypatch, flow)
    assert Verify(tmp_path).run() == (1 if failed else 0)
    assert capsys.readouterr().out.count("e-08  FAILED") == failed  # rows; their bar precedes the verdict


def _no_curves():
    nothing = np.full((5, 2), np.nan)
    pair = np.full((5, 2, 2), np.nan)
    return verification.Curves(
        np.ones(5), np.arange(2.0), pair, pair[..., None] * np.ones(2), nothing, nothing, nothing, nothing
    )


@pytest.mark.slow
def test_the_exact_solution_holds_at_ratios_of_ones_own(capsys):
    told = []
    outcome = verification.run_ratios([0.07, 0.9, 3.0], told.append)
    assert outcome.passed
    assert told == [verification.EXACT]
    names = [row.name for row in outcome.sections[verification.EXACT]]
    forms = {"rms": ("0.07", "0.9", "3"), "mean": ("0.07", "0.9")}  # the published mean holds up to one
    assert set(names) == {f"wbar ({form}), tau_c/tau_W = {r}" for form, ratios in forms.items() for r in ratios}
    np.testing.assert_array_equal(outcome.curves.ratios, [0.07, 0.9, 3.0])


@pytest.mark.exhaustive
def test_ratios_of_ones_own_are_drawn_and_a_wrong_field_is_seen_there(monkeypatch, tmp_path, capsys):
    assert Verify(tmp_path / "right", ratio=(0.9, 0.07, 0.9)).run() == 0
    assert {path.name for path in (tmp_path / "right").iterdir()} == {"verification.png", "verification.pdf"}
    assert "all 4 comparisons passed" in capsys.readouterr().out
    use(monkeypatch, FastGates)
    assert Verify(tmp_path / "wrong", ratio=(0.07,)).run() == 1


def test_every_section_has_a_cost_for_the_time_left():
    assert list(verification.COSTS)[2:] == list(verification.SECTIONS)
    assert all(cost > 0 for cost in verification.COSTS.values())


@pytest.mark.slow
def test_the_exact_solution_sees_a_wrong_ratio(monkeypatch):
    use(monkeypatch, FastGates)
    rows = verification.exact_solution(verification.specialisation_curves(check.TIGHT), rms_bar=1e-6)
    assert set(failures(rows)) >= {row.name for row in rows if "rms" in row.name}


@pytest.mark.exhaustive
def test_the_toy_needs_both_rescalings(monkeypatch):
    def time_constant_only(time_constants, penalties, mode_energy, dtype):
        return symmetric.toy_flow({**time_constants, "gates": time_constants["gates"] / mode_energy}, penalties)

    monkeypatch.setattr(laws, "toy_flow", time_constant_only)
    assert len(failures(laws.full_equals_toy())) == 2


def test_gate_speed_sees_a_wrong_sign(monkeypatch):
    assert failures(laws.gate_speed()) == []
    use(monkeypatch, GatesUphill)
    assert len(failures(laws.gate_speed())) == 8  # all but the angle at which the speed is zero


def test_compare_reports_the_worst_entry():
    row = compare("x", np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.5, 3.1]), 0.4)
    assert (row.expected, row.measured, row.error, row.passed) == (2.0, 2.5, 0.5, False)


def test_a_run_that_failed_does_not_pass():
    assert not compare("x", np.array([1.0, 2.0]), np.array([1.0, np.nan]), 1.0).passed
    assert not compare("x", np.array([np.nan, 2.0]), np.array([np.nan, 2.0]), np.inf).passed


def test_one_failed_row_is_enough():
    good = Check("good", 1.0, 1.0, 0.0, 1e-3)
    bad = dataclasses.replace(good, error=2e-3)
    assert verification.Verification({"a": [good], "b": [good]}, _no_curves()).passed
    assert not verification.Verification({"a": [good], "b": [good, bad]}, _no_curves()).passed


def test_the_table_says_what_failed_and_is_aligned():
    rows = [Check("first", 1.0, -1e-9, 1.0, 1e-3), Check("a longer name", -0.25, -0.2500001, 1e-7, 1e-12)]
    rows += [Check("stopped", 1.0, np.nan, np.nan, 1e-3), Check("good", 1.0, 1.0, 0.0, 1e-3)]
    header, _, title, *lines = table({"Section": rows})
    assert title == "Section"
    assert [line.split()[-1] for line in lines] == ["FAILED", "FAILED", "FAILED", "ok"]
    assert "-0.0000 " not in lines[0]
    assert {line.rindex(line.split()[-1]) for line in lines} == {header.index("verdict")}


def test_single_precision_is_refused():
    program = "from ntadyn import verification\nverification.run_all()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "jax_enable_x64" in done.stderr
