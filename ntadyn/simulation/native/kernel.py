"""Kernels, compiled by Numba once per shape and kept on disk, as functions that XLA calls."""

import functools
import hashlib
import importlib.util
import os
import sys
import threading
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from types import ModuleType

import jax

from ntadyn import compilation_cache
from ntadyn.simulation.native.lines import Shape
from ntadyn.simulation.native.source import source

_FOLDER = "native"
_ONE_AT_A_TIME = threading.Lock()


@functools.cache
def backend() -> str | None:
    """Numba with its version, if it is installed; nothing is imported."""
    if importlib.util.find_spec("numba") is None:
        return None
    return f"Numba {metadata.version('numba')}"


def target(shape: Shape) -> str:
    """The name under which XLA finds the kernel of a shape, which is compiled, or loaded, if it is new.

    Args:
        shape: what it is for.

    Raises:
        ValueError: if Numba is not installed.
    """
    if backend() is None:
        raise ValueError('kernels need Numba, which is not installed. Run `pip install "ntadyn[fast]"`.')
    with _ONE_AT_A_TIME:
        return _registered(shape)


@functools.cache
def _registered(shape: Shape) -> str:
    module = loaded(source(shape))
    name = module.__name__
    jax.ffi.register_ffi_target(name, jax.ffi.pycapsule(module.handler.ctypes), platform="cpu")
    return name


def loaded(text: str) -> ModuleType:
    """The module of a text: from a file if programs are kept, beside which Numba keeps what it compiles.

    Args:
        text: what one of the functions called `source` here has written.
    """
    name = f"ntadyn_native_{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    if (folder := _folder()) is not None:
        path = folder / f"{name}.py"
        with suppress(OSError):
            if not path.exists():
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                part = path.with_suffix(f".{os.getpid()}")
                part.write_text(text)
                part.replace(path)
            if path.read_text() == text:
                spec = importlib.util.spec_from_file_location(name, path)
                assert spec is not None
                assert spec.loader is not None
                module = sys.modules[name] = importlib.util.module_from_spec(spec)
                spec.loader.exec_module(module)
                return module
    module = ModuleType(name)
    exec(compile(text, f"<{name}>", "exec"), vars(module))  # the text of `source`, and nobody else's
    return module


def _folder() -> Path | None:
    """Where kernels are kept: where programs are, and nowhere if they are not."""
    chosen = compilation_cache.kept_in() or jax.config.values["jax_compilation_cache_dir"]
    return Path(chosen) / _FOLDER if chosen else None
