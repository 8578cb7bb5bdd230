"""Whose results a folder holds: a file that says which sweep it belongs to."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ntadyn import storage
from ntadyn.sweeps.claims import alone_in

NAME = "sweep.json"
_SHOWN = 60


def canonical(identity: Mapping[str, Any]) -> str:
    """An identity as text; equal text is what makes two sweeps the same.

    Args:
        identity: nested plain values, as JSON has them.

    Raises:
        TypeError: for anything that JSON cannot hold.
    """
    return json.dumps(identity, sort_keys=True)


def settle(folder: Path, identity: Mapping[str, Any]) -> Path:
    """Make a folder the home of a sweep, or make sure that it is.

    Args:
        folder: an existing folder; hidden files in it are ignored.
        identity: everything that the results depend on, as nested plain values.

    Returns:
        The path of the manifest.

    Raises:
        ValueError: if the folder belongs to another sweep (the message lists every entry that differs), holds files
            without saying whose they are, or has a manifest that cannot be read.
    """
    path = folder / NAME
    with alone_in(folder):
        if path.exists():
            _check(folder, _read(path), json.loads(canonical(identity)))
            return path
        others = sorted(item.name for item in folder.iterdir() if not item.name.startswith("."))
        if others:
            raise ValueError(
                f"the folder {str(folder)!r} holds {others[0]!r} and {len(others) - 1} other files, but no {NAME} that "
                f"says which sweep they belong to. Choose a new or empty folder."
            )
        with storage.writing(path) as temporary:
            temporary.write_text(json.dumps(identity, indent=2) + "\n", encoding="utf-8")
        return path


def _read(path: Path) -> dict[str, Any]:
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(
            f"cannot read {str(path)!r}, which says what sweep the folder belongs to ({error}). Choose another folder, "
            f"or delete this one."
        ) from error
    return held if isinstance(held, dict) else {}


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
            "Choose another folder to keep both (the commands take it as --out), or delete this one to start over."
        )


def _leaves(node: Any, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], str]:
    """Every value in a nest of mappings and of lists of mappings, as JSON text under its path."""
    if isinstance(node, list) and any(isinstance(item, dict) for item in node):
        node = {str(index): item for index, item in enumerate(node)}
    if not isinstance(node, dict) or (path and not node):
        return {path: json.dumps(node)}
    return {leaf: text for key, item in node.items() for leaf, text in _leaves(item, (*path, key)).items()}


def _excerpt(text: str, other: str) -> str:
    """A text cut to where it first differs from another one."""
    if len(text) <= _SHOWN:
        return text
    differs = next((at for at, pair in enumerate(zip(text, other, strict=False)) if pair[0] != pair[1]), len(other))
    begin = max(0, min(differs - _SHOWN // 2, len(text) - _SHOWN))
    end = begin + _SHOWN
    return ("…" if begin else "") + text[begin:end] + ("…" if end < len(text) else "")
