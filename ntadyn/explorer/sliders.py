"""A slider, or another entry, for every parameter of the cell that is no axis of the map."""

import html
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import panel as pn

from ntadyn.explorer.listening import Listener
from ntadyn.explorer.maps import Map
from ntadyn.explorer.parameters import Form, Parameter, as_text, parameters_of, parsed_value
from ntadyn.explorer.styles import STRETCHED, STYLE
from ntadyn.explorer.view import Values
from ntadyn.specs.paths import value_at

# Sliders that come last.
_LATER = ("teachers.", "inputs.", "tasks.")


class Sliders:
    """Entries of the parameters of the cell.

    Attributes:
        root: all of them.
    """

    def __init__(self, listener: Listener, slid: Callable[[str, str | None], Any]):
        """No entries yet.

        Args:
            listener: of the page.
            slid: called with the dotted path of a parameter that somebody changed, and its value as text; None where
                that is the value of the map.
        """
        self._listener, self._slid = listener, slid
        self.root = pn.Column(**STRETCHED)

    def fill(self, map: Map, moved: Values) -> None:
        """Entries for a map.

        Args:
            map: whose parameters.
            moved: (dotted path, value as text) of every one that differs from the map.
        """
        if map.plan is None:
            self.root.objects = [pn.pane.HTML(html.escape(map.why_not))]
            return
        spec = map.plan.configuration
        taken = set(map.plan.changes(0))
        texts = dict(moved)
        main, later, further = [], [], []
        for item in parameters_of(spec):
            if item.path in taken:
                continue
            value = item.value
            if item.path in texts:
                with suppress(ValueError):
                    value = parsed_value(spec, item.path, texts[item.path])
            widget, event = _entry(item, value)
            self._listener.hear(widget, self._changed(spec, item.path), event)
            if item.form is Form.REAL:
                (later if item.path.startswith(_LATER) else main).append(_explained_slider(item, widget))
            else:
                further.append(widget)
        self.root.objects = [*main, *later, pn.FlexBox(*further)]

    def _changed(self, spec: Any, path: str) -> Callable[[Any], None]:
        def changed(value: Any) -> None:
            usual = value_at(spec, path)
            parsed = value if isinstance(value, str) else _as_declared(usual, value)
            text = parsed if isinstance(parsed, str) else as_text(parsed)
            self._slid(path, text if parsed_value(spec, path, text) != usual else None)

        return changed


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
    look: dict[str, Any] = {"name": item.path, "value": value, **STRETCHED}
    if item.logarithmic:
        return pn.widgets.DiscreteSlider(options=_factors(low, high, item.value, value), **look), "value_throttled"
    slider = pn.widgets.FloatSlider(start=low, end=high, step=(high - low) / 100, format="0.[0000]", **look)
    return slider, "value_throttled"


def _explained_slider(item: Parameter, slider: Any) -> Any:
    """A slider below the name of its parameter, which explains it."""
    text = f'<abbr title="{html.escape(item.text, quote=True)}">{html.escape(item.label)}</abbr>'
    slider.name = ""
    return pn.Column(pn.pane.HTML(text, stylesheets=[STYLE], margin=(6, 10, 0, 10)), slider, **STRETCHED)


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
