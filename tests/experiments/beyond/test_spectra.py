"""Spectra of inputs: what is demanded of made-up results, and that the table is simulated."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from experiments.beyond import spectra
from experiments.beyond.spectra import numbers, simulation
from experiments.harness.acceptance import Verdict

READINGS = ("alignment", "seen_alignment", "loss", "other_loss")


def swept(dims, coords, values):
    """Readings that do not depend on the seed, beside gates and result codes."""
    shape = tuple(len(coords[name]) if name in coords else size for name, size in dims.items())
    data = {name: (tuple(dims), np.broadcast_to(value, shape).copy()) for name, value in values.items()}
    data["gates"] = ((*dims, "path"), np.broadcast_to([0.0, 1.0], (*shape, 2)).copy())
    data["result"] = (tuple(dims), np.zeros(shape, int))
    return xr.Dataset(data, coords)


@pytest.fixture
def data():
    """Every reading as an independent simulation has it, at the border as well."""
    cells = {
        **numbers.TABLE,
        **{cell: (told[0], told[2], 3 * [0.01], 3 * [0.4]) for cell, told in numbers.BORDER.items()},
    }
    told = np.asarray([cells.get(cell, [[0.9] * 3] * 4) for cell in simulation.CELLS], float)
    table = swept(
        {"cell": 4, "inputs_exponent": 3, "seed": 2},
        {"inputs_exponent": list(simulation.TABLE_EXPONENTS)},
        {name: told[:, place, :, None] for place, name in enumerate(READINGS)},
    )
    plain = dict.fromkeys(READINGS[:2], 0.95) | {"loss": 0.01, "other_loss": 0.4}
    axes = {"inputs_exponent": [0.0, 2.0], "block_duration": [0.4, 1.0]}
    images = swept(
        {"spectrum": 3, "block_duration": 2, "seed": 2},
        {"spectrum": ["white", "digits", "power law"], "block_duration": [0.4, 1.0]},
        plain,
    ).assign(variance=("direction", np.arange(20.0, 0, -1)), exponent=1.0, share=0.9)
    closure = xr.Dataset(dict.fromkeys(("loss", "gates"), 1e-14))
    sizes = {"inputs_exponent": 2, "block_duration": 2, "seed": 2}
    return {"table": table, "map": swept(sizes, axes, plain), "digits": images, "closure": closure}


def outside(data):
    return {row.name for row in spectra.accept(data) if row.verdict is Verdict.OUTSIDE}


def test_results_as_told_are_accepted_and_drawn_and_others_refused(data):
    assert outside(data) == set()
    drawn = spectra.plot(data)
    drawn.canvas.draw()
    plt.close(drawn)
    data["closure"]["gates"] = data["closure"]["gates"] + 1e-6
    data["table"].seen_alignment[:] = 0.5
    data["table"].loss[:] = 0.2
    broken = outside(data)
    assert "closed flow against weight space: gates, largest difference" in broken
    assert {"the same: seen alignment", "the same: loss on the other task over loss"} <= broken


@pytest.mark.slow
def test_the_table_is_simulated():
    found = simulation.table(simulation.Parameters(num_seeds=3))
    rows = numbers._of_table(found)
    # Few draws of teachers leave the loss on the other task to chance.
    sharp = [row for row in rows if "blocks of 1, tau_c 0.01" in row.name and "other task" not in row.name]
    assert len(sharp) == 9
    assert all(row.verdict is Verdict.PASSED for row in sharp)
