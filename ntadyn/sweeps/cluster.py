"""Tiles of a sweep on other machines, or in processes of their own, through Dask.

    with cluster("tcp://scheduler:8786") as compute:
        run_sweep(plan, compute=compute, folder=folder)

The process that calls cuts the sweep, gives out tiles and writes their shards; workers compute tiles, and need nothing
but the same ntadyn, JAX and kind of device: no access to the folder. Each compiles a program once and keeps it.
`JAX_COMPILATION_CACHE_DIR`, set for all workers to a folder that they share, saves even that.

SLURM, and other batch systems, through dask-jobqueue:

    from dask_jobqueue import SLURMCluster

    slurm = SLURMCluster(cores=1, processes=1, memory="4GB", walltime="04:00:00")
    slurm.scale(100)
    slurm.wait_for_workers(1)
    with cluster(slurm.scheduler_address) as compute:
        run_sweep(plan, compute=compute, folder=folder)

A job that ends, at its wall time for example, gives its tiles back. One worker per core is best on CPUs, one per GPU on
GPUs (a job with `--gres=gpu:1` and one process), because a worker runs its tiles on JAX's default device.

Several devices of one machine need no cluster: `Threads` uses all of them. Cells have nothing to tell each other, so
there is nothing for JAX's own multi-host mode (`jax.distributed.initialize`) to do either: it makes all hosts run each
program together and ends when one of them fails, while a worker that dies here costs the tiles that it had.
"""

import importlib
import logging
import os
import pickle
import platform
import queue
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

import jax
import xarray as xr

from ntadyn import __version__
from ntadyn.sweeps.plan import Sweep
from ntadyn.sweeps.scores import Measures
from ntadyn.sweeps.tiles import Programs, TiledSweep

# A tile is given up when this many workers and one more have died with it.
RETRIES = 3
# Tiles given out per thread of the cluster: one that runs, one that waits.
TILES_PER_THREAD = 2
CONNECT_SECONDS = 10.0
POLL_SECONDS = 0.5

# What a terminal sends to all its processes.
_LEAVES_CTRL_C_TO_US = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"

# All that JAX lets one choose and that the bits of a result depend on.
_SETTINGS = (
    "jax_enable_x64",
    "jax_default_matmul_precision",
    "jax_default_prng_impl",
    "jax_disable_most_optimizations",
    "jax_numpy_dtype_promotion",
    "jax_numpy_rank_promotion",
    "jax_threefry_partitionable",
)

# Hashable (name, value) pairs.
_Pairs = tuple[tuple[str, Any], ...]
_Answer = TypeVar("_Answer")
_unpacking = threading.Lock()
_KEPT = "Finished tiles are kept if the sweep has a folder: run it again."


@contextmanager
def cluster(address: str | None = None, num_workers: int = 2, patience: float = 60.0) -> Iterator["Cluster"]:
    """A Dask cluster to run sweeps on, see `run_sweep`.

    Args:
        address: that of a scheduler, such as "tcp://host:8786"; worker processes on this machine if omitted. A script
            that starts those must keep its own work under `if __name__ == "__main__":`, because they import it.
        num_workers: worker processes on this machine, one thread each; not used with an address.
        patience: seconds without any worker after which a sweep is given up.

    Yields:
        What `run_sweep` takes as `compute`.

    Raises:
        ValueError: if Dask is not installed, nothing answers at the address, or there are no worker processes.
    """
    if num_workers < 1:
        raise ValueError(f"num_workers is {num_workers}; at least one worker process is needed.")
    distributed, cloudpickle = _imported("distributed"), _imported("cloudpickle")
    with ExitStack() as stack:
        if address is None:
            processes = distributed.LocalCluster(
                n_workers=num_workers,
                threads_per_worker=1,
                processes=True,
                memory_limit=0,
                dashboard_address="127.0.0.1:0",
                scheduler_kwargs={"dashboard": False},
                silence_logs=logging.CRITICAL,
                preload=[_LEAVES_CTRL_C_TO_US],
            )
            address = str(stack.enter_context(processes).scheduler_address)
        client = stack.enter_context(_connected(distributed, address))
        yield Cluster(client, cloudpickle.dumps, patience)


def _connected(distributed: Any, address: str) -> Any:
    try:
        # Asked first, because a client that finds nothing there asks on and lingers.
        place = distributed.comm.get_address_host_port(address)
        socket.create_connection(place, CONNECT_SECONDS).close()
        return distributed.Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"no Dask scheduler answers at {address!r} ({error}). Start one with `dask scheduler` and give the address "
            f"that it prints, such as tcp://host:8786, here and to every `dask worker`."
        ) from error


