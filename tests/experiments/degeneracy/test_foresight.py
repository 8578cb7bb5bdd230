"""Foresight: its sampler has the law of gates and weights, claims can be refuted, and a small run can be drawn."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from experiments.degeneracy import foresight
from experiments.degeneracy.foresight.collapsed import Ensembles, Law, coefficient, log_density, scaled_loss
from experiments.degeneracy.foresight.numbers import Verdict, judged
from experiments.degeneracy.foresight.predictions import PREDICTIONS, Claim
from experiments.harness.experiment import simulated
from ntadyn.degeneracy.closed_form import laplace_dimension

GATES = np.array([[0.9, 0.2], [0.4, 0.7]])


def test_what_is_left_of_the_law_after_integrating_over_weights():
    draw = np.random.default_rng(0)
    weights, offset, law = draw.normal(size=(2, 5)), 0.1 * draw.normal(size=(2, 2)), Law(300.0, 20.0, 5)

    def by_hand(table: np.ndarray) -> tuple[float, float]:
        """The Gaussian integral over weights by its mean and its precision."""
        wanted = GATES @ weights
        precision = law.inverse_temperature / 2 * table.T @ table + law.localisation * np.eye(2)
        toward = law.inverse_temperature / 2 * table.T @ wanted + law.localisation * weights
        mean = np.linalg.solve(precision, toward)
        off = law.inverse_temperature / 4 * np.sum((table @ mean - wanted) ** 2)
        held = law.localisation / 2 * (np.sum((mean - weights) ** 2) + np.sum((table - GATES) ** 2))
        log_p = -off - held - 5 / 2 * np.linalg.slogdet(precision)[1]
        spread = law.inverse_temperature / 4 * 5 * np.trace(table @ np.linalg.inv(precision) @ table.T)
        return log_p, off + spread

    def places(matrix: np.ndarray) -> np.ndarray:
        return matrix.reshape(4, 1, 1)

    gram = weights @ weights.T
    at, centre = (
        (places(offset), places(GATES), places(gram), law),
        (places(0 * offset), places(GATES), places(gram), law),
    )
    log_p, loss = by_hand(GATES + offset)
    np.testing.assert_allclose(log_density(*at) - log_density(*centre), log_p - by_hand(GATES)[0], atol=1e-10)
    np.testing.assert_allclose(scaled_loss(*at), loss, atol=1e-10)
    # A table that is far from rank one, with heavy paths, is quadratic.
    heavy = 30 * weights
    found = coefficient(GATES[None], (heavy @ heavy.T)[None], Law(1e4, 100.0, 5), Ensembles(4, 12, 100, 300), 0)
    expected = laplace_dimension(GATES, heavy, 1e4, 100.0)
    assert abs(found.value[0] - expected) < 4 * found.error[0] + 0.005 * expected
    assert found.error[0] < 0.05


def dataset(*columns: np.ndarray) -> xr.Dataset:
    """Two blocks of 40 networks, of which the second half specialises at the end."""
    scores = np.stack(columns, axis=1)
    late = np.stack([np.linspace(0, 0.2, 40), np.repeat([0.1, 0.9], 20)], axis=1)
    values = {"value": (("seed", "block"), scores), "contrast": (("seed", "block"), late)}
    laplace = np.stack([scores, scores, scores, -scores])
    return xr.Dataset(
        values | {"laplace": (("temperature", "seed", "block"), laplace)},
        {"block": [1, 2], "temperature": [1e2, 1e3, 1e4, 1e5]},
    )


def test_claims_are_confirmed_refuted_and_left_open():
    noise = np.random.default_rng(1).normal(size=40)
    data = dataset(np.arange(40.0) + noise, noise)
    high = Claim("cell", 1, "sampled", "", low=0.8)
    assert judged(high, data)[0] is Verdict.CONFIRMED
    assert judged(Claim("cell", 1, "sampled", "", high=0.5), data)[0] is Verdict.REFUTED
    assert judged(Claim("cell", 1, "closed form", "", low=0.8), data)[0] is Verdict.CONFIRMED  # at three of four
    assert judged(Claim("cell", 1, "sampled", "", low=-0.02, high=0.02, beside="sampled"), data)[0] is Verdict.CONFIRMED
    assert (
        judged(Claim("cell", 1, "sampled", "", low=0.99), dataset(noise + np.arange(40) / 20, noise))[0]
        is not Verdict.CONFIRMED
    )
    assert len({claim.name for claim in PREDICTIONS}) == len(PREDICTIONS)


@pytest.mark.exhaustive
def test_a_small_run_is_accepted_in_form_and_drawn():
    data: Any = simulated(foresight, foresight.FAST)
    rows = {row.name: row for row in foresight.accept(data)}
    assert rows["slower gates: blocks after which nobody has specialised"].measured.value >= 4
    assert rows["slower gates, block 1: area of closed form"].measured.value > 0.7
    drawn = foresight.plot(data)
    drawn.canvas.draw()
    plt.close(drawn)
