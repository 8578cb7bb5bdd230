"""The notebooks run from top to bottom as scripts, in their fast version, draw, and what they claim is so."""

import ast
import os
import runpy
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

from ntadyn.simulation import RESULTS

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
HEADING = "# %% [markdown]\n# # "

Run = Callable[[str], dict[str, Any]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Run]:
    """A function that runs a notebook as a script and gives its variables; it draws, and no style outlives the test."""
    monkeypatch.setenv("NTADYN_FAST", "1")
    monkeypatch.chdir(tmp_path)
    plt.close("all")  # left open by others, whose number must not matter here

    def run_and_look(name: str) -> dict[str, Any]:
        seen = runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")
        assert_drawn(name, tmp_path)
        return seen

    with matplotlib.rc_context():
        yield run_and_look
        plt.close("all")


def assert_drawn(name: str, folder: Path) -> None:
    """Every figure of a lesson was left as a file, and nothing else."""
    figures = (FOLDER / f"{name}.py").read_text().count("plt.subplots(")
    assert {file.name for file in folder.iterdir()} == {f"{name}-{number + 1}.png" for number in range(figures)}
    assert all(file.stat().st_size > 5_000 for file in folder.iterdir())


@pytest.mark.slow
def test_first_simulation(run):
    seen = run("first_simulation")
    assert seen["succeeded"]
    assert seen["largest_error"] < 1e-3
    # Both systems take the same steps; what is left is rounding, which the instability of small weights amplifies.
    assert seen["difference"] < 1e-9
    assert set(seen["own_path"]) == {0, 1}
    # "In the second block one of them touches zero for the first time."
    gates, blocks = (np.asarray(values) for values in (seen["trajectory"].values["gates"], seen["trajectory"].blocks))
    assert gates[blocks == 0].min() > 0 >= gates[blocks == 1].min()
    assert seen["last"] < 0.1 < 10 * seen["last"] < seen["first"]


@pytest.mark.slow
def test_exact_solution_and_conservation_laws(run):
    seen = run("exact_solution_and_conservation_laws")
    assert seen["mean_distance"] < 5e-4
    # A solver of second order, and nothing else, between the simulated curve and the exact one.
    assert seen["rms_distance"] / seen["finer_distance"] == pytest.approx(4, rel=0.05)
    assert seen["drift"].max() < 1e-6
    assert float(seen["share"].growth_share) > 0.99
    assert 0 < float(seen["share"].time_share) < 0.9


@pytest.mark.exhaustive
def test_your_own_network_and_learning_rule(run):
    seen = run("your_own_network_and_learning_rule")
    # With an exponent of one the rule is the gradient flow, up to steps that overshoot zero.
    assert seen["distance"] < 0.05
    adaptation = np.asarray(seen["rules"]["adaptation"])[:, -1]
    assert adaptation[0] > 0.4
    assert np.all(adaptation[1:] < 0.1)  # some gating is enough
    assert np.all(np.asarray(seen["softmax"]["adaptation"])[:, -1] > 0.4)

    rule = seen["GatedPlasticity"](seen["tasks"], seen["taus"], seen["penalties"], jax.numpy.asarray(1.0))

    class Uphill(seen["GatedPlasticity"]):
        def vector_field(self, t, state, task):
            return jax.tree.map(lambda leaf: -leaf, super().vector_field(t, state, task))

    # The checks of the lesson notice a rule that breaks a promise.
    with pytest.raises(AssertionError, match="the energy rises"):
        seen["check"](Uphill(rule.tasks, rule.time_constants, rule.penalties, rule.exponent), seen["network"])


