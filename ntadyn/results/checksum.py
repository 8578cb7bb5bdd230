"""A checksum at the end of a NetCDF-4 file, over every byte before it.

An HDF5 file says itself where it ends, and readers ignore what follows. There stands one line of text with the SHA-256
of all that comes before it. Programs that change or rewrite the file drop that line, so a file has the right checksum,
none, or was damaged: a line that does not match, or anything else in its place.
"""

import hashlib

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_LINE = b"\nsha256 of all bytes before this line, by ntadyn: %s\n"
# Where the first block of an HDF5 file, by its version, holds the width of an address, and the address of the end.
_WIDTH_AND_END = {0: (13, 40), 1: (13, 44), 2: (9, 28), 3: (9, 28)}


def sealed(content: bytes) -> bytes:
    """A NetCDF-4 file with its checksum appended.

    Args:
        content: the whole file.
    """
    return content + _line(content)


def compared(content: bytes) -> bool:
    """Compare a NetCDF-4 file with its checksum.

    Args:
        content: the whole file.

    Returns:
        True if it matches, False if there is none.

    Raises:
        ValueError: if the file is damaged, cut short, or no NetCDF-4 file.
    """
    end = _end(content)
    if len(content) < end:
        raise ValueError(f"it was cut short: {len(content):,} of {end:,} bytes are there")
    body, rest = content[:end], content[end:]
    if rest and rest != _line(body):
        raise ValueError("it is damaged: its content and the checksum at its end do not match")
    return bool(rest)


def _line(content: bytes) -> bytes:
    return _LINE % hashlib.sha256(content).hexdigest().encode()


def _end(content: bytes) -> int:
    if not content:
        raise ValueError("it is empty")
    if not content.startswith(_SIGNATURE):
        raise ValueError("it is of another format")
    width, end = _WIDTH_AND_END.get(content[8], (0, 0)) if len(content) > 8 else (0, 0)
    if not end or len(content) < end + 8 or content[width] != 8:
        raise ValueError("it is damaged: its first block makes no sense")
    return int.from_bytes(content[end : end + 8], "little")
