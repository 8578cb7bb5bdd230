"""Sweeps on a real cluster of worker processes: the bits, a worker that is killed, who is let in, room and errors."""

import asyncio
import logging
import os
import signal
import threading
import urllib.error
import urllib.request

import pytest

from ntadyn.sweeps import OUTCOME, Threads, cluster as module, layout, run_sweep
from ntadyn.sweeps.cluster import cluster
from ntadyn.sweeps.tiles import TiledSweep
from tests.sweeps.cluster_plan import PLAN

distributed = pytest.importorskip("distributed")


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


@pytest.mark.slow
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


def addresses(compute):
    compute.client.wait_for_workers(2, timeout=60)
    return [compute.client.scheduler.address, *compute.client.scheduler_info()["workers"]]


def let_in(address, **security):
    """Whether somebody gets an answer, and with it could run code."""

    async def ask():
        credentials = distributed.Security(**security)
        async with distributed.rpc(
            address, connection_args=credentials.get_connection_args("client"), timeout=3
        ) as remote:
            return await remote.identity()

    try:
        return bool(asyncio.run(asyncio.wait_for(ask(), 5)))
    except (OSError, RuntimeError, TypeError, ValueError):
        return False


def test_without_the_credentials_nobody_is_let_in(compute):
    security, own = compute.client.security, distributed.Security.temporary()
    names = ("tls_ca_file", "tls_client_key", "tls_client_cert")
    right, wrong = ({name: getattr(item, name) for name in names} for item in (security, own))
    for address in addresses(compute):
        assert address.startswith("tls://127.0.0.1:")
        assert let_in(address, **right)  # so that the others are not refused for other reasons
        assert not let_in(address.replace("tls://", "tcp://"), require_encryption=False)
        assert not let_in(address, **wrong)
        # Their own credentials, and ours as the ones to trust: what a stranger could know.
        assert not let_in(address, **wrong | {"tls_ca_file": right["tls_ca_file"]})


@pytest.mark.parametrize("scheme", ["tcp", "tls"])
def test_a_client_without_credentials_gets_one_sentence(compute, scheme, monkeypatch):
    monkeypatch.setattr(module, "CONNECT_SECONDS", 2.0)
    address = addresses(compute)[0].replace("tls", scheme)
    with pytest.raises(ValueError, match=r"cannot connect to what answers at .*certificates"), cluster(address):
        pass


def test_no_process_of_a_cluster_shows_pages_to_strangers(compute):
    addresses(compute)
    ports = {worker["services"]["dashboard"] for worker in compute.client.scheduler_info()["workers"].values()}
    ports.add(compute.client.scheduler_info()["services"]["dashboard"])
    assert len(ports) == 3
    for port in ports:
        for page in ("", "health", "info/main/workers.html", "json/counts.json", "metrics"):
            with pytest.raises(urllib.error.HTTPError, match="404"):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/{page}", timeout=5)


def test_another_process_with_the_credentials_may_use_the_cluster(compute):
    address, security = addresses(compute)[0], compute.client.security
    with cluster(address, security=security) as other:
        assert len(other.client.run(os.getpid)) == 2


def test_what_cannot_be_sent_is_named(compute):
    lock = threading.Lock()
    measures = OUTCOME.and_also(scores={"locked": lambda record: lock})
    with pytest.raises(ValueError, match=r"cannot be sent to them \(.*lock.*keep locks, open files"):
        run_sweep(PLAN, measures, compute=compute)


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


def test_without_workers_a_sweep_is_given_up(tiled):
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address=":0", silence_logs=logging.CRITICAL) as empty,
        cluster(empty.scheduler_address, patience=0.1) as compute,
        pytest.raises(ConnectionError, match=r"had no workers for 0\.1 s.*run it again"),
    ):
        compute(tiled, range(12), print)
