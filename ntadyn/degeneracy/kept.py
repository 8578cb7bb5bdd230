"""What a long estimate keeps, so that it can be killed and go on."""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from ntadyn.results.storage import writing
from ntadyn.version import __version__

_IDENTITY = "identity"


class Kept:
    """A folder with one file for every step of a run that is done, written whole or not at all.

    Attributes:
        folder: where; None keeps nothing.
    """

    def __init__(self, folder: Path | None, contents: Callable[[], tuple[Callable, PyTree, PyTree]]):
        """Keep the steps of one run.

        Args:
            folder: where; made if it is missing.
            contents: gives what tells this run from others: a function, what it is called with, and everything else.

        Raises:
            ValueError: if the folder holds another run.
        """
        self.folder = folder
        if folder is None:
            return
        folder.mkdir(parents=True, exist_ok=True)
        self._identity = _digest(*contents())
        for path in sorted(folder.glob("*.npz"))[:1]:
            with np.load(path) as file:
                if str(file[_IDENTITY]) != self._identity:
                    raise ValueError(
                        f"{folder} holds another run (other loss, point, settings, seed or version): give another "
                        "folder, or delete this one."
                    )

    def recall(self, step: str, make: Callable[[], PyTree]) -> PyTree:
        """What a step has made, now or before.

        Args:
            step: its name.
            make: makes it: a pytree of arrays.
        """
        if self.folder is None:
            return make()
        path = self.folder / f"{step.replace(' ', '-')}.npz"
        if path.exists():
            return _load(path, eqx.filter_eval_shape(make))
        made = make()
        with writing(path) as temporary, temporary.open("wb") as file:
            np.savez(file, **{_IDENTITY: np.array(self._identity)}, **_named(made))  # pyright: ignore[reportArgumentType]
        return made


def _named(tree: PyTree) -> dict[str, np.ndarray]:
    return {f"leaf {index}": np.asarray(leaf) for index, leaf in enumerate(jax.tree.leaves(tree))}


def _load(path: Path, like: PyTree) -> PyTree:
    leaves, structure = jax.tree.flatten(like)
    with np.load(path, allow_pickle=False) as file:
        found = [jnp.asarray(file[f"leaf {index}"]) for index in range(len(leaves))]
    return jax.tree.unflatten(structure, found)


def _digest(function: Callable, given: PyTree, rest: PyTree) -> str:
    """Of what a function computes from what is given, and of all arrays and settings."""
    arrays, static = eqx.partition(given, eqx.is_array)
    traced = jax.make_jaxpr(lambda arrays: function(eqx.combine(arrays, static)))(arrays)
    digest = hashlib.sha256(f"{__version__} {jax.__version__}".encode())
    # Addresses of functions differ from process to process.
    for text in (str(traced.jaxpr), repr(static), repr(rest)):
        digest.update(re.sub(r"0x[0-9a-f]+", "", text).encode())
    for leaf in jax.tree.leaves((traced.consts, arrays, eqx.filter(rest, eqx.is_array))):
        digest.update(np.asarray(leaf).tobytes())
    return digest.hexdigest()
