"""A million trajectories of the gate-speed map on a GPU: what should bound them, and what does.

    python -m tests.benchmarks.gpu [--side 324] [--precision float32]

prints an estimate for two cards. Where Numba finds a device it then runs the map, ten repetitions per cell, and times
the parts of its launches; elsewhere it says that there is none. As yet it has run on no device.

The estimate counts. Its sources: data sheets of NVIDIA for the cards; for instructions and registers `numba-cuda`
0.30.4 and `ptxas` 12.9, which compile the kernel of two paths and two teachers for sm_90 without a device. That takes
100 registers in float32 and 160 in float64, nothing spilled; a round is 266 or 300 instructions, 197 of the latter are
arithmetic in double precision; 1300 or 1870 more come where a thread of the warp meets an event, in four substeps.
"""

import argparse
import contextlib
import dataclasses
import time
from typing import NamedTuple

import jax
import numpy as np

from ntadyn.simulation.native import cuda
from ntadyn.simulation.native.lines import Shape
from ntadyn.simulation.native.scheme import Improved
from ntadyn.simulation.native.source import operations
from ntadyn.sweeps import Backend, run_sweep
from ntadyn.sweeps.engine import Threads
from ntadyn.sweeps.layout import lay_out_sweep
from ntadyn.sweeps.phase_maps import figure_5_maps, published
from ntadyn.sweeps.plan import Precision

TRAJECTORIES = 2**20
# Share of the steps of a trajectory in which it meets an event, and threads of a warp, which all wait for it.
EVENTS, WARP = 0.0012, 32
# A core of a CPU records, checks and scores a trajectory in so many seconds (7.9 us of version 0.1.0).
RECORDING = 7.9e-6


class Card(NamedTuple):
    """What a data sheet says: arithmetic per second (a fused multiplication counts twice), and bytes per second."""

    single: float
    double: float
    memory: float
    bus: float


CARDS = {
    "H200 (SXM)": Card(67e12, 34e12, 4.8e12, 64e9),
    "RTX 4090": Card(82.6e12, 1.29e12, 1.008e12, 32e9),
}


class Cost(NamedTuple):
    """Instructions of the kernel that is compiled: of a round, those in double precision among them, of an event."""

    round: int
    double: int
    event: int


COSTS = {Precision.SINGLE: Cost(266, 0, 1300), Precision.DOUBLE: Cost(300, 197, 1870)}


def gate_speed(side: int, precision: Precision, backend: Backend | None):
    """The map of so many cells a side."""
    plan = figure_5_maps(dataclasses.replace(published(), size=(side, side)), 0.0, precision)[0]
    return dataclasses.replace(plan, backend=backend, bars=False)


def estimate(precision: Precision) -> None:
    """Seconds for each part of 2^20 trajectories, printed."""
    tiles = lay_out_sweep(gate_speed(32, precision, None))
    schedules = [(len(group), item) for tile in tiles for group, item in zip(tile.groups, tile.schedules, strict=True)]
    number, steps, intervals = (
        np.average([of(item) for _, item in schedules], weights=[cells for cells, _ in schedules])
        for of in (lambda _: 1, lambda item: item.num_steps, lambda item: int(item.num_records))
    )
    assert number == 1
    padded = schedules[0][1].grid.length.size
    shape, cost = Shape(2, 2, precision.value, Improved()), COSTS[precision]
    rounds = TRAJECTORIES * (steps + intervals / 2)
    met = 1 - (1 - EVENTS) ** WARP
    instructions = rounds * (cost.round + met * cost.event)
    written = padded * len(shape.state) * precision.itemsize
    print(
        f"ESTIMATE, {precision.value}: {TRAJECTORIES:,} trajectories of {steps:.0f} steps in {intervals / 2:.0f} "
        f"blocks; "
        f"a round is {operations(shape)} operations, {cost.round} instructions; {TRAJECTORIES * written / 1e9:.1f} GB "
        f"from the device (grids are padded to {padded // 2} blocks)"
    )
    for name, card in CARDS.items():
        issued = instructions / (card.single / 2)
        double = rounds * cost.double / (card.double / 2)
        parts = {
            "arithmetic at its peak": max(issued, double),
            "memory of the device": TRAJECTORIES * written / card.memory,
            "from the device": TRAJECTORIES * written / card.bus,
            "records by one core of the CPU": TRAJECTORIES * RECORDING,
        }
        bound = max(parts, key=lambda part: parts[part])
        told = ", ".join(f"{part} {1e3 * seconds:,.0f} ms" for part, seconds in parts.items())
        print(f"  {name}: {told}; bound by: {bound}")


@contextlib.contextmanager
def timed_launches(found: list[tuple[float, float, float]]):
    """Seconds to the device, in the kernel, and back, of every launch."""
    from numba import cuda as numba_cuda

    def launch(kernel, given, ends):
        times = [time.perf_counter()]

        def done():
            numba_cuda.synchronize()
            times.append(time.perf_counter())

        on_device = [numba_cuda.to_device(array) for array in given]
        records = numba_cuda.device_array(ends.shape, ends.dtype)
        done()
        blocks = -(-len(ends) * ends.shape[-1] // cuda.THREADS)
        kernel[blocks, cuda.THREADS](*on_device, records)
        done()
        records.copy_to_host(ends)
        done()
        found.append(tuple(np.diff(times)))

    before = cuda.launch
    cuda.launch = launch
    try:
        yield
    finally:
        cuda.launch = before


def measure(side: int, precision: Precision) -> None:
    """The map once to compile, and once to time it, printed."""
    run_sweep(gate_speed(8, precision, Backend.CUDA), compute=Threads(1))
    launches: list[tuple[float, float, float]] = []
    with timed_launches(launches):
        began = time.perf_counter()
        found = run_sweep(gate_speed(side, precision, Backend.CUDA), compute=Threads(1))
        whole = time.perf_counter() - began
    up, kernel, down = np.sum(launches, axis=0)
    print(
        f"MEASURED, {found.attrs['stepped_by']}, {precision.value}: {found.result.size:,} trajectories in "
        f"{whole:.2f} s, of which tiles {found.attrs['run_seconds']:.2f} s; {len(launches)} launches: to the device "
        f"{up:.3f} s, kernel {kernel:.3f} s, back {down:.3f} s; JAX recorded on {jax.default_backend()}"
    )


def main() -> None:
    """See the head of this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=324, help="cells along each side of the map")
    parser.add_argument("--precision", choices=[item.value for item in Precision], help="both if left out")
    chosen = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    precisions = [Precision(chosen.precision)] if chosen.precision else list(Precision)
    for precision in precisions:
        estimate(precision)
    if cuda.device() is None:
        print("MEASURED: nothing, because Numba finds no CUDA device here.")
        return
    for precision in precisions:
        measure(chosen.side, precision)


if __name__ == "__main__":
    main()
