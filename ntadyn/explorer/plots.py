"""The plots of the page: the map, and the panels of a cell. Made once, and given other numbers after that."""

from collections.abc import Callable
from typing import Any

import numpy as np
from bokeh.events import Tap
from bokeh.models import (
    ColorBar,
    ColumnDataSource,
    CustomJS,
    FixedTicker,
    HoverTool,
    Legend,
    LegendItem,
    LinearColorMapper,
    LogColorMapper,
    Range1d,
)
from bokeh.palettes import cividis, magma
from bokeh.plotting import figure

from ntadyn.explorer.curves import Curves, Panel
from ntadyn.explorer.layers import Layer, Scale, told
from ntadyn.explorer.looks import CURVE, EXACT, NOTHING, NULLCLINES, REGIMES
from ntadyn.explorer.maps import Plane
from ntadyn.explorer.picture import axes_of, borders_of, predicted_lines
from ntadyn.maps.regimes import REGIME_NAMES
from ntadyn.maps.repetitions import codes
from ntadyn.plotting.cells import cell_edges
from ntadyn.plotting.prediction import LOOKS
from ntadyn.plotting.style import TASK_TINTS
from ntadyn.results.dataset_axes import DatasetAxis
from ntadyn.results.quantities import label_of

# Of the element of the map: what a screen reader says, and where keys are heard.
ARIA = "Phase map. Arrow keys move to a neighbouring cell, Enter runs it, P pins it."
MAP_NAME = "map"
MAP_HEIGHT, PANEL_HEIGHT, PLANE_HEIGHT = 430, 150, 230


