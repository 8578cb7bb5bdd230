"""Work of a session in other threads, and its way back onto the page."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import panel as pn
from panel.io import hold
from tornado.ioloop import IOLoop

from ntadyn.explorer.messages import Messages

# Of all sessions: computations, which have two cores.
_POOL = ThreadPoolExecutor(2, thread_name_prefix="ntadyn-explore")


class Worker:
    """Works for one session, and tells its page what failed."""

    def __init__(self, messages: Messages):
        """A worker of the session that is being made.

        Args:
            messages: of its page.
        """
        self._messages = messages
        self._doc: Any = pn.state.curdoc
        self._loop = IOLoop.current()

    @contextmanager
    def reported(self) -> Iterator[None]:
        """Tells on the page what a block refuses, and sends all that it changes in one message.

        Messages of Panel overtake those of Bokeh: numbers would arrive before the plots that they are for.
        """
        with hold(self._doc, policy="collect"):
            try:
                yield
            except ValueError as error:
                self._messages.refuse(str(error))

    def work(
        self, work: Callable[[], Any], then: Callable[[Any], None], finally_: Callable[[], Any] | None = None
    ) -> None:
        """Work in another thread.

        Args:
            work: what is done there.
            then: called on the page with what was found.
            finally_: called on the page instead if the work fails, before that is told.
        """

        def done() -> None:
            try:
                found = work()
            except Exception as error:  # told on the page, where somebody reads it
                text = _told(error)
                self.next(lambda: self._failed(text, finally_))
                return
            self.next(lambda: self._found(then, found))

        _POOL.submit(done)

    async def found(self, work: Callable[[], Any]) -> Any:
        """What work in another thread finds; the page goes on meanwhile, and is told what is wrong.

        Args:
            work: what is done there.
        """
        try:
            return await asyncio.wrap_future(_POOL.submit(work))
        except Exception as error:
            text = _told(error)
            self.next(lambda: self._messages.refuse(text))
            raise

    def next(self, call: Callable[[], Any]) -> None:
        """Have something done on the page, from any thread."""

        def on_loop() -> None:
            with suppress(Exception):  # the session has ended
                self._doc.add_next_tick_callback(call)

        # From other threads only by way of the loop: what is added while a document lets go of a hold could get lost.
        self._loop.add_callback(on_loop)

    def _failed(self, text: str, finally_: Callable[[], Any] | None) -> None:
        with hold(self._doc, policy="collect"):
            if finally_ is not None:
                finally_()
            self._messages.refuse(text)

    def _found(self, then: Callable[[Any], None], found: Any) -> None:
        with self.reported():
            then(found)


def _told(error: Exception) -> str:
    return str(error) if isinstance(error, ValueError | OSError) else f"{type(error).__name__}: {error}"
