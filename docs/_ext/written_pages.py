"""Pages that are written when a build begins; one that has not changed keeps its date and is not read again."""

from collections.abc import Mapping
from pathlib import Path


def write_pages(folder: Path, pages: Mapping[str, str], kind: str) -> None:
    """Make the files of one kind in a folder be these.

    Args:
        folder: made if need be.
        pages: name of a file -> its text.
        kind: suffix of the files; others of this kind are removed.
    """
    folder.mkdir(exist_ok=True)
    for old in folder.glob(f"*{kind}"):
        if old.name not in pages:
            old.unlink()
    for name, text in pages.items():
        path = folder / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
