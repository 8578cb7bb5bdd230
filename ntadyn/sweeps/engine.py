"""A sweep from its plan to its labelled result, tile by tile, with or without a folder to resume from."""

import json
import operator
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import xarray as xr

from ntadyn.specs.paths import replaced
from ntadyn.sweeps.merge import merged
from ntadyn.sweeps.plan import Streams, Sweep, as_axes
from ntadyn.sweeps.scores import Measures
from ntadyn.sweeps.shards import ShardStore
from ntadyn.sweeps.structure import Schedule
from ntadyn.sweeps.surroundings import surroundings
from ntadyn.sweeps.tiles import Device, TiledSweep

Compute = Callable[[TiledSweep, Iterable[int], Callable[[int, xr.Dataset], Any]], None]


@dataclass(frozen=True)
class Threads:
    """Tiles on the devices of this machine, several threads per device.

    On two CPU cores, two threads with one device keep both cores busy; two XLA devices are no faster. On a CPU, an
    observable of yours that calls `jnp.linalg.qr` needs `per_device=1`; one that calls `jnp.linalg.eigh` needs that, or
    the `eigh` of `ntadyn.decompositions`, where the reason is given.

    Attributes:
        per_device: number of tiles that run on a device at once; 2 suits a CPU with two cores, 1 an accelerator.
        devices: where to run; if empty, all local devices of the default backend.
    """

    per_device: int = 2
    devices: tuple[Device, ...] = ()

    def __post_init__(self):
        if self.per_device < 1:
            raise ValueError(f"per_device is {self.per_device}; at least one tile must run at a time.")

    def __call__(self, tiled: TiledSweep, tiles: Iterable[int], done: Callable[[int, xr.Dataset], Any]) -> None:
        """Compute tiles, and hand over each as soon as it is finished, in the calling thread.

        Args:
            tiled: the sweep.
            tiles: numbers of the tiles to compute.
            done: called with the number and the content of every finished tile.
        """
        devices = self.devices or tuple(jax.local_devices())
        waiting, running = iter(tiles), {}
        with ThreadPoolExecutor(self.per_device * len(devices)) as pool:
            try:
                free = list(devices) * self.per_device
                while True:
                    # Tiles are asked for only when there is room: what is not taken is left to other processes.
                    while free and (tile := next(waiting, None)) is not None:
                        device = free.pop()
                        running[pool.submit(tiled.compute, tile, device)] = (tile, device)
                    if not running:
                        return
                    finished, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in finished:
                        tile, device = running.pop(future)
                        free.append(device)
                        done(tile, future.result())
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise


def sweep(
    configuration: Any,
    axes: Mapping[str | tuple[str, ...], Iterable[Any]],
    seeds: int | Streams | None = None,
    *,
    measures: Measures | None = None,
    folder: Path | str | None = None,
) -> xr.Dataset:
    """Run every cell of some axes, in double precision.

    The short form of `run_sweep`, which has more options.

    Args:
        configuration: all parameters that the axes do not change: a `Configuration`, or a spec of your own (see
            `ntadyn.specs.spec.Spec`).
        axes: dotted path of a parameter -> its values, for the product of all axes; a tuple of paths -> one sequence of
            values each, to change these parameters together along one axis.
        seeds: number of repetitions, or `Streams` to cross teachers, initial states and data; if omitted, those of the
            configuration, or one for any other spec.
        measures: what is recorded and kept, `OUTCOME.and_also(...)` for more; if omitted, what suits the system.
        folder: where finished tiles are kept, to resume from; if omitted, nothing is written.

    Returns:
        As `run_sweep`.

    Raises:
        ValueError: before any compilation, for anything that cannot be built or run.
    """
    if seeds is not None and not isinstance(seeds, Streams):
        if isinstance(seeds, bool) or not hasattr(seeds, "__index__"):
            raise ValueError(f"seeds is {seeds!r}; give a whole number or `Streams`, or leave it out.")
        number = operator.index(seeds)
        if hasattr(configuration, "randomness"):
            configuration = replaced(configuration, {"randomness.num_seeds": number})
        else:
            plan = Sweep(configuration, as_axes(axes), num_seeds=number)
            return run_sweep(plan, measures, folder=folder)
    plan = Sweep(configuration, as_axes(axes), streams=seeds if isinstance(seeds, Streams) else None)
    return run_sweep(plan, measures, folder=folder)


