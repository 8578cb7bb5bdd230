"""What tells a function of one's own from another one."""

import collections
import dataclasses
import enum
import functools
import importlib
import os
import random
import re
import subprocess
import sys
import types
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import ntadyn
from ntadyn.maps.border import border
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
    np.random.normal, re.compile("a|b"), Kind, Names(NAMES), collections.Counter("ab"), types.MappingProxyType({{}}),
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


@pytest.mark.slow
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
        (jnp.asarray([0, 1, 2]), jnp.asarray([1, 2, 3])),
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
    assert name == "ntadyn.maps.border.border"
    assert len(digest) == 16


# What makes the same function of the same number, and another one of another number.
MADE = {
    "vmap": lambda k: jax.vmap(scored(k)),
    "vmap, axes": lambda k: jax.vmap(scored(1), in_axes=k),
    "vmap, axes of a function of this package": lambda k: jax.vmap(alignment, in_axes=k),
    "checkpoint": lambda k: jax.checkpoint(scored(k)),
    "grad": lambda k: jax.grad(scored(k)),
    "grad, argument": lambda k: jax.grad(lambda one, other: one * other, argnums=k),
    "vmap of vmap": lambda k: jax.vmap(jax.vmap(scored(k))),
    "jit of vmap": lambda k: jax.jit(jax.vmap(scored(1), in_axes=k)),
    "jit": lambda k: jax.jit(scored(k)),
    "jit, options": lambda k: jax.jit(scored(1), compiler_options={"xla_cpu_enable_fast_math": k == 1}),
    "derivative of one's own": lambda k: with_derivative(scored(k)),
    "filter_vmap, axes": lambda k: eqx.filter_vmap(scored(1), in_axes=k),
    "filter_jit": lambda k: eqx.filter_jit(scored(k)),
    "schedule": lambda k: optax.constant_schedule(0.1 * k),
    "optimizer": lambda k: optax.adam(0.1 * k).update,
    "partial": lambda k: functools.partial(scored(1), k),
    "partial of vmap": lambda k: functools.partial(jax.vmap(scored(k)), 1),
    "kept": lambda k: functools.lru_cache(scored(k)),
    "vectorized": lambda k: np.vectorize(scored(k)),
    "dispatched": lambda k: dispatched(scored(k)),
    "wrapper with state": lambda k: Wrapper(scored(1), k),
    "wrapper of what is found by its name": lambda k: functools.wraps(alignment)(lambda record: scored(k)(record)),
    "attribute that is no field": lambda k: Derived(k),
    "unpicklable": lambda k: Unpicklable(k),
    "attribute of a function": lambda k: with_attribute(k),
    "default": lambda k: lambda record, by=k: record * by,
    "method of a value in C": lambda k: [k].count,
    "array of objects": lambda k: scored(np.array([scored(k), None])),
    "masked": lambda k: scored(np.ma.masked_array([1, 2], mask=[k == 1, False])),
    "regular expression": lambda k: scored(re.compile("a" * k)),
    "read only": lambda k: scored(types.MappingProxyType({1: k})),
    "default of a dictionary": lambda k: scored(collections.defaultdict(scored(k))),
    "class that is made up": lambda k: scored(dataclasses.make_dataclass("Made", ["a"], namespace={"b": k})),
    "metaclass": lambda k: scored(type("Meta", (type,), {"more": scored(k)})("Kind", (), {})),
    "enumeration": lambda k: scored(enum.Enum("Kind", {"ONE": 1}, type=type("Base", (), {"more": scored(k)})).ONE),
} | {
    f"class that is a {base.__name__}": lambda k, base=base: scored(type("Kind", (base,), {"more": scored(k)})())
    for base in (list, tuple, dict, set, frozenset, float, str)
}


def with_derivative(derivative):
    function = jax.custom_jvp(scored(1))
    function.defjvp(derivative)
    return function


def dispatched(function):
    by_kind = functools.singledispatch(scored(1))
    by_kind.register(float)(function)
    return by_kind


def with_attribute(value):
    function = scored(1)
    function.value = value
    return function


class Wrapper:
    def __init__(self, function, k):
        functools.update_wrapper(self, function)
        self.k = k

    def __call__(self, record):
        return self.k * self.__wrapped__(record)


@dataclasses.dataclass
class Derived:
    first: dataclasses.InitVar[int]

    def __post_init__(self, first):
        self.more = first

    def __call__(self, record):
        return self.more * record


class Unpicklable(Derived):
    __slots__ = ("extra",)

    def __post_init__(self, first):
        self.extra = first

    def __reduce_ex__(self, protocol):
        raise TypeError("no")


@pytest.mark.parametrize("make", MADE.values(), ids=MADE)
def test_what_is_made_of_functions_is_told_by_all_that_it_holds(make):
    assert fingerprint(make(1)) == fingerprint(make(1))
    assert fingerprint(make(1)) != fingerprint(make(0))


def test_what_is_made_of_a_function_of_this_package_is_another_function():
    assert len({fingerprint(item) for item in (alignment, jax.vmap(alignment), jax.checkpoint(alignment))}) == 3


def test_names_of_arguments_count():
    sources = (
        "def score(one, other): return one - other",
        "def score(other, one): return other - one",
        "def score(one, *other): return one - other",
        "def score(one, *, other): return one - other",
    )
    assert len({fingerprint(made_up(source)) for source in sources}) == len(sources)


def made_up(source):
    around = {}
    exec(source, around)
    return around["score"]


def test_what_changes_while_it_is_used_does_not_count():
    item = Kept()
    functions = [make(scored(1)) for make in (jax.jit, jax.vmap, eqx.filter_jit, eqx.filter_vmap, dispatched_alone)]
    before = list(map(fingerprint, (item, random.gauss, *functions)))
    assert item.square == 4
    random.gauss(0, 1)
    for function in functions:
        function(jnp.arange(3))
    assert before == list(map(fingerprint, (item, random.gauss, *functions)))


def dispatched_alone(function):
    return functools.singledispatch(function)


class Kept(Scaled):
    factor: float = 2.0

    @functools.cached_property
    def square(self):
        return self.factor**2


def test_what_contains_itself_is_told_apart():
    def around(value):
        held = [value]
        held.append(scored(held))
        return held[1]

    assert fingerprint(around(1)) == fingerprint(around(1))
    assert fingerprint(around(1)) != fingerprint(around(2))
