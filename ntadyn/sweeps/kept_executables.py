"""Whole executables of tiles, kept beside what JAX keeps, so that a program that is known need not even be traced.

JAX looks a compiled program up by what tracing gives, and tracing a tile takes several times longer than running a
small one. Here it is looked up by what it is made of, which the identity of a sweep tells by value.
"""

import hashlib
import json
import os
import threading
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import jax
from jax.experimental import serialize_executable

from ntadyn import compilation_cache
from ntadyn.compilation_cache import EXECUTABLE

Executable = Callable[..., dict[str, Any]]

_found = threading.local()


def executable(program: Callable[[], Executable], arguments: tuple, identity: Any = None) -> Executable:
    """A compiled program: one that was kept, or made now, and kept where programs are (`ntadyn.keep_programs`).

    Args:
        program: makes the function to be compiled, whose result is a dictionary of arrays.
        arguments: what it will be called with; where they are says where it runs.
        identity: all that it is made of, as plain values: code, versions, settings, device and parameters; if None, it
            is compiled.
    """
    folder = compilation_cache.kept_in()
    if folder is None or identity is None:
        return jax.jit(program()).lower(*arguments).compile()
    leaves = [f"{leaf.dtype}{list(leaf.shape)}" for leaf in jax.tree.leaves(arguments)]
    text = json.dumps([identity, str(jax.tree.structure(arguments)), leaves], sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()
    path = folder / f"{digest}{EXECUTABLE}"
    with suppress(Exception):  # not there, damaged, or of a kind that cannot be read back
        return _read(path, arguments)
    function = program()
    # By this name JAX does not find it under another identity: what JAX has loaded cannot be written down again.
    function.__name__ = f"tile_{digest[:16]}"
    before = _number_found()
    made = jax.jit(function).lower(*arguments).compile()
    if _number_found() == before:
        with suppress(Exception):  # a full disk, or a device whose executables cannot be written down
            _write(path, made)
    return made


def _read(path: Path, arguments: tuple) -> Executable:
    names, _, program = zlib.decompress(path.read_bytes()).partition(b"\n")
    inside = jax.tree.structure((arguments, {}))
    outside = jax.tree.structure(dict.fromkeys(json.loads(names), 0))
    devices = {device for leaf in jax.tree.leaves(arguments) for device in leaf.devices()}
    return serialize_executable.deserialize_and_load(program, inside, outside, execution_devices=list(devices))


def _write(path: Path, made: jax.stages.Compiled) -> None:
    program, _, outside = serialize_executable.serialize(made)
    names = list(jax.tree.unflatten(outside, range(outside.num_leaves)))
    part = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        part.write_bytes(zlib.compress(json.dumps(names).encode() + b"\n" + program, 1))
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _number_found() -> int:
    """How many programs JAX has loaded from its cache in this thread."""
    return getattr(_found, "number", 0)


def _count(event: str, **_: Any) -> None:
    if event == "/jax/compilation_cache/cache_hits":
        _found.number = _number_found() + 1


jax.monitoring.register_event_listener(_count)
