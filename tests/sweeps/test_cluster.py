"""Sweeps on a real cluster of worker processes, one of which is killed."""

import asyncio
import json
import logging
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import jax
import pytest

import ntadyn
from ntadyn.cli.running import Running
from ntadyn.specs.configuration import Configuration
from ntadyn.specs.paths import replaced
from ntadyn.sweeps import OUTCOME, Sweep, Threads, as_axes, cluster as module, layout, run_sweep
from ntadyn.sweeps.cluster import Cluster, cluster
from ntadyn.sweeps.tiles import TiledSweep
from tests.processes import is_running, until

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


# --- Who may run code on a cluster of this machine, and which code its workers run.


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


SCRIPT = """
import sys
import distributed, jax
jax.config.update("jax_enable_x64", True)
jax.config.update("jax_disable_most_optimizations", True)
import helpers  # beside this script
from helpers import Steep
from ntadyn.specs.configuration import Configuration
from ntadyn.specs.paths import replaced
from ntadyn.sweeps import Measures, Sweep, as_axes, run_sweep
from ntadyn.sweeps.cluster import cluster
from ntadyn.sweeps.packing import packed

# From here on, files that happen to have the names of modules lie about; this process has those already.
for name in ("signal", "json", "pickle", "socket", "asyncio", "distributed", "dask", "cloudpickle", "jax", "numpy"):
    with open(f"{name}.py", "w") as file:
        file.write(f"open('executed', 'a').write('{name} ')")


def score(record):
    return helpers.scaled(record.times[-1]) + Steep(2.0)(record)


class Recorded:
    times, values = [1.0], {"steep": [0.25]}


def called(content):
    import pickle, sys
    mine, theirs = pickle.loads(content)
    return mine(Recorded), theirs(Recorded), sys.path


base = {"teachers.d_in": 4, "teachers.d_out": 2, "randomness.num_seeds": 1, "curriculum.total_time": 1.0}
plan = Sweep(replaced(Configuration(), base), as_axes({"time_constants.gates": (0.3,)}))
measures = Measures({"steep": helpers.observed}, {"mine": score, "theirs": helpers.theirs})
with cluster(None, 1) as compute:  # not under `if __name__ == "__main__"`
    mine, theirs, path = compute.client.submit(called, packed((score, helpers.theirs))).result()
    if "sweep" in sys.argv:
        dataset = run_sweep(plan, measures, compute=compute)
        mine, theirs = dataset.mine.item(), dataset.theirs.item()
print(mine, theirs, any(entry in ("", sys.argv[1]) for entry in path))
"""
HELPERS = """
import equinox as eqx
import jax.numpy as jnp

FACTOR = 3.0


class Steep(eqx.Module):
    slope: float

    def __call__(self, record):
        return self.slope * record.times[-1]


def scaled(value):
    return FACTOR * value


def observed(system, state, task):
    return jnp.asarray(0.25)


def theirs(record):
    return scaled(record.values["steep"][-1])
"""


@pytest.mark.slow
@pytest.mark.parametrize("what", ["call", pytest.param("sweep", marks=pytest.mark.slow)])
def test_workers_run_what_is_sent_to_them_and_nothing_from_the_working_folder(tmp_path, what):
    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "helpers.py").write_text(HELPERS)
    # An empty entry is the working folder, which "$PYTHONPATH:folder" asks for where nothing was set before.
    path = os.pathsep.join(["", str(Path(ntadyn.__file__).parents[1])])
    done = subprocess.run(
        [sys.executable, "script.py", str(tmp_path), what],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "5.0 0.75 False\n"
    assert not (tmp_path / "executed").exists()


def test_what_cannot_be_sent_is_named(compute):
    lock = threading.Lock()
    measures = OUTCOME.and_also(scores={"locked": lambda record: lock})
    with pytest.raises(ValueError, match=r"cannot be sent to them \(.*lock.*keep locks, open files"):
        run_sweep(PLAN, measures, compute=compute)


@pytest.mark.slow
def test_workers_end_with_the_process_that_started_them(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import os\nfrom ntadyn.sweeps.cluster import cluster\nwith cluster(None, 2) as compute:\n"
        "    compute.client.wait_for_workers(2, timeout=60)\n"
        "    print(*compute.client.run(os.getpid).values(), flush=True)\n    os.kill(os.getpid(), 9)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(ntadyn.__file__).parents[1])}
    done = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True)
    workers = list(map(int, done.stdout.split()))
    assert len(workers) == 2, done.stderr
    until(lambda: not any(map(is_running, workers)), seconds=30)


# --- What goes wrong.


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
    other = json.loads(module._kind()) | {"code": "0", "device": "gpu: H100"}
    with pytest.raises(
        ValueError, match="a worker on .* has .*'device': 'cpu: .* has .*'gpu: H100'.* make both the same"
    ) as e:
        module.computed(b"", b"", json.dumps(other), (), True, False)
    assert "jaxlib" not in str(e.value)  # only what differs


def test_workers_whose_functions_do_something_else_are_refused(monkeypatch):
    measures = OUTCOME.and_also(scores={"mine": score_of_this_module})
    told = measures.identity()
    plan = pickle.dumps((PLAN, measures, told))
    assert module._unpacked(plan, ())[1].scores["mine"] is score_of_this_module
    told["scores"]["mine"] += "x"
    with pytest.raises(ValueError, match="'mine', one of the scores, is not the same function on a worker on"):
        module._unpacked(pickle.dumps((PLAN, measures, told)), ())


def score_of_this_module(record):
    return record.times[-1]


def test_workers_take_over_how_jax_is_set_up(tiled, monkeypatch):
    class Enough(Exception):
        pass

    def unpacked(plan, settings):
        raise Enough

    monkeypatch.setattr(module, "_unpacked", unpacked)
    before = jax.config.values["jax_default_matmul_precision"]
    try:
        with pytest.raises(Enough):
            module.computed(b"", b"", module._kind(), (("jax_default_matmul_precision", "highest"),), True, False)
        assert jax.config.values["jax_default_matmul_precision"] == "highest"
    finally:
        jax.config.update("jax_default_matmul_precision", before)


# A worker as `dask worker` starts it, which is told whether the caller compiles loops whole and keeps programs.
START = """
import json, sys
from ntadyn.sweeps import cluster
whole, kept = json.loads(sys.argv[1])
try:
    cluster.computed(b"", b"", "{}", (), whole, kept)
except ValueError as error:  # without a kind, which is looked at when JAX has started
    import jax
    words = "'loops are compiled whole': True" in str(error), jax.config.values["jax_compilation_cache_dir"] is not None
    print(json.dumps(words))
"""


@pytest.mark.representatives(1)
@pytest.mark.slow
@pytest.mark.parametrize("told", [[True, True], [False, False]])
def test_workers_start_jax_as_the_caller_did(told, tmp_path):
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("XLA_FLAGS", "JAX_COMPILATION"))
    }
    environment |= {"PYTHONPATH": str(Path(ntadyn.__file__).parents[1]), "XDG_CACHE_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", START, json.dumps(told)], env=environment, capture_output=True, text=True
    )
    assert done.stdout, done.stderr
    assert json.loads(done.stdout) == told
    assert any(tmp_path.iterdir()) == told[1]


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
def test_a_real_tile_that_workers_die_of_is_given_up(tiled):
    def deadly(record):
        os._exit(3)

    measures = OUTCOME.and_also(scores={"deadly": deadly})
    with cluster(None, 1) as compute, pytest.raises(ConnectionError, match="4 workers .* died with tile"):
        run_sweep(PLAN, measures, compute=compute)
