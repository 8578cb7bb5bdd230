import matplotlib.pyplot as plt
import numpy as np
import pytest

from experiments.harness.acceptance import Verdict
from experiments.harness.experiment import simulated
from experiments.sandbrink_2024 import figure_a12
from tests.composed_runs import run, through
from tests.misses import stated

# The quick run of the figure takes ten seconds or more, most of it compilation.
pytestmark = pytest.mark.exhaustive

SCALE = 6 / 20  # losses of the present convention over those of the older one


def _gates(base: tuple[float, float, float], composite: tuple[float, float, float], outputs: tuple[int, ...] = ()):
    """Own, next and third path of a base task; larger, smaller and third path of a composite."""

    def of(block: int) -> np.ndarray:
        values = np.empty(3)
        values[(block + np.arange(3)) % 3] = base if block < 23 else composite
        return np.broadcast_to(values.reshape(3, *(1 for _ in outputs)), (3, *outputs)).copy()

    return of


def _loss(first: float, base: float, composite: float):
    def of(block: int, t: np.ndarray) -> np.ndarray:
        start = first if block == 0 else base if block < 23 else composite
        return through({0.0: start, 0.3: start / 12, 1.0: start / 1e6})(t)

    return of


def _similarity(own: float):
    return lambda block: own * np.eye(3)


@pytest.fixture
def data():
    def task(first, base, composite, gates, own):
        return run(_loss(first, base, composite), gates, _similarity(own))

    specialised = _gates((1.0, 0.0, 0.0), (0.5, 0.5, 0.0))
    mixed = _gates((0.6, 0.37, 0.04), (0.48, 0.31, 0.20))
    # Gates of subtask composition sink: 1.08 at t = 10, 0.89 later.
    early, late = (_gates((level, 0.05, 0.05), (0.45, 0.42, 0.04), (6,)) for level in (1.08, 0.89))
    released = [_gates((level, 0.04, 0.04), (0.29, 0.25, 0.04), (6,)) for level in (0.63, 0.51)]
    subtask = run(
        _loss(0.5 * SCALE, SCALE, SCALE), lambda b: (early if b < 15 else late)(b), _similarity(0.98), online=True
    )
    subtask_released = run(_loss(0.15, 0.29, 0.29), lambda b: released[b >= 15](b), _similarity(0.98), online=True)
    published = task(0.5 * SCALE, 0.96 * SCALE, 0.25 * SCALE, specialised, 1.0)
    return {
        "task_published_flexible": published,
        "task_published_forgetful": published,
        "task_released_flexible": task(0.148, 0.30, 0.075, mixed, 0.75),
        "task_released_forgetful": task(0.148, 0.30, 0.075, mixed, 0.33),
        "task_fitted_flexible": published,
        **{f"subtask_published_{regime}": subtask for regime in ("flexible", "forgetful")},
        **{f"subtask_released_{regime}": subtask_released for regime in ("flexible", "forgetful")},
    }


def _outside(data) -> list[str]:
    return [row.name for row in figure_a12.accept(data) if row.verdict is Verdict.OUTSIDE]


def test_the_expected_runs_are_accepted(data):
    assert _outside(data) == []


def test_released_parameters_do_not_pass_for_published_ones(data):
    data["task_published_flexible"] = data["task_released_flexible"]
    outside = _outside(data)
    assert "G: similarity of A to its path, t = 30" in outside
    assert "E: open gate, late base blocks" in outside
    assert not any(name.startswith(("D", "F", "H", "released")) for name in outside)


def test_paths_in_another_order_are_refused(data):
    turned = data["subtask_published_flexible"].copy(deep=True)
    turned.gates[:] = turned.gates.values[:, :, [1, 2, 0]]
    data["subtask_published_flexible"] = turned
    outside = _outside(data)
    assert "F: open gate, late base blocks" in outside
    assert "F: third gate, composites" in outside


def test_a_path_that_resembles_another_teacher_is_refused(data):
    for wrong in (0.04, -0.04):
        mixed = data["task_published_flexible"].copy(deep=True)
        mixed.similarity[:, :, 0, 1] = wrong
        outside = _outside({**data, "task_published_flexible": mixed})
        assert outside == ["G: mean similarity to another teacher, furthest from 0"]


def test_plot(data):
    figure = figure_a12.plot(data)
    assert [ax.get_title(loc="left") for ax in figure.axes] == [*"CEGDFH", *[""] * 6]
    figure.canvas.draw()
    plt.close(figure)


@pytest.mark.exhaustive
@pytest.mark.usefixtures("optimised")
def test_full_run_is_accepted_but_for_what_is_stated():
    rows = figure_a12.accept(simulated(figure_a12, figure_a12.PARAMETERS))
    assert [row.name for row in rows if row.verdict is Verdict.OUTSIDE] == stated("figure_a12")
