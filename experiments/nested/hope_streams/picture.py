"""How streams that switch are drawn."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.harness.runs import Data
from experiments.nested.hope_streams.simulation import FRESH, SAME, TEXTS
from experiments.nested.trainings import COLORS, rows_of
from ntadyn.plotting.style import house_style


def draw(data: Data) -> Figure:
    """Losses after a switch beside those of gated networks, and bits on both texts while they take turns."""
    with house_style():
        figure, axes = plt.subplots(1, 4, figsize=(13.2, 3.6))
        for ax, table in zip(axes, (SAME, FRESH), strict=False):
            _draw_adaptation(ax, rows_of(data, table))
            ax.set(title=table)
        axes[0].set_ylabel("loss")
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=10, fontsize=6)
        rows = rows_of(data, TEXTS)
        for ax, part in zip(axes[2:], next(iter(rows.values())).part.values.tolist(), strict=True):
            for model, dataset in rows.items():
                values = dataset.block_loss.sel(part=part).mean("seed") / np.log(2)
                ax.plot(1 + np.arange(len(values)), values, "o-", color=COLORS.get(model), markersize=3)
            ax.set(xlabel="blocks of practice", title=f"on {part}", xlim=(0.5, None))
        axes[2].set_ylabel("bits per character")
        figure.suptitle(
            "regression in context whose teachers switch, mean over held-out sequences and seeds; two texts that are "
            "practised in turns",
            fontsize=8,
        )
    return figure


def _draw_adaptation(ax: Axes, rows: dict[str, xr.Dataset]) -> None:
    for model, dataset in rows.items():
        curve = dataset.test_adaptation.isel(part=0).mean("seed")
        ax.plot(np.arange(len(curve)), curve, color=COLORS.get(model), label=model)
    first = next(iter(rows.values()))
    # Beside the same teachers only: gated networks have no weights for fresh ones.
    learners = first.learner.values.tolist() if "learner" in first.coords else []
    for learner, style in zip(learners, ("--", ":"), strict=False):
        curve = first.gated_adaptation.sel(learner=learner)
        ax.plot(np.arange(len(curve)), curve, style, color="0.3", label=f"gated network, {learner}")
    # Gated networks have no error at all at the end of a block.
    lowest = min(float(dataset.test_adaptation.min()) for dataset in rows.values())
    ax.set(xlabel="positions since the switch", yscale="log", xlim=(0, None), ylim=(0.5 * lowest, None))
