"""The plots of a cell: panels over time, and the phase plane. Made once, and given other numbers after that."""

from typing import Any

import numpy as np
from bokeh.models import ColumnDataSource, HoverTool, Range1d
from bokeh.plotting import figure

from ntadyn.explorer.curves import Curves, Panel
from ntadyn.explorer.looks import CURVE, EXACT, NULLCLINES
from ntadyn.plotting.style import TASK_TINTS

PANEL_HEIGHT, PLANE_HEIGHT = 150, 230


class CellPlots:
    """The panels of one cell.

    Attributes:
        figures: of Bokeh, panels first, then the phase plane if there is one.
    """

    def __init__(self, curves: Curves, name: str):
        """Panels for curves, whose lines others may replace.

        Args:
            curves: what is shown first.
            name: of this cell on the page, before the names of its sources.
        """
        self._layout = _layout(curves)
        x_range = Range1d(start=0, end=1)
        self._blocks = ColumnDataSource(name=f"{name}-blocks")
        self._panels = [_PanelPlot(panel, x_range, self._blocks, f"{name}-{panel.name}") for panel in curves.panels]
        self._plane = None if curves.plane is None else _PlanePlot(f"{name}-plane")
        self._x_range = x_range
        self.figures = [plot.figure for plot in self._panels]
        self.texts = [(panel.label, panel.text) for panel in curves.panels]
        if self._panels:
            self._panels[-1].figure.xaxis.axis_label = "time (in the unit of the time constants)"
            self._panels[-1].figure.height = PANEL_HEIGHT + 20
        if self._plane is not None:
            self.figures.append(self._plane.figure)
        self.show(curves)

    def fits(self, curves: Curves) -> bool:
        """Whether these panels can show other curves."""
        return _layout(curves) == self._layout

    def show(self, curves: Curves) -> None:
        """Show curves that fit."""
        left, right = curves.edges[:-1], curves.edges[1:]
        self._x_range.update(start=float(curves.edges[0]), end=float(curves.edges[-1]))
        tasks = curves.tasks if curves.tasks.size else np.zeros(len(left), int)
        colors = [TASK_TINTS[int(task) % len(TASK_TINTS)] for task in tasks]
        if not curves.tasks.size:
            colors = ["#FFFFFF"] * len(left)
        self._blocks.data = {"left": left, "right": right, "color": colors}
        for plot, panel in zip(self._panels, curves.panels, strict=True):
            plot.show(curves.time, panel)
        if self._plane is not None and curves.plane is not None:
            self._plane.show(curves)


class _PanelPlot:
    def __init__(self, panel: Panel, x_range: Range1d, blocks: ColumnDataSource, name: str):
        self.figure: Any = figure(
            name=name, height=PANEL_HEIGHT, sizing_mode="stretch_width", x_range=x_range,
            y_range=Range1d(start=0, end=1),
            y_axis_label=panel.label, tools="", toolbar_location=None, min_border_right=12,
        )  # fmt: skip
        self.figure.grid.visible = False
        # Far beyond every range, so that a range may change without them.
        self.figure.quad(
            left="left", right="right", bottom=-1e6, top=1e6, source=blocks, color="color", level="underlay"
        )
        self._seeds = ColumnDataSource({"xs": [], "ys": [], "color": [], "dash": []}, name=f"{name}-seeds")
        self._means = ColumnDataSource({"xs": [], "ys": [], "color": [], "dash": [], "label": []}, name=f"{name}-means")
        look = {"xs": "xs", "ys": "ys", "line_color": "color", "line_dash": "dash"}
        self.figure.multi_line(source=self._seeds, line_width=0.8, line_alpha=0.45, **look)
        legend = {"legend_field": "label"} if len(panel.lines) > 1 else {}
        means = self.figure.multi_line(source=self._means, line_width=2, **look, **legend)
        if legend:
            drawn = self.figure.legend[0]
            drawn.update(
                label_text_font_size="10px", padding=1, spacing=-4, margin=2, glyph_width=14, label_height=12,
                background_fill_alpha=0.6, border_line_color=None, orientation="horizontal", ncols=2,
            )  # fmt: skip
            self.figure.legend[0].location = "top_right"
        self.figure.add_tools(
            HoverTool(tooltips=[("", "@label"), ("time", "$x{0.000}"), (panel.label, "$y{0.0000}")], renderers=[means])
        )

    def show(self, time: np.ndarray, panel: Panel) -> None:
        """Replace the lines."""
        colors = [CURVE[k % len(CURVE)] for k in range(len(panel.lines))]
        dashes = ["dashed" if line.dashed else "solid" for line in panel.lines]
        # Repetitions with a gap between them, as one line: a click is answered sooner with few arrays.
        gaps = [np.pad(line.values, ((0, 0), (0, 1)), constant_values=np.nan) for line in panel.lines]
        self._seeds.data = {
            "xs": [np.tile(np.append(time, np.nan), len(values)) for values in gaps],
            "ys": [values.ravel() for values in gaps],
            "color": colors,
            "dash": dashes,
        }
        some = [k for k, line in enumerate(panel.lines) if len(line.values)]
        self._means.data = {
            "xs": [time for _ in some],
            "ys": [panel.lines[k].values.mean(axis=0) for k in some],
            "color": [colors[k] for k in some],
            "dash": [dashes[k] for k in some],
            "label": [panel.lines[k].label for k in some],
        }
        known = np.concatenate([line.values.ravel() for line in panel.lines]) if panel.lines else np.zeros(0)
        low, high = _limits(known)
        # Room for a legend above the lines.
        self.figure.y_range.update(start=low, end=high + (0.35 if len(panel.lines) > 1 else 0.0) * (high - low))


