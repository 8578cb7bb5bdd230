"""What somebody does on the page is heard, apart from what the page itself does to its widgets."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from ntadyn.explorer.messages import Messages
from ntadyn.explorer.working import Worker


class Listener:
    """Hears what somebody does on the page, and has refused there what makes no sense."""

    def __init__(self, worker: Worker, messages: Messages):
        self._worker, self._messages = worker, messages
        self._silent = False

    def acted(self) -> AbstractContextManager[None, bool | None]:
        """A block of what somebody does on the page: what was wrong before is over."""
        self._messages.clear()
        return self._worker.reported()

    def hear(self, widget: Any, changed: Callable[[Any], Any], event: str = "value") -> None:
        """Listen to a widget.

        Args:
            widget: of Panel.
            changed: called with the new value when somebody else than the page changed it.
            event: name of the value.
        """

        def heard(change: Any) -> None:
            if not self._silent:
                with self.acted():
                    changed(change.new)

        widget.param.watch(heard, event)

    def fill(self, widget: Any, options: Any, value: Any) -> None:
        """Options of a list, with one of them chosen: the first, if the value is none of them."""
        known = options.values() if isinstance(options, dict) else options
        if value not in known:
            value = next(iter(known), None)
        self.put(widget, options=options, value=value)

    def put(self, widget: Any, **values: Any) -> None:
        """Change a widget without hearing it."""
        self._silent = True
        try:
            widget.param.update(**values)
        finally:
            self._silent = False
