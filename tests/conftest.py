"""Settings and fixtures that every test shares."""

import gc
import itertools
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import jax
import matplotlib
import pytest
from jaxtyping import PRNGKeyArray

from ntadyn.specs.programs import forget_programs
from ntadyn.xla_options import compile_whole_loops

ROOT = Path(__file__).resolve().parents[1]

# Last, not first: `experiments` is imported from here while `ntadyn` stays the installed one.
sys.path.append(str(ROOT))

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")
compile_whole_loops()  # as the command line does
# Most tests compile many programs and run each of them briefly; those that run long ask for `optimised`.
jax.config.update("jax_disable_most_optimizations", True)
matplotlib.use("Agg")
_CACHE = pytest.StashKey[str]()

hypothesis.settings.register_profile("ntadyn", deadline=None, derandomize=True)
hypothesis.settings.load_profile("ntadyn")


def pytest_configure(config: pytest.Config) -> None:
    """What one process has compiled, the others load: parallel workers, and the commands that tests start."""
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        config.stash[_CACHE] = os.environ["JAX_COMPILATION_CACHE_DIR"] = tempfile.mkdtemp(prefix="ntadyn-tests-")
        os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    # JAX has read its environment already.
    jax.config.update("jax_compilation_cache_dir", os.environ["JAX_COMPILATION_CACHE_DIR"])
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)


@pytest.hookimpl(tryfirst=True)  # before items are chosen by their marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of a family of cases under `representatives(n)`, n that lie evenly among them run; the others are `exhaustive`.

    The quick and the slow ones of a test are two families.
    """
    families: dict[tuple[str, bool], list[pytest.Item]] = {}
    for item in items:
        if item.get_closest_marker("representatives"):
            name = item.nodeid.split("[")[0], item.get_closest_marker("slow") is not None
            families.setdefault(name, []).append(item)
    for family in families.values():
        number = next(family[0].iter_markers("representatives")).args[0]
        kept = {round((k + 0.5) * len(family) / number - 0.5) for k in range(number)}
        for index, item in enumerate(family):
            if index not in kept:
                item.add_marker(pytest.mark.exhaustive)


def pytest_collection_finish(session: pytest.Session) -> None:
    """What collecting has made stays until the end: the garbage collector need not walk through it again and again."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure(config: pytest.Config) -> None:
    """The process that made the folder of compiled programs removes it."""
    if _CACHE in config.stash:
        shutil.rmtree(config.stash[_CACHE], ignore_errors=True)


@pytest.fixture(scope="module", autouse=True)
def _forget_programs() -> Iterator[None]:
    """After a module, compiled programs go if there are many.

    Each holds mappings of memory, of which Linux grants a process 65530; the compiler that gets none crashes.
    """
    yield
    forget_programs()


@pytest.fixture(scope="module", params=["float32", "float64"])
def precision(request: pytest.FixtureRequest) -> Iterator[str]:
    """Numbers are made in this dtype unless told otherwise; for modules that run in both precisions."""
    before = jax.config.read("jax_enable_x64")
    jax.config.update("jax_enable_x64", request.param == "float64")
    yield request.param
    jax.config.update("jax_enable_x64", before)


@pytest.fixture
def getkey() -> Callable[[], PRNGKeyArray]:
    """A function that gives a new random key at each call, the same sequence in every run."""
    seeds = itertools.count()
    return lambda: jax.random.key(next(seeds))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The `shared` folder beside the repository, with reference data that is not part of it."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip(f"no reference data: {folder} does not exist")
    return folder


@pytest.fixture(scope="module")
def optimised() -> Iterator[None]:
    """Compile with all optimisations, for programs that run longer than they take to compile."""
    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", False)
    yield
    jax.config.update("jax_disable_most_optimizations", before)
