"""What was found in source files before, by their content, so that a command need not parse the whole package anew.

Kept beside compiled programs, by whoever keeps these (`ntadyn.keep_programs`), and nowhere else.
"""

import hashlib
import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ntadyn import compilation_cache

# Digest of what a file says, and the dotted names that it imports.
Found = tuple[str, tuple[str, ...]]

NAME = "sources.json"
# About ten versions of this package.
MOST = 2000
# By folder: all that is known, and how much of it its file says.
_known: dict[Path, dict[str, Found]] = {}
_written: dict[Path, int] = {}


def known_or(find: Callable[[bytes], Found], content: bytes, way: str) -> Found:
    """What was found in a file of this content, or is found now.

    Args:
        find: reads it.
        content: of the file.
        way: tells ways to read it apart.
    """
    folder = compilation_cache.kept_in()
    if folder is None:
        return find(content)
    if folder not in _known:
        _known[folder] = _read(folder / NAME)
        _written[folder] = len(_known[folder])
    known = _known[folder]
    digest = hashlib.sha256(f"{way}, Python {sys.version_info[:2]}\n".encode())
    digest.update(content)
    key = digest.hexdigest()
    if key not in known:
        known[key] = find(content)
    return known[key]


def keep() -> None:
    """Write down what was found, if there is anything new; other processes may do the same at the same time."""
    for folder, known in list(_known.items()):
        if len(known) == _written[folder]:
            continue
        _written[folder] = len(known)
        newest = dict(list(known.items())[-MOST:])
        part = folder / f"{NAME}.{os.getpid()}"
        with suppress(OSError):
            try:
                part.write_text(json.dumps(newest), encoding="utf-8")
                part.replace(folder / NAME)
            finally:
                part.unlink(missing_ok=True)


def _read(path: Path) -> dict[str, Found]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {str(key): (str(digest), tuple(map(str, names))) for key, (digest, names) in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):  # not there, or cut short
        return {}
