import jax
import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from experiments.continual import maml_gates as experiment
from experiments.continual.maml_gates import picture, simulation
from experiments.harness.acceptance import Verdict, all_accepted


@pytest.fixture
def made_up():
    """Numbers as they should be, without learning anything."""
    names, seeds, steps = list(picture.COLORS), 2, np.arange(11)
    rates = simulation.inner_rates()
    # Every network has a G = g for a number g of its own, so that K steps leave (1 - g)^(2 K) of the loss.
    sizes = {name: 1.0 for name in names} | {"MAML, K = 5": 0.8, "flexible": 0.86, "forgetful": 0.1, "initial": 0.01}
    g = np.asarray([sizes[name] for name in names])[:, None]
    cosine = np.where(np.asarray(names) == "flexible", 1.0, 0.8)[:, None, None]
    loss = np.repeat((5 * (1 - g) ** (2 * steps))[:, None], seeds, axis=1)
    one_step = np.repeat((5 * (1 - g * rates / simulation.RATE) ** 2)[:, None], seeds, axis=1)
    over_seeds = np.zeros((len(names), seeds))
    variables = {
        "loss": (("learner", "seed", "inner_step"), loss),
        "one_step": (("learner", "seed", "inner_rate"), one_step),
        "best_rate": (("learner", "seed"), over_seeds + simulation.RATE / g),
        "best_one_step": (("learner", "seed"), over_seeds),
        "angle": (("learner", "seed"), over_seeds),
        "cosines": (("learner", "seed", "path"), np.broadcast_to(cosine, (len(names), seeds, 3))),
        "gram": (("learner", "seed", "path"), np.broadcast_to(g[:, None], (len(names), seeds, 3))),
    }
    return {"learners": xr.Dataset(variables, {"learner": names, "inner_step": steps, "inner_rate": rates})}


def outside(data):
    return [row.name for row in experiment.accept(data) if row.verdict is Verdict.OUTSIDE]


def test_what_theory_says_is_accepted(made_up):
    assert outside(made_up) == []


def test_paths_that_are_no_teachers_are_refused_where_gates_are_fast(made_up):
    learners = made_up["learners"]
    turned = learners.assign(cosines=xr.where(learners.learner == "flexible", 0.9, learners.cosines))
    assert outside({"learners": turned}) == ["flexible: cosine of the worst matched path"]


def test_teachers_are_refused_where_rotations_should_be_arbitrary(made_up):
    learners = made_up["learners"]
    found = learners.assign(cosines=xr.ones_like(learners.cosines))
    assert outside({"learners": found}) == [
        f"{name}: cosine of the worst matched path, mean over seeds"
        for name in ("MAML, K = 1", "MAML, gates from 0", "meta-leader")
    ]


def test_steps_that_do_not_fit_the_gram_matrix_are_refused(made_up):
    learners = made_up["learners"]
    assert "flexible: what one step leaves of the loss" in outside(
        {"learners": learners.assign(gram=learners.gram + 0.1)}
    )


def test_plot(made_up):
    drawn = experiment.plot(made_up)
    assert [ax.get_title(loc="left") for ax in drawn.axes] == list("ABCD")
    drawn.canvas.draw()
    plt.close(drawn)


@pytest.mark.slow
def test_fast_run_is_accepted(optimised):
    with jax.numpy_dtype_promotion("standard"):  # Adam raises a decay to a whole number of steps
        rows = experiment.accept(simulation.learned(experiment.FAST))
    assert all_accepted(rows), [row for row in rows if row.verdict is Verdict.OUTSIDE]
