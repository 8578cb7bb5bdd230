"""What a long estimate keeps, so that it can be killed and go on."""

import hashlib
import re
import zipfile
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

    def __init__(self, folder: Path | str | None, contents: Callable[[], tuple[Callable, PyTree, PyTree]]):
        """Keep the steps of one run.

        Args:
            folder: where; made if it is missing.
            contents: gives what tells this run from others: a function, what it is called with, and everything else.

        Raises:
            ValueError: if the folder is none, or holds another run.
        """
        self.folder = None if folder is None else Path(folder)
        if self.folder is None:
            return
        if self.folder.exists() and not self.folder.is_dir():
            raise ValueError(f"{folder} is a file; name a folder to keep a run in.")
        self.folder.mkdir(parents=True, exist_ok=True)
        self._identity = _digest(*contents())
        for path in sorted(self.folder.glob("*.npz")):
            self._read(path)

    def recall(self, step: str, make: Callable[[], PyTree], like: PyTree = None) -> PyTree:
        """What a step has made, now or before.

        Args:
            step: its name.
            make: makes it: a pytree of arrays.
            like: a pytree of the same structure, where `make` cannot be traced to find it.
        """
        if self.folder is None:
            return make()
        path = self.folder / f"{step.replace(' ', '-')}.npz"
        if path.exists():
            leaves, structure = jax.tree.flatten(eqx.filter_eval_shape(make) if like is None else like)
            found = self._read(path)
            if [leaf.shape for leaf in found] != [leaf.shape for leaf in leaves]:
                raise ValueError(f"{path} does not hold this step: delete it.")
            return jax.tree.unflatten(structure, [jnp.asarray(leaf) for leaf in found])
        made = make()
        named = {_name(index): np.asarray(leaf) for index, leaf in enumerate(jax.tree.leaves(made))}
        with writing(path) as temporary, temporary.open("wb") as file:
            np.savez(file, **{_IDENTITY: np.array(self._identity)}, **named)  # pyright: ignore[reportArgumentType]
        return made

    def _read(self, path: Path) -> list[np.ndarray]:
        """The arrays of a file, which must be whole and of this run."""
        try:
            with np.load(path, allow_pickle=False) as file:
                identity = str(file[_IDENTITY])
                leaves = [file[_name(index)] for index in range(len(file.files) - 1)]
        except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
            raise ValueError(f"{path} is damaged, or no file of a kept run ({error}): delete it.") from error
        if identity != self._identity:
            raise ValueError(
                f"{path} belongs to another run (other loss, point, settings, seed or version): give another folder, "
                "or delete this one."
            )
        return leaves


def _name(index: int) -> str:
    return f"leaf {index}"


def _digest(function: Callable, given: PyTree, rest: PyTree) -> str:
    """Of what a function computes from what is given, and of all arrays and settings.

    The program alone does not tell: it does not show the values of arrays that functions have closed over.
    """
    arrays, static = eqx.partition(given, eqx.is_array)

    def computed(arrays: PyTree) -> PyTree:
        return function(eqx.combine(arrays, static))

    digest = hashlib.sha256(f"{__version__} {jax.__version__}".encode())
    # Addresses of functions differ from process to process.
    for text in (str(jax.make_jaxpr(computed)(arrays).jaxpr), repr(static), repr(rest)):
        digest.update(re.sub(r"0x[0-9a-f]+", "", text).encode())
    for leaf in jax.tree.leaves((eqx.filter_jit(computed)(arrays), arrays, eqx.filter(rest, eqx.is_array))):
        digest.update(_plain(leaf).tobytes())
    return digest.hexdigest()


def _plain(leaf: jax.Array) -> np.ndarray:
    is_key = jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return np.asarray(jax.random.key_data(leaf) if is_key else leaf)
