"""Tiles of a sweep on other machines, or in separate processes, through Dask.

    with cluster("tls://scheduler:8786") as compute:
        run_sweep(plan, compute=compute, folder=folder)

Whom you trust: a Dask scheduler runs the code of everyone who can connect to it, on all its workers, under the account
that started them. Clusters that are started here (no address) listen on this machine only, and let in nobody but this
process and its workers: connections are encrypted, with credentials that are made for this cluster and kept in memory.
A scheduler at "tcp://..." asks nobody for credentials: use it only if you trust everyone who can reach its port, on a
network of your own or through a tunnel, and "tls://..." everywhere else. Scheduler, workers and this process then all
need its certificates, either as files that Dask's configuration names, for example through the environment variables
`DASK_DISTRIBUTED__COMM__TLS__CA_FILE`, `..__COMM__TLS__CLIENT__CERT` and `..__COMM__TLS__CLIENT__KEY` (which the
command line reads, too), or as a `distributed.Security`, given here as `security`. Workers in turn run what the
scheduler sends, so that giving an address means trusting it as well.

The calling process cuts the sweep, gives out tiles and writes their shards. Workers compute tiles; they need the same
ntadyn, JAX and kind of device, but no access to the folder. Each worker compiles a program once and keeps it. Where the
calling process lets XLA compile loops whole, or keeps programs in a folder (`ntadyn.compile_whole_loops`,
`ntadyn.keep_programs`; the command line does both), workers do the same, unless they run programs for somebody else
already. `JAX_COMPILATION_CACHE_DIR`, set on all workers, names another folder.

On SLURM and other batch systems, through dask-jobqueue:

    import distributed
    from dask_jobqueue import SLURMCluster

    security = distributed.Security.temporary()
    slurm = SLURMCluster(
        cores=1, processes=1, memory="4GB", walltime="04:00:00",
        protocol="tls://", security=security, shared_temp_directory=...,  # a folder of yours that all nodes see
    )
    slurm.scale(100)
    slurm.wait_for_workers(1)
    with cluster(slurm.scheduler_address, security=security) as compute:
        run_sweep(plan, compute=compute, folder=folder)

A job that ends, for example at its wall time, gives its tiles back. One worker per core is best on CPUs, and one per
GPU on GPUs (a job with `--gres=gpu:1` and one process), because a worker runs its tiles on JAX's default device.

Several devices of one machine need no cluster: `Threads` uses all of them. Nor would JAX's own multi-host mode
(`jax.distributed.initialize`) help, because cells exchange nothing: it makes all hosts run each program together and
ends when one of them fails, while here a worker that dies costs only the tiles that it had.
"""

import gc
import importlib
import json
import logging
import os
import pickle
import platform
import queue
import socket
import sys
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

from ntadyn.compilation_cache import keep_programs
from ntadyn.sweeps.fingerprint import fingerprint
from ntadyn.sweeps.local_workers import NO_PAGES, NO_PAGES_ADDRESS, local_workers
from ntadyn.sweeps.packing import packed
from ntadyn.sweeps.plan import Sweep
from ntadyn.sweeps.scores import Measures
from ntadyn.sweeps.surroundings import SETTINGS, surroundings
from ntadyn.sweeps.tiles import Programs, TiledSweep
from ntadyn.xla_options import compile_whole_loops, has_started, loops_are_whole

# A tile is given up when more than this many workers have died with it.
RETRIES = 3
# Tiles given out per thread of the cluster: one that runs and one that waits.
TILES_PER_THREAD = 2
CONNECT_SECONDS = 10.0
POLL_SECONDS = 0.5

# All settings of JAX that a program depends on: those that move bits, and those that decide what it refuses.
_TAKEN_OVER = (*SETTINGS, "jax_numpy_dtype_promotion", "jax_numpy_rank_promotion")

# Hashable (name, value) pairs.
_Pairs = tuple[tuple[str, Any], ...]
_Answer = TypeVar("_Answer")
_unpacking = threading.Lock()
_KEPT = "Finished tiles are kept if the sweep has a folder: run it again."


