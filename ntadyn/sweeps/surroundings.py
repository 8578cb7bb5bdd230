"""What computes the tiles of a sweep: code, versions, device and settings of JAX, all of which may change bits.

These are part of the identity of a sweep, so that no folder mixes tiles of two kinds, and the same on all workers of a
cluster. Three things are not part of it and can still move the last bits: instructions that only some processors of an
architecture have (a fused multiply-add rounds once), the number of cores in products of large matrices, and changes to
an environment variable after JAX has read it; whether loops are compiled whole is looked at, however.
"""

import functools
import os
import platform
from collections.abc import Sequence
from importlib import metadata
from typing import Any

import jax

from ntadyn import xla_options
from ntadyn.results.code_version import Project
from ntadyn.simulation.native import kernel
from ntadyn.version import __version__

# Everything that a tile goes through, and nothing else: plots, commands and storage may change during a sweep.
COMPUTING = "ntadyn.sweeps.tiles"
# The package itself is a list of names and the version, which is recorded beside the digest.
PROJECT = Project(("ntadyn",), frozenset({"ntadyn"}))
PACKAGES = ("jax", "jaxlib", "equinox", "diffrax", "optimistix", "lineax", "optax", "numpy")
# What compiles kernels, where it is installed.
KERNELS = ("numba", "llvmlite")

# All settings of JAX that the bits of a result depend on. Not every version of JAX has all of them.
SETTINGS = (
    "jax_default_matmul_precision",
    "jax_default_prng_impl",
    "jax_disable_jit",
    "jax_disable_most_optimizations",
    "jax_enable_x64",
    "jax_exec_time_optimization_effort",
    "jax_memory_fitting_effort",
    "jax_memory_fitting_level",
    "jax_optimization_level",
    "jax_random_seed_offset",
    "jax_threefry_partitionable",
)
# Read by XLA and by CUDA when they start.
VARIABLES = ("XLA_FLAGS", "LIBTPU_INIT_ARGS", "NVIDIA_TF32_OVERRIDE")
# Flags of XLA that change what it writes and how many devices it shows, but not what it computes.
_HARMLESS = ("--xla_dump", "--xla_force_host_platform_device_count", "--xla_hlo_profile")

# `jax.Device` is a variable, which type checkers do not accept as a type.
Device = Any


def surroundings(devices: Sequence[Device] = ()) -> dict[str, Any]:
    """Code, versions, device and settings, as plain values.

    Args:
        devices: the devices that compute; if empty, JAX's local devices.
    """
    return {
        "ntadyn": __version__,
        "code": code_of(COMPUTING),
        "python": ".".join(platform.python_version_tuple()[:2]),
        **_versions(),
        "device": ", ".join(sorted({_kind(device) for device in devices or jax.local_devices()})),
        "loops are compiled whole": xla_options.loops_are_whole(),
        "settings": settings(SETTINGS),
        "variables": {name: flags for name in VARIABLES if (flags := _flags(name))},
    }


@functools.cache
def code_of(module: str) -> str:
    """Digest of a module and of all modules of this package that it imports, made once per process.

    Args:
        module: dotted name.

    Raises:
        ValueError: if its source is missing.
    """
    if not PROJECT.imported(module):
        raise ValueError(
            f"there is no source of {module}, which identifies its results; install ntadyn with its sources."
        )
    return PROJECT.digest(module)[:16]


def settings(names: Sequence[str]) -> dict[str, Any]:
    """Those settings of JAX that this version has, as plain values.

    Args:
        names: names of settings.
    """
    values = {name: jax.config.values[name] for name in names if name in jax.config.values}
    return {name: value if isinstance(value, bool | int | float) else str(value) for name, value in values.items()}


@functools.cache
def _versions() -> dict[str, str]:
    found = {name: metadata.version(name) for name in PACKAGES}
    return found | ({name: metadata.version(name) for name in KERNELS} if kernel.backend() is not None else {})


def _kind(device: Device) -> str:
    if device.platform == "cpu":
        return f"cpu: {platform.system()} {platform.machine()}"
    # The last line is that of the runtime, for example "cuda 12090".
    runtime = device.client.platform_version.strip().splitlines()[-1]
    return f"{device.platform}: {device.device_kind}, {runtime}"


def _flags(name: str) -> list[str]:
    """The flags in an environment variable, in no particular order, without those whose effect is looked at."""
    flags = os.environ.get(name, "")
    flags = xla_options.without_options(flags) if name == xla_options.VARIABLE else flags.split()
    return sorted(flag for flag in flags if not flag.startswith(_HARMLESS))
