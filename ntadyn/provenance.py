"""Where a result came from."""

import datetime
import platform
import sys
from importlib import metadata

import jax

import ntadyn

PACKAGES = ("jax", "jaxlib", "equinox", "diffrax", "numpy")


def provenance() -> dict[str, str]:
    """Versions, device, dtype and command, as attributes for a result file.

    Returns:
        Name -> text. Float width is that of JAX's default dtype at the time of the call.
    """
    device = jax.devices()[0]
    versions = {name: metadata.version(name) for name in PACKAGES}
    return {
        "ntadyn_version": ntadyn.__version__,
        "versions": " ".join(f"{name}={version}" for name, version in versions.items()),
        "python": platform.python_version(),
        "device": f"{device.platform}: {device.device_kind}",
        "dtype": "float64" if jax.config.jax_enable_x64 else "float32",  # pyright: ignore[reportAttributeAccessIssue]
        "command": " ".join(sys.argv),
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
