"""What can be seen in a picture: the colours of its pixels."""

from collections.abc import Iterable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from ntadyn.plotting.style import house_style

# Of pictures on the disk.
SAVED_DPI = 200
# Of a colour that is seen, not only met where two others are mixed.
FEWEST_PIXELS = 20
TOLERANCE = 16


def unseen(figure: Figure, ax: Axes, colors: Iterable[str]) -> list[str]:
    """Which of some colours have fewer than `FEWEST_PIXELS` pixels in an axes, within `TOLERANCE` of 255."""
    canvas = FigureCanvasAgg(figure)
    figure.set_dpi(SAVED_DPI)
    with house_style():  # colours named C0, C1, ... are looked up when the figure is drawn
        canvas.draw()
        wanted = {color: np.asarray(to_rgb(color)) * 255 for color in colors}
    pixels = np.asarray(canvas.buffer_rgba())[..., :3].astype(int)
    box = ax.get_window_extent()
    rows = slice(int(len(pixels) - box.y1), int(len(pixels) - box.y0))
    inside = pixels[rows, int(box.x0) : int(box.x1)]
    numbers = {color: np.sum(np.all(np.abs(inside - rgb) <= TOLERANCE, axis=-1)) for color, rgb in wanted.items()}
    return [color for color, number in numbers.items() if number < FEWEST_PIXELS]
