"""The lists above the map: which map, which score of it, and which layer."""

import html
from typing import Any

import panel as pn

from ntadyn.explorer.layers import Layer, scores_of
from ntadyn.explorer.listening import Listener
from ntadyn.explorer.maps import Map, Shelf
from ntadyn.explorer.styles import CHOICE, text_pane
from ntadyn.explorer.view import View
from ntadyn.maps.summary import chosen_score


class Choices:
    """Lists of what can be shown.

    Attributes:
        source: maps, as ("file" or "preset", name).
        score: names of scores.
        layer: names of layers.
        about: a sentence about the layer.
    """

    def __init__(self, shelf: Shelf, listener: Listener):
        self._listener = listener
        names = {f"file {name}": ("file", name) for name in shelf.files}
        names |= {f"preset {name}": ("preset", name) for name in shelf.presets}
        self.source: Any = pn.widgets.Select(name="Map", options=names, description=_SOURCE, **CHOICE)
        self.score: Any = pn.widgets.Select(name="Score", options=[], description=_SCORE, **CHOICE)
        self.layer: Any = pn.widgets.Select(name="Layer", options={}, description=_LAYER, **CHOICE)
        self.about = text_pane()

    def fill_source(self, view: View) -> None:
        """Choose the map of a view, which becomes an option if it was none."""
        source = ("file", view.file) if view.file else ("preset", view.preset)
        if source not in self.source.options.values():
            self.source.options = {**self.source.options, f"{source[0]} {source[1]}": source}
        self._listener.put(self.source, value=source)

    def fill_scores(self, map: Map, score: str) -> None:
        """The scores of a map, once it is computed."""
        if map.dataset is None:
            return
        scores = scores_of(map.dataset)
        if not scores:
            return
        chosen = chosen_score(map.dataset, score if score in scores else None)
        self._listener.fill(self.score, {text: name for name, text in scores.items()}, chosen)

    def fill_layers(self, layers: dict[str, Layer], layer: str) -> None:
        """The layers of a map."""
        self._listener.fill(self.layer, {layer.label: name for name, layer in layers.items()}, layer)

    def explain(self, layer: Layer) -> None:
        """Say what is coloured."""
        self.about.object = f"<p class='status'><b>{html.escape(layer.label)}</b>: {html.escape(layer.text)}</p>"


_SOURCE = "A result file of the folder, or a preset of which a small map is computed here."
_SCORE = "The number that every run of a cell was given; its mean over the repetitions is mapped."
_LAYER = "What is coloured: mean, spread or error of the score, regimes, doubt."
