"""What the page says: what goes on, and in a box what is wrong."""

import html

from ntadyn.explorer.styles import text_pane
from ntadyn.results.text import printable

LONGEST_MESSAGE = 1500


class Messages:
    """Two sentences on the page, which screen readers read out.

    Attributes:
        refused: the pane of what is wrong.
        told: the pane of what goes on.
    """

    def __init__(self):
        self.refused = text_pane(name="message")
        self.told = text_pane(name="status")

    def tell(self, text: str) -> None:
        """Say what goes on."""
        self.told.object = f'<p class="status" role="status" aria-live="polite">{_shown(text)}</p>'

    def refuse(self, text: str) -> None:
        """Say what is wrong."""
        self.refused.object = f'<p class="message" role="alert">{_shown(text)}</p>'

    def clear(self) -> None:
        """What was wrong is over."""
        self.refused.object = ""


def _shown(text: str) -> str:
    return html.escape(printable(text, LONGEST_MESSAGE))
