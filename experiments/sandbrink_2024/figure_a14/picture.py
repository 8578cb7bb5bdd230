"""How figure A14 is drawn."""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from experiments.harness.outcomes import on_batches as is_on_batches
from experiments.harness.runs import Data
from experiments.sandbrink_2024.panels.composition import (
    draw_gates,
    draw_loss,
    draw_similarity,
    legend_of_similarity,
    legend_of_tasks,
    shade,
)
from experiments.sandbrink_2024.runs.composition import (
    composites_only,
    loss_scale,
)
from ntadyn.plotting.style import house_style


def draw(data: Data) -> Figure:
    """Loss, gates and similarity as published on the left, the same of the control on the right."""
    titles = {"published": "as published", "released": "control: released code, same numbers"}
    scales = {"published": loss_scale(composites_only()), "released": 1.0}
    tops = {"published": 0.55, "released": 0.55 / scales["published"]}
    with house_style():
        figure, axes = plt.subplots(3, 2, figsize=(8.2, 6.4), sharex=True)
        for column, (name, dataset) in zip(axes.T, data.items(), strict=True):
            shade(column, dataset)
            draw_loss(column[0], {"flexible": dataset}, scales[name], tops[name])
            draw_gates(column[1], dataset)
            column[1].set_ylim(-0.05, 0.85)
            draw_similarity(column[2], dataset)
            column[0].set_title(titles[name])
            for ax in column[:2]:
                ax.set_xlabel("")
        for ax, letter in zip(axes[:, 0], "BCD", strict=True):
            ax.set_title(letter, loc="left", fontweight="bold")
        axes[0, 0].set_ylabel("loss (mean over outputs)")
        beside = {"loc": "center left", "bbox_to_anchor": (1.0, 0.5)}
        axes[0, 1].legend(handles=legend_of_tasks(data["published"]), title="task", **beside)
        axes[1, 1].legend(**beside)
        axes[2, 1].legend(handles=legend_of_similarity(data["published"]), **beside)
        how = "batches of 200" if is_on_batches(data["published"]) else "population flow"
        figure.suptitle(
            f"{how}, mean of {data['published'].sizes['seed']} repetitions, bands: standard error", fontsize=8
        )
    return figure
