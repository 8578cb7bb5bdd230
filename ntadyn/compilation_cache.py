r"""Compiled programs, kept in a folder of the user's, so that a command waits for the compiler once and not every time.

The cache is JAX's own: its key covers the program, the options of XLA, the version of jaxlib and the device. What is
added here is a place for it, by the rules of the operating system,

    Linux    $XDG_CACHE_HOME/ntadyn or ~/.cache/ntadyn
    macOS    ~/Library/Caches/ntadyn
    Windows  %LOCALAPPDATA%\ntadyn

with one folder inside per version of JAX and kind of processor: a home may be shared by machines with different ones,
and machine code for one of them can stop another. There, too, damaged programs are removed, which JAX would keep for
ever, and the ones that were not used for longest, beyond `MOST_BYTES`. The folder may be deleted at any time.

What users say themselves is kept: `JAX_COMPILATION_CACHE_DIR` names another folder, and
`JAX_ENABLE_COMPILATION_CACHE=false` keeps nothing. Nothing is kept either where there is no such folder, or it cannot
be written, or others could write to it: whoever can, can let this process run any code.

Nothing here imports JAX before it is called.
"""

import hashlib
import os
import platform
import stat
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

# Of all programs together, compressed. Those of a phase diagram take half a MiB.
MOST_BYTES = 2**27
# JAX gives up a program that it cannot read or write, compiles it, and warns of what concerns nobody.
_WARNINGS = "Error (reading|writing) persistent compilation cache entry"
# How the names of JAX's programs end, and those of whole executables, which are written by others here.
PROGRAM, EXECUTABLE = "-cache", "-tile"
# As old as the last look at them.
_LOOKED = "looked-at"
_kept_in: list[Path] = []
_FEATURES = ("vendor_id", "model name", "flags", "CPU implementer", "CPU part", "Features", "isa")


def keep_programs() -> Path | None:
    """Let JAX keep what it compiles in this process from now on, and load what was compiled before.

    The command line and the experiments do. It costs some milliseconds, fails never, and silences JAX's warnings about
    programs that cannot be read or written.

    Returns:
        The folder; None if nothing is kept.
    """
    import jax

    if not jax.config.values["jax_enable_compilation_cache"]:
        return None
    if (chosen := jax.config.values["jax_compilation_cache_dir"]) is not None:
        return Path(chosen) if chosen else None
    above = cache_folder()
    if above is None:
        return None
    folder = above / f"jax-{jax.__version__}-{processor()}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (_is_ours(above) and _is_ours(folder)):
            return None
        tidy(above)
        (folder / _LOOKED).touch()
    except OSError:
        return None
    _kept_in.append(folder)
    warnings.filterwarnings("ignore", message=_WARNINGS, category=UserWarning)
    jax.config.update("jax_compilation_cache_dir", str(folder))
    if "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS" not in os.environ:
        # To load the smallest program takes less time than to compile it.
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    return folder


def kept_in() -> Path | None:
    """The folder that `keep_programs` has chosen in this process, for whatever else is worth keeping; None if none."""
    return _kept_in[-1] if _kept_in else None


def cache_folder(environment: Mapping[str, str] = os.environ, system: str = sys.platform) -> Path | None:
    """Where programs are kept, whether or not it exists; None if the user has no such place.

    Args:
        environment: variables that name it.
        system: the operating system, as `sys.platform` names it.
    """
    if system == "win32":
        place = Path(environment.get("LOCALAPPDATA", ""))
        return place / "ntadyn" if place.is_dir() and place.is_absolute() else None
    if system != "darwin" and (place := Path(environment.get("XDG_CACHE_HOME", ""))).is_absolute():
        return place / "ntadyn"
    home = Path(environment.get("HOME", ""))
    if not home.is_absolute() or not home.is_dir():
        return None
    return home.joinpath(*(("Library", "Caches") if system == "darwin" else (".cache",)), "ntadyn")


def processor() -> str:
    """Short text that two kinds of processor do not share."""
    found = [platform.machine(), platform.processor()]
    with suppress(OSError), open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
        for line in file:
            if not line.strip():
                break  # the others are like the first
            if line.startswith(_FEATURES):
                found.append(line)
    return hashlib.sha256("\n".join(found).encode()).hexdigest()[:12]


def tidy(above: Path, most_bytes: int = MOST_BYTES) -> None:
    """Remove damaged programs, and those that were not used for longest.

    A program is looked into once, when it is new. One that another process is just writing is taken for damaged; that
    process does not notice, and the next one compiles it again.

    Args:
        above: the folder of the folders with programs.
        most_bytes: what all of them may take together.

    Raises:
        OSError: if a folder cannot be listed.
    """
    kept: list[tuple[float, int, str]] = []
    for folder in _entries(above):
        if not folder.is_dir(follow_symlinks=False):
            continue
        marker = Path(folder.path, _LOOKED)
        looked = marker.stat().st_mtime if marker.exists() else 0.0
        for file in _entries(folder.path):
            with suppress(OSError):  # another process has removed it
                found = file.stat(follow_symlinks=False)
                if not file.name.endswith((PROGRAM, EXECUTABLE)):
                    continue
                if file.name.endswith(PROGRAM) and found.st_mtime >= looked and not _is_whole(Path(file.path)):
                    os.unlink(file.path)
                    continue
                kept.append((max(found.st_atime, found.st_mtime), found.st_size, file.path))
    excess = sum(size for _, size, _ in kept) - most_bytes
    for _, size, path in sorted(kept):
        if excess <= 0:
            return
        with suppress(OSError):
            os.unlink(path)
        excess -= size


def _entries(folder: str | Path) -> Iterator[os.DirEntry]:
    with os.scandir(folder) as entries:
        yield from entries


def _is_whole(path: Path) -> bool:
    """Whether JAX can unpack a program, which holds a checksum; a version that cannot be asked is trusted."""
    try:
        from jax._src.compilation_cache import decompress_executable
    except ImportError:
        return True
    try:
        decompress_executable(path.read_bytes())
    except OSError:
        raise
    except Exception:  # of the library that JAX compresses with
        return False
    return True


def _is_ours(folder: Path) -> bool:
    """Whether this user can write into a folder, and nobody else."""
    if not os.access(folder, os.W_OK | os.X_OK):
        return False
    if not hasattr(os, "getuid"):
        return True
    found = folder.stat()
    return found.st_uid == os.getuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
