"""What a session shows at present."""

from dataclasses import dataclass, field

from ntadyn.explorer.layers import Layer
from ntadyn.explorer.map_plot import MapPlot
from ntadyn.explorer.maps import Map, Plane
from ntadyn.explorer.view import View


@dataclass
class Shown:
    """A view, and what was made of it so far.

    Attributes:
        view: what is asked for.
        map: its map; None until it is found.
        plane: the part of the map that is drawn; None until it is.
        plot: its plot; None until then.
        layers: what of it can be coloured, by name; none until it is computed.
    """

    view: View
    map: Map | None = None
    plane: Plane | None = None
    plot: MapPlot | None = None
    layers: dict[str, Layer] = field(default_factory=dict)

    @property
    def layer(self) -> Layer:
        """The layer of the view; the mean, if the map has no such layer.

        Raises:
            ValueError: while there is none.
        """
        if not self.layers:
            raise ValueError("the map is not computed yet; save its picture when it is.")
        return self.layers.get(self.view.layer) or self.layers["mean"]
