"""ntadyn explore: phase maps in the browser."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from ntadyn.cli.devices import wake_jax
from ntadyn.cli.progress import say
from ntadyn.explorer.server import check_installed
from ntadyn.explorer.view import View
from ntadyn.specs.families import PRESETS
from ntadyn.specs.names import known_as
from ntadyn.sweeps.phase_maps import PRESETS as MAPS

# Of which a small map is computed where nothing is named.
USUAL = "figure-5-published"


@dataclass(frozen=True)
class Explore:
    """Explore phase maps in the browser: click a cell to see its trajectories.

    Of a folder with result files of ntadyn sweep or ntadyn phase-diagram, or of a preset, of which a small map is
    computed on the spot. The page is served on this machine only, at an address with a token that keeps other users
    out; Ctrl-C ends it. Needs Panel: pip install "ntadyn[explore]".
    """

    folder: Annotated[tyro.conf.Positional[Path | None], tyro.conf.arg(metavar="FOLDER")] = None
    """A folder with result files, or one such file; if omitted, a preset is explored."""
    preset: str | None = None
    """Where to start instead, see `ntadyn presets`; figure-5-published if neither is given."""
    port: int = 0
    """Port of the page; any free one if 0."""
    open: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Open the page in the browser."""

    def run(self) -> int:
        """Serve until somebody presses Ctrl-C; 0 then."""
        if self.folder is not None and self.preset is not None:
            raise ValueError(
                f"FOLDER {str(self.folder)!r} and --preset {self.preset} exclude each other; leave out one."
            )
        preset = None if self.folder is not None else known_as(self.preset or USUAL, (*PRESETS, *MAPS), "preset")
        check_installed()

        from ntadyn.explorer.maps import Shelf
        from ntadyn.explorer.plans import plan_of_view

        shelf = Shelf() if self.folder is None else Shelf.of_folder(self.folder)
        wake_jax()
        if preset is None:
            view = shelf.first()
        else:
            view = View(preset=preset)
            plan_of_view(view)

        from ntadyn.explorer.page import page_of
        from ntadyn.explorer.server import open_browser, served

        page = served(page_of(shelf, view), self.port)
        say("the page is on this machine only, and whoever has the address can see it; Ctrl-C ends it")
        print(page.url, flush=True)
        if self.open:
            open_browser(page.url)
        try:
            page.run()
        except KeyboardInterrupt:
            say("the page is closed")
        return 0
