"""The page of one session: widgets, the map, the cells, and what happens when one of them is touched."""

import html
import io
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from typing import Any
from urllib.parse import urlencode

import numpy as np
import panel as pn
from bokeh.models import ColumnDataSource
from panel.io import hold
from tornado.ioloop import IOLoop

from ntadyn.explorer.curves import Curves, curves_of
from ntadyn.explorer.layers import explained, layers_of, scores_of
from ntadyn.explorer.maps import Map, Plane, Shelf, default_ranges, plane_of, preset_of, value_at_or_refuse
from ntadyn.explorer.parameters import Form, Parameter, as_text, parameters_of, parsed_value
from ntadyn.explorer.picture import dataset_with, view_figure
from ntadyn.explorer.plots import CellPlots, MapPlot
from ntadyn.explorer.program import program_of
from ntadyn.explorer.view import MOST_PINS, MOST_SEEDS, Chosen, Range, View
from ntadyn.maps.summary import chosen_score
from ntadyn.results.quantities import CONTACT, FOLD, HINGE, PREDICTED
from ntadyn.results.text import printable
from ntadyn.specs.paths import is_real, value_at
from ntadyn.sweeps.cell_runs import CellRun
from ntadyn.sweeps.merge import unfilled

# Of all sessions: computations, which have two cores, and pictures, whose settings are global.
_POOL = ThreadPoolExecutor(2, thread_name_prefix="ntadyn-explore")
_DRAWING = threading.Lock()
SECONDS_BETWEEN_REPORTS = 0.2
PREDICTING = "predicting the border, which takes up to a minute"

STYLE = """
:host, body { font-family: system-ui, sans-serif; }
h1 { font-size: 1.25rem; margin: 0; } h2 { font-size: 1rem; margin: 0.2rem 0; }
abbr { text-decoration: underline dotted; cursor: help; }
a:focus-visible, button:focus-visible, [tabindex]:focus-visible { outline: 3px solid #0072B2; outline-offset: 1px; }
.message { background: #FFF3E0; border-left: 4px solid #D55E00; padding: 0.4rem 0.6rem; margin: 0; }
.status { color: #444; margin: 0; } pre { overflow-x: auto; white-space: pre; font-size: 0.75rem; }
dl { margin: 0; } dt { font-weight: 600; } dd { margin: 0 0 0.3rem 0; }
"""
_CHOICE: dict[str, Any] = {"sizing_mode": "stretch_width", "styles": {"flex": "1 1 150px", "min-width": "150px"}}
WIDE = {"flex": "1 1 360px", "min-width": "min(320px, 100%)", "max-width": "100%"}


