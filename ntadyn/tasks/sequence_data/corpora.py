"""Texts that a fresh machine has: the documentation and the source code that come with Python; or any file.

They differ between versions of Python, so that results are compared only where the hash is the same. No JAX here.
"""

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from ntadyn.limits import MOST_BYTES, check_count

MODULES = (
    "argparse", "ast", "calendar", "collections", "configparser", "csv", "dataclasses", "datetime", "decimal",
    "difflib", "fractions", "heapq", "inspect", "json.decoder", "json.encoder", "pathlib", "random", "statistics",
    "string", "subprocess", "tarfile", "textwrap", "threading", "turtle", "typing", "zipfile",
)  # fmt: skip
"""Modules of the standard library whose source is read, in this order."""


@dataclass(frozen=True)
class Corpus:
    """A text.

    Attributes:
        name: of the text.
        text: all of it.
    """

    name: str
    text: str

    @property
    def sha256(self) -> str:
        """Of the text in UTF-8."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def symbols(self) -> str:
        """All characters that occur, sorted."""
        return "".join(sorted(set(self.text)))

    def described(self) -> str:
        """One line: name, size, hash."""
        size = f"{len(self.text):,} characters, {len(self.symbols)} symbols"
        return f"{self.name}: {size}, sha256 {self.sha256}"


def documentation() -> Corpus:
    """The topics of Python's own help, sorted by name, with a blank line between them."""
    from pydoc_data.topics import topics

    return Corpus("documentation", "\n\n".join(topics[name] for name in sorted(topics)))


def source_code() -> Corpus:
    """The source of `MODULES` of the standard library, with a blank line between them.

    Raises:
        ValueError: on a Python that comes without it.
    """
    texts = []
    for name in MODULES:
        found = importlib.util.find_spec(name)
        if found is None or not found.origin or not found.origin.endswith(".py") or not Path(found.origin).is_file():
            raise ValueError(f"this Python comes without the source code of {name!r}; use a text file of your own.")
        texts.append(Path(found.origin).read_text(encoding="utf-8"))
    return Corpus("source code", "\n\n".join(texts))


def from_file(path: str) -> Corpus:
    """A text file of one's own.

    Args:
        path: a file in UTF-8.

    Raises:
        ValueError: if there is no such file, or it is no text.
    """
    file = Path(path)
    if not file.is_file():
        raise ValueError(f"there is no file {path!r}; name a text file in UTF-8.")
    check_count(f"bytes of {path!r}", file.stat().st_size, MOST_BYTES // 32)
    try:
        return Corpus(file.name, file.read_bytes().decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ValueError(f"{path!r} is no text in UTF-8 ({error.reason} at byte {error.start}).") from error