@pytest.mark.slow
def test_your_own_phase_diagram(run):
    seen = run("your_own_phase_diagram")
    assert int((seen["dataset"].result != 0).sum()) == 0
    assert bool(seen["summary"].separatrix.any())  # there are rings to speak of
    assert float(seen["dataset"].alignment_error.max()) < 1e-3
    mean = seen["dataset"].alignment.mean("seed")
    assert float(mean[-1, 0]) > 0.95 > 0.8 > float(mean[-1, -1])
    assert seen["own"].switch_loss.attrs["long_name"] == "Loss right after the last switch"
    fall = seen["own"].switch_loss.mean("seed").diff("overlap")
    assert bool((fall < 0).all())
    # What is left at the end: for fast gates most in between, for slow ones ever less.
    left = seen["own"].loss.median("seed").values
    assert np.all(np.argmax(left[:2], axis=1) == 2)
    assert np.all(np.diff(left[2]) < 0)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.stem)
def test_each_is_a_lesson_in_percent_format_that_changes_with_its_size(path):
    text = path.read_text()
    ast.parse(text)
    assert text.startswith("# ---\n# jupyter:\n#   jupytext:\n#     formats: ipynb,py:percent\n")
    assert text.count(HEADING) == 1
    assert 'FAST = os.environ.get("NTADYN_FAST") == "1"' in text
    assert text.count("# %% [markdown]") >= 5
    assert f"#     NTADYN_FAST=1 python notebooks/{path.stem}.py\n" in text
    assert text.count("plt.subplots(") >= 2
    # Which would stop a script where there is a screen, and warn where there is none: it leaves files instead.
    assert "plt.show" not in text


@pytest.mark.representatives(1)
@pytest.mark.slow
@pytest.mark.parametrize("name", ["first_simulation", "exact_solution_and_conservation_laws"])
def test_the_whole_lesson_draws_as_a_script(name, tmp_path):
    environment = {name: value for name, value in os.environ.items() if name not in ("NTADYN_FAST", "MPLBACKEND")}
    subprocess.run([sys.executable, str(FOLDER / f"{name}.py")], cwd=tmp_path, env=environment, check=True)
    assert_drawn(name, tmp_path)


@pytest.mark.exhaustive
def test_counting_directions_is_not_enough(run):
    seen = run("counting_directions_is_not_enough")
    assert seen["found"].status == "TRUSTED"
    assert abs(seen["found"].value - 1.5) < 0.1
    # "The estimate refuses to be trusted ... Most are too low, some by many of their own errors."
    assert seen["alone"].status == "SINGULAR_UNCHECKED"
    assert seen["too_low"] > 8
    assert abs(seen["nested"].value - seen["exact"]) < 3.5 * seen["nested"].error
    # "Counting is right at three of these six kinds of points".
    exact = [2, 2, 2, 3, 2, 2]
    assert [each.half_rank == value for each, value in zip(seen["zeros"], exact, strict=True)].count(True) == 3
    assert all(abs(each.value - value) < 0.15 for each, value in zip(seen["zeros"][:4], exact, strict=False))
    assert all(1.6 < each.value < 1.9 for each in seen["zeros"][4:])
    # "It does not tell the specialised network from the mixed one."
    values = {name: each.value for name, each in seen["networks"].items()}
    assert all(abs(values[name] - 6) < 0.35 for name in ("specialised", "mixed"))
    assert abs(values["forgetful"] - 4) < 0.3
    # "The bowl keeps one coefficient over all cutoffs. At the crossing it keeps rising".
    bowl, crossing = seen["volumes"].values()
    assert abs(bowl.plateau.coefficient - 1) < 0.08
    assert crossing.at(1e-12)[0] > crossing.at(1e-4)[0]


@pytest.mark.exhaustive
def test_levels_with_clocks_of_their_own(run):
    seen = run("levels_with_clocks_of_their_own")
    # "each of them closes for four blocks and belongs to one context (1.00) ... one task of either context (0.50)"
    assert seen["own"]["slower"] > 0.95
    assert abs(seen["own"]["much faster"] - 0.5) < 0.05
    # "more than half of the cost is saved on the return"
    assert 0.5 < seen["saved"]["hierarchy"] < 1.0
    assert abs(seen["saved"]["flat network"]) < 0.05
    # "They are one map".
    assert float(np.max(np.abs(seen["two"] - seen["one"]))) < 1e-12


