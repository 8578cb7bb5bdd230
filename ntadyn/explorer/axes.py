"""The axes of the map: which parameters, the places of those that are held, and the ranges of what is computed."""

import html
from collections.abc import Callable
from typing import Any

import panel as pn

from ntadyn.explorer.listening import Listener
from ntadyn.explorer.maps import Map, plane_of
from ntadyn.explorer.parameters import Parameter, parameters_of
from ntadyn.explorer.plans import default_ranges, preset_of, value_at_or_refuse
from ntadyn.explorer.styles import CHOICE, STRETCHED, STYLE
from ntadyn.explorer.view import MOST_SEEDS, Range, View
from ntadyn.results.dataset_axes import dataset_axis
from ntadyn.specs.paths import is_real


class Axes:
    """Lists of axes, a slider for every one that is held, and entries for ranges.

    Attributes:
        columns: which parameter is along the columns.
        rows: which is along the rows.
        held: sliders of the other axes of a file.
        ranges: entries of a map that is computed.
        compute: the button that has it computed.
    """

    def __init__(self, listener: Listener, moved: Callable[[str, int], Any]):
        """Lists without options yet.

        Args:
            listener: of the page.
            moved: called with the name of an axis that is held, and its new place.
        """
        self._listener, self._moved = listener, moved
        self.columns: Any = pn.widgets.Select(name="Columns", options=[], description=_AXES, **CHOICE)
        self.rows: Any = pn.widgets.Select(name="Rows", options=[], description=_AXES, **CHOICE)
        self.held = pn.Column(**STRETCHED)
        self.ranges = pn.Column(**STRETCHED)
        self.compute: Any = pn.widgets.Button(name="Compute map", button_type="primary", visible=False)
        self._entries: list[_RangeEntry] = []
        self._seeds: Any = None

    def fill(self, map: Map, view: View) -> None:
        """The axes of a map.

        Raises:
            ValueError: for axes of the view that the map does not have.
        """
        self.compute.visible = not view.file
        if view.file:
            self._fill_stored(map, view)
        else:
            self._fill_computed(view)

    def fill_ranges(self, view: View, columns: str, rows: str, *given: Range) -> None:
        """Entries for the ranges of a map that is computed.

        Args:
            view: of which preset it is, and how many repetitions it has.
            columns: parameter along the columns.
            rows: parameter along the rows.
            given: ranges that are not the usual ones.

        Raises:
            ValueError: for a parameter that cannot be an axis.
        """
        spec = preset_of(view.preset)
        known = {item.path: item for item in (*default_ranges(view.preset), *given)}
        parameters = {item.path: item for item in parameters_of(spec)}
        entries = []
        for path in (columns, rows):
            if path not in known:
                value_at_or_refuse(spec, path)
                low, high = parameters[path].range
                known[path] = Range(path, low, high, 8, parameters[path].logarithmic)
            entries.append(_RangeEntry(known[path], parameters[path]))
        self._entries = entries
        self._seeds = pn.widgets.IntInput(name="repetitions", value=view.seeds, start=1, end=MOST_SEEDS, width=110)
        self.ranges.objects = [*(part for entry in entries for part in entry.parts), self._seeds]

    def asked(self) -> tuple[Range, Range, int]:
        """Columns, rows and repetitions of the map that somebody wants computed.

        Raises:
            ValueError: for a range that makes no sense.
        """
        columns, rows = (entry.range for entry in self._entries)
        return columns, rows, self._seeds.value

    def _fill_stored(self, map: Map, view: View) -> None:
        assert map.dataset is not None
        plane = plane_of(map.dataset, view.columns, view.rows, view.held)
        rows, columns = (str(name) for name in plane.dataset["result"].dims[:2])
        self._listener.fill(self.columns, list(map.axes), columns)
        self._listener.fill(self.rows, [axis for axis in map.axes if axis != columns] or [rows], rows)
        self.ranges.objects = []
        sliders = []
        for name, place in plane.held.items():
            axis = dataset_axis(map.dataset, name)
            options = {axis.text(k): k for k in range(len(axis.values))}
            slider = pn.widgets.DiscreteSlider(name=axis.label, options=options, value=place, **STRETCHED)
            self._listener.hear(slider, lambda value, name=name: self._moved(name, value), "value_throttled")
            sliders.append(slider)
        self.held.objects = sliders

    def _fill_computed(self, view: View) -> None:
        rows, columns = (
            Range.parsed(text) if text else own
            for text, own in zip((view.rows, view.columns), default_ranges(view.preset), strict=True)
        )
        spec = preset_of(view.preset)
        real = [item.path for item in parameters_of(spec) if is_real(spec, item.path)]
        self._listener.fill(self.columns, real, columns.path)
        self._listener.fill(self.rows, real, rows.path)
        self.held.objects = []
        self.fill_ranges(view, columns.path, rows.path, columns, rows)


class _RangeEntry:
    """Widgets for one range, below the name of its parameter."""

    def __init__(self, usual: Range, parameter: Parameter):
        self._path = usual.path
        narrow: dict[str, Any] = {"width": 90}
        spaced = {"evenly": False, "by factors": True}
        self._widgets: list[Any] = [
            pn.widgets.FloatInput(name="from", value=usual.low, **narrow),
            pn.widgets.FloatInput(name="to", value=usual.high, **narrow),
            pn.widgets.IntInput(name="values", value=usual.count, start=2, end=200, **narrow),
            pn.widgets.Select(name="spaced", options=spaced, value=usual.logarithmic, width=100),
        ]
        about = f"<abbr title='{html.escape(parameter.text, quote=True)}'>{html.escape(usual.path)}</abbr>"
        self.parts = (pn.pane.HTML(about, stylesheets=[STYLE]), pn.FlexBox(*self._widgets))

    @property
    def range(self) -> Range:
        low, high, count, logarithmic = (widget.value for widget in self._widgets)
        return Range(self._path, float(low), float(high), int(count), bool(logarithmic))


_AXES = "Parameters along the columns and rows of the map."
