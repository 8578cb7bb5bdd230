"""What workers of a cluster run, under which settings, and which of them are refused."""

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import jax
import pytest

import ntadyn
from ntadyn.sweeps import OUTCOME, cluster as module
from tests.processes import is_running, until
from tests.sweeps.cluster_plan import PLAN

pytest.importorskip("distributed")

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


def test_workers_take_over_how_jax_is_set_up(monkeypatch):
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
