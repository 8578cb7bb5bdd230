"""Images in IDX form, the format of MNIST and Fashion-MNIST, read from a folder that somebody gives.

A file of images is big-endian: magic 0x00000803, then number, rows and columns as int32, then one byte per pixel; one
of labels is magic 0x00000801, number, one byte per label. Files may be plain or compressed (`.gz`). Nothing is
downloaded.

    images = idx.folder("mnist")

Source: LeCun, Cortes, Burges, The MNIST database, for the format; Xiao, Rasul, Vollgraf 2017 (arXiv 1708.07747).
"""

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np

from ntadyn.tasks.examples import held_out_rows
from ntadyn.tasks.images import NUM_CLASSES, ImageSet

IMAGES, LABELS = 0x00000803, 0x00000801
TRAIN, TEST = "train", "t10k"
HELD_OUT = 0.2
_KINDS = {IMAGES: ("images", 4), LABELS: ("labels", 2)}


def folder(path: Path | str, seed: int = 0) -> ImageSet:
    """The images of a folder, and which of them are held out.

    The folder holds `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte` and
    `t10k-labels-idx1-ubyte`, or the last two alone; each plain or with `.gz` (a plain file is preferred). With all
    four, the second pair is held out. The second pair alone is split: a fifth is held out, of every class its share.

    Args:
        path: the folder.
        seed: of the split of a single pair.

    Returns:
        The images, those to learn from first.

    Raises:
        ValueError: if files are missing, truncated, too long, not of the format, or do not fit each other, or a label
            is not between 0 and 9. The message names the file.
    """
    path = Path(path)
    if not path.is_dir():
        raise ValueError(f"{path} is no folder; give one with {_names(TEST)}, and {_names(TRAIN)} if you have them.")
    kept = _pair(path, TEST)
    if kept is None:
        raise ValueError(f"{path} has no {_names(TEST)}, plain or with .gz; without them there is nothing to judge by.")
    pixels, labels = kept
    name = f"{path.resolve().name}, {pixels.shape[1]}x{pixels.shape[2]} (IDX)"
    practised = _pair(path, TRAIN)
    if practised is None:
        rows = held_out_rows(labels, HELD_OUT, seed)
        order = np.argsort(rows, kind="stable")
        split = f"the {len(labels)} images of {TEST} alone, split 80/20 by seed {seed}"
        return ImageSet(_scaled(pixels[order]), labels[order], rows[order], name, split)
    if practised[0].shape[1:] != pixels.shape[1:]:
        raise ValueError(
            f"{path}: images of {TRAIN} are {practised[0].shape[1:]} pixels large, those of {TEST} "
            f"{pixels.shape[1:]}; they belong to different sets."
        )
    both = np.concatenate([practised[0], pixels]), np.concatenate([practised[1], labels])
    rows = np.arange(len(both[1])) >= len(practised[1])
    split = f"{len(practised[1])} images of {TRAIN}, {len(labels)} of {TEST} held out"
    return ImageSet(_scaled(both[0]), both[1], rows, name, split)


def read_images(path: Path | str) -> np.ndarray:
    """The images of one file, shape (n, rows, columns), uint8.

    Raises:
        ValueError: if the file cannot be read, or is not of the format to the last byte.
    """
    return _read(Path(path), IMAGES)


def read_labels(path: Path | str) -> np.ndarray:
    """The labels of one file, shape (n,), int64.

    Raises:
        ValueError: as for images, or if a label is not between 0 and 9.
    """
    labels = _read(Path(path), LABELS).astype(np.int64)
    if labels.max() >= NUM_CLASSES:
        at = int(np.argmax(labels >= NUM_CLASSES))
        raise ValueError(f"{path}: label {at} is {labels[at]}; allowed are 0 to {NUM_CLASSES - 1}.")
    return labels


def _pair(path: Path, part: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Images and labels of a part; None if neither is there."""
    found = [_present(path / name) for name in _files(part)]
    if found == [None, None]:
        return None
    of_images, of_labels = found
    if of_images is None or of_labels is None:
        missing = _files(part)[found.index(None)]
        raise ValueError(f"{path} has one file of {part}, but no {missing}, plain or with .gz; images need labels.")
    pixels, labels = read_images(of_images), read_labels(of_labels)
    if len(pixels) != len(labels):
        raise ValueError(
            f"{path}: {of_images.name} has {len(pixels)} images and {of_labels.name} has {len(labels)} labels; they "
            "must be as many."
        )
    return pixels, labels


def _read(path: Path, magic: int) -> np.ndarray:
    kind, words = _KINDS[magic]
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path} cannot be read: {error}. Copy it again.") from error
    if len(content) < 4 * words:
        raise ValueError(f"{path} has {len(content)} bytes, fewer than the {4 * words} of the header of {kind}.")
    found, *shape = struct.unpack(f">{words}I", content[: 4 * words])
    if found != magic:
        other = f", which is that of {_KINDS[found][0]}" if found in _KINDS else ""
        raise ValueError(f"{path} begins with {found:#010x}{other}; {kind} in IDX form begin with {magic:#010x}.")
    expected, given = int(np.prod(shape, dtype=object)), len(content) - 4 * words
    if expected == 0:
        raise ValueError(f"{path} says that it holds {kind} of the shape {tuple(shape)}: none.")
    if given != expected:
        what = "truncated" if given < expected else "too long"
        raise ValueError(
            f"{path} is {what}: {given} bytes follow its header, but {kind} of the shape {tuple(shape)} take "
            f"{expected}."
        )
    return np.frombuffer(content, np.uint8, offset=4 * words).reshape(shape)


def _scaled(pixels: np.ndarray) -> np.ndarray:
    return pixels.astype(np.float32) / np.float32(255)


def _present(path: Path) -> Path | None:
    return next((each for each in (path, path.with_name(path.name + ".gz")) if each.is_file()), None)


def _files(part: str) -> tuple[str, str]:
    return f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"


def _names(part: str) -> str:
    return " and ".join(_files(part))
