"""The digest of this package's sources, taken from a copy that is edited."""

import ast
import gc
import json
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import ntadyn
from ntadyn.results.code_version import _syntax
from ntadyn.sweeps.surroundings import COMPUTING, PROJECT, code_of

# What a process has imported once a sweep has been laid out and traced.
RUN = """
import json, sys
import jax
jax.config.update("jax_enable_x64", True)
jax.config.update("jax_disable_most_optimizations", True)
from ntadyn.specs.configuration import Configuration
from ntadyn.specs.paths import replaced
from ntadyn.sweeps import OUTCOME, Sweep, as_axes
from ntadyn.sweeps.program import Work, run_program
from ntadyn.sweeps.tiles import TiledSweep
small = {"teachers.d_in": 4, "teachers.d_out": 2, "randomness.num_seeds": 1, "curriculum.total_time": 1.0}
plan = Sweep(replaced(Configuration(), small), as_axes({"time_constants.gates": (0.3,)}))
tiled = TiledSweep.make(plan, OUTCOME)
tile = tiled.tiles[0]
work = Work.of(plan, tile.structure, tile.groups, tile.schedules)
jax.eval_shape(run_program(tile.structure, OUTCOME, plan.precision), work, tiled._keys)
print(json.dumps([name for name in sys.modules if name.partition(".")[0] == "ntadyn"]))
"""


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A copy of the package in which sources are found."""
    target = tmp_path / "ntadyn"
    shutil.copytree(ntadyn.__path__[0], target, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(ntadyn, "__path__", [str(target)])
    return target


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    later = path.stat().st_mtime_ns + 1  # two writes within one tick of the clock are told apart
    os.utime(path, ns=(later, later))


def test_what_a_sweep_computes_is_in_its_digest_and_nothing_else_is(copy):
    def version():
        return PROJECT.digest(COMPUTING)

    first = version()
    edit(copy / "sweeps/scores.py", '"""Task loss at the end."""', '"""Task loss.\n\n    At the end."""  # a remark')
    edit(copy / "plotting/style.py", "import", "import sys\nimport")
    edit(copy / "cli/show.py", "import", "import sys\nimport")
    edit(copy / "sweeps/merge.py", "import", "import sys\nimport")
    assert version() == first
    edit(copy / "sweeps/scores.py", 'return record.values["loss"][-1]', 'return 2 * record.values["loss"][-1]')
    second = version()
    edit(copy / "dynamics/order_parameters.py", "0.5", "0.25")
    assert len({first, second, version()}) == 3


@pytest.mark.slow
def test_everything_that_runs_in_a_sweep_is_in_its_digest():
    environment = os.environ | {"PYTHONPATH": str(Path(ntadyn.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", RUN], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert {"ntadyn.simulation.lanes", "ntadyn.sweeps.program", "ntadyn.networks.gated"} <= loaded
    for name in loaded - set(PROJECT.imported(COMPUTING)):
        path = Path(ntadyn.__path__[0], *name.split(".")[1:], "__init__.py")
        assert path.exists(), name
        assert only_names(path), path


def only_names(path):
    """Whether a file imports, hands on names, and does nothing else."""
    for statement in ast.parse(path.read_text()).body:
        match statement:
            case ast.Import() | ast.ImportFrom() | ast.Expr(ast.Constant()) | ast.If(ast.Name("TYPE_CHECKING")):
                continue
            case ast.Assign(value=ast.Call(func=ast.Attribute(ast.Name("lazy_loader"), "attach_stub"))):
                continue  # names are loaded on first use
            case ast.FunctionDef("__getattr__" | "__dir__"):
                continue
            case ast.Assign(value=value):
                ast.literal_eval(value)
            case _:
                return False
    return True


def test_threads_may_ask_at_the_same_time():
    # Collecting garbage lets another thread in while a tree is being built, as it does once JAX is loaded.
    def let_others_in(phase, info):
        time.sleep(1e-5)

    paths = [Path(ntadyn.__file__).parent / "sweeps" / f"{name}.py" for name in ("engine", "plan", "tiles", "layout")]
    before = gc.get_threshold()
    gc.callbacks.append(let_others_in)
    gc.set_threshold(200)
    try:
        with ThreadPoolExecutor(4) as pool:
            trees = list(pool.map(lambda index: _syntax(paths[index % 4], -1 - index)[0], range(16)))
    finally:
        gc.set_threshold(*before)
        gc.callbacks.remove(let_others_in)
    assert trees[:4] == trees[4:8] == [_syntax(path, 0)[0] for path in paths]


def test_without_sources_there_is_no_digest():
    with pytest.raises(ValueError, match=r"no source of ntadyn.nothing, .*; install ntadyn with it"):
        code_of("ntadyn.nothing")
