"""The page of one session: its parts, and what happens when one of them is touched."""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import numpy as np
import panel as pn

from ntadyn.explorer.axes import Axes
from ntadyn.explorer.cards import Cards
from ntadyn.explorer.choices import Choices
from ntadyn.explorer.curves import Curves, curves_of
from ntadyn.explorer.listening import Listener
from ntadyn.explorer.map_pane import MapPane
from ntadyn.explorer.maps import Map, Shelf
from ntadyn.explorer.messages import Messages
from ntadyn.explorer.saving import Saving
from ntadyn.explorer.shown import Shown
from ntadyn.explorer.sliders import Sliders
from ntadyn.explorer.styles import STRETCHED, WIDE, text_pane
from ntadyn.explorer.view import MOST_PINS, Chosen, View
from ntadyn.explorer.working import Worker
from ntadyn.sweeps.cell_runs import CellRun


class Page:
    """Everything of one session.

    Attributes:
        messages: what it says.
        root: the page.
    """

    def __init__(self, shelf: Shelf, start: View):
        self._shelf, self._shown, self._asked, self._maps_asked = shelf, Shown(start), 0, 0
        self.messages = Messages()
        self._worker = Worker(self.messages)
        self._listener = Listener(self._worker, self.messages)
        self._choices = Choices(shelf, self._listener)
        self._axes = Axes(self._listener, self._held_moved)
        self._sliders = Sliders(self._listener, self._slid)
        self._map = MapPane(self._shown, self._worker, self.messages, self._choices, self._tapped, self._pressed)
        self._cards = Cards(self._shown)
        self._saving = Saving(self._shown, shelf.folder, self._listener, self._worker)
        self._listener.hear(self._choices.source, self._source_changed)
        self._listener.hear(self._choices.score, lambda score: self._show(self._shown.view.but(score=score)))
        self._listener.hear(self._choices.layer, lambda layer: self._show(self._shown.view.but(layer=layer)))
        self._listener.hear(self._axes.columns, lambda _columns: self._axes_changed())
        self._listener.hear(self._axes.rows, lambda _rows: self._axes_changed())
        self._axes.compute.on_click(lambda _event: self._recompute())
        self.root = self._laid_out()

    def start(self) -> None:
        """Show the first view, once the page is there."""
        with self._worker.reported():
            self._show(self._shown.view, anew=True)

    def _laid_out(self) -> Any:
        pin = pn.widgets.Button(name="Pin cell (P)", description=_PIN)
        unpin = pn.widgets.Button(name="Clear pins")
        predict = pn.widgets.Button(name="Predicted lines", description=_PREDICT)
        reset = pn.widgets.Button(name="Reset sliders")
        pin.on_click(lambda _event: self._pin_cell())
        unpin.on_click(lambda _event: self._change(pins=()))
        predict.on_click(lambda _event: self._change(predicted=not self._shown.view.predicted))
        reset.on_click(lambda _event: self._reset_sliders())

        choices, axes = self._choices, self._axes
        map = pn.Column(
            pn.FlexBox(choices.source, choices.score, choices.layer, gap="0.4rem"),
            choices.about, self._map.bar, self._map.figure, axes.held,
            pn.FlexBox(pin, unpin, predict),
            styles=WIDE, **STRETCHED,
        )  # fmt: skip
        cells = pn.Column(self._cards.root, styles=WIDE | {"flex": "1.3 1 360px"}, **STRETCHED)
        both = pn.FlexBox(axes.columns, axes.rows, gap="0.4rem")
        folded: dict[str, Any] = {"styles": WIDE, **STRETCHED}
        below = pn.FlexBox(
            pn.Card(self._sliders.root, reset, title="Other parameters of the cell", **folded),
            pn.Card(both, axes.ranges, axes.compute, title="Axes of the map", **folded),
            gap="1rem", **STRETCHED,
        )  # fmt: skip
        glossary = pn.Card(self._cards.glossary, title="What the quantities mean", collapsed=True, **STRETCHED)
        body = pn.FlexBox(map, cells, gap="1rem", align_items="flex-start", **STRETCHED)
        heading, said = text_pane(_HEADING), (self.messages.refused, self.messages.told)
        parts = (heading, *said, body, self._saving.root, below, self._saving.program, glossary)
        return pn.Column(*parts, margin=8, **STRETCHED)

    # What is shown.

    def _show(self, view: View, anew: bool = False) -> None:
        """Show a view: at once what is known, and the rest when it is computed.

        Raises:
            ValueError: for a view that cannot be shown.
        """
        before, self._shown.view = self._shown.view, view
        if anew or view.file != before.file or view.preset != before.preset:
            self._asked += 1
            self._maps_asked += 1
            asked = self._maps_asked

            def ready(map: Map) -> None:
                if asked == self._maps_asked:  # nobody has asked for another one since
                    self._took(map, view)

            self._worker.work(lambda: self._shelf.map_of(view), ready)
            return
        if self._shown.map is None:
            return
        if (view.columns, view.rows, view.held, view.score, view.predicted) != (
            before.columns, before.rows, before.held, before.score, before.predicted,
        ):  # fmt: skip
            self._map.redraw()
        elif view.layer != before.layer:
            self._map.colour()
        self._run_cells()

    def _took(self, map: Map, view: View) -> None:
        shown = self._shown
        shown.map = map
        self._choices.fill_source(shown.view)
        self._choices.fill_scores(map, shown.view.score)
        self._axes.fill(map, shown.view)
        self._sliders.fill(map, shown.view.moved)
        self._map.redraw()
        if map.why_not:
            self.messages.refuse(f"{map.why_not} The map itself is shown.")
        if map.dataset is None:
            self._map.compute(then=self._cards.tell)
        if view.cell is None and map.plan is not None and shown.plot is not None:
            shown.view = view.but(cell=shown.plot.beside(None, 0, 0))
        self._run_cells()

    def _run_cells(self) -> None:
        map, view = self._shown.map, self._shown.view
        if map is None or map.plan is None or view.cell is None:
            self._map.outline()
            self._map.tell_cell()
            self._saving.tell()
            return
        if not map.compiled:
            self._map.outline()
            self._map.tell_cell("; compiling, which takes up to a minute")
        self._asked += 1
        asked, began = self._asked, time.perf_counter()
        wanted = {"cell": Chosen(view.cell, view.moved)} | {f"pin {k}": pin for k, pin in enumerate(view.pins)}

        def work() -> dict[str, tuple[CellRun, Curves]]:
            runs = {name: map.run(chosen.cell, chosen.moved) for name, chosen in wanted.items()}
            return {name: (run, curves_of(run)) for name, run in runs.items()}

        def ready(found: dict[str, tuple[CellRun, Curves]]) -> None:
            if asked == self._asked:
                self._cards.show(wanted, found)
                self._map.tell_cell(f"; run in {time.perf_counter() - began:.2f} s")
                self._map.outline()
                self._saving.tell()

        self._worker.work(work, ready)

    # What somebody does.

    def _change(self, **changes: Any) -> None:
        with self._listener.acted():
            self._show(self._shown.view.but(**changes))

    def _source_changed(self, source: tuple[str, str]) -> None:
        kind, name = source
        self._show(View(seeds=self._shown.view.seeds).but(**{kind: name}), anew=True)

    def _axes_changed(self) -> None:
        view, columns, rows = self._shown.view, self._axes.columns.value, self._axes.rows.value
        if view.file:
            self._show(view.but(columns=columns, rows=rows, held=()), anew=True)
        else:
            self._axes.fill_ranges(view, columns, rows)

    def _held_moved(self, name: str, place: int) -> None:
        """Another place along an axis that is held, and the cell that is shown there."""
        map, view = self._shown.map, self._shown.view
        held, cell = dict(view.held) | {name: place}, view.cell
        if cell is not None and map is not None and map.dataset is not None:
            sizes = [map.dataset.sizes[axis] for axis in map.axes]
            index = [int(k) for k in np.unravel_index(cell, sizes)]
            index[map.axes.index(name)] = place
            cell = int(np.ravel_multi_index(index, sizes))
        self._show(view.but(held=tuple(held.items()), cell=cell))

    def _recompute(self) -> None:
        with self._listener.acted():
            columns, rows, seeds = self._axes.asked()
            view = self._shown.view
            given = dict(view.given) | dict(view.moved)
            given = tuple((path, value) for path, value in given.items() if path not in (columns.path, rows.path))
            view = view.but(
                columns=str(columns), rows=str(rows), seeds=seeds, given=given, moved=(), cell=None, pins=()
            )
            self._show(view, anew=True)

    def _slid(self, path: str, text: str | None) -> None:
        moved = dict(self._shown.view.moved)
        moved.pop(path, None)
        if text is not None:
            moved[path] = text
        self._show(self._shown.view.but(moved=tuple(moved.items())))

    def _reset_sliders(self) -> None:
        with self._listener.acted():
            self._show(self._shown.view.but(moved=()))
            if self._shown.map is not None:
                self._sliders.fill(self._shown.map, self._shown.view.moved)

    def _tapped(self, cell: int) -> None:
        with self._listener.acted():
            if cell == self._shown.view.cell:
                self._pin_cell()
            else:
                self._show(self._shown.view.but(cell=cell))

    def _pin_cell(self) -> None:
        view = self._shown.view
        if view.cell is None:
            return
        with self._listener.acted():
            chosen = Chosen(view.cell, view.moved)
            if chosen in view.pins:
                self._show(view.but(pins=tuple(pin for pin in view.pins if pin != chosen)))
            elif len(view.pins) == MOST_PINS:
                raise ValueError(f"{MOST_PINS} cells are pinned, which is the most; clear one by pinning it again.")
            else:
                self._show(view.but(pins=(*view.pins, chosen)))

    def _pressed(self, key: str) -> None:
        steps = {"ArrowLeft": (-1, 0), "ArrowRight": (1, 0), "ArrowUp": (0, 1), "ArrowDown": (0, -1)}
        shown = self._shown
        assert shown.plot is not None
        with self._listener.acted():
            if key in steps:
                shown.view = shown.view.but(cell=shown.plot.beside(shown.view.cell, *steps[key]))
                self._map.outline()
                self._map.tell_cell()
            elif key == "Enter":
                self._show(shown.view)
            elif key.lower() == "p":
                self._pin_cell()


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
                made.messages.refuse(wrong)

        pn.state.onload(loaded)
        return made.root

    return page


_HEADING = "<h1>ntadyn explore</h1><p class='status'>Click a cell to run it, click it again to pin it.</p>"
_PIN = "Keeps the trajectories of this cell beside those of the next ones; again to let go."
_PREDICT = "Draws where theory has the border, and where the band of orbits folds."
