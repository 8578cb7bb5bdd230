"""Standard output and error for every encoding, and for readers that leave early."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


class _Stream(io.FileIO):
    """A standard stream that may fail: the work goes on, and further output goes nowhere."""

    forgiven: type[OSError] = OSError

    def write(self, data) -> int | None:  # noqa: D102 (see the class)
        try:
            return super().write(data)
        except self.forgiven:
            _send_nowhere(self.fileno())
            return len(data)


class _Results(_Stream):
    """Standard output, which fails only silently if its reader leaves, because what is printed there is the result."""

    forgiven = BrokenPipeError


@contextmanager
def standard_streams() -> Iterator[None]:
    r"""Make sure that everything a command prints arrives, or that its exit code is 2.

    Characters that the encoding of a stream lacks are written as `\xff`, `\u03bb`. A reader that leaves, like `head`,
    or a stream that was closed from the beginning, is not an error.

    Raises:
        SystemExit: with code 2 if the output cannot be written, for example to a full disk.
    """
    # Otherwise the next file that is opened would get the number of a standard stream.
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    _prepare("stdout", 1, _Results)
    _prepare("stderr", 2, _Stream)
    try:
        yield
    finally:
        _flush()


def _prepare(name: str, number: int, kind: type[_Stream]) -> None:
    stream = getattr(sys, name)
    if stream is not getattr(sys, f"__{name}__"):  # it is captured, by a test or a notebook
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
        return
    encoding, by_line = "utf-8", False
    if stream is not None:
        stream.flush()
        number, encoding, by_line = stream.fileno(), stream.encoding, stream.line_buffering
    buffer = io.BufferedWriter(kind(number, "w", closefd=False))
    setattr(sys, name, io.TextIOWrapper(buffer, encoding, errors="backslashreplace", line_buffering=by_line))


def _flush() -> None:
    try:
        sys.stdout.flush()
    except OSError as error:
        print(f"ntadyn: cannot print: {error.strerror}", file=sys.stderr)
        # Python would try to write the rest of the buffer again when it ends.
        _send_nowhere(sys.stdout.fileno())
        sys.exit(2)


def _send_nowhere(number: int) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)
