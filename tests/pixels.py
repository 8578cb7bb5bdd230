"""What can be seen in a picture: the colours of its pixels."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from ntadyn.plotting.style import house_style

# Of a colour that is seen, not only met where two others are mixed.
FEWEST_PIXELS = 10


def colors_seen(figure: Figure, ax: Axes) -> set[str]:
    """Colours of at least `FEWEST_PIXELS` pixels of an axes."""
    canvas = FigureCanvasAgg(figure)
    with house_style():  # colours named C0, C1, ... are looked up when the figure is drawn
        canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3]
    box = ax.get_window_extent()
    rows = slice(int(len(pixels) - box.y1), int(len(pixels) - box.y0))
    inside = pixels[rows, int(box.x0) : int(box.x1)].reshape(-1, 3)
    colors, numbers = np.unique(inside, axis=0, return_counts=True)
    return {to_hex(color / 255) for color, number in zip(colors, numbers, strict=True) if number >= FEWEST_PIXELS}
