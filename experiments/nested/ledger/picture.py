"""How the ledger is drawn."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from experiments.harness.runs import Data
from experiments.nested.ledger.numbers import LEDGER
from ntadyn.plotting.style import house_style


def draw(data: Data) -> Figure:
    """Left, descent by equations 7 and 8; right, every other row whose numbers are of order one."""
    ledger = data["ledger"]
    with house_style():
        figure, (left, right) = plt.subplots(1, 2, figsize=(11.0, 4.4), width_ratios=(1, 1.3))
        for name, color, label in (("loss_printed", "C3", "as printed"), ("loss_ours", "C0", "here")):
            left.plot(ledger[name], color=color, label=label)
        left.set(yscale="log", xlabel="step", ylabel="loss", title="momentum by equations 7 and 8, and by 17")
        left.legend()
        names = [name for name in LEDGER if name not in ("momentum", "inverse step", "delta descent, step")]
        places = np.arange(len(names))
        right.plot(ledger.printed.sel(row=names), places, "x", color="C3")
        right.plot(ledger.ours.sel(row=names), places, "o", color="C0")
        told = [f"{LEDGER[name].where}: {LEDGER[name].measured}" for name in names]
        right.set(yticks=places, yticklabels=told, title="crosses: as printed, or in public code; dots: here")
        right.tick_params(axis="y", labelsize=6)
        right.invert_yaxis()
        right.axvline(0, color="0.8", linewidth=0.8)
        figure.suptitle("in steps", fontsize=8)
    return figure