@contextmanager
def cluster(
    address: str | None = None, num_workers: int = 2, patience: float = 60.0, security: Any = None
) -> Iterator["Cluster"]:
    """A Dask cluster to run sweeps on, see `run_sweep`.

    Args:
        address: that of a scheduler, such as "tls://host:8786", on which everyone who can connect to it may run code;
            if omitted, worker processes on this machine that only this process can reach.
        num_workers: number of worker processes on this machine, one thread each; not used with an address.
        patience: seconds without any worker after which a sweep is given up.
        security: a `distributed.Security` with the credentials for "tls://"; if omitted, those of Dask's configuration,
            or new ones for processes on this machine.

    Yields:
        What `run_sweep` takes as `compute`.

    Raises:
        ValueError: if Dask is not installed, nothing answers at the address, credentials are missing, or there are no
            worker processes.
    """
    if num_workers < 1:
        raise ValueError(f"num_workers is {num_workers}; at least one worker process is needed.")
    distributed, _ = _imported("distributed"), _imported("cloudpickle")
    with ExitStack() as stack:
        if address is None:
            _imported("cryptography")
            security = security or distributed.Security.temporary()
            address = stack.enter_context(_scheduler(distributed, security))
            stack.enter_context(local_workers(address, security, num_workers))
        client = stack.enter_context(_connected(distributed, address, security))
        yield Cluster(client, packed, patience)


@contextmanager
def _scheduler(distributed: Any, security: Any) -> Iterator[str]:
    """The address of a scheduler in this process, which accepts only those who have the credentials."""
    with _imported("dask.config").set(NO_PAGES):
        scheduler = distributed.LocalCluster(
            n_workers=0,
            host="127.0.0.1",
            protocol="tls",
            security=security,
            dashboard_address=NO_PAGES_ADDRESS,
            scheduler_kwargs={"dashboard": False},
            silence_logs=logging.CRITICAL,
        )
    with scheduler:
        yield str(scheduler.scheduler_address)


