import matplotlib.pyplot as plt
import numpy as np
import pytest

from experiments.harness.acceptance import Verdict
from experiments.harness.experiment import simulated
from experiments.sandbrink_2024 import figure_3, figure_3_alignment
from experiments.sandbrink_2024.figure_3 import numbers
from experiments.sandbrink_2024.runs.first_composite import configurations
from tests.composed_runs import run, through
from tests.misses import stated

# The quick run of the figure takes ten seconds or more, most of it compilation.
pytestmark = pytest.mark.exhaustive


def _loss(panel: str, regime: str):
    """The tabulated losses after every switch of the composites."""
    peak = {0.0: numbers.PEAK[panel]}
    table = {delay: float(np.min(value)) for delay, value in numbers.LOSSES[panel, regime].items()}
    curve = through(peak | {0.2: 5e-5} | table | {0.5: min(table.values()) / 10, 1.0: 1e-6})
    later = {"C": 1 / 3, "D": 1.0}[panel]
    return lambda block, t: curve(t) * (later if block > 23 else 1.0)


def _dataset(panel: str, regime: str, online: bool):
    outputs = () if panel == "C" else (6,)
    return run(_loss(panel, regime), lambda block: np.full((3, *outputs), 0.5), lambda block: np.eye(3), online=online)


@pytest.fixture
def data():
    pairs = {"task": "C", "subtask": "D", "subtask_flow": "D"}
    return {
        f"{name}_{regime}": _dataset(panel, regime, name != "subtask_flow")
        for name, panel in pairs.items()
        for regime in numbers.REGIMES
    }


def _outside(rows) -> list[str]:
    return [row.name for row in rows if row.verdict is Verdict.OUTSIDE]


def test_the_tabulated_losses_are_accepted(data):
    assert _outside(figure_3.accept(data)) == []


def test_a_flexible_network_that_is_as_slow_as_the_forgetful_one_is_refused(data):
    data["task_flexible"] = data["task_forgetful"]
    outside = _outside(figure_3.accept(data))
    assert "C: forgetful over flexible time to a tenth" in outside
    assert "C flexible: time to a tenth of the peak" in outside
    assert not any(name.startswith("D") for name in outside)


def test_the_tail_of_the_forgetful_curve_is_demanded_of_the_flow_too(data):
    name = "C forgetful: loss 0.3 after the switch"
    data["task_forgetful"] = _dataset("C", "forgetful", online=False)
    assert {row.name: row.verdict for row in figure_3.accept(data)}[name] is Verdict.PASSED
    data["task_forgetful"]["loss"] = data["task_forgetful"].loss * 0.6
    assert name in _outside(figure_3.accept(data))


def test_plot_shows_the_window_around_the_switch(data):
    figure = figure_3.plot(data)
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["C", "D"]
    assert figure.axes[0].get_xlim() == pytest.approx((22.84, 23.84))
    # Two regimes; their small steps in D only.
    assert [len(ax.lines) for ax in figure.axes] == [2, 4]
    figure.canvas.draw()
    plt.close(figure)


def test_online_runs_panel_c_on_batches():
    task = configurations(figure_3.online(figure_3.PARAMETERS))["task"]
    assert task.max_step == 1e-3
    assert task.randomness.num_seeds == 10


@pytest.fixture
def whole():
    """Runs of the supplement with the expected alignments and gates."""
    partly = 0.76 * np.eye(3) + 0.01
    gates = np.array([0.59, 0.37, 0.04])

    def subtask_gates(block: int) -> np.ndarray:
        level = 0.63 if block < 10 else 0.51
        values = np.full((3, 6), 0.04)
        values[block % 3] = level if block < 23 else 0.29
        if block >= 23:
            values[(block + 1) % 3] = 0.25
        return values

    def task_similarity(block: int) -> np.ndarray:
        return (0.82 if block == 8 else 0.76) * np.eye(3) if block < 29 else partly

    zero = lambda block, t: through({0.0: 0.3, 1.0: 1e-6})(t)  # noqa: E731
    return {
        "task_flexible": run(zero, lambda block: gates, task_similarity),
        "task_forgetful": run(zero, lambda block: gates, lambda block: 0.34 * np.ones((3, 3))),
        "subtask_flexible": run(zero, subtask_gates, lambda block: 0.98 * np.eye(3), online=True),
        "subtask_forgetful": run(
            zero, subtask_gates, lambda block: (0.64 if block > 22 else 0.40) * np.eye(3), online=True
        ),
    }


def test_supplement_tells_specialised_paths_from_mixtures(whole):
    outside = _outside(figure_3_alignment.accept(whole | {"task_flexible": _specialised(whole)}))
    assert "task: alignment before the composites" in outside
    assert "task: share of repetitions above 0.95" in outside
    outside = _outside(figure_3_alignment.accept(whole))
    assert "task: alignment before the composites" not in outside
    assert "subtask: alignment at the end" not in outside
    assert "subtask, forgetful: alignment at the end" not in outside
    # Rows of the forgetful network must not all be distinct.
    assert "subtask, forgetful: distinct rows matched, fewest" in outside


def _specialised(whole):
    task = whole["task_flexible"].copy(deep=True)
    task.similarity[:] = np.eye(3)
    return task


def test_best_alignment_is_over_permutations():
    from experiments.sandbrink_2024.figure_3_alignment.numbers import best_alignment

    cyclic = np.array([[[0, 1, 0], [0, 0, 1], [1, 0, 0]], [[0.5, 0, 0], [0, 0.5, 0], [0.6, 0, 0]]])
    np.testing.assert_allclose(best_alignment(cyclic), [1.0, 1.1 / 3])


def test_plot_of_the_supplement(whole):
    figure = figure_3_alignment.plot(whole)
    assert [ax.get_title(loc="left") for ax in figure.axes] == list("ABCDEF")
    figure.canvas.draw()
    plt.close(figure)


@pytest.mark.exhaustive
@pytest.mark.usefixtures("optimised")
def test_full_run_is_accepted_but_for_what_is_stated():
    outside = _outside(figure_3.accept(simulated(figure_3, figure_3.PARAMETERS)))
    assert outside == stated("figure_3")