class MapPlot:
    """The map: cells that are hovered over, tapped, and outlined.

    Attributes:
        figure: of Bokeh.
        plane: what is mapped.
    """

    def __init__(self, plane: Plane, score: str, tapped: Callable[[int], Any], keys: ColumnDataSource):
        """Draw a map, without colours yet.

        Args:
            plane: what is mapped.
            score: about which hovering tells.
            tapped: called with the number of the cell that is tapped.
            keys: gets the names of keys that are pressed on the map, as "key".
        """
        self.plane = plane
        self._rows, self._columns = axes_of(plane)
        self._x, self._y = cell_edges(self._columns), cell_edges(self._rows)
        scales: list[Any] = ["log" if axis.logarithmic else "linear" for axis in (self._columns, self._rows)]
        self.figure: Any = figure(
            name=MAP_NAME,
            height=MAP_HEIGHT,
            sizing_mode="stretch_width",
            x_axis_type=scales[0],
            y_axis_type=scales[1],
            x_range=Range1d(start=float(self._x[0]), end=float(self._x[-1])),
            y_range=Range1d(start=float(self._y[0]), end=float(self._y[-1])),
            x_axis_label=self._columns.label,
            y_axis_label=self._rows.label,
            tools="pan,box_zoom,wheel_zoom,reset",
            active_drag=None,
            toolbar_location="above",
            background_fill_color=NOTHING,
        )
        self.figure.toolbar.logo = None
        self.figure.grid.visible = False
        self._named_ticks()
        shape = plane.cells.shape
        row, column = (index.ravel() for index in np.indices(shape))
        self.source = ColumnDataSource(
            {
                "left": self._x[column],
                "right": self._x[column + 1],
                "bottom": self._y[row],
                "top": self._y[row + 1],
                "cell": plane.cells.ravel(),
                "x_text": [self._columns.text(int(k)) for k in column],
                "y_text": [self._rows.text(int(k)) for k in row],
                "value": np.full(plane.cells.size, np.nan),
                **self._told(score),
            },
            name="cells",
        )
        self._linear = LinearColorMapper(palette=cividis(256), low=0, high=1, nan_color=NOTHING)
        self._logarithmic = LogColorMapper(palette=magma(256), low=1e-8, high=1, nan_color=NOTHING)
        self._regimes = LinearColorMapper(palette=list(REGIMES), low=-0.5, high=3.5, nan_color=NOTHING)
        self._cells = self.figure.quad(
            left="left", right="right", bottom="bottom", top="top", source=self.source, line_color=None,
            fill_color={"field": "value", "transform": self._linear},
        )  # fmt: skip
        self._bar = ColorBar(color_mapper=self._linear, title="", width=10, padding=4, title_text_font_size="11px")
        self.figure.add_layout(self._bar, "right")
        self._lines()
        self._outlines = ColumnDataSource({name: [] for name in ("left", "right", "bottom", "top", "color")})
        for width, color in ((5, "white"), (2.5, "color")):
            self.figure.quad(
                left="left", right="right", bottom="bottom", top="top", source=self._outlines, fill_color=None,
                line_color=color, line_width=width,
            )  # fmt: skip
        self.figure.add_tools(self._hover(score))
        self.figure.on_event(Tap, lambda event: self._tapped(event, tapped))
        # Of the element, which exists only in the browser, once it has a size.
        script = CustomJS(args={"map": self.figure, "aria": ARIA, "keys": keys}, code=_FOCUSABLE)
        self.figure.js_on_change("inner_width", script)

    def colour(self, layer: Layer) -> None:
        """Show a layer."""
        mapper = {Scale.LINEAR: self._linear, Scale.LOGARITHMIC: self._logarithmic, Scale.REGIMES: self._regimes}
        chosen = mapper[layer.scale]
        if layer.scale is not Scale.REGIMES:
            chosen.update(low=layer.low, high=layer.high)
        if layer.scale is Scale.LINEAR:
            chosen.palette = cividis(256) if layer.name == "mean" else magma(256)
        self._cells.glyph.fill_color = {"field": "value", "transform": chosen}
        data: Any = self.source.data
        data["value"] = np.asarray(layer.values, float).ravel()
        self._bar.update(color_mapper=chosen, title=layer.label)
        if layer.scale is Scale.REGIMES:
            self._bar.ticker = FixedTicker(ticks=[0, 1, 2, 3])
            self._bar.major_label_overrides = dict(enumerate(REGIME_NAMES))
        else:
            self._bar.ticker = "auto"
            self._bar.major_label_overrides = {}

    def outline(self, cell: int | None, pins: tuple[int, ...]) -> None:
        """Frame the cell that is shown in black, and pinned ones in the colours of the curves."""
        chosen = [(pin, CURVE[(k + 1) % len(CURVE)]) for k, pin in enumerate(pins)]
        chosen += [(cell, "#000000")] if cell is not None else []
        found: Any = {name: [] for name in ("left", "right", "bottom", "top", "color")}
        for number, color in chosen:
            place = self.plane.place_of(number)
            if place is None:
                continue
            row, column = place
            edges = (self._x[column], self._x[column + 1], self._y[row], self._y[row + 1], color)
            for name, value in zip(found, edges, strict=True):
                found[name].append(value)
        self._outlines.data = found

    def beside(self, cell: int | None, columns: int, rows: int) -> int:
        """The cell that lies so many columns and rows further, at most at the edge."""
        place = None if cell is None else self.plane.place_of(cell)
        shape = self.plane.cells.shape
        row, column = place if place is not None else (shape[0] // 2, shape[1] // 2)
        if place is not None:
            row, column = np.clip(row + rows, 0, shape[0] - 1), np.clip(column + columns, 0, shape[1] - 1)
        return int(self.plane.cells[row, column])

    def says(self, cell: int) -> str:
        """Where a cell is, in words."""
        place = self.plane.place_of(cell)
        if place is None:
            return f"cell {cell}"
        row, column = place
        return f"{self._columns.label} {self._columns.text(column)}, {self._rows.label} {self._rows.text(row)}"

    def _named_ticks(self) -> None:
        for axis, drawn in ((self._columns, self.figure.xaxis[0]), (self._rows, self.figure.yaxis[0])):
            if axis.names is not None:
                step = -(-len(axis.names) // 15)
                drawn.ticker = FixedTicker(ticks=axis.values[::step].tolist())
                drawn.major_label_overrides = dict(zip(axis.values.tolist(), axis.names, strict=True))

    def _told(self, score: str) -> dict[str, np.ndarray]:
        if not _has_run(self.plane):
            return {}
        return {
            f"told_{name}": np.asarray(values, float).ravel()
            for name, values in told(self.plane.dataset, score).items()
        }

    def _hover(self, score: str) -> HoverTool:
        dataset = self.plane.dataset
        rows = [(_plain(self._columns), "@x_text"), (_plain(self._rows), "@y_text")]
        known: Any = self.source.data
        if "told_mean" in known:
            name = label_of(score, dataset[score].attrs)
            rows.append((f"mean {name}", "@told_mean{0.0000} ± @told_sem{0.0000} (standard error)"))
            rows.append(("spread (s.d.)", "@told_sd{0.0000}"))
        if "told_specialised" in known:
            shares = ", ".join(f"@told_{name}{{0}} % {name}" for name in REGIME_NAMES[:3])
            rows.append(("repetitions", shares))
        for name in ("gate_error", "gate_bar", "alignment_error"):
            if f"told_{name}" in known:
                rows.append((f"largest {label_of(name)}", f"@told_{name}{{%.1e}}"))
        if "told_finished" in known:
            rows.append(("ended well, failed", "@told_finished{0}, @told_failures{0}"))
        small: Any = {f"@told_{name}": "printf" for name in ("gate_error", "gate_bar", "alignment_error")}
        return HoverTool(tooltips=rows, formatters=small, renderers=[self._cells], point_policy="follow_mouse")

    def _lines(self) -> None:
        items = []
        if _has_run(self.plane):
            for line in borders_of(self.plane, "alignment") if "alignment" in self.plane.dataset else []:
                self.figure.line(line[:, 0], line[:, 1], line_color="white", line_width=3)
                border = self.figure.line(line[:, 0], line[:, 1], line_color="black", line_width=1.2)
                items = items or [LegendItem(label="border: mean total alignment 0.9", renderers=[border])]
        for name, parts in predicted_lines(self.plane).items():
            text, look = LOOKS[name]
            dashes = {"-": "solid"}.get(str(look["linestyle"])) or [int(4 * x) for x in look["linestyle"][1]]
            for part in parts:
                self.figure.line(part[:, 0], part[:, 1], line_color="black", line_width=4)
                drawn = self.figure.line(
                    part[:, 0], part[:, 1], line_color=look["color"], line_width=2.5, line_dash=dashes
                )
            items.append(LegendItem(label=text, renderers=[drawn]))
        if items:
            legend = Legend(
                items=items,
                label_text_font_size="11px",
                padding=2,  # pyright: ignore[reportArgumentType]
                spacing=0,
                border_line_color=None,
                location="center",
            )
            self.figure.add_layout(legend, "below")

    def _tapped(self, event: Any, tapped: Callable[[int], Any]) -> None:
        if event.x is None or event.y is None:
            return
        column = int(np.searchsorted(self._x, event.x) - 1)
        row = int(np.searchsorted(self._y, event.y) - 1)
        if 0 <= row < self.plane.cells.shape[0] and 0 <= column < self.plane.cells.shape[1]:
            tapped(int(self.plane.cells[row, column]))


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


def _has_run(plane: Plane) -> bool:
    return bool((codes(plane.dataset) >= 0).any())


def _layout(curves: Curves) -> tuple[Any, ...]:
    panels = tuple((panel.name, tuple(line.label for line in panel.lines)) for panel in curves.panels)
    return panels, curves.plane is not None


def _limits(values: np.ndarray) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    margin = 0.06 * max(high - low, 1e-6 * max(1.0, abs(high)))
    return low - margin, high + margin


def _plain(axis: DatasetAxis) -> str:
    return axis.label.partition(",")[0]


_FOCUSABLE = """
const view = Bokeh.index.find_one(map)
if (view != null && view.el.dataset.ntadyn != "map") {
    const el = view.el
    el.dataset.ntadyn = "map"
    el.tabIndex = 0
    el.setAttribute("role", "application")
    el.setAttribute("aria-label", aria)
    const known = new Set(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Enter", "p", "P"])
    el.addEventListener("keydown", (event) => {
        if (known.has(event.key) && !event.ctrlKey && !event.metaKey && !event.altKey) {
            event.preventDefault()
            keys.data = {key: [event.key], at: [performance.now()]}
        }
    })
}
"""