class Page:
    """Everything of one session.

    Attributes:
        view: what is shown.
        root: the page.
    """

    def __init__(self, shelf: Shelf, start: View):
        self._shelf, self.view = shelf, start
        self._doc: Any = pn.state.curdoc
        self._location, self._loop = pn.state.location, IOLoop.current()
        self._map: Map | None = None
        self._plane: Plane | None = None
        self._plot: MapPlot | None = None
        self._layers: dict[str, Any] = {}
        self._cards: dict[str, _Card] = {}
        self._asked = 0
        self._silent = False
        self._build()

    # What is on the page.

    def _build(self) -> None:
        names = {f"file {name}": ("file", name) for name in self._shelf.files}
        names |= {f"preset {name}": ("preset", name) for name in self._shelf.presets}
        self._source = pn.widgets.Select(name="Map", options=names, description=_SOURCE, **_CHOICE)
        self._score = pn.widgets.Select(name="Score", options=[], description=_SCORE, **_CHOICE)
        self._layer = pn.widgets.Select(name="Layer", options={}, description=_LAYER, **_CHOICE)
        self._columns = pn.widgets.Select(name="Columns", options=[], description=_AXES, **_CHOICE)
        self._rows = pn.widgets.Select(name="Rows", options=[], description=_AXES, **_CHOICE)
        self._message = pn.pane.HTML("", sizing_mode="stretch_width", stylesheets=[STYLE], name="message")
        self._status = pn.pane.HTML("", sizing_mode="stretch_width", stylesheets=[STYLE], name="status")
        self._about_layer = pn.pane.HTML("", sizing_mode="stretch_width", stylesheets=[STYLE])
        self._bar = pn.indicators.Progress(value=0, max=100, visible=False, sizing_mode="stretch_width", height=12)
        self._held = pn.Column(sizing_mode="stretch_width")
        self._ranges = pn.Column(sizing_mode="stretch_width")
        self._sliders = pn.Column(sizing_mode="stretch_width")
        self._figure = pn.Column(sizing_mode="stretch_width")
        self._shown = pn.FlexBox(sizing_mode="stretch_width", gap="0.5rem")
        self._compute = pn.widgets.Button(name="Compute map", button_type="primary", visible=False)
        self._pin = pn.widgets.Button(name="Pin cell (P)", description=_PIN)
        self._unpin = pn.widgets.Button(name="Clear pins")
        self._predict = pn.widgets.Button(name="Predicted lines", description=_PREDICT)
        self._reset = pn.widgets.Button(name="Reset sliders")
        look = {"button_type": "default", "embed": False, "auto": True}
        self._png = pn.widgets.FileDownload(
            callback=lambda: self._picture(".png"), filename="view.png", label="PNG", **look
        )
        self._pdf = pn.widgets.FileDownload(
            callback=lambda: self._picture(".pdf"), filename="view.pdf", label="PDF", **look
        )
        self._py = pn.widgets.FileDownload(callback=self._program_file, filename="view.py", label="Python", **look)
        self._program = pn.pane.HTML("", sizing_mode="stretch_width", stylesheets=[STYLE])
        self._program_card = pn.Card(
            self._program, title="The Python code of this view", collapsed=True, sizing_mode="stretch_width"
        )
        self._program_card.param.watch(self._heard(lambda _folded: self._tell_program()), "collapsed")
        self._link = pn.pane.HTML("", sizing_mode="stretch_width", stylesheets=[STYLE])
        self._glossary = pn.pane.HTML("", sizing_mode="stretch_width", stylesheets=[STYLE])
        self._keys = ColumnDataSource({"key": []}, name="keys")
        self._keys.on_change("data", lambda _attr, _old, new: self._pressed(new))

        for widget, changed in (
            (self._source, self._source_changed),
            (self._score, lambda value: self._show(self.view.but(score=value, layer=self.view.layer))),
            (self._layer, lambda value: self._show(self.view.but(layer=value))),
            (self._columns, lambda value: self._axes_changed()),
            (self._rows, lambda value: self._axes_changed()),
        ):
            widget.param.watch(self._heard(changed), "value")
        self._compute.on_click(lambda _event: self._recompute())
        self._pin.on_click(lambda _event: self._pin_cell())
        self._unpin.on_click(lambda _event: self._change(self.view.but(pins=())))
        self._predict.on_click(lambda _event: self._change(self.view.but(predicted=not self.view.predicted)))
        self._reset.on_click(lambda _event: self._reset_sliders())

        wide: dict[str, Any] = {"sizing_mode": "stretch_width"}
        map = pn.Column(
            pn.FlexBox(self._source, self._score, self._layer, gap="0.4rem"),
            self._about_layer, self._bar, self._figure, self._held,
            pn.FlexBox(self._pin, self._unpin, self._predict),
            styles=WIDE, **wide,
        )  # fmt: skip
        cells = pn.Column(self._shown, styles=WIDE | {"flex": "1.3 1 360px"}, **wide)
        axes = pn.FlexBox(self._columns, self._rows, gap="0.4rem")
        folded = {"styles": WIDE, **wide}
        below = pn.FlexBox(
            pn.Card(self._sliders, self._reset, title="Other parameters of the cell", **folded),
            pn.Card(axes, self._ranges, self._compute, title="Axes of the map", **folded),
            gap="1rem", **wide,
        )  # fmt: skip
        saving = pn.FlexBox(self._png, self._pdf, self._py, self._link, align_items="center")
        glossary = pn.Card(self._glossary, title="What the quantities mean", collapsed=True, **wide)
        heading = pn.pane.HTML(_HEADING, sizing_mode="stretch_width", stylesheets=[STYLE])
        body = pn.FlexBox(map, cells, gap="1rem", align_items="flex-start", **wide)
        parts = (heading, self._message, self._status, body, saving, below, self._program_card, glossary)
        self.root = pn.Column(*parts, margin=8, **wide)

    def start(self) -> None:
        """Show the first view, once the page is there."""
        with _Reported(self):
            self._show(self.view, anew=True)

    # What happens.

    def _heard(self, changed: Callable[[Any], None]) -> Callable[[Any], None]:
        def hear(event: Any) -> None:
            if not self._silent:
                with self._reported():
                    changed(event.new)

        return hear

    def _reported(self) -> "_Reported":
        """What somebody does on the page: what was wrong before is over."""
        self.say("", wrong=True)
        return _Reported(self)

    def say(self, text: str, wrong: bool = False) -> None:
        """A sentence on the page: what goes on, or in a box what is wrong."""
        shown = html.escape(printable(text, 1500))
        if wrong:
            self._message.object = f'<p class="message" role="alert">{shown}</p>' if text else ""
        else:
            self._status.object = f'<p class="status" role="status" aria-live="polite">{shown}</p>'

    def _source_changed(self, value: tuple[str, str]) -> None:
        kind, name = value
        self._show(View(seeds=self.view.seeds).but(**{kind: name}), anew=True)

    def _axes_changed(self) -> None:
        if self.view.file:
            self._show(self.view.but(columns=self._columns.value, rows=self._rows.value, held=()), anew=True)
        else:
            self._fill_ranges(self._columns.value, self._rows.value)

    def _change(self, view: View) -> None:
        with self._reported():
            self._show(view)

    def _show(self, view: View, anew: bool = False) -> None:
        """Show a view: at once what is known, and the rest when it is computed.

        Raises:
            ValueError: for a view that cannot be shown.
        """
        before = self.view
        if anew or view.file != before.file or view.preset != before.preset:
            self._asked += 1
            self.view = view
            self._work(lambda: self._shelf.map_of(view), lambda map: self._took(map, view))
            return
        self.view = view
        if self._map is None:
            return
        if (view.columns, view.rows, view.held, view.score, view.predicted) != (
            before.columns, before.rows, before.held, before.score, before.predicted,
        ):  # fmt: skip
            self._redraw()
        elif view.layer != before.layer:
            self._colour()
        self._run_cells()

    def _took(self, map: Map, view: View) -> None:
        self._map = map
        self._fill_widgets()
        self._redraw()
        if map.why_not:
            self.say(f"{map.why_not} The map itself is shown.", wrong=True)
        if map.dataset is None:
            self._compute_map()
        if view.cell is None and map.plan is not None and self._plot is not None:
            self.view = view.but(cell=self._plot.beside(None, 0, 0))
        self._run_cells()

    def _compute_map(self) -> None:
        map = self._map
        assert map is not None
        assert map.plan is not None
        total = map.plan.num_cells * map.plan.num_repetitions
        done, last = [0], [0.0]
        self._bar.param.update(visible=True, value=0)
        self.say(f"computing {map.plan.num_cells} cells, {total} trajectories")

        def report(number: int) -> None:
            done[0] += number
            now = time.monotonic()
            if now - last[0] > SECONDS_BETWEEN_REPORTS:
                last[0] = now
                share = int(100 * done[0] / max(total, 1))
                self._next(lambda: self._bar.param.update(value=share))

        def ready(_dataset: Any) -> None:
            self._bar.visible = False
            if self._map is map:
                self._fill_scores()
                self._redraw()
                self._outline()
                self.say(f"computed {map.plan.num_cells} cells")  # pyright: ignore[reportOptionalMemberAccess]
                self._tell_cells()

        self._work(lambda: map.compute(report), ready, finally_=lambda: self._bar.param.update(visible=False))

    def _redraw(self) -> None:
        """The map anew, with its axes."""
        map, view = self._map, self.view
        assert map is not None
        if map.dataset is not None:
            dataset = map.dataset
        else:
            assert map.plan is not None
            dataset = unfilled(map.plan)
        if not view.predicted:
            dataset = dataset.drop_vars([name for name in _PREDICTIONS if name in dataset])
        elif map.predicted is not None:
            dataset = dataset_with(dataset, map.predicted)
        elif PREDICTED not in dataset:
            self._predict_lines(map)
        stored = bool(view.file)
        self._plane = plane_of(dataset, view.columns if stored else "", view.rows if stored else "", view.held)
        score = chosen_score(dataset, view.score or None) if map.dataset is not None else ""
        self._plot = MapPlot(self._plane, score, self._tapped, self._keys)
        self._figure.objects = [pn.pane.Bokeh(self._plot.figure, sizing_mode="stretch_width")]
        if map.dataset is not None:
            self._layers = layers_of(self._plane.dataset, score)
            self._options(self._layer, {layer.label: name for name, layer in self._layers.items()}, view.layer)
            if view.layer not in self._layers:
                self.view = view.but(layer="mean")
            self._colour()
        self._outline()

    def _predict_lines(self, map: Map) -> None:
        from ntadyn.maps.prediction import check_predictable, predict

        plan = map.plan
        try:
            if plan is None:
                raise ValueError(map.why_not)
            check_predictable(plan)
        except ValueError as error:
            self.view = self.view.but(predicted=False)
            self.say(f"no lines of theory for this map: {error}", wrong=True)
            return
        self.say(PREDICTING)

        def ready(predicted: Any) -> None:
            map.predicted = predicted
            if self._map is map:
                self._redraw()
                self.say("the lines of theory are drawn")

        self._work(lambda: predict(plan), ready)

    def _colour(self) -> None:
        if self._plot is None or not self._layers:
            return
        layer = self._layers.get(self.view.layer) or self._layers["mean"]
        self._plot.colour(layer)
        self._about_layer.object = f"<p class='status'><b>{html.escape(layer.label)}</b>: {html.escape(layer.text)}</p>"

    def _outline(self) -> None:
        if self._plot is not None:
            self._plot.outline(self.view.cell, tuple(pin.cell for pin in self.view.pins))

    def _tapped(self, cell: int) -> None:
        with self._reported():
            if cell == self.view.cell:
                self._pin_cell()
            else:
                self._show(self.view.but(cell=cell))

    def _pin_cell(self) -> None:
        view = self.view
        if view.cell is None:
            return
        with self._reported():
            chosen = Chosen(view.cell, view.moved)
            if chosen in view.pins:
                self._show(view.but(pins=tuple(pin for pin in view.pins if pin != chosen)))
            elif len(view.pins) == MOST_PINS:
                raise ValueError(f"{MOST_PINS} cells are pinned, which is the most; clear one by pinning it again.")
            else:
                self._show(view.but(pins=(*view.pins, chosen)))

    def _pressed(self, data: Any) -> None:
        if not data.get("key") or self._plot is None:
            return
        key = data["key"][0]
        steps = {"ArrowLeft": (-1, 0), "ArrowRight": (1, 0), "ArrowUp": (0, 1), "ArrowDown": (0, -1)}
        with self._reported():
            if key in steps:
                cell = self._plot.beside(self.view.cell, *steps[key])
                self.view = self.view.but(cell=cell)
                self._outline()
                self._tell_cells()
            elif key == "Enter":
                self._show(self.view)
            elif key.lower() == "p":
                self._pin_cell()

    # The cells.

    def _run_cells(self) -> None:
        map, view = self._map, self.view
        if map is None or map.plan is None or view.cell is None:
            self._outline()
            self._tell_cells()
            self._tell_view()
            return
        if not map.compiled:
            self._outline()
            self._tell_cells("; compiling, which takes up to a minute")
        self._asked += 1
        asked, began = self._asked, time.perf_counter()
        wanted = {"cell": Chosen(view.cell, view.moved)} | {f"pin {k}": pin for k, pin in enumerate(view.pins)}

        def work() -> dict[str, tuple[CellRun, Curves]]:
            runs = {name: map.run(chosen.cell, chosen.moved) for name, chosen in wanted.items()}
            return {name: (run, curves_of(run)) for name, run in runs.items()}

        def ready(found: dict[str, tuple[CellRun, Curves]]) -> None:
            if asked == self._asked:
                self._show_cells(wanted, found)
                self._tell_cells(f"; run in {time.perf_counter() - began:.2f} s")
                self._outline()
                self._tell_view()

        self._work(work, ready)

    def _show_cells(self, wanted: dict[str, Chosen], found: dict[str, tuple[CellRun, Curves]]) -> None:
        for name in [*self._cards]:
            if name not in found:
                del self._cards[name]
        for name, (run, curves) in found.items():
            if name in self._cards and self._cards[name].plots.fits(curves):
                self._cards[name].plots.show(curves)
            else:
                self._cards[name] = _Card(name, curves)
            self._cards[name].title.object = self._card_title(name, wanted[name], run, curves)
        cards = [self._cards[name].root for name in found]
        if self._shown.objects != cards:
            self._shown.objects = cards
        texts = dict(text for card in self._cards.values() for text in card.plots.texts)
        self._tell_glossary(texts)

    def _card_title(self, name: str, chosen: Chosen, run: CellRun, curves: Curves) -> str:
        assert self._plot is not None
        assert self._map is not None
        what = "Cell" if name == "cell" else f"Pinned {int(name.split()[1]) + 1}"
        lines = [f"<h2>{what}: {html.escape(self._plot.says(chosen.cell))}</h2>"]
        if chosen.moved:
            lines.append(html.escape(", ".join(f"{path} = {value}" for path, value in chosen.moved)))
        score = self.view.score or ("alignment" if "alignment" in run.scores else str(next(iter(run.scores))))
        if score in run.scores and run.scores[score].ndim == 1:
            values = run.scores[score].values.astype(float)
            mean, number = float(values.mean()), len(values)
            sem = f" ± {float(values.std(ddof=1)) / number**0.5:.2g}" if number > 1 else ""
            text = html.escape(explained(score), quote=True)
            told = f'<abbr title="{text}">{html.escape(score.replace("_", " "))}</abbr> {mean:.4f}{sem}'
            stored = None if chosen.moved else self._map.score_at(chosen.cell, score)
            if stored is not None:
                gap = float(abs(stored - values).max())
                told += (
                    "; the map has the same to the last bit" if gap == 0 else f"; the map differs by up to {gap:.1e}"
                )
            lines.append(told)
        if run.apart == run.apart:
            lines.append(
                f'<abbr title="{_APART}">finer records</abbr> move gates by up to {run.apart:.0e}'
                + (f"; {curves.failed} repetitions failed and are left out" if curves.failed else "")
            )
        return "<br>".join(lines)

    def _tell_cells(self, more: str = "") -> None:
        if self._plot is None or self.view.cell is None:
            return
        told = f"cell {self.view.cell}: {self._plot.says(self.view.cell)}"
        if self._plane is not None and self._layers and self._map is not None and self._map.dataset is not None:
            place = self._plane.place_of(self.view.cell)
            layer = self._layers.get(self.view.layer) or self._layers["mean"]
            if place is not None and layer.values.shape == self._plane.cells.shape:
                told += f"; {layer.label} {layer.values[place]:.4g}"
        self.say(told + more)

    # Widgets.

    def _fill_widgets(self) -> None:
        view, map = self.view, self._map
        assert map is not None
        source = ("file", view.file) if view.file else ("preset", view.preset)
        if source not in self._source.options.values():
            self._source.options = {**self._source.options, f"{source[0]} {source[1]}": source}
        self._quietly(lambda: self._source.param.update(value=source))
        self._fill_scores()
        stored = bool(view.file)
        self._compute.visible = not stored
        if stored:
            assert map.dataset is not None
            plane = plane_of(map.dataset, view.columns, view.rows, view.held)
            rows, columns = (str(name) for name in plane.dataset["result"].dims[:2])
            self._options(self._columns, list(map.axes), columns)
            self._options(self._rows, [axis for axis in map.axes if axis != columns] or [rows], rows)
            self._ranges.objects = []
            self._fill_held(map, plane)
        else:
            rows, columns = (
                Range.parsed(text) if text else own
                for text, own in zip((view.rows, view.columns), default_ranges(view.preset), strict=True)
            )
            spec = preset_of(view.preset)
            real = [item.path for item in parameters_of(spec) if is_real(spec, item.path)]
            self._options(self._columns, real, columns.path)
            self._options(self._rows, real, rows.path)
            self._held.objects = []
            self._fill_ranges(columns.path, rows.path, columns, rows)
        self._fill_sliders(map)

    def _fill_scores(self) -> None:
        map = self._map
        if map is None or map.dataset is None:
            return
        scores = scores_of(map.dataset)
        if not scores:
            return
        chosen = chosen_score(map.dataset, self.view.score if self.view.score in scores else None)
        self._options(self._score, {text: name for name, text in scores.items()}, chosen)

    def _fill_held(self, map: Map, plane: Plane) -> None:
        """A slider for every axis of a file that is neither rows nor columns."""
        from ntadyn.results.dataset_axes import dataset_axis

        sliders = []
        for name, place in plane.held.items():
            assert map.dataset is not None
            axis = dataset_axis(map.dataset, name)
            options = {axis.text(k): k for k in range(len(axis.values))}
            slider = pn.widgets.DiscreteSlider(
                name=axis.label, options=options, value=place, sizing_mode="stretch_width"
            )

            def changed(value: int, name: str = name) -> None:
                held = dict(self.view.held) | {name: value}
                self._show(self.view.but(held=tuple(held.items()), cell=self._shifted(name, value)))

            slider.param.watch(self._heard(changed), "value_throttled")
            sliders.append(slider)
        self._held.objects = sliders

    def _shifted(self, name: str, place: int) -> int | None:
        """The cell that is shown, at another place along an axis that is held."""
        map = self._map
        if self.view.cell is None or map is None or map.dataset is None:
            return self.view.cell
        sizes = [map.dataset.sizes[axis] for axis in map.axes]
        index = [int(k) for k in np.unravel_index(self.view.cell, sizes)]
        index[map.axes.index(name)] = place
        return int(np.ravel_multi_index(index, sizes))

    def _fill_ranges(self, columns: str, rows: str, *given: Range) -> None:
        """Entries for the ranges of a map that is computed."""
        spec, fields = preset_of(self.view.preset), []
        usual = {item.path: item for item in default_ranges(self.view.preset)}
        known = {item.path: item for item in given}
        parameters = {item.path: item for item in parameters_of(spec)}
        self._entries: list[tuple[str, list[Any]]] = []
        for path in (columns, rows):
            item = known.get(path) or usual.get(path)
            if item is None:
                value_at_or_refuse(spec, path)
                low, high = parameters[path].range
                item = Range(path, low, high, 8, parameters[path].logarithmic)
            narrow = {"width": 90}
            entries = [
                pn.widgets.FloatInput(name="from", value=item.low, **narrow),
                pn.widgets.FloatInput(name="to", value=item.high, **narrow),
                pn.widgets.IntInput(name="values", value=item.count, start=2, end=200, **narrow),
                pn.widgets.Select(
                    name="spaced", options={"evenly": False, "by factors": True}, value=item.logarithmic, width=100
                ),
            ]
            about = f"<abbr title='{html.escape(parameters[path].text, quote=True)}'>{html.escape(path)}</abbr>"
            fields += [pn.pane.HTML(about, stylesheets=[STYLE]), pn.FlexBox(*entries)]
            self._entries.append((path, entries))
        self._seeds = pn.widgets.IntInput(name="repetitions", value=self.view.seeds, start=1, end=MOST_SEEDS, width=110)
        self._ranges.objects = [*fields, self._seeds]

    def _recompute(self) -> None:
        with self._reported():
            (columns, of_columns), (rows, of_rows) = self._entries
            texts = []
            for path, entries in ((columns, of_columns), (rows, of_rows)):
                low, high, count, logarithmic = (entry.value for entry in entries)
                texts.append(str(Range(path, float(low), float(high), int(count), bool(logarithmic))))
            axes = {columns, rows}
            given = dict(self.view.given) | dict(self.view.moved)
            given = tuple((path, value) for path, value in given.items() if path not in axes)
            view = self.view.but(
                columns=texts[0], rows=texts[1], seeds=self._seeds.value, given=given, moved=(), cell=None, pins=()
            )
            self._show(view, anew=True)

    def _fill_sliders(self, map: Map) -> None:
        """A slider, or another entry, for every parameter that is no axis."""
        if map.plan is None:
            self._sliders.objects = [pn.pane.HTML(html.escape(map.why_not))]
            return
        spec = map.plan.configuration
        taken = set(map.plan.changes(0))
        moved = dict(self.view.moved)
        main, later, further = [], [], []
        for item in parameters_of(spec):
            if item.path in taken:
                continue
            value = item.value
            if item.path in moved:
                with suppress(ValueError):
                    value = parsed_value(spec, item.path, moved[item.path])
            widget, event = _entry(item, value)
            widget.param.watch(self._heard(self._slid(item.path)), event)
            if item.form is Form.REAL:
                (later if item.path.startswith(_LATER) else main).append(_explained_slider(item, widget))
            else:
                further.append(widget)
        self._sliders.objects = [*main, *later, pn.FlexBox(*further)]

    def _slid(self, path: str) -> Callable[[Any], None]:
        def changed(value: Any) -> None:
            assert self._map is not None
            assert self._map.plan is not None
            spec = self._map.plan.configuration
            moved = dict(self.view.moved)
            usual = value_at(spec, path)
            parsed = value if isinstance(value, str) else _as_declared(usual, value)
            text = parsed if isinstance(parsed, str) else as_text(parsed)
            moved.pop(path, None)
            if parsed_value(spec, path, text) != usual:
                moved[path] = text
            self._show(self.view.but(moved=tuple(moved.items())))

        return changed

    def _reset_sliders(self) -> None:
        with self._reported():
            self._show(self.view.but(moved=()))
            if self._map is not None:
                self._fill_sliders(self._map)

    def _options(self, widget: Any, options: Any, value: Any) -> None:
        known = options.values() if isinstance(options, dict) else options
        if value not in known:
            value = next(iter(known), None)
        self._quietly(lambda: widget.param.update(options=options, value=value))

    def _quietly(self, change: Callable[[], Any]) -> None:
        self._silent = True
        try:
            change()
        finally:
            self._silent = False

    # Saving.

    def _tell_view(self) -> None:
        query = self.view.query
        if self._location is not None:
            self._location.search = f"?{query}" if query else ""
        self._link.object = f'<p><a href="?{html.escape(query, quote=True)}">Link to this view</a></p>'
        self._tell_program()

    def _tell_program(self) -> None:
        """The program, while somebody looks at it: what is folded away takes the browser longest to lay out."""
        if self._map is not None and not self._program_card.collapsed:
            text = html.escape(program_of(self.view, self._map, self._shelf.folder))
            self._program.object = f"<pre tabindex='0'>{text}</pre>"

    def _program_file(self) -> io.StringIO:
        assert self._map is not None
        return io.StringIO(program_of(self.view, self._map, self._shelf.folder))

    def _picture(self, suffix: str) -> io.BytesIO:
        from ntadyn.plotting.style import rendered

        map, view, plane = self._map, self.view, self._plane
        assert map is not None
        assert plane is not None
        chosen = [*([Chosen(view.cell, view.moved)] if view.cell is not None else []), *view.pins]
        runs = [map.run(one.cell, one.moved) for one in chosen] if map.plan is not None else []
        layer = self._layers.get(view.layer) or self._layers["mean"]
        with _DRAWING:
            return io.BytesIO(rendered(view_figure(plane, layer, runs, view))[suffix])

    def _tell_glossary(self, texts: dict[str, str]) -> None:
        rows = "".join(f"<dt>{html.escape(name)}</dt><dd>{html.escape(text)}</dd>" for name, text in texts.items())
        rows += "".join(f"<dt>{name}</dt><dd>{text}</dd>" for name, text in _PLANE_WORDS)
        self._glossary.object = f"<dl>{rows}</dl>"

    # Work, in other threads.

    def _work(
        self, work: Callable[[], Any], then: Callable[[Any], None], finally_: Callable[[], Any] | None = None
    ) -> None:
        def done() -> None:
            try:
                found = work()
            except Exception as error:  # told on the page, where somebody reads it
                text = str(error) if isinstance(error, ValueError | OSError) else f"{type(error).__name__}: {error}"
                self._next(lambda: self._failed(text, finally_))
                return
            self._next(lambda: self._guarded(then, found))

        _POOL.submit(done)

    def _failed(self, text: str, finally_: Callable[[], Any] | None) -> None:
        with hold(self._doc, policy="collect"):
            if finally_ is not None:
                finally_()
            self.say(text, wrong=True)

    def _guarded(self, then: Callable[[Any], None], found: Any) -> None:
        with _Reported(self):
            then(found)

    def _next(self, call: Callable[[], Any]) -> None:
        def on_loop() -> None:
            with suppress(Exception):  # the session has ended
                self._doc.add_next_tick_callback(call)

        # From other threads only by way of the loop: what is added while a document lets go of a hold could get lost.
        self._loop.add_callback(on_loop)