def run_sweep(
    plan: Sweep,
    measures: Measures | None = None,
    *,
    compute: Compute = Threads(),  # noqa: B008 (a value, never changed)
    folder: Path | str | None = None,
    report: Callable[[int], Any] | None = None,
) -> xr.Dataset:
    """Run a sweep.

    Cells that differ in real numbers only, block lengths included, share one compiled program.

    Args:
        plan: what to run.
        measures: what to keep; if omitted, what suits the system.
        compute: where to run: `Threads`, or what `ntadyn.sweeps.cluster.cluster` yields.
        folder: where finished tiles are kept, one file each. A run that was stopped in any way goes on from there when
            the same plan is run again, with the same result to the last bit. Other code, other versions of JAX and the
            like, or another kind of device are refused.
        report: called with the number of trajectories that each finished tile adds, those found in the folder first.

    Returns:
        Dataset with one dimension per axis, "seed", and one variable per score; coordinates say which random streams
        every repetition used, attributes hold the configuration, code, versions, device and settings that computed it
        (as JSON), the step sizes, and compile and run times in seconds.

    Raises:
        ValueError: before any compilation, for anything that cannot be built or run, or a folder that belongs to
            another sweep.
        storage.DiskFullError: if the folder has no room; finished tiles stay valid.
    """
    return run_tiled(TiledSweep.make(plan, measures), compute=compute, folder=folder, report=report)


def run_tiled(
    tiled: TiledSweep,
    *,
    compute: Compute = Threads(),  # noqa: B008 (a value, never changed)
    folder: Path | str | None = None,
    report: Callable[[int], Any] | None = None,
) -> xr.Dataset:
    """Run a sweep that has been laid out.

    Arguments, result and errors: see `run_sweep`.
    """
    began = time.perf_counter()
    parts = run_tiles(tiled, compute, None if folder is None else Path(folder), report)
    whole = merged(tiled.sweep, tiled.measures, parts)
    return finished(whole, [tiled], compute, time.perf_counter() - began)


def check_folder(tiled: TiledSweep, folder: Path, compute: Compute = Threads()) -> None:  # noqa: B008 (a value)
    """Refuse a folder that `run_sweep` would refuse, before anything is computed; nothing is written.

    Args:
        tiled: the sweep.
        folder: where its tiles will be kept; need not exist.
        compute: where it will run.

    Raises:
        ValueError: for a folder that cannot be written, or belongs to another sweep.
    """
    ShardStore.check(folder, tiled.identity(devices_of(compute)), len(tiled.tiles))


def devices_of(compute: Compute) -> tuple[Device, ...]:
    """The devices that `compute` names; none if it leaves the choice to JAX, here or on workers."""
    return getattr(compute, "devices", ())


def finished(dataset: xr.Dataset, parts: Sequence[TiledSweep], compute: Compute, seconds: float) -> xr.Dataset:
    """The result with what computed it, its steps, its times, and the number of trajectories that this run computed.

    All tiles, including those found in a folder, were computed by the same code, versions and kind of device.
    """
    compile_seconds = sum(part.waited.seconds for part in parts)
    cells: Counter[int] = Counter()
    schedules: dict[int, Schedule] = {}  # many groups share one
    for tile in (tile for part in parts for tile in part.tiles):
        for group, schedule in zip(tile.groups, tile.schedules, strict=True):
            schedules[id(schedule)] = schedule
            cells[id(schedule)] += len(group)
    steps = sum(cells[place] * schedule.num_steps for place, schedule in schedules.items())
    return dataset.assign_attrs(
        computed_by=json.dumps(surroundings(devices_of(compute))),
        max_step=max(schedule.longest_step for schedule in schedules.values()),
        mean_steps=steps / cells.total(),
        stepped_by=", ".join(sorted({name for part in parts for name in part.stepped_by})),
        computed=sum(part.computed for part in parts),
        compile_seconds=compile_seconds,
        run_seconds=max(0.0, seconds - compile_seconds),
    )


def run_tiles(
    tiled: TiledSweep, compute: Compute, folder: Path | None, report: Callable[[int], Any] | None
) -> list[xr.Dataset]:
    """All tiles in the order of their numbers; for arguments and errors see `run_sweep`."""
    if folder is not None:
        return _resumed(tiled, compute, folder, report)
    parts: dict[int, xr.Dataset] = {}

    def done(tile: int, dataset: xr.Dataset) -> None:
        parts[tile] = dataset
        tiled.computed += tiled.num_trajectories(tile)
        if report is not None:
            report(tiled.num_trajectories(tile))

    compute(tiled, range(len(tiled.tiles)), done)
    return [parts[tile] for tile in sorted(parts)]


def _resumed(
    tiled: TiledSweep, compute: Compute, folder: Path, report: Callable[[int], Any] | None
) -> list[xr.Dataset]:
    store = ShardStore.open(folder, tiled.identity(devices_of(compute)), len(tiled.tiles))
    every, counted = frozenset(range(len(tiled.tiles))), set()

    def count(tiles: Iterable[int]) -> None:
        for tile in set(tiles) - counted:
            counted.add(tile)
            if report is not None:
                report(tiled.num_trajectories(tile))

    def done(tile: int, dataset: xr.Dataset) -> None:
        store.write(tile, dataset)
        tiled.computed += tiled.num_trajectories(tile)
        count([tile])

    count(every - set(store.missing()))
    while store.unclaimed():
        compute(tiled, store.pending(), done)
    count(every)  # including what other processes have written meanwhile
    return store.read_all()
