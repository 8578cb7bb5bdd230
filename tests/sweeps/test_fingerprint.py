"""What tells a function of one's own from another one."""

import functools
import importlib
import os
import subprocess
import sys
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ntadyn
from ntadyn.sweeps.border import border
from ntadyn.sweeps.fingerprint import fingerprint
from ntadyn.sweeps.scores import alignment

MODULE = '''
import collections, enum, functools, random, re, types
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, jaxtyped
import other_module_of_ones_own as other

SCALE = {scale}
TABLE = np.arange({length}.0)
NAMES = {{"a", "b", "c"}}
UNRELATED = {unrelated}

class Kind(enum.Enum):
    ONE = 1

class Fit(eqx.Module):
    """{text}"""
    factor: float
    kind: Kind = Kind.ONE

    def __call__(self, record):
        return self.factor * self.more(record)

    def more(self, record):
        return record + {inside}

def inner(record, power={default}):
    """{text}"""
    return record ** power * SCALE + TABLE.sum() + len(NAMES)

@jax.jit
def compiled(record):
    return inner(record)

def recursive(record, depth=3):
    return record if depth == 0 else recursive(inner(record), depth - 1)

def elsewhere(record):
    return other.score(record)

FIT = Fit(2.0)

def fitted(record):
    return FIT(record)

class Names(set):
    pass

@functools.singledispatch
def dispatched(record):
    return inner(record)

@dispatched.register
def _(record: float):
    return record

@jaxtyped(typechecker=None)
def typed(record: Float[Array, "time unit"]) -> Float[Array, ""]:
    return record

MADE = (
    jax.vmap(inner), jax.grad(inner, argnums=1), jax.jacfwd(inner), jax.checkpoint(inner), jax.custom_jvp(inner),
    jax.jit(jax.vmap(inner), static_argnums=1), jax.tree_util.Partial(inner, 1), jax.named_call(inner),
    eqx.filter_vmap(inner), eqx.filter_jit(inner), eqx.filter_grad(inner), eqx.nn.Lambda(inner),
    functools.lru_cache(inner), functools.partial(inner, power=3), dispatched, typed, np.vectorize(inner),
    optax.adam(optax.cosine_decay_schedule(0.1, 10)), np.add, jnp.add, jax.nn.relu, jnp.sum, jax.lax.scan, random.gauss,
    np.random.normal, re.compile("a|b"), Kind, Names(NAMES), collections.Counter("ab"), types.MappingProxyType({{1: 2}}),
    collections.namedtuple("Pair", "one other")(1, 2), np.array([inner, None]), [].append, str.upper, jnp.float32,
    jax.sharding.SingleDeviceSharding(jax.devices()[0]), object(), type(None), types.FunctionType, Float[Array, "time"],
)

def making(record):
    return MADE[0](record)
'''
OTHER = """
FACTOR = {factor}

def helper(record):
    return FACTOR * record

def score(record):
    return helper(record)
"""
PLAIN = {
    "scale": 2.0,
    "length": 3,
    "unrelated": 1,
    "text": "First.",
    "inside": 1,
    "default": 2,
    "factor": 1.0,
}
# What is changed in the module -> which of its functions do something else afterwards.
INNER = {"inner", "compiled", "recursive", "making"}
CHANGES = {
    "scale": INNER,
    "length": INNER,
    "default": INNER,
    "inside": {"fitted"},
    "factor": {"elsewhere"},
    "unrelated": set(),
    "text": set(),
}


def fingerprints(folder, **changes):
    """Of all functions of a module with some changes."""
    values = PLAIN | changes
    (folder / "module_of_ones_own.py").write_text(MODULE.format(**values))
    (folder / "other_module_of_ones_own.py").write_text(OTHER.format(**values))
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        module = importlib.import_module("module_of_ones_own")
        names = ("inner", "compiled", "recursive", "elsewhere", "fitted", "making")
        return {name: fingerprint(getattr(module, name)) for name in names}
    finally:
        sys.path.remove(str(folder))
        for name in ("module_of_ones_own", "other_module_of_ones_own"):
            sys.modules.pop(name, None)


@pytest.fixture(autouse=True)
def _no_compiled_modules(monkeypatch):
    """Files of the same size are written within one second, which compiled ones do not tell apart."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return fingerprints(tmp_path_factory.mktemp("plain"))


@pytest.mark.parametrize("what", CHANGES)
def test_what_a_function_names_counts(plain, what, tmp_path):
    value = "Last." if what == "text" else PLAIN[what] + 1
    changed = fingerprints(tmp_path, **{what: value})
    assert {name for name in plain if changed[name] != plain[name]} == CHANGES[what]
    assert plain["inner"].startswith("module_of_ones_own.inner ")


def test_another_process_finds_the_same(plain, tmp_path):
    script = (
        "import sys; sys.dont_write_bytecode = True; from pathlib import Path\n"
        "from tests.sweeps.test_fingerprint import fingerprints; print(fingerprints(Path(sys.argv[1])))"
    )
    root = Path(__file__).parents[2]
    path = os.pathsep.join([str(Path(ntadyn.__file__).parents[1]), str(root)])
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        env=os.environ | {"PYTHONPATH": path, "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == str(plain), done.stderr


def scored(value):
    return lambda record: record + value


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 2),
        ([1, {"a": 2}], [1, {"a": 3}]),
        (np.arange(3), np.arange(3.0)),
        (np.arange(3), np.arange(1, 4)),
        (jnp.arange(3), jnp.arange(1, 4)),
        (np.float64(0.1), np.float64(0.2)),
        (np.random.default_rng(0), np.random.default_rng(1)),
        (functools.partial(max, 1), functools.partial(max, 2)),
        (scored(1), scored(2)),
        (jax.random.key(0), jax.random.key(1)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_a_function_has_closed_over_counts(one, other):
    assert fingerprint(scored(one)) != fingerprint(scored(other))
    assert fingerprint(scored(one)) == fingerprint(scored(one))


class Scaled(eqx.Module):
    factor: float

    def __call__(self, record):
        return self.factor * record

    def twice(self, record):
        return 2 * self(record)


def test_objects_that_are_called_are_told_by_their_values():
    assert fingerprint(Scaled(1.0)) == fingerprint(Scaled(1.0))
    assert len({fingerprint(item) for item in (Scaled(1.0), Scaled(2.0), Scaled(1.0).twice, Scaled(2.0).twice)}) == 4
    assert len({fingerprint(functools.partial(scored(1), item)) for item in (1, 2)}) == 2


def test_functions_of_installed_packages_are_told_by_their_names():
    assert fingerprint(np.fft.fft) == fingerprint(np.fft.fft)
    assert fingerprint(np.fft.fft) != fingerprint(np.fft.ifft)
    assert fingerprint(importlib.import_module) == "importlib.import_module"


def test_functions_of_this_package_are_told_by_the_sources_that_they_need():
    assert fingerprint(alignment) == "ntadyn.sweeps.scores.alignment"  # every sweep covers them
    name, digest = fingerprint(border).split()
    assert name == "ntadyn.sweeps.border.border"
    assert len(digest) == 16
