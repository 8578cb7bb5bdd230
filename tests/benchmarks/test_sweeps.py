"""How fast sweeps are, next to the published algorithm. Skipped by default: run with `--benchmark-only`."""

import dataclasses

import jax
import pytest

from ntadyn.sweeps.engine import Threads
from ntadyn.sweeps.phase_maps import figure_5_maps, published
from ntadyn.sweeps.plan import Precision
from ntadyn.sweeps.scores import OUTCOME
from ntadyn.sweeps.tiles import TiledSweep
from ntadyn.verification import benchmark as measured

pytestmark = pytest.mark.usefixtures("optimised")


@pytest.mark.parametrize("name", ["gate_speed", "penalty"])
@pytest.mark.parametrize("precision", Precision)
def test_map(benchmark, precision, name):
    """The two maps of figure 5, 10,240 trajectories each; compilation and mean steps are recorded beside the time."""
    maps = {plan.name: plan for plan in figure_5_maps(dataclasses.replace(published(), size=(32, 32)), 0.0, precision)}
    tiled = TiledSweep.make(maps[name], OUTCOME)
    found = {}

    def run():
        Threads(2)(tiled, range(len(tiled.tiles)), found.__setitem__)

    run()
    benchmark.extra_info["compile_seconds"] = tiled.programs.compile_seconds
    benchmark.extra_info["failures"] = sum(int((part.result != 0).sum()) for part in found.values())
    benchmark.extra_info["trajectories"] = sum(part.result.size for part in found.values())
    benchmark(run)


@pytest.mark.parametrize("workers", [1, 2])
def test_workers(benchmark, workers):
    """What the second core brings."""
    plan = figure_5_maps(dataclasses.replace(published(), size=(32, 32)), 0.0, Precision.SINGLE)[0]
    tiled = TiledSweep.make(plan, OUTCOME)

    def run():
        Threads(workers)(tiled, range(len(tiled.tiles)), lambda tile, dataset: None)

    run()
    benchmark(run)


def test_baseline(benchmark):
    """The published algorithm in our own online system, one cell of ten repetitions for a tenth of the time."""
    benchmark.pedantic(lambda: measured.baseline(total_time=0.7), rounds=1)


def test_peak(benchmark):
    """A matrix product on all cores, for scale."""
    benchmark.pedantic(lambda: measured.matrix_product_flops(Precision.SINGLE), rounds=2)
    assert jax.default_backend()
