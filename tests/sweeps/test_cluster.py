"""Sweeps on a real cluster of worker processes, one of which is killed."""

import logging
import os
import signal
import socket
import sys
import time
from contextlib import contextmanager

import jax
import pytest

from ntadyn.cli.phase_diagram import PhaseDiagram
from ntadyn.configuration import Configuration, replaced
from ntadyn.sweeps import OUTCOME, Sweep, Threads, as_axes, cluster as module, layout, run_sweep
from ntadyn.sweeps.cluster import Cluster, cluster
from ntadyn.sweeps.tiles import TiledSweep

distributed = pytest.importorskip("distributed")

BASE = {"teachers.d_in": 4, "teachers.d_out": 2, "randomness.num_seeds": 2, "curriculum.total_time": 3.0}
AXES = {"curriculum.block_duration": [0.2 + 0.05 * k for k in range(12)], "time_constants.gates": [0.03, 0.08]}
PLAN = Sweep(replaced(Configuration(), BASE), as_axes(AXES))


@pytest.fixture(scope="module", autouse=True)
def _small_tiles():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "TILE_STEPS", 1)
        yield


@pytest.fixture(scope="module")
def compute(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        # A worker that takes the place of another finds what that has compiled.
        patch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path_factory.mktemp("compiled")))
        patch.setenv("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
        with cluster(None, 2) as compute:
            yield compute


@pytest.fixture(scope="module")
def tiled():
    return TiledSweep.make(PLAN, OUTCOME)


@pytest.fixture(scope="module")
def expected():
    return run_sweep(PLAN, compute=Threads(1))


def assert_same_bits(one, other):
    assert set(one.variables) == set(other.variables)
    for name in one.variables:
        assert one[name].values.tobytes() == other[name].values.tobytes()


def processes(compute):
    compute.client.wait_for_workers(2, timeout=60)
    return set(compute.client.run(os.getpid).values())


def test_a_cluster_gives_the_same_bits_and_compiles_once_per_worker(compute, expected):
    reported = []
    first = run_sweep(PLAN, compute=compute, report=reported.append)
    assert_same_bits(first, expected)
    assert sum(reported) == 48
    assert len(set(reported)) == 1  # tiles of equal size
    assert first.attrs["compile_seconds"] > 0
    again = run_sweep(PLAN, compute=compute)
    assert_same_bits(again, expected)
    assert again.attrs["compile_seconds"] == 0


@pytest.mark.slow
def test_a_worker_that_is_killed_is_replaced(compute, expected, tmp_path):
    before, reported = processes(compute), []

    def report(number):
        reported.append(number)
        if len(reported) == 2:
            os.kill(min(before), signal.SIGKILL)

    found = run_sweep(PLAN, compute=compute, folder=tmp_path, report=report)
    assert_same_bits(found, expected)
    assert sum(reported) == found.alignment.size
    assert len(processes(compute) & before) == 1


def test_errors_of_workers_come_back(compute):
    def broken(record):
        raise LookupError("no such score")

    with pytest.raises(LookupError, match="no such score"):
        run_sweep(PLAN, OUTCOME.and_also(scores={"broken": broken}), compute=compute)


def test_tiles_are_asked_for_only_when_there_is_room(compute, tiled):
    asked, finished = [], []

    def tiles():
        for tile in range(8):
            asked.append(tile)
            assert len(asked) - len(finished) <= module.TILES_PER_THREAD * 2
            yield tile

    compute(tiled, tiles(), lambda tile, _: finished.append(tile))
    assert sorted(finished) == asked == list(range(8))


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:{port}", "nonsense"])
def test_where_no_scheduler_answers(address):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    began = time.monotonic()
    with (
        pytest.raises(ValueError, match=r"no Dask scheduler answers at '.*\. Start one with `dask scheduler`"),
        cluster(address.format(port=port)),
    ):
        pass
    assert time.monotonic() - began < module.CONNECT_SECONDS


def test_without_workers_a_sweep_is_given_up(tiled):
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address=":0", silence_logs=logging.CRITICAL) as empty,
        cluster(empty.scheduler_address, patience=0.1) as compute,
        pytest.raises(ConnectionError, match=r"had no workers for 0\.1 s.*run it again"),
    ):
        compute(tiled, range(12), print)


class LostFuture:
    status = "error"

    def __init__(self, allowed_failures):
        self.error = distributed.scheduler.KilledWorker("tile", None, allowed_failures)

    def result(self):
        raise self.error


class NoClient:
    class scheduler:
        address = "tcp://host:8786"


@pytest.mark.parametrize(("allowed_failures", "tries"), [(0, 4), (1, 2), (3, 1)])
def test_a_tile_that_workers_die_of_is_given_up(allowed_failures, tries):
    deaths = module.Counter()
    compute = Cluster(NoClient(), bytes, 1.0)
    for _ in range(tries - 1):
        assert compute._result(LostFuture(allowed_failures), 5, deaths) is None
    with pytest.raises(ConnectionError, match="4 workers of the scheduler at tcp://host:8786 died with tile 5"):
        compute._result(LostFuture(allowed_failures), 5, deaths)


def test_workers_without_what_a_tile_needs_are_named():
    future = LostFuture(0)
    future.error = ModuleNotFoundError("No module named 'ntadyn'")
    with pytest.raises(ValueError, match=r"a worker .* cannot import .*No module named 'ntadyn'.*Install it there"):
        Cluster(NoClient(), bytes, 1.0)._result(future, 5, module.Counter())


def test_workers_of_another_kind_are_refused():
    other = (("ntadyn", "0"), *module._kind()[1:])
    with pytest.raises(ValueError, match="a worker on .* has .*'device': 'cpu'.* make both the same"):
        module.computed(b"", b"", other, ())


def test_workers_take_over_how_jax_is_set_up(tiled, monkeypatch):
    class Enough(Exception):
        pass

    def unpacked(plan, settings):
        raise Enough

    monkeypatch.setattr(module, "_unpacked", unpacked)
    before = jax.config.values["jax_default_matmul_precision"]
    try:
        with pytest.raises(Enough):
            module.computed(b"", b"", module._kind(), (("jax_default_matmul_precision", "highest"),))
        assert jax.config.values["jax_default_matmul_precision"] == "highest"
    finally:
        jax.config.update("jax_default_matmul_precision", before)


def test_without_dask_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ValueError, match=r'Run `pip install "ntadyn\[cluster\]"`'), cluster():
        pass


def test_a_cluster_needs_a_worker():
    with pytest.raises(ValueError, match="num_workers is 0"), cluster(None, 0):
        pass


@pytest.mark.parametrize(("given", "address"), [("local", None), ("tcp://host:8786", "tcp://host:8786")])
def test_the_command_line_chooses_where_to_run(given, address, monkeypatch):
    calls = []

    @contextmanager
    def noted(*arguments):
        calls.append(arguments)
        yield "compute"

    monkeypatch.setattr(module, "cluster", noted)
    with PhaseDiagram(cluster=given, workers=3)._compute() as compute:
        assert compute == "compute"
    assert calls == [(address, 3)]


@pytest.mark.slow
def test_a_real_tile_that_workers_die_of_is_given_up(tiled):
    def deadly(record):
        os._exit(3)

    measures = OUTCOME.and_also(scores={"deadly": deadly})
    with cluster(None, 1) as compute, pytest.raises(ConnectionError, match="4 workers .* died with tile"):
        run_sweep(PLAN, measures, compute=compute)