class _Reported:
    """Tells on the page what a block refuses, and sends all that it changes in one message.

    Messages of Panel overtake those of Bokeh: numbers would arrive before the plots that they are for.
    """

    def __init__(self, page: Page):
        self._page, self._stack = page, ExitStack()

    def __enter__(self) -> None:
        self._stack.enter_context(hold(self._page._doc, policy="collect"))

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> bool:
        if isinstance(error, ValueError):
            self._page.say(str(error), wrong=True)
        self._stack.close()
        return isinstance(error, ValueError)


class _Card:
    def __init__(self, name: str, curves: Curves):
        self.plots = CellPlots(curves, name)
        self.title = pn.pane.HTML("", sizing_mode="stretch_width", stylesheets=[STYLE])
        figures = [pn.pane.Bokeh(figure, sizing_mode="stretch_width") for figure in self.plots.figures]
        self.root = pn.Column(
            self.title,
            *figures,
            sizing_mode="stretch_width",
            styles=WIDE | {"flex": "1 1 290px", "min-width": "min(290px, 100%)"},
        )


def page_of(shelf: Shelf, usual: View) -> Callable[[], Any]:
    """What makes the page of a session.

    Args:
        shelf: the maps that can be seen.
        usual: what is shown where the link says nothing.
    """

    def page() -> Any:
        pairs = [
            (name, value.decode(errors="replace") if isinstance(value, bytes) else value)
            for name, values in pn.state.session_args.items()
            for value in values
        ]
        wrong = ""
        try:
            view = View.of_query(urlencode(pairs))
        except ValueError as error:
            view, wrong = View(), str(error)
        if not view.file and not view.preset:
            view = view.but(file=usual.file, preset=usual.preset)
        made = Page(shelf, view)

        def loaded() -> None:
            made.start()
            if wrong:
                made.say(wrong, wrong=True)

        pn.state.onload(loaded)
        return made.root

    return page


