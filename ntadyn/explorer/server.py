"""The page on the loopback address: whoever does not know the token in its address is refused, other users included.

The token is the first part of every path, of the page, its scripts and its web socket alike, so that no cookie carries
it to servers of others on other ports of this machine.
"""

import errno
import hmac
import secrets
import socket
import tempfile
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from panel.io.server import Server

ADDRESS = "127.0.0.1"
NAMES = (ADDRESS, "localhost")


@dataclass(frozen=True)
class Served:
    """A page that is served once its loop runs.

    Attributes:
        server: of Bokeh.
        url: the address with its token.
    """

    server: "Server"
    url: str

    def run(self) -> None:
        """Serve until the loop is stopped."""
        self.server.start()
        self.server.io_loop.start()

    def stop(self) -> None:
        """Stop the loop, from any thread."""
        self.server.io_loop.add_callback(self.server.io_loop.stop)


def served(page: Callable[[], Any], port: int = 0) -> Served:
    """A server for a page, not started yet.

    Args:
        page: makes what is shown, once for every session.
        port: where; any free one if 0.

    Raises:
        ValueError: if Panel is not installed, or the port is not to be had.
    """
    check_installed()
    from panel.io.server import get_server

    port, token = _free(port), secrets.token_urlsafe(24)
    origins: Any = [f"{name}:{port}" for name in NAMES]
    server = get_server(
        {"/": page},
        port=port,
        address=ADDRESS,
        websocket_origin=origins,
        prefix=f"/{token}",
        title="ntadyn explore",
        # Of a page that was closed, half a minute later.
        unused_session_lifetime_milliseconds=30_000,
        check_unused_sessions_milliseconds=10_000,
    )
    _guard(server._tornado, token, origins)
    return Served(server, f"http://{ADDRESS}:{port}/{token}/")


def check_installed() -> None:
    """Refuse to go on without Panel and Bokeh.

    Raises:
        ValueError: with what to install.
    """
    try:
        import bokeh  # noqa: F401
        import panel  # noqa: F401
    except ImportError as error:
        raise ValueError(
            f'ntadyn explore needs Panel and Bokeh ({error}); run pip install "ntadyn[explore]".'
        ) from None


def open_browser(url: str) -> None:
    """Open the page in the user's browser, through a file that only the user can read.

    Other users see the arguments of processes, and must not see the token among them.

    Args:
        url: the address with its token.
    """
    with tempfile.NamedTemporaryFile("w", prefix="ntadyn-explore-", suffix=".html", delete=False) as file:
        file.write(f'<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0;url={url}">')
    with suppress(webbrowser.Error):
        webbrowser.open(Path(file.name).as_uri())


def _free(port: int) -> int:
    """A port that is free.

    Raises:
        ValueError: if the wanted one is not.
    """
    if not 0 <= port < 2**16:
        raise ValueError(f"port is {port}; give a number from 1 to {2**16 - 1}, or leave --port out for any free one.")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except OSError as error:
            why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
            raise ValueError(f"port {port} {why}; choose another --port, or leave it out for any free one.") from None
        return probe.getsockname()[1]


def _guard(application: Any, token: str, hosts: list[str]) -> None:
    """Let only requests through whose path begins with the token, and whose host is this one."""
    import panel
    from tornado.web import RequestHandler

    class Refused(RequestHandler):
        """403, whatever is asked."""

        def prepare(self) -> None:
            self.set_status(403)
            self.finish("403: this page needs the whole address that ntadyn explore printed, with its token.\n")

    class Icon(RequestHandler):
        """What browsers ask for."""

        def get(self) -> None:
            self.set_header("Content-Type", "image/x-icon")
            self.finish((Path(panel.__file__).parent / "dist" / "images" / "favicon.ico").read_bytes())

    find = application.find_handler

    def find_handler(request: Any, **options: Any) -> Any:
        given, _, rest = request.path.lstrip("/").partition("/")
        knows = hmac.compare_digest(given.encode(), token.encode())
        if not (knows and request.host in hosts):
            return application.get_handler_delegate(request, Refused)
        if rest == "favicon.ico":
            return application.get_handler_delegate(request, Icon)
        return find(request, **options)

    application.find_handler = find_handler