def _connected(distributed: Any, address: str, security: Any) -> Any:
    try:
        # Tried first, because a client that finds nothing there keeps on asking and lingers.
        place = distributed.comm.get_address_host_port(address)
        socket.create_connection(place, CONNECT_SECONDS).close()
    except (OSError, ValueError) as error:
        raise ValueError(
            f"no Dask scheduler answers at {address!r} ({error}). Start one with `dask scheduler` and give the address "
            f"that it prints, such as tls://host:8786, here and to every `dask worker`."
        ) from error
    # A client that could not connect closes itself when it is collected, and would wait forever for the lock of one
    # that is just starting.
    gc.collect()
    try:
        return distributed.Client(address, timeout=CONNECT_SECONDS, security=security, set_as_default=False)
    except (OSError, ValueError, TypeError, RuntimeError) as error:
        raise ValueError(
            f"cannot connect to what answers at {address!r} ({error}). Give the address as `dask scheduler` prints it, "
            f"and for tls:// the certificates that it was started with, as `security` or in Dask's configuration "
            f"(distributed.comm.tls)."
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

    On machines of the same kind, results are those of `Threads` to the last bit.

    Attributes:
        client: a connected `distributed.Client`.
        packed: turns any value into bytes, including functions that were defined in a script or a notebook.
        patience: seconds without any worker after which a sweep is given up.
    """

    client: Any
    packed: Callable[[Any], bytes]
    patience: float

    def __call__(self, tiled: TiledSweep, tiles: Iterable[int], done: Callable[[int, xr.Dataset], Any]) -> None:
        """Compute tiles, and hand over each as soon as it is finished, in the calling thread.

        Args:
            tiled: the sweep.
            tiles: numbers of the tiles to compute.
            done: called with the number and the content of every finished tile.

        Raises:
            ValueError: if workers are not of the same kind as this process, or do not have ntadyn.
            ConnectionError: if the scheduler or all workers are gone, or too many workers died with the same tile.
        """
        waiting, running, deaths = iter(tiles), {}, Counter()
        compile_seconds: dict[str, float] = {}
        ended: queue.SimpleQueue = queue.SimpleQueue()
        # A task, not scattered data: when the workers that hold it die, others make it again.
        plan = self.client.submit(
            bytes, self.packed((tiled.sweep, tiled.measures, tiled.measures.identity())), pure=False
        )
        kind = _kind()
        settings = tuple((name, jax.config.values[name]) for name in _TAKEN_OVER if name in jax.config.values)
        start = (loops_are_whole(), bool(jax.config.values["jax_compilation_cache_dir"]))

        def give_out(tile: int) -> None:
            work = self.packed((tiled.tiles[tile], tiled.most_checked))
            # A lambda travels by value: a function of ntadyn would kill workers that do not have it.
            future = self.client.submit(
                lambda *task: importlib.import_module("ntadyn.sweeps.cluster").computed(*task),
                *(plan, work, kind, settings, *start),
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
        tiled.waited.seconds += max(compile_seconds.values(), default=0.0)

    def _result(self, future: Any, tile: int, deaths: Counter[int]) -> tuple[xr.Dataset, str, float] | None:
        """What a task returned; None if its workers died and it may be tried again."""
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
                    f"{deaths[tile]} workers of {self._place} died with tile {tile}, which is given up; their logs say "
                    f"why, for example too little memory. {_KEPT}"
                ) from error
            return None

    def _room(self) -> int:
        """Number of tiles to give out; at least one, even if there is no worker yet."""
        return max(1, TILES_PER_THREAD * self._num_threads())

    def _num_threads(self) -> int:
        try:
            return sum(self.client.nthreads().values())
        except OSError as error:
            raise ConnectionError(f"{self._place} no longer answers ({error}). {_KEPT}") from error

    def _patiently(self, ask: Callable[[float], _Answer]) -> _Answer:
        """The answer to a question that is repeated, with a time limit each, as long as there are workers."""
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


def _kind() -> str:
    """What has to be the same wherever tiles of one sweep are computed, as JSON; without settings, which are copied."""
    return json.dumps({name: value for name, value in surroundings().items() if name != "settings"})


def computed(
    plan: bytes, work: bytes, kind: str, settings: _Pairs, whole_loops: bool, kept_programs: bool
) -> tuple[xr.Dataset, str, float]:
    """Run one tile on a worker.

    Args:
        plan: packed sweep, measures and their identity.
        work: packed tile, and `TiledSweep.most_checked`.
        kind: the required kind of worker, see `_kind`.
        settings: settings of JAX in the calling process, which are copied here.
        whole_loops: whether XLA compiles loops whole in the calling process; it does here, too, if JAX starts only now.
        kept_programs: whether the calling process keeps what it compiles; this one does, too.

    Returns:
        The tile, a name of this process, and the seconds that it has just spent on compiling.

    Raises:
        ValueError: if the worker is of another kind.
    """
    if whole_loops and not has_started():
        compile_whole_loops()
    if kept_programs:
        keep_programs()
    if (own := _kind()) != kind:
        there, here = json.loads(own), json.loads(kind)
        names = sorted(name for name in there.keys() | here.keys() if there.get(name) != here.get(name))
        raise ValueError(
            f"a worker on {platform.node()} has {_chosen(there, names)}, but the process that gives out tiles has "
            f"{_chosen(here, names)}. Results would depend on where they come from; make both the same."
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


def _chosen(mapping: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: mapping.get(name) for name in names}


@lru_cache(maxsize=4)
def _unpacked(plan: bytes, settings: _Pairs) -> tuple[Sweep, Measures, Programs]:
    """A sweep, and the programs that this worker compiles for it under some settings, kept from tile to tile.

    Raises:
        ValueError: if a function that this worker found by its name does something else here.
    """
    sweep, measures, told = pickle.loads(plan)
    for kind, functions in (("observables", measures.observables), ("scores", measures.scores)):
        for name, function in functions.items():
            if _is_found_by_name(function) and fingerprint(function) != told[kind][name]:
                raise ValueError(
                    f"{name!r}, one of the {kind}, is not the same function on a worker on {platform.node()}: make its "
                    f"module {function.__module__!r}, and what it imports, the same there."
                )
    return sweep, measures, Programs()


def _is_found_by_name(function: Any) -> bool:
    """Whether a function came as a name; a function that came with its code cannot differ."""
    found: Any = sys.modules.get(getattr(function, "__module__", ""))
    for name in getattr(function, "__qualname__", "").split("."):
        found = getattr(found, name, None)
    return found is function
