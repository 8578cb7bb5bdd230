"""Pictures of specialisation space: wbar over cbar, and how exact the exact solution is."""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ntadyn.plotting.style import WIDTH, house_style
from ntadyn.verification import Curves


def specialisation_figure(curves: Curves) -> Figure:
    """The exact solution in one picture: wbar over cbar, and the distance of its published and its exact form.

    Args:
        curves: from `ntadyn.verification.specialisation_curves`.

    Returns:
        The figure, not yet written.
    """
    with house_style():
        figure, (left, right) = plt.subplots(1, 2, figsize=(1.35 * WIDTH, 0.55 * WIDTH))
        specialisation_curves(left, curves.cbar, curves.wbar, curves.exact, curves.ratios)
        forms = {"mean (published)": curves.wbar, "root mean square": curves.wbar_rms}
        distance_from_exact(right, curves.cbar, forms, curves.exact)
    return figure


def specialisation_curves(
    ax: Axes, gate_difference: np.ndarray, specialisation: np.ndarray, exact: np.ndarray, ratios: np.ndarray
) -> list[Line2D]:
    """Draw wbar over cbar, one line per ratio of time constants, with the exact solution dashed on top.

    Args:
        ax: where to draw.
        gate_difference: cbar along each trajectory, shape (ratios, records).
        specialisation: wbar, the same shape.
        exact: the exact solution at these cbar, the same shape.
        ratios: tau_c / tau_W, shape (ratios,).

    Returns:
        The lines of the simulated trajectories.
    """
    lines = []
    for x, y, theory, ratio, color, width in zip(
        gate_difference,
        specialisation,
        exact,
        ratios,
        _colors(len(ratios)),
        _widths(len(ratios), 4.4, 2.0),
        strict=True,
    ):
        lines += ax.plot(x, y, color=color, linewidth=width, solid_capstyle="round", label=f"{ratio:.2g}")
        order = np.argsort(x)
        ax.plot(x[order], theory[order], color="black", linewidth=0.9, linestyle=(0, (4, 3)))
    dashed = Line2D([], [], color="black", linewidth=0.9, linestyle=(0, (4, 3)), label="exact")
    ax.legend(handles=[*lines, dashed], title=r"$\tau_c/\tau_W$", loc="lower right")
    ax.set_xlim(-1.03, 1.03)
    ax.set_xlabel(r"gate difference $\bar c = c_1 - c_2$ (dimensionless)")
    ax.set_ylabel(r"specialisation $\bar w$ (units of the teacher)")
    return lines


def distance_from_exact(
    ax: Axes, gate_difference: np.ndarray, forms: dict[str, np.ndarray], exact: np.ndarray
) -> list[Line2D]:
    """Draw |wbar - exact| over cbar on a logarithmic axis, one line style per form of wbar, coloured as the curves are.

    Args:
        ax: where to draw.
        gate_difference: cbar along each trajectory, shape (ratios, records).
        forms: at most four: legend text -> wbar in that form, each shape (ratios, records).
        exact: the exact solution at these cbar, the same shape.

    Returns:
        All lines.
    """
    lines, handles = [], []
    for (label, values), style in zip(forms.items(), ("-", ":", "--", "-."), strict=False):
        looks = zip(_colors(len(exact)), _widths(len(exact), 2.2, 0.9), strict=True)
        for x, y, theory, (color, width) in zip(gate_difference, values, exact, looks, strict=True):
            error = np.abs(y - theory)
            # Where both agree to the last bits, as they do at the common start, there is nothing to see.
            visible = error > 1e-13
            lines += ax.semilogy(x[visible], error[visible], color=color, linestyle=style, linewidth=width)
        handles.append(Line2D([], [], color="black", linestyle=style, label=label))
    ax.legend(handles=handles, loc="lower right")
    ax.set_ylim(bottom=1e-14)
    ax.set_xlim(-1.03, 1.03)
    ax.set_xlabel(r"gate difference $\bar c = c_1 - c_2$ (dimensionless)")
    ax.set_ylabel(r"$|\bar w - \mathrm{exact}|$ (units of the teacher)")
    return lines


def _widths(count: int, widest: float, narrowest: float) -> np.ndarray:
    """Widths that fall from line to line, so that of two that coincide the lower one is seen beside the upper one."""
    return np.linspace(widest, narrowest, count)


def _colors(count: int) -> np.ndarray:
    # The bright end of the map is too pale for a line on white.
    return matplotlib.colormaps["cividis"](np.linspace(0, 0.88, count))
