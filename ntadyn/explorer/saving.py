"""What somebody takes from the page: a picture, a Python program, a link."""

import dataclasses
import html
import io
import threading
from pathlib import Path
from typing import Any

import panel as pn

from ntadyn.explorer.listening import Listener
from ntadyn.explorer.picture import view_figure
from ntadyn.explorer.program import program_of
from ntadyn.explorer.shown import Shown
from ntadyn.explorer.styles import STRETCHED, text_pane
from ntadyn.explorer.view import Chosen
from ntadyn.explorer.working import Worker

# Of all sessions: settings of pictures are global.
_DRAWING = threading.Lock()


class Saving:
    """Buttons that save the view, its link, and its program.

    Attributes:
        root: the buttons and the link.
        program: the program, folded away at first.
    """

    def __init__(self, shown: Shown, folder: Path | None, listener: Listener, worker: Worker):
        """Nothing to save yet.

        Args:
            shown: what is saved.
            folder: where the result files are, which the program reads.
            listener: of the page.
            worker: which draws pictures.
        """
        self._shown, self._folder, self._worker = shown, folder, worker
        self._location = pn.state.location
        look: dict[str, Any] = {"button_type": "default", "embed": False, "auto": True}
        buttons = [
            pn.widgets.FileDownload(callback=callback, filename=f"view.{suffix}", label=label, **look)
            for callback, suffix, label in (
                (self._png, "png", "PNG"),
                (self._pdf, "pdf", "PDF"),
                (lambda: io.StringIO(self._program_text()), "py", "Python"),
            )
        ]
        self._link = text_pane()
        self.root = pn.FlexBox(*buttons, self._link, align_items="center")
        self._program = text_pane()
        self.program: Any = pn.Card(self._program, title="The Python code of this view", collapsed=True, **STRETCHED)
        listener.hear(self.program, lambda _folded: self._tell_program(), "collapsed")

    def tell(self) -> None:
        """The link and the program of what is shown."""
        query = self._shown.view.query
        if self._location is not None:
            self._location.search = f"?{query}" if query else ""
        self._link.object = f'<p><a href="?{html.escape(query, quote=True)}">Link to this view</a></p>'
        self._tell_program()

    def _tell_program(self) -> None:
        """The program, while somebody looks at it: what is folded away takes the browser longest to lay out."""
        if self._shown.map is not None and not self.program.collapsed:
            self._program.object = f"<pre tabindex='0'>{html.escape(self._program_text())}</pre>"

    def _program_text(self) -> str:
        assert self._shown.map is not None
        return program_of(self._shown.view, self._shown.map, self._folder)

    async def _png(self) -> io.BytesIO:
        return await self._picture(".png")

    async def _pdf(self) -> io.BytesIO:
        return await self._picture(".pdf")

    async def _picture(self, suffix: str) -> io.BytesIO:
        shown = dataclasses.replace(self._shown)
        map, view, plane = shown.map, shown.view, shown.plane
        assert map is not None
        assert plane is not None
        chosen = [*([Chosen(view.cell, view.moved)] if view.cell is not None else []), *view.pins]

        def drawn() -> bytes:
            from ntadyn.plotting.style import rendered

            layer = shown.layer
            runs = [map.run(one.cell, one.moved) for one in chosen] if map.plan is not None else []
            with _DRAWING:
                return rendered(view_figure(plane, layer, runs, view), [suffix])[suffix]

        return io.BytesIO(await self._worker.found(drawn))