def _entry(item: Parameter, value: Any) -> tuple[Any, str]:
    """The widget of a parameter, and the event to watch."""
    about = f"{item.label}: {item.text}" if item.text != item.label else item.label
    if item.form is Form.CHOICE:
        return pn.widgets.Select(
            name=item.path, options=list(item.choices), value=value.name, description=about, width=170
        ), "value"
    if item.form is Form.FLAG:
        return pn.widgets.Checkbox(name=item.path, value=value), "value"
    if item.form is Form.WHOLE:
        return pn.widgets.IntInput(name=item.path, value=int(value), description=about, width=150), "value"
    low, high = item.limits
    low, high = min(low, value), max(high, value)
    look: dict[str, Any] = {"name": item.path, "value": value, "sizing_mode": "stretch_width"}
    if item.logarithmic:
        return pn.widgets.DiscreteSlider(options=_factors(low, high, item.value, value), **look), "value_throttled"
    slider = pn.widgets.FloatSlider(start=low, end=high, step=(high - low) / 100, format="0.[0000]", **look)
    return slider, "value_throttled"


def _explained_slider(item: Parameter, slider: Any) -> Any:
    """A slider below the name of its parameter, which explains it."""
    text = f'<abbr title="{html.escape(item.text, quote=True)}">{html.escape(item.label)}</abbr>'
    slider.name = ""
    return pn.Column(
        pn.pane.HTML(text, stylesheets=[STYLE], margin=(6, 10, 0, 10)), slider, sizing_mode="stretch_width"
    )


