"""The plot of the map: cells that are hovered over, tapped, outlined, and reached with the keyboard."""

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

from ntadyn.explorer.layers import Layer, Scale, told
from ntadyn.explorer.looks import CURVE, NOTHING, REGIMES
from ntadyn.explorer.maps import Plane
from ntadyn.explorer.picture import BORDER_TEXT, axes_of, borders_of, predicted_lines
from ntadyn.maps.regimes import REGIME_NAMES
from ntadyn.maps.repetitions import codes
from ntadyn.plotting.cells import cell_edges
from ntadyn.plotting.prediction import LOOKS
from ntadyn.results.dataset_axes import DatasetAxis
from ntadyn.results.quantities import label_of

# Of the element of the map: what a screen reader says, and where keys are heard.
ARIA = "Phase map. Arrow keys move to a neighbouring cell, Enter runs it, P pins it."
MAP_NAME = "map"
MAP_HEIGHT = 430


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
                items = items or [LegendItem(label=BORDER_TEXT, renderers=[border])]
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


def _has_run(plane: Plane) -> bool:
    return bool((codes(plane.dataset) >= 0).any())


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
