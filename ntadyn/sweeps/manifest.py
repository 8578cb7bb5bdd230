"""The file in a folder that says to which sweep its results belong."""

import json
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ntadyn.results import storage
from ntadyn.sweeps.claims import alone_in

NAME = "sweep.json"
_SHOWN = 60


def canonical(identity: Mapping[str, Any]) -> str:
    """An identity as text; two sweeps are the same if their texts are equal.

    Args:
        identity: nested plain values, as in JSON.

    Raises:
        TypeError: for anything that JSON cannot hold.
    """
    return json.dumps(identity, sort_keys=True)


def settle(folder: Path, identity: Mapping[str, Any], belongs: Callable[[Path], bool]) -> Path:
    """Make a folder the home of a sweep, unless it is already.

    Args:
        folder: an existing folder; hidden files in it are ignored.
        identity: everything that the results depend on, as nested plain values.
        belongs: whether something in the folder is a result with this identity; called only if the manifest is lost.

    Returns:
        The path of the manifest.

    Raises:
        ValueError: see `is_home`.
    """
    path = folder / NAME
    try:
        with alone_in(folder):
            if not is_home(folder, identity, belongs):
                with storage.writing(path) as temporary:
                    temporary.write_text(json.dumps(identity, indent=2) + "\n", encoding="utf-8")
    except storage.DiskFullError:
        raise
    except OSError as error:
        raise _unusable(folder, error) from error
    return path


def is_home(folder: Path, identity: Mapping[str, Any], belongs: Callable[[Path], bool]) -> bool:
    """Whether a folder is the home of a sweep; if not, it may become so. Nothing is written.

    A folder whose manifest was deleted or damaged may become so if it holds nothing but results of this sweep.

    Args:
        folder: an existing folder; hidden files in it are ignored.
        identity: everything that the results depend on, as nested plain values.
        belongs: whether something in the folder is a result with this identity.

    Raises:
        ValueError: if the folder belongs to another sweep (the message lists every entry that differs), has no manifest
            and holds something that does not belong to this sweep, or cannot be read.
    """
    path = folder / NAME
    try:
        found = sorted(item for item in folder.iterdir() if not item.name.startswith(".") and item != path)
        there = os.path.lexists(path)
    except OSError as error:
        raise _unusable(folder, error) from error
    fault = f"there is no {NAME}"
    if there:
        try:
            held = _read(path)
        except (OSError, ValueError) as error:
            fault = f"{NAME} cannot be read ({error})"
        else:
            _check(folder, held, json.loads(canonical(identity)))
            return True
    strange = [item.name for item in found if not belongs(item)]
    if strange or (there and (not found or path.exists() and not path.is_file())):
        others = (
            f", and {strange[0]!r}, the first of {len(strange)}, is not a finished tile of this sweep"
            if strange
            else ""
        )
        raise ValueError(
            f"nothing says which sweep the folder {str(folder)!r} belongs to: {fault}{others}. Choose another or an "
            f"empty folder, or move what is not part of this sweep elsewhere; its finished tiles will be used."
        )
    return False


def _read(path: Path) -> Mapping[str, Any]:
    """The entries of a manifest.

    Raises:
        OSError: if it is not a file, or cannot be read.
        ValueError: if it is not a manifest.
    """
    if not stat.S_ISREG(path.stat().st_mode):  # reading a pipe, for example, would wait for ever
        raise OSError("it is not a file")
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(held, dict):
            raise ValueError("it holds no entries")
        _leaves(held)
    except RecursionError:
        raise ValueError("its entries are nested too deeply") from None
    return held


def _unusable(folder: Path, error: OSError) -> ValueError:
    return ValueError(f"cannot use the folder {str(folder)!r}: {error.strerror or error}. Choose another folder.")


def _check(folder: Path, held: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    there, here = _leaves(held), _leaves(wanted)
    lines = []
    for path in sorted(there.keys() | here.keys()):
        old, new = there.get(path, "nothing"), here.get(path, "nothing")
        if old != new:
            lines.append(f"  {'.'.join(path)}: {_excerpt(old, new)} there, {_excerpt(new, old)} here")
    if lines:
        raise ValueError(
            f"the folder {str(folder)!r} belongs to another sweep. These entries differ:\n" + "\n".join(lines) + "\n"
            "Choose another folder (the commands take it as --out); what this one holds stays as it is."
        )


def _leaves(node: Any, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], str]:
    """Every value in nested mappings and lists of mappings, as JSON text under its path."""
    if isinstance(node, list) and any(isinstance(item, dict) for item in node):
        node = {str(index): item for index, item in enumerate(node)}
    if not isinstance(node, dict) or (path and not node):
        return {path: json.dumps(node)}
    return {leaf: text for key, item in node.items() for leaf, text in _leaves(item, (*path, key)).items()}


def _excerpt(text: str, other: str) -> str:
    """A text, cut to the place where it first differs from another."""
    if len(text) <= _SHOWN:
        return text
    differs = next((at for at, pair in enumerate(zip(text, other, strict=False)) if pair[0] != pair[1]), len(other))
    begin = max(0, min(differs - _SHOWN // 2, len(text) - _SHOWN))
    end = begin + _SHOWN
    return ("…" if begin else "") + text[begin:end] + ("…" if end < len(text) else "")
