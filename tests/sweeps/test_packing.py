"""What is sent to other processes works there as it does here."""

import importlib
import multiprocessing.process
import os
import pickle
import subprocess
import sys
import types
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ntadyn
from ntadyn.sweeps import packing
from ntadyn.sweeps.packing import import_path, packed

MODULE = """
import enum
import equinox as eqx
import jax
import jax.numpy as jnp

FACTOR = 3.0

class Kind(enum.Enum):
    ONE = 1.0

class Base(eqx.Module):
    slope: float
    times: int = eqx.field(static=True, default=2)

class Line(Base):
    start: jax.Array = eqx.field(converter=jnp.asarray, default=0.5)

    def __call__(self, x):
        return self.start + self.times * self.slope * x

    def steeper(self, x):
        return Line(2 * self.slope, start=self.start)(x) + isinstance(self, Line)

class Own(eqx.Module):
    weights: jax.Array
    kind: Kind = eqx.field(static=True)

    def __init__(self, number):
        self.weights, self.kind = jnp.ones(number), Kind.ONE

    def __check_init__(self):
        assert self.weights.size < 9

    @jax.jit
    def __call__(self, x):
        return jnp.sum(self.weights * x) + self.kind.value

LINE, OWN = Line(1.5), Own(4)

def inner(x):
    return FACTOR * x

def outer(x):
    return inner(x) + LINE.steeper(x) + OWN(x) + Own(2)(x) + Line(1.0)(x)
"""
# As trees of arrays, they are looked into where they came from and where they arrive.
ARRIVE = """
import pickle, sys
import jax
outer, line, own, x = pickle.load(sys.stdin.buffer)
both = jax.jit(lambda line, own, x: line(x) + own(x))(line, own, x)
leaves = [len(jax.tree.leaves(item)) for item in (line, own, type(line)(2.0), type(own)(3))]
import importlib.util
print(float(outer(x)), float(both), leaves, importlib.util.find_spec("module_left_behind"))
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module that other processes do not find."""
    (tmp_path / "module_left_behind.py").write_text(MODULE)
    path = import_path()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(packing, "import_path", lambda: path)
    yield importlib.import_module("module_left_behind")
    del sys.modules["module_left_behind"]


@pytest.mark.slow
def test_functions_values_and_classes_travel_with_their_code(module):
    x = jnp.asarray(2.0, jnp.float32)
    content = packed((module.outer, module.LINE, module.OWN, x))
    environment = os.environ | {"PYTHONPATH": str(Path(ntadyn.__file__).parents[1]), "JAX_ENABLE_X64": "1"}
    done = subprocess.run([sys.executable, "-P", "-c", ARRIVE], input=content, env=environment, capture_output=True)
    with jax.numpy_dtype_promotion("standard"):
        expected = float(module.outer(x)), float(module.LINE(x) + module.OWN(x))
    assert done.stdout.decode().strip() == f"{expected[0]} {expected[1]} [2, 1, 2, 1] None", done.stderr.decode()


def test_what_is_installed_travels_by_its_name(module):
    for function in (np.linalg.norm, ntadyn.sweeps.sweep, importlib.import_module):
        assert len(packed(function)) < 200
        assert pickle.loads(packed(function)) is function
    assert len(packed(module.inner)) > 400


SCRIPT = {"__file__": "/project/script.py", "__spec__": None}
MODULE_RUN = {"__file__": "/site/package/__main__.py", "__spec__": types.SimpleNamespace(name="package.__main__")}
NOTEBOOK = {"__spec__": None}


@pytest.mark.parametrize(
    ("main", "variable", "path", "expected"),
    [
        (SCRIPT, "", ["/project", "/site"], ["/site"]),
        (SCRIPT, "", ["/project", "/site", "/project"], ["/site", "/project"]),  # once more, on purpose
        (SCRIPT, "", ["/project", "/working", "/site"], ["/working", "/site"]),
        (SCRIPT, "/working", ["/project", "/working", "/site"], ["/working", "/site"]),
        (SCRIPT, ":/lib", ["/project", "/working", "/lib", "/site"], ["/lib", "/site"]),
        (MODULE_RUN, "", ["/working", "/site"], ["/site"]),
        (NOTEBOOK, "", ["/site", ""], ["/site"]),
        (NOTEBOOK, "", ["/site", "", "/working"], ["/site", "/working"]),
        (NOTEBOOK, "", ["relative"], [str(Path("relative").absolute())]),
    ],
)
def test_the_path_of_others_holds_what_was_put_there_on_purpose(main, variable, path, expected, monkeypatch):
    fake = types.ModuleType("__main__")
    vars(fake).update(main)
    monkeypatch.setitem(sys.modules, "__main__", fake)
    monkeypatch.setattr(multiprocessing.process, "ORIGINAL_DIR", "/working")
    monkeypatch.setenv("PYTHONPATH", variable)
    monkeypatch.setattr(sys, "path", path)
    assert import_path() == expected
