"""How estimates at published settings are drawn."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.degeneracy.published.numbers import expected, is_regular
from experiments.harness.runs import Data
from ntadyn.plotting.style import house_style

TITLES = {
    "regressions": "trained, 3 chains of 2000 steps",
    "random": "random weights, 5000 steps",
    "rank_reduced": "layers of lower rank, 10,000 steps",
}


def draw(data: Data) -> Figure:
    """Left, every network with all that an estimate there is made of; right, preconditioned steps that are short."""
    groups = {name: dataset for name, dataset in data.items() if name != "slow"}
    with house_style():
        number = sum(dataset.sizes["case"] for dataset in groups.values())
        figure = plt.figure(figsize=(10.6, 1.9 + 0.34 * number), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=(2.3, 1))
        _draw_cases(left, groups)
        _draw_slow(right, data["slow"])
        figure.legend(*left.get_legend_handles_labels(), fontsize=6, loc="outside lower center", ncols=4)
        figure.suptitle(
            "in units of the exact coefficient; hollow: refused by its own diagnostics; "
            "repetitions one by one, chains from the point itself",
            fontsize=8,
        )
    return figure


def _draw_cases(ax: Axes, groups: dict[str, xr.Dataset]) -> None:
    place, labels = 0, []
    for group, dataset in groups.items():
        ax.text(0.02, place - 0.42, TITLES[group], fontsize=6.5, color="0.35", transform=ax.get_yaxis_transform())
        for index in range(dataset.sizes["case"]):
            case = dataset.isel(case=index)
            _draw_case(ax, case, place, labelled=place == 0)
            labels.append(f"{case.case.values}{'' if is_regular(case) else '  (singular)'}")
            place += 1
    ax.axvline(1, color="black", linewidth=0.8)
    ax.set_yticks(range(place), labels)
    ax.set(xlabel="estimate / exact coefficient", ylim=(place - 0.4, -0.8), xlim=(0.4, 2.6))


def _draw_case(ax: Axes, case: xr.Dataset, place: int, labelled: bool) -> None:
    unit = float(case.coefficient)

    def named(text: str) -> str | None:
        return text if labelled else None

    corrected = unit - (int(case.multiplicity) - 1) / np.log(float(case.inverse_temperature))
    ax.plot(corrected / unit, place, "|", color="black", markersize=9, label=named("less (m - 1) / log t"))
    ax.plot(
        float(case.effective_dimension) / unit, place - 0.14, "D", color="C7", markersize=4, markerfacecolor="none",
        label=named("effective dimension"),
    )  # fmt: skip
    ax.errorbar(
        float(case.law) / unit, place, xerr=float(case.law_error) / unit, fmt="s", color="C2", markersize=4.5,
        markerfacecolor="C2" if case.law_trusted else "white", label=named("exact sampler of the same law"),
    )  # fmt: skip
    ax.plot(
        expected(case) / unit, place + 0.14, "x", color="C3", markersize=5, zorder=5,
        label=named("formulas: its steps, its start"),
    )  # fmt: skip
    trusted = case.sgld_status.values == "TRUSTED"
    for which, face in ((trusted, "C0"), (~trusted, "none")):
        ax.plot(
            case.sgld.values[which] / unit, np.full(which.sum(), place + 0.14), "o", color="C0", markersize=3.5,
            markerfacecolor=face, alpha=0.7, label=named("SGLD, as published") if face == "none" else None,
        )  # fmt: skip
    for column, step in enumerate(case.rmsprop_step.values):
        found = float(case.rmsprop.sel(rmsprop_step=step).mean()) / unit
        ax.plot(
            min(found, 2.58), place + 0.3, ">" if found > 2.58 else "^", color=f"C{column + 4}", markersize=4,
            markerfacecolor="none", label=named(f"RMSProp-SGLD, step {step:g}"),
        )  # fmt: skip


def _draw_slow(ax: Axes, slow: xr.Dataset) -> None:
    unit = float(slow.exact)
    ax.errorbar(
        slow.step, slow.value / unit, slow.error / unit, fmt="^-", color="C4", markerfacecolor="none", markersize=4
    )
    ax.axhline(float(slow.limit) / unit, color="C3", linestyle="--", linewidth=0.8)
    ax.text(slow.step.values[-1], float(slow.limit) / unit, "short steps: closed form", fontsize=6.5, color="C3",
            va="bottom", ha="right")  # fmt: skip
    ax.axhline(1, color="black", linewidth=0.8)
    ax.set(xscale="log", xlabel="step", ylabel="settled value / exact value", ylim=(0.8, None))
    ax.set_title("RMSProp-SGLD on a quadratic loss")
