"""Worker processes on this machine that import nothing from the working folder and listen to nobody else.

They are started here and not by Dask, because processes that Dask starts look for every module in the working folder
first, before any code of ours can prevent it, and run the user's script a second time.
"""

import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import jax

from ntadyn.sweeps.packing import import_path

# Run with a path that holds neither the working folder nor that of a script. The package is that of the calling
# process, wherever it was found: a checkout that is not installed, for example, is on no path.
_START = """
import importlib.util, json, sys
given = json.loads(sys.stdin.readline())
sys.path[:] = given["path"]
spec = importlib.util.spec_from_file_location("ntadyn", given["package"])
sys.modules["ntadyn"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules["ntadyn"])
from ntadyn.sweeps.local_workers import work
work(given)
"""
# A worker that ends is replaced soon, but with growing pauses if it cannot even start.
PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
LONG_ENOUGH_SECONDS = 30.0
POLL_SECONDS = 0.1
CLOSE_SECONDS = 5.0
# The credentials that a worker needs; its key travels through a pipe that nobody else can read.
_CREDENTIALS = ("tls_ca_file", "tls_worker_key", "tls_worker_cert", "tls_client_key", "tls_client_cert")
# No web pages about scheduler and workers, because these ask nobody for credentials.
NO_PAGES = {"distributed.scheduler.http.routes": [], "distributed.worker.http.routes": []}
NO_PAGES_ADDRESS = "127.0.0.1:0"


@contextmanager
def local_workers(address: str, security: Any, number: int) -> Iterator[None]:
    """Keep worker processes with one thread each alive while the block runs; a worker that ends is replaced.

    They end when this process ends, in any way.

    Args:
        address: that of the scheduler.
        security: a `distributed.Security` with the credentials of the workers.
        number: number of processes.
    """
    given = {
        "address": address,
        "path": import_path(),
        "package": str(Path(__file__).parents[1] / "__init__.py"),
        "credentials": {name: getattr(security, name) for name in _CREDENTIALS},
    }
    environment, ending = _environment(), threading.Event()
    keepers = [threading.Thread(target=_keep, args=(given, environment, ending), daemon=True) for _ in range(number)]
    for keeper in keepers:
        keeper.start()
    try:
        yield
    finally:
        ending.set()
        for keeper in keepers:
            keeper.join(2 * CLOSE_SECONDS)


def _keep(given: Mapping[str, Any], environment: Mapping[str, str], ending: threading.Event) -> None:
    """Run one worker after another."""
    short = 0
    while not ending.is_set():
        began = time.monotonic()
        with subprocess.Popen([sys.executable, "-P", "-c", _START], stdin=subprocess.PIPE, env=environment) as process:
            assert process.stdin is not None  # asked for
            with suppress(OSError):  # it has ended already
                process.stdin.write(json.dumps(given).encode() + b"\n")
                process.stdin.flush()
            while process.poll() is None and not ending.wait(POLL_SECONDS):
                pass
            with suppress(OSError):
                process.stdin.close()  # which tells it to end
            try:
                process.wait(CLOSE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
        short = 0 if time.monotonic() - began > LONG_ENOUGH_SECONDS else short + 1
        ending.wait(PAUSES[min(short, len(PAUSES) - 1)])


def _environment() -> dict[str, str]:
    """The environment of this process, without working folders on the path, and with what Dask sets for its workers."""
    import dask.config

    chosen = {
        name: str(value)
        for name, value in dask.config.get("distributed.nanny.pre-spawn-environ", {}).items()
        if value is not None
    }
    found = chosen | os.environ
    # An empty entry, as in "$PYTHONPATH:folder" if nothing was set before, means the working folder.
    found["PYTHONPATH"] = os.pathsep.join(
        os.path.abspath(entry) for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry
    )
    if (platforms := jax.config.values["jax_platforms"]) is not None:
        found["JAX_PLATFORMS"] = platforms
    return found


def work(given: Mapping[str, Any]) -> None:
    """Be a worker until the scheduler or the process that started this one is gone.

    Args:
        given: address, path, package and credentials, as `local_workers` sends them.
    """
    import asyncio
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends Ctrl-C to all; the caller acts on it
    threading.Thread(target=_end_with_the_caller, daemon=True).start()

    import dask.config
    import distributed

    security = distributed.Security(require_encryption=True, **given["credentials"])

    async def serve() -> None:
        worker = distributed.Worker(
            given["address"],
            nthreads=1,
            security=security,
            protocol="tls",
            host="127.0.0.1",
            memory_limit=0,
            dashboard=False,
            dashboard_address=NO_PAGES_ADDRESS,
            silence_logs=logging.CRITICAL,
        )
        async with worker:
            await worker.finished()

    with dask.config.set(NO_PAGES):
        asyncio.run(serve())


def _end_with_the_caller() -> None:
    sys.stdin.buffer.read()  # nothing more is written: it returns when the other end is closed
    os._exit(0)
