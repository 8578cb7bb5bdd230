"""Figure 5: where networks specialise. Block length by gate speed, and block length by penalty strength.

The figure was made with an older state of the published code. "published" holds its parameters translated exactly into
the present convention, so that axes show true ratios; "released" reads the same numbers in the present convention and is
a negative control.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import jax
import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments import figure_5_numbers as numbers
from experiments.acceptance import Acceptance
from experiments.runner import Data
from ntadyn import building, observables, phase_maps, presets
from ntadyn.configuration import Configuration, Dynamics, replaced
from ntadyn.ensemble import run_ensemble
from ntadyn.metrics import optimal_assignment, total_alignment
from ntadyn.phase_maps import PhaseMap
from ntadyn.plotting.style import house_style
from ntadyn.sweeps import run_phase_map

# Nominal parameters, as printed in the published configurations.
BLOCK_DURATIONS = (0.1, 0.4, 0.6, 0.8, 1.0)
GATE_TIME_CONSTANTS = (0.02, 0.04, 0.06, 0.08, 0.1)
STRENGTHS = (0.0, 0.05, 0.1, 0.15, 0.2)
FAST_GATES = 0.005
EULER_STEP = 1e-3
MODE_ENERGY = 0.5  # N s^2 of the teachers: gates of one effective mode move as if tau_c were tau_c / (N s^2)


@dataclass(frozen=True)
class Parameters:
    """What figure 5 is made of, besides the presets.

    Attributes:
        num_seeds: repetitions with other initial weights, on one set of teachers.
        seed: the seed that all keys are derived from.
        initial_scale: nominal scale of initial weights, in the convention of the figure.
        fitted_scale: another one, which was found to bring the maps closest to the stored arrays; None leaves it out.
    """

    num_seeds: int = 10
    seed: int = 0
    initial_scale: float = 0.01
    fitted_scale: float | None = 0.12


PARAMETERS = Parameters()
FAST = Parameters(num_seeds=3, fitted_scale=None)


def run(parameters: Parameters) -> Data:
    """Both maps of every variant, and the column without penalty in the published scheme; two jobs at a time.

    Args:
        parameters: what to run.

    Returns:
        Maps "gate_speed_<variant>" and "penalty_<variant>" for the variants "published" (true block lengths and, beside
        them, those of the published grid), "released" and "fitted_scale"; and "no_penalty".
    """
    with ThreadPoolExecutor(2) as pool:
        jobs = {
            f"{phase_map.name}_{variant}": pool.submit(run_phase_map, phase_map, 1)
            for variant, maps in variants(parameters).items()
            for phase_map in maps
        }
        jobs["no_penalty"] = pool.submit(without_penalty, _published(parameters, parameters.initial_scale))
        return {name: job.result() for name, job in jobs.items()}


def variants(parameters: Parameters) -> dict[str, tuple[PhaseMap, PhaseMap]]:
    """The gate-speed map and the penalty map of every variant."""
    published = _published(parameters, parameters.initial_scale)
    released = _seeded(presets.figure_5_released(), parameters)
    on_grid = on_published_grid(BLOCK_DURATIONS)
    both = tuple(sorted({*BLOCK_DURATIONS, *on_grid}))
    result = {
        "published": _maps(published, both, _gate_scale(published)),
        "released": _maps(released, BLOCK_DURATIONS, 1.0),
    }
    if parameters.fitted_scale is not None:
        fitted = _published(parameters, parameters.fitted_scale)
        result["fitted_scale"] = _maps(fitted, on_grid, _gate_scale(fitted))
    return result


def on_published_grid(durations: Sequence[float]) -> tuple[float, ...]:
    """Block durations on the published time grid, on which some blocks lose a step of 0.001 to rounding."""
    base = presets.figure_5_published()
    changed = [replaced(base, {"curriculum.block_duration": duration}) for duration in durations]
    grid = [presets.as_published_grid(configuration).curriculum.block_duration for configuration in changed]
    # Decimal numbers again, where multiplication has left the last digit wrong.
    return tuple(round(duration, 6) for duration in grid)


def without_penalty(configuration: Configuration) -> xr.Dataset:
    """Alignments in the column without penalty by the published scheme: Euler steps of 0.001 on the published grid.

    Args:
        configuration: the published one; gates are made fast and the penalty is switched off.

    Returns:
        Dataset with `alignment`, dimensions (block_duration, seed).
    """
    columns = []
    for duration in on_published_grid(BLOCK_DURATIONS):
        changes = {
            "curriculum.block_duration": duration,
            "time_constants.gates": FAST_GATES * _gate_scale(configuration),
            "penalties.strength": 0.0,
            "dynamics": Dynamics.GRADIENT_FLOW,
        }
        trajectory, _ = run_ensemble(
            replaced(configuration, changes),
            {"similarity": observables.similarity},
            method=building.explicit_euler(EULER_STEP),
        )
        final = trajectory.values["similarity"][:, -1]
        columns.append(np.asarray(jax.vmap(lambda item: total_alignment(item, optimal_assignment(item)))(final)))
    dims = ("block_duration", "seed")
    return xr.Dataset({"alignment": (dims, np.stack(columns))}, {"block_duration": list(BLOCK_DURATIONS)})


def accept(data: Data) -> list[Acceptance]:
    """The numbers that figure 5 must show."""
    left, right = data["gate_speed_published"], data["penalty_published"]
    exact = [numbers.Maps(*(item.sel(block_duration=list(BLOCK_DURATIONS)) for item in (left, right)))]
    grid = list(on_published_grid(BLOCK_DURATIONS))
    on_grid = numbers.Maps(*(item.sel(block_duration=grid) for item in (left, right)))
    rows = [
        *numbers.failures(list(data.values())),
        *numbers.without_penalty(data["no_penalty"], on_grid),
        *numbers.shape(exact[0]),
        *numbers.cells(on_grid),
        *numbers.control(numbers.Maps(data["gate_speed_released"], data["penalty_released"])),
        *numbers.agreement("initial scale 0.01", on_grid),
    ]
    if "gate_speed_fitted_scale" in data:
        fitted = numbers.Maps(data["gate_speed_fitted_scale"], data["penalty_fitted_scale"])
        rows += numbers.agreement("initial scale 0.12", fitted)
    return rows


def plot(data: Data) -> Figure:
    """Two heat maps as published, with true ratios on the axes; below them the stored arrays and the control."""
    left, right = (data[name].sel(block_duration=list(BLOCK_DURATIONS)) for name in ("gate_speed_published", "penalty_published"))
    maps = {
        "simulated, parameters as published": (_mean(left), _mean(right)),
        "published arrays": (numbers.STORED_LEFT, numbers.STORED_RIGHT),
        "simulated, the same numbers in the convention of the released code": (
            _mean(data["gate_speed_released"]),
            _mean(data["penalty_released"]),
        ),
    }
    with house_style():
        figure, axes = plt.subplots(len(maps), 2, figsize=(7.2, 8.6))
        mesh = None
        for row, (title, pair) in enumerate(maps.items()):
            control = row == 2
            axes[row, 0].set_title(title, loc="left")
            # Fast gates stand on the right, as published.
            mesh = _heat_map(axes[row, 0], pair[0][:, ::-1])
            _heat_map(axes[row, 1], pair[1])
            _label(axes[row], control)
        assert mesh is not None
        figure.colorbar(mesh, ax=axes, extend="min", label="total alignment", aspect=45, pad=0.02)
        seeds = left.sizes["seed"]
        figure.suptitle(
            f"population flow, mean of {seeds} repetitions; small grey numbers: labels of the published axes", fontsize=8
        )
    return figure


def _heat_map(ax: Axes, values: np.ndarray):
    """Rows ascend from the bottom: long blocks on top."""
    image = ax.imshow(values, origin="lower", vmin=0.7, vmax=1.0, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        # Cividis is dark below and bright above the middle of the range.
        color = "black" if value > 0.87 else "white"
        ax.text(column, row, f"{value:.2f}", ha="center", va="center", color=color, fontsize=7)
    return image


def _label(axes: Sequence[Axes], control: bool) -> None:
    """True ratios, with the published labels beneath them in small print."""
    tau_w = 0.1 if control else 1.0
    gates, strengths = np.asarray(GATE_TIME_CONSTANTS)[::-1], np.asarray(STRENGTHS)
    nominal = 0.1 / gates
    true = tau_w / (gates * (1.0 if control else 0.5) / MODE_ENERGY)
    durations = np.asarray(BLOCK_DURATIONS)
    for ax in axes:
        ax.set_yticks(range(5), [f"{value:.3g}" for value in durations / tau_w])
        ax.set_ylabel(r"$\tau_B/\tau_W$")
    axes[0].set_xticks(range(5), [f"{value:.3g}" for value in true])
    axes[0].set_xlabel(r"$\tau_W/\tau_c$ of one effective mode", labelpad=10)
    axes[1].set_xticks(range(5), [f"{value:.3g}" for value in strengths * (1.0 if control else 0.5)])
    axes[1].set_xlabel(r"penalty strength $\lambda$", labelpad=10)
    if control:
        return
    for index in range(5):
        for ax, value in ((axes[0], nominal[index]), (axes[1], strengths[index])):
            at = (index, -0.13)
            ax.text(*at, f"{value:.3g}", transform=ax.get_xaxis_transform(), ha="center", va="top", color="0.5", fontsize=6)
        axes[0].text(
            -0.01, index - 0.28, f"{durations[index] / 0.1:.3g}", transform=axes[0].get_yaxis_transform(), ha="right", va="center", color="0.5", fontsize=6
        )


def _maps(configuration: Configuration, durations: Sequence[float], gate_scale: float) -> tuple[PhaseMap, PhaseMap]:
    rows = phase_maps.block_durations(tuple(durations))
    fast = replaced(configuration, {phase_maps.GATE_TIME_CONSTANT: FAST_GATES * gate_scale})
    gates = phase_maps.gate_time_constants(tuple(value * gate_scale for value in GATE_TIME_CONSTANTS))
    strengths = phase_maps.strengths(tuple(value * gate_scale for value in STRENGTHS))
    return PhaseMap("gate_speed", configuration, gates, rows), PhaseMap("penalty", fast, strengths, rows)


def _published(parameters: Parameters, initial_scale: float) -> Configuration:
    nominal = replaced(presets.figure_5_released(), {"network.initial_scale": initial_scale})
    return _seeded(presets.translated_from_legacy(nominal), parameters)


def _seeded(configuration: Configuration, parameters: Parameters) -> Configuration:
    return replaced(
        configuration, {"randomness.num_seeds": parameters.num_seeds, "randomness.seed": parameters.seed}
    )


def _gate_scale(translated: Configuration) -> float:
    """What the translation multiplies tau_c and lambda by."""
    return translated.time_constants.gates / presets.figure_5_released().time_constants.gates


def _mean(dataset: xr.Dataset) -> np.ndarray:
    return dataset.alignment.mean("seed").values
