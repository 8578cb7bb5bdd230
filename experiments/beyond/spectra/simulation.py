"""What is swept for spectra of inputs: a table of four cells, a map, and the spectrum of images of digits."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from experiments.harness.runs import Run
from ntadyn.specs import building
from ntadyn.specs.configuration import Configuration, Dynamics
from ntadyn.specs.ensemble import run_ensemble
from ntadyn.specs.paths import replaced
from ntadyn.specs.presets import figure_5_published
from ntadyn.sweeps import Sweep, Threads, as_axes, run_sweep
from ntadyn.tasks import digits, inputs

TABLE_EXPONENTS = (0.0, 1.0, 2.0)
# (block duration, time constant of gates) of the four cells of the table; the last one ends within a block.
CELLS = ((1.0, 0.01), (0.7, 0.02), (1.0, 0.03), (0.4, 0.03))
TIME = 7.0
MAP_GATES = 0.02


@dataclass(frozen=True)
class Parameters:
    """What the experiment is made of.

    Attributes:
        exponents: of the power law, columns of the map.
        durations: lengths of blocks, in the unit of tau_W, rows of the map.
        num_seeds: repetitions, each with teachers and a start of its own.
    """

    exponents: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0)
    durations: tuple[float, ...] = (0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
    num_seeds: int = 16


def runs(parameters: Parameters) -> list[Run]:
    """Three sweeps, and what the closed flow is held against."""
    of_all = {"parameters": parameters}
    return [
        Run("spectra_table", table, of_all, "table"),
        Run("spectra_map", exponents_and_blocks, of_all, "map"),
        Run("spectra_digits", spectrum_of_digits, of_all, "digits"),
        Run("spectra_closure", closure, {}, "closure"),
    ]


def base(parameters: Parameters) -> Configuration:
    """The network of figure 5, for seven units of time."""
    return replaced(
        figure_5_published(),
        {
            "randomness.num_seeds": parameters.num_seeds,
            "randomness.vary_teachers": True,
            "curriculum.total_time": TIME,
        },
    )


def table(parameters: Parameters) -> xr.Dataset:
    """Four cells of block length and gate speed, three exponents."""
    of_cells = ("curriculum.block_duration", "time_constants.gates")
    axes = {of_cells: tuple(zip(*CELLS, strict=True)), "inputs.exponent": TABLE_EXPONENTS}
    return _swept(base(parameters), axes)


def exponents_and_blocks(parameters: Parameters) -> xr.Dataset:
    """Exponent against block length."""
    spec = replaced(base(parameters), {"time_constants.gates": MAP_GATES})
    return _swept(spec, {"inputs.exponent": parameters.exponents, "curriculum.block_duration": parameters.durations})


def spectrum_of_digits(parameters: Parameters) -> xr.Dataset:
    """White inputs, inputs with the spectrum of the pixels of digits, and with the power law that fits it best.

    As many leading directions of the pixels as the network has inputs. The fit is of log variance over log rank.
    """
    spec = replaced(base(parameters), {"time_constants.gates": MAP_GATES})
    number = spec.teachers.d_in
    pixels = digits.permuted(jax.random.key(0), 1).practised.inputs[0]
    variances = np.sort(np.asarray(inputs.from_data(pixels).variances))[::-1]
    share, variances = (
        variances[:number].sum() / variances.sum(),
        variances[:number] * number / variances[:number].sum(),
    )
    exponent = -np.polyfit(np.log(np.arange(1, number + 1)), np.log(variances), 1)[0]
    spectra: dict[str, dict[str, Any]] = {
        "white": {"inputs.variances": (1.0,) * number},
        "digits": {"inputs.variances": tuple(map(float, variances))},
        "power law": {"inputs.exponent": float(exponent)},
    }
    axes = {"curriculum.block_duration": parameters.durations}
    each = [_swept(replaced(spec, changes), axes) for changes in spectra.values()]
    found = xr.concat(each, xr.Variable("spectrum", list(spectra)), combine_attrs="override")
    return found.assign(variance=("direction", variances), exponent=float(exponent), share=float(share))


def closure() -> xr.Dataset:
    """How far the closed flow is from weight space in equal steps, over all ends of blocks of the first cell."""
    spec = replaced(
        base(Parameters(num_seeds=2)),
        {"inputs.exponent": 1.0, "curriculum.block_duration": CELLS[0][0], "time_constants.gates": CELLS[0][1]},
    )
    method = building.FixedSteps(max_step=1e-3)
    ends = [
        run_ensemble(replaced(spec, {"dynamics": dynamics}), method=method)[0]
        for dynamics in (Dynamics.ORDER_PARAMETERS, Dynamics.GRADIENT_FLOW)
    ]
    compared = ("loss", "gates", "student_overlaps", "teacher_overlaps")
    return xr.Dataset({name: float(jnp.max(jnp.abs(ends[0].values[name] - ends[1].values[name]))) for name in compared})


def _swept(spec: Configuration, axes: Any) -> xr.Dataset:
    return run_sweep(Sweep(spec, as_axes(axes)), compute=Threads(1))
