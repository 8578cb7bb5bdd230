"""Clusters that cannot be reached or started, and tiles that workers die of."""

import os
import socket
import sys
import time
from contextlib import contextmanager

import pytest

from ntadyn.cli.running import Running
from ntadyn.sweeps import OUTCOME, cluster as module, layout, run_sweep
from ntadyn.sweeps.cluster import Cluster, cluster
from tests.sweeps.cluster_plan import PLAN

distributed = pytest.importorskip("distributed")


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


def test_without_dask_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ValueError, match=r'Run `pip install "ntadyn\[cluster\]"`'), cluster():
        pass


def test_a_cluster_needs_a_worker():
    with pytest.raises(ValueError, match="num_workers is 0"), cluster(None, 0):
        pass


@pytest.mark.representatives(1)
@pytest.mark.slow
@pytest.mark.parametrize(("given", "address"), [("local", None), ("tcp://host:8786", "tcp://host:8786")])
def test_the_command_line_chooses_where_to_run(given, address, monkeypatch):
    calls = []

    @contextmanager
    def noted(*arguments):
        calls.append(arguments)
        yield "compute"

    monkeypatch.setattr(module, "cluster", noted)
    with Running(cluster=given, workers=3).compute() as compute:
        assert compute == "compute"
    assert calls == [(address, 3)]


@pytest.mark.exhaustive
def test_a_real_tile_that_workers_die_of_is_given_up(monkeypatch):
    def deadly(record):
        os._exit(3)

    monkeypatch.setattr(layout, "TILE_STEPS", 1)
    measures = OUTCOME.and_also(scores={"deadly": deadly})
    with cluster(None, 1) as compute, pytest.raises(ConnectionError, match="4 workers .* died with tile"):
        run_sweep(PLAN, measures, compute=compute)
