"""Where a result came from."""

import datetime
import os
import platform
import shlex
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import jax

from ntadyn.version import __version__

PACKAGES = ("jax", "jaxlib", "equinox", "diffrax", "numpy")


def provenance() -> dict[str, str]:
    """Versions, device, dtype and command, as attributes for a result file.

    Returns:
        Name -> text. Float width is that of JAX's default dtype at the time of the call.
    """
    device = jax.devices()[0]
    versions = {name: metadata.version(name) for name in PACKAGES}
    return {
        "ntadyn_version": __version__,
        "versions": " ".join(f"{name}={version}" for name, version in versions.items()),
        "python": platform.python_version(),
        "device": f"{device.platform}: {device.device_kind}",
        "dtype": "float64" if jax.config.jax_enable_x64 else "float32",  # pyright: ignore[reportAttributeAccessIssue]
        "command": command_line(sys.argv),
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def command_line(arguments: Sequence[str]) -> str:
    r"""Arguments as one line of visible characters that a shell takes apart into the same bytes again.

    Args:
        arguments: as in `sys.argv`. A package that was run by `python -m` is named so.

    Returns:
        Arguments quoted for a shell where they need it. Those with bytes that are not text, or with characters that
        cannot be seen, such as line breaks, are written byte by byte as $'\xff\x0a', which bash, zsh and POSIX.1-2024
        know.
    """
    first, *rest = arguments or ("",)
    script = Path(first)
    begin = ["python", "-m", script.parent.name] if script.name == "__main__.py" else [first]
    return " ".join(_quoted(argument) for argument in (*begin, *rest))


def _quoted(argument: str) -> str:
    if argument.isprintable():
        return shlex.quote(argument)
    return f"$'{''.join(_byte(byte) for byte in os.fsencode(argument))}'"


def _byte(byte: int) -> str:
    character = chr(byte)
    return character if character.isascii() and character.isprintable() and character not in "\\'" else f"\\x{byte:02x}"
