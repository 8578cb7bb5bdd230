"""What a training that was stopped goes on from: one file per group of lanes, written whole or not at all.

A file is one line of JSON, with the hash of all that follows, and then the arrays. `training.json` says what the folder
belongs to.
"""

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import PyTree

from ntadyn.results import storage
from ntadyn.results.text import printable

FORMAT = 1
TRAINING = "training.json"


class Kept(eqx.Module):
    """All that a group of lanes has come to.

    Attributes:
        state: models and optimisers.
        step: steps done.
        losses: on the batch of every step, shape (lanes, steps); NaN where there was none yet.
        held_out: losses on examples for choices, shape (lanes, evaluations, parts); likewise.
        seconds: of the steps so far, and of the evaluations.
    """

    state: PyTree
    step: np.ndarray
    losses: np.ndarray
    held_out: np.ndarray
    seconds: np.ndarray


def save(kept: PyTree, target: Path) -> None:
    """Write a group of lanes, or any other tree of arrays.

    Args:
        kept: all of it.
        target: the file; its folder must exist.

    Raises:
        OSError: if it cannot be written; what was there before is as it was.
    """
    buffer = io.BytesIO()
    eqx.tree_serialise_leaves(buffer, jax.tree.map(np.asarray, kept))
    content = buffer.getvalue()
    head = {"format": FORMAT, "sha256": hashlib.sha256(content).hexdigest()}
    storage.write_bytes(json.dumps(head).encode() + b"\n" + content, target)


def load(like: PyTree, source: Path) -> Any:
    """Read a group of lanes, or another tree of arrays.

    Args:
        like: arrays of the shapes and dtypes that are expected.
        source: a file that `save` has written.

    Raises:
        ValueError: if it is damaged, or of another training.
    """
    head, _, content = source.read_bytes().partition(b"\n")
    try:
        told = json.loads(head)
        whole = told["format"] == FORMAT and told["sha256"] == hashlib.sha256(content).hexdigest()
    except (ValueError, KeyError, TypeError):
        whole = False
    if not whole:
        raise ValueError(f"{printable(str(source))} is damaged, or no file of a training; delete it to begin it anew.")
    try:
        read = eqx.tree_deserialise_leaves(io.BytesIO(content), jax.tree.map(np.asarray, like))
        return jax.tree.map(np.array, read)  # whose entries can be changed
    except (RuntimeError, ValueError) as error:
        raise ValueError(
            f"{printable(str(source))} holds a model of other sizes; delete it to begin it anew."
        ) from error


def claim(folder: Path, training: dict[str, Any], resume: bool) -> None:
    """Make a folder that of a training, or see whether it is.

    Args:
        folder: exists.
        training: all that its numbers depend on, as JSON has it.
        resume: whether to go on with what is there; if nothing is, it begins.

    Raises:
        ValueError: if it belongs to another training, or to this one and nothing was said of going on.
    """
    file = folder / TRAINING
    if not file.exists():
        storage.write_bytes(json.dumps(training, indent=1, sort_keys=True).encode(), file)
        return
    name = printable(str(folder))
    if not resume:
        raise ValueError(f"{name} holds a training already; go on with it by --resume, or name another folder.")
    before = claimed(folder)
    plain = json.loads(json.dumps(training))
    if different := sorted(key for key in before.keys() | plain.keys() if before.get(key) != plain.get(key)):
        told = "; ".join(f"{key} was {_short(before.get(key))} and is {_short(plain.get(key))}" for key in different)
        raise ValueError(f"{name} holds another training: {told}. Name another folder, or give what it was begun with.")


def claimed(folder: Path) -> dict[str, Any]:
    """What a folder belongs to.

    Args:
        folder: see `claim`.

    Raises:
        ValueError: if it holds no training.
    """
    try:
        found = json.loads((folder / TRAINING).read_text())
    except (OSError, ValueError) as error:
        raise ValueError(f"{printable(str(folder))} holds no training that can be read.") from error
    if not isinstance(found, dict):
        raise ValueError(f"{printable(str(folder))} holds no training that can be read.")
    return found


def _short(value: Any) -> str:
    text = printable(json.dumps(value))
    return text if len(text) <= 300 else f"{text[:297]}..."