class _PlanePlot:
    def __init__(self, name: str):
        self.figure: Any = figure(
            name=name, height=PLANE_HEIGHT, sizing_mode="stretch_width",
            x_range=Range1d(start=-1, end=1), y_range=Range1d(start=0, end=1),
            x_axis_label="c₁ − c₂", y_axis_label="Dₑ", tools="", toolbar_location=None, min_border_right=12,
        )  # fmt: skip
        self.figure.grid.visible = False
        self._paths = ColumnDataSource({"xs": [], "ys": []}, name=f"{name}-paths")
        self._lines = ColumnDataSource({"xs": [], "ys": [], "color": [], "dash": [], "label": []}, name=f"{name}-lines")
        self._ends = ColumnDataSource({"x": [], "y": []})
        self.figure.multi_line(
            xs="xs",
            ys="ys",
            source=self._lines,
            line_color="color",
            line_dash="dash",
            line_width=2,
            legend_field="label",
        )
        self.figure.multi_line(xs="xs", ys="ys", source=self._paths, line_color="#555555", line_width=0.9)
        self.figure.scatter("x", "y", source=self._ends, size=6, color="#555555")
        legend = self.figure.legend[0]
        legend.update(label_text_font_size="10px", padding=1, spacing=-4, margin=2, glyph_width=14, label_height=12,
                      background_fill_alpha=0.6, border_line_color=None)  # fmt: skip
        self.figure.add_layout(legend, "below")
        legend.update(orientation="horizontal", ncols=2, location="center")

    def show(self, curves: Curves) -> None:
        """Replace the lines."""
        plane = curves.plane
        assert plane is not None
        ends = [line[[0, -1]] for _, line in plane.nullclines.values()]
        low, high = _limits(np.concatenate([plane.along.ravel(), *ends]))
        far = max(1.0, float(np.max(np.abs(plane.lead)))) * 1.05
        self.figure.y_range.update(start=low, end=high)
        self.figure.x_range.update(start=-far, end=far)

        def inside(values: np.ndarray) -> np.ndarray:
            return np.where((values >= low) & (values <= high), values, np.nan)

        lines = [
            (*curve, NULLCLINES[name], "dashed", f"task {name}: both rest") for name, curve in plane.nullclines.items()
        ]
        lines.append((*plane.exact, EXACT, "dotted", "exact curve, constant Q"))
        self._lines.data = {
            "xs": [line[0] for line in lines],
            "ys": [inside(line[1]) for line in lines],
            "color": [line[2] for line in lines],
            "dash": [line[3] for line in lines],
            "label": [line[4] for line in lines],
        }
        paths = [
            np.pad(values, ((0, 0), (0, 1)), constant_values=np.nan).ravel() for values in (plane.lead, plane.along)
        ]
        self._paths.data = {"xs": paths[:1], "ys": paths[1:]}
        self._ends.data = {"x": plane.lead[:, -1], "y": plane.along[:, -1]}


def _layout(curves: Curves) -> tuple[Any, ...]:
    panels = tuple((panel.name, tuple(line.label for line in panel.lines)) for panel in curves.panels)
    return panels, curves.plane is not None


def _limits(values: np.ndarray) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    margin = 0.06 * max(high - low, 1e-6 * max(1.0, abs(high)))
    return low - margin, high + margin
