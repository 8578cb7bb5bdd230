"""The map on the page: computed, predicted, drawn, coloured and outlined as the view asks."""

import time
from collections.abc import Callable
from typing import Any

import panel as pn
import xarray as xr
from bokeh.models import ColumnDataSource

from ntadyn.explorer.choices import Choices
from ntadyn.explorer.layers import Layer, layers_of
from ntadyn.explorer.map_plot import MapPlot
from ntadyn.explorer.maps import Map, plane_of
from ntadyn.explorer.messages import Messages
from ntadyn.explorer.picture import dataset_with
from ntadyn.explorer.shown import Shown
from ntadyn.explorer.styles import STRETCHED
from ntadyn.explorer.view import View
from ntadyn.explorer.working import Worker
from ntadyn.maps.summary import chosen_score
from ntadyn.results.quantities import CONTACT, FOLD, HINGE, NEGATIVE, PREDICTED
from ntadyn.sweeps.merge import unfilled

SECONDS_BETWEEN_REPORTS = 0.5
PREDICTING = "predicting the border, which takes up to a minute"
_PREDICTIONS = (PREDICTED, CONTACT, NEGATIVE, FOLD, HINGE)


class MapPane:
    """The map.

    Attributes:
        bar: how much of it is computed.
        figure: its plot.
    """

    def __init__(
        self,
        shown: Shown,
        worker: Worker,
        messages: Messages,
        choices: Choices,
        tapped: Callable[[int], Any],
        pressed: Callable[[str], Any],
    ):
        """No map yet.

        Args:
            shown: the view, and where the plot of it is kept.
            worker: which computes it.
            messages: which tell of that.
            choices: lists that get its scores and layers.
            tapped: called with the number of the cell that is tapped.
            pressed: called with the name of a key that is pressed on the map.
        """
        self._shown, self._worker, self._messages, self._choices = shown, worker, messages, choices
        self._tapped = tapped
        self.bar: Any = pn.indicators.Progress(value=0, max=100, visible=False, height=12, **STRETCHED)
        self.figure = pn.Column(**STRETCHED)
        self._keys = ColumnDataSource({"key": []}, name="keys")

        def heard(_attr: str, _old: Any, new: Any) -> None:
            if new.get("key") and shown.plot is not None:
                pressed(new["key"][0])

        self._keys.on_change("data", heard)

    def compute(self, then: Callable[[], Any]) -> None:
        """Have the map computed, coloured as far as it is, and drawn.

        Args:
            then: called when it is.
        """
        map = self._shown.map
        assert map is not None
        assert map.plan is not None
        cells, total = map.plan.num_cells, map.plan.num_cells * map.plan.num_repetitions
        done, last = [0], [0.0]
        self.bar.param.update(visible=True, value=0)
        self._messages.tell(f"computing {cells} cells, {total} trajectories")

        def report(number: int, so_far: Callable[[], xr.Dataset]) -> None:
            done[0] += number
            now = time.monotonic()
            if now - last[0] > SECONDS_BETWEEN_REPORTS and done[0] < total:
                last[0] = now
                share, layer = int(100 * done[0] / total), _layer_of(so_far(), self._shown.view)
                self._worker.next(lambda: show(share, layer))

        def show(share: int, layer: Layer) -> None:
            self.bar.value = share
            if self._shown.map is map and map.dataset is None and self._shown.plot is not None:
                self._shown.plot.colour(layer)

        def ready(_dataset: Any) -> None:
            self.bar.visible = False
            if self._shown.map is map:
                self._choices.fill_scores(map, self._shown.view.score)
                self.redraw()
                self.outline()
                self._messages.tell(f"computed {cells} cells")
                self.tell_cell()
                then()

        self._worker.work(lambda: map.compute(report), ready, finally_=lambda: self.bar.param.update(visible=False))

    def redraw(self) -> None:
        """The map anew, with its axes.

        Raises:
            ValueError: for axes or a score of the view that the map does not have.
        """
        shown = self._shown
        map, view = shown.map, shown.view
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
            self._predict(map)
        stored = bool(view.file)
        shown.plane = plane_of(dataset, view.columns if stored else "", view.rows if stored else "", view.held)
        score = chosen_score(dataset, view.score or None) if map.dataset is not None else ""
        shown.plot = MapPlot(shown.plane, score, self._tapped, self._keys)
        self.figure.objects = [pn.pane.Bokeh(shown.plot.figure, **STRETCHED)]
        if map.dataset is not None:
            shown.layers = layers_of(shown.plane.dataset, score)
            self._choices.fill_layers(shown.layers, view.layer)
            if view.layer not in shown.layers:
                shown.view = view.but(layer="mean")
            self.colour()
        self.outline()

    def colour(self) -> None:
        """Colour the map by the layer of the view."""
        if self._shown.plot is None or not self._shown.layers:
            return
        layer = self._shown.layer
        self._shown.plot.colour(layer)
        self._choices.explain(layer)

    def outline(self) -> None:
        """Outline the cells of the view."""
        if self._shown.plot is not None:
            self._shown.plot.outline(self._shown.view.cell, tuple(pin.cell for pin in self._shown.view.pins))

    def tell_cell(self, more: str = "") -> None:
        """Say which cell is shown, and what the map has of it."""
        shown = self._shown
        if shown.plot is None or shown.view.cell is None:
            return
        told = f"cell {shown.view.cell}: {shown.plot.says(shown.view.cell)}"
        if shown.plane is not None and shown.layers and shown.map is not None and shown.map.dataset is not None:
            place, layer = shown.plane.place_of(shown.view.cell), shown.layer
            if place is not None and layer.values.shape == shown.plane.cells.shape:
                told += f"; {layer.label} {layer.values[place]:.4g}"
        self._messages.tell(told + more)

    def _predict(self, map: Map) -> None:
        from ntadyn.maps.prediction import check_predictable, predict

        plan = map.plan
        try:
            if plan is None:
                raise ValueError(map.why_not)
            check_predictable(plan)
        except ValueError as error:
            self._shown.view = self._shown.view.but(predicted=False)
            self._messages.refuse(f"no lines of theory for this map: {error}")
            return
        self._messages.tell(PREDICTING)

        def ready(predicted: Any) -> None:
            map.predicted = predicted
            if self._shown.map is map:
                self.redraw()
                self._messages.tell("the lines of theory are drawn")

        self._worker.work(lambda: predict(plan), ready)


def _layer_of(dataset: xr.Dataset, view: View) -> Layer:
    """What a view colours of a map that is not finished."""
    score = view.score if view.score in dataset else ""
    layers = layers_of(plane_of(dataset).dataset, score)
    return layers.get(view.layer) or layers["mean"]