def _factors(low: float, high: float, usual: float, value: float) -> dict[str, float]:
    """Values between two, by factors, with the usual one among them."""
    steps = 20
    found = {usual * (high / usual) ** (k / steps) for k in range(steps + 1)}
    found |= {usual * (low / usual) ** (k / steps) for k in range(1, steps + 1)}
    rounded = {float(f"{number:.3g}") for number in found} - {float(f"{usual:.3g}")}
    return {f"{number:.4g}": number for number in sorted(rounded | {usual, value})}


def _as_declared(usual: Any, value: Any) -> Any:
    if isinstance(usual, bool):
        return bool(value)
    return float(value) if isinstance(usual, float) else value


# Sliders that come last.
_LATER = ("teachers.", "inputs.", "tasks.")
_PREDICTIONS = (PREDICTED, CONTACT, FOLD, HINGE)
_HEADING = "<h1>ntadyn explore</h1><p class='status'>Click a cell to run it, click it again to pin it.</p>"
_SOURCE = "A result file of the folder, or a preset of which a small map is computed here."
_SCORE = "The number that every run of a cell was given; its mean over the repetitions is mapped."
_LAYER = "What is coloured: mean, spread or error of the score, regimes, doubt."
_AXES = "Parameters along the columns and rows of the map."
_PIN = "Keeps the trajectories of this cell beside those of the next ones; again to let go."
_PREDICT = "Draws where theory has the border, and where the band of orbits folds."
_APART = (
    "Trajectories have records inside blocks, which need steps of their own; the score is that of the steps of the map."
)
_PLANE_WORDS = (
    ("c₁ − c₂", "difference of both gates"),
    ("Dₑ", "component of W¹ − W² along the difference of both teachers, A − B"),
    (
        "task A, task B: both rest",
        "nullcline: there the error along A − B is gone, at the end of the last block of that task",
    ),
    ("exact curve, constant Q", "Dₑ² − (τ_c/τ_W)(c₁ − c₂)², conserved while both gates are positive, through the end"),
    ("thin lines", "single repetitions; the thick line is their mean"),
)