def _imported(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ValueError(
            f'a cluster needs Dask, which is not installed ({error}). Run `pip install "ntadyn[cluster]"`.'
        ) from error


@dataclass(frozen=True)
class Cluster:
    """Tiles on the workers of a Dask cluster, made by `cluster`.

    Results are those of `Threads` to the last bit, on machines of the same kind.

    Attributes:
        client: connected `distributed.Client`.
        packed: any value as bytes, functions that were defined in a script or a notebook included.
        patience: seconds without any worker after which a sweep is given up.
    """

    client: Any
    packed: Callable[[Any], bytes]
    patience: float

    def __call__(self, tiled: TiledSweep, tiles: Iterable[int], done: Callable[[int, xr.Dataset], Any]) -> None:
        """Compute tiles and hand over each as soon as it is finished, in the thread that calls.

        Raises:
            ValueError: if workers are not of the same kind as this process, or do not have ntadyn.
            ConnectionError: if the scheduler is gone, all workers are, or too many died with the same tile.
        """
        waiting, running, deaths = iter(tiles), {}, Counter()
        compile_seconds: dict[str, float] = {}
        ended: queue.SimpleQueue = queue.SimpleQueue()
        # A task, not scattered data: when the workers that hold it die, others make it again.
        plan = self.client.submit(bytes, self.packed((tiled.sweep, tiled.measures)), pure=False)
        kind, settings = _kind(), tuple((name, jax.config.values[name]) for name in _SETTINGS)

        def give_out(tile: int) -> None:
            work = self.packed((tiled.tiles[tile], tiled.most_checked))
            # A lambda travels by value: a function of ntadyn would kill workers that do not have it.
            future = self.client.submit(
                lambda *task: importlib.import_module("ntadyn.sweeps.cluster").computed(*task),
                *(plan, work, kind, settings),
                pure=False,
            )
            running[future] = tile
            future.add_done_callback(ended.put)

        try:
            while True:
                # Tiles are asked for only when there is room: what is not taken is left to other processes.
                while len(running) < self._room() and (tile := next(waiting, None)) is not None:
                    give_out(tile)
                if not running:
                    break
                future = self._patiently(lambda seconds: ended.get(timeout=seconds))
                tile = running.pop(future)
                found = self._result(future, tile, deaths)
                if found is None:
                    give_out(tile)
                    continue
                dataset, worker, seconds = found
                compile_seconds[worker] = compile_seconds.get(worker, 0.0) + seconds
                done(tile, dataset)
        finally:
            if running:
                self.client.cancel(list(running))
        # Workers compile at the same time.
        tiled.programs.compile_seconds += max(compile_seconds.values(), default=0.0)

    def _result(self, future: Any, tile: int, deaths: Counter[int]) -> tuple[xr.Dataset, str, float] | None:
        """What a task gave back; nothing if its workers died and it may be tried again."""
        try:
            if future.status == "error":
                return future.result()
            return self._patiently(lambda seconds: future.result(timeout=seconds))
        except ImportError as error:
            raise ValueError(
                f"a worker of {self._place} cannot import what a tile needs ({error}). Install it there, too."
            ) from error
        except CancelledError as error:
            raise ConnectionError(f"the connection to {self._place} was lost ({error}). {_KEPT}") from error
        except _imported("distributed").KilledWorker as error:
            deaths[tile] += error.allowed_failures + 1
            if deaths[tile] > RETRIES:
                raise ConnectionError(
                    f"{deaths[tile]} workers of {self._place} died with tile {tile}, so it is given up; their logs say "
                    f"why, too little memory for example. {_KEPT}"
                ) from error
            return None

    def _room(self) -> int:
        """Tiles to give out; one if there is no worker, whatever may come."""
        return max(1, TILES_PER_THREAD * self._num_threads())

    def _num_threads(self) -> int:
        try:
            return sum(self.client.nthreads().values())
        except OSError as error:
            raise ConnectionError(f"{self._place} does not answer any more ({error}). {_KEPT}") from error

    def _patiently(self, ask: Callable[[float], _Answer]) -> _Answer:
        """The answer to what is asked with a time limit again and again, as long as there are workers."""
        alone_since = None
        while True:
            try:
                return ask(POLL_SECONDS)
            except (queue.Empty, TimeoutError):
                if self._num_threads():
                    alone_since = None
                    continue
                alone_since = alone_since or time.monotonic()
                if time.monotonic() - alone_since > self.patience:
                    raise ConnectionError(
                        f"{self._place} has had no workers for {self.patience:g} s. Start some. {_KEPT}"
                    ) from None

    @property
    def _place(self) -> str:
        return f"the scheduler at {self.client.scheduler.address}"


def _kind() -> _Pairs:
    """What has to be the same wherever tiles of one sweep are computed."""
    python = ".".join(platform.python_version_tuple()[:2])
    return (("ntadyn", __version__), ("jax", jax.__version__), ("python", python), ("device", jax.default_backend()))


def computed(plan: bytes, work: bytes, kind: _Pairs, settings: _Pairs) -> tuple[xr.Dataset, str, float]:
    """Run one tile on a worker.

    Args:
        plan: packed sweep and measures.
        work: packed tile, and `TiledSweep.most_checked`.
        kind: what the worker has to be.
        settings: of JAX in the process that calls, taken over here.

    Returns:
        The tile, a name of this process, and the time that it has just spent on compiling.

    Raises:
        ValueError: if the worker is of another kind.
    """
    if (own := _kind()) != kind:
        raise ValueError(
            f"a worker on {platform.node()} has {dict(own)}, but the process that gives out tiles has {dict(kind)}. "
            f"Results would depend on where they come from; make both the same."
        )
    for name, value in settings:
        if jax.config.values[name] != value:
            jax.config.update(name, value)
    with _unpacking:
        sweep, measures, programs = _unpacked(plan, settings)
    tile, most_checked = pickle.loads(work)
    before = programs.compile_seconds
    dataset = TiledSweep(sweep, measures, (tile,), most_checked, programs).compute(0)
    return dataset, f"{platform.node()}:{os.getpid()}", programs.compile_seconds - before


@lru_cache(maxsize=4)
def _unpacked(plan: bytes, settings: _Pairs) -> tuple[Sweep, Measures, Programs]:
    """A sweep, and the programs that this worker compiles for it under some settings, kept from tile to tile."""
    return *pickle.loads(plan), Programs()