@pytest.mark.slow
def test_who_forgets_and_at_what_price(run):
    seen = run("who_forgets_and_at_what_price")
    assert all(bool(found.result == RESULTS.successful) for found in seen["runs"].values())
    assert seen["off_the_line"] < 1e-9
    last = {name: np.asarray(found.values["adapted"][-1]) for name, found in seen["runs"].items()}
    # "A single map trades one task against the other; the networks with several paths ... have lost nothing."
    assert all(last[name].mean() > 1.0 for name in ("fine-tuning", "EWC", "replay"))
    assert all(last[name].max() < 0.05 for name in ("fast gates", "growing"))
    # "... behave as if they forgot".
    assert all(seen["runs"][name].values["behavioural"][-1].max() > 1.0 for name in ("fast gates", "growing"))
    losses = {name: float(np.mean(found[-1])) for name, found in seen["at_the_end"].items()}
    assert losses["pull to the mean"] < losses["fine-tuning"]
    assert abs(losses["pull to the mean"] - losses["EWC"]) < 0.1


@pytest.mark.exhaustive
def test_noise_and_irregular_blocks(run):
    seen = run("noise_and_irregular_blocks")
    assert seen["regular_share"] == 0
    assert seen["irregular_share"] > 0.5
    assert seen["plain"][-1] < 0.85 < 0.95 < seen["through"][-1]
    assert seen["ratio"][-1] > 20


@pytest.mark.slow
def test_digits_under_two_names(run):
    seen = run("digits_under_two_names")
    assert seen["shared"] == (0, 9)
    assert seen["back"]["flexible"] > 0.7 > 0.4 > seen["back"]["forgetful"]
    assert seen["swings"](seen["collapsed"]) < 0.2 < 0.6 < seen["swings"](seen["cured"])


@pytest.mark.exhaustive
def test_from_fast_weights_to_hope(run):
    with jax.numpy_dtype_promotion("standard"):  # for which optax is written
        seen = run("from_fast_weights_to_hope")
    # "The error is the number of other pairs over the size of a key"; "16 pairs ... about as good as ... nothing".
    assert abs(float(seen["crosstalk"][-1]) - 15 / 16) < 0.05
    # "the newest pair is stored exactly ... Hebb's rule answers ... with their sum".
    assert np.allclose(seen["of_both"]["Delta"], (0, 1), atol=1e-12)
    assert np.allclose(seen["of_both"]["Hebbian"], (1, 1), atol=1e-12)
    assert np.allclose(seen["left_over"], 0.9 ** np.arange(16), atol=1e-12)
    # "Answering nothing would give 0.5, and a matrix does no better."
    assert seen["late"]["matrix"] > 0.5 > 100 * seen["late"]["two layers"]
    assert seen["guarded"].max() < 3 < 10 < seen["raw"].max()
    assert seen["learned"]["HOPE"][-10:].mean() > 2 * seen["learned"]["HOPE"][:10].mean()


@pytest.mark.exhaustive
def test_degeneracy_while_a_network_specialises(run):
    seen = run("degeneracy_while_a_network_specialises")
    # "Scaling the gates by 1 - s is the same to first order: the loss then rises with s^4".
    names = ("gates (1 - s), path (1 + s)", "weights elsewhere")
    assert [round(seen["orders"][name], 2) for name in names] == [4, 2]
    assert max(seen["rises"]["gates / (1 + s), path (1 + s)"]) < 1e-30
    # "Four directions are degenerate"; "All null directions are explained".
    assert seen["counts"].nullity == 4
    assert set(seen["unexplained"].values()) == {0}
    assert seen["last"]("flexible", "separation") > 0.9
    # "After the first block the contrast knows nothing"; "Three blocks later the same number points the other way".
    assert seen["area"][0, 0] > 0.7 > 0.65 > seen["area"][0, 1]
    assert seen["area"][3, 0] < 0.5 < 0.8 < seen["area"][3, 1]
