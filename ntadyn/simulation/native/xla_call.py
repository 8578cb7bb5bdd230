"""Functions of Python that XLA calls on a CPU, with NumPy's arrays in its own memory: `frame` in Python.

`jax.pure_callback` is not used, because it hands large arguments over in the threads of XLA, one of which waits for the
function: with one core, both wait forever.
"""

import ctypes
import traceback
from collections.abc import Callable

import jax
import numpy as np

VERSION = (0, 1)
QUESTION = 1
# Numbers of `XLA_FFI_DataType`; nothing else is handed over here.
_DTYPES = {4: np.int32, 5: np.int64, 11: np.float32, 12: np.float64}
_INTERNAL = 13
_HANDLER = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)
# XLA holds addresses only.
_kept: list[Callable[..., int | None]] = []


def register(name: str, function: Callable[..., None]) -> None:
    """Let XLA find a function by a name, for `jax.ffi.ffi_call`, on a CPU.

    Args:
        name: the name.
        function: called with all arrays that go in, then those that come out, which it fills. What it raises, XLA
            raises with the same words.
    """

    def handle(frame: int) -> int | None:
        words = _words(frame, 15)
        if _answers(words[1]):
            return None
        arrays = [_array(place) for first in (7, 12) for place in _words(words[first + 2], words[first])]
        try:
            function(*arrays)
        except Exception:
            return _error(words[2], traceback.format_exc())
        return None

    handler = _HANDLER(handle)
    _kept.append(handler)
    jax.ffi.register_ffi_target(name, jax.ffi.pycapsule(handler), platform="cpu")


def _words(address: int, number: int) -> ctypes.Array:
    return (ctypes.c_int64 * number).from_address(address)


def _answers(extension: int) -> bool:
    """Whether XLA only asks for the version, which is then told."""
    if extension == 0 or (_words(extension, 4)[1] & 0xFFFFFFFF) != QUESTION:
        return False
    told = (ctypes.c_int32 * 8).from_address(_words(extension, 4)[3])
    told[6], told[7] = VERSION
    return True


def _array(place: int) -> np.ndarray:
    _, _, kind, numbers, rank, sizes = _words(place, 6)
    dtype, shape = np.dtype(_DTYPES[kind & 0xFFFFFFFF]), tuple(_words(sizes, rank)) if rank else ()
    length = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    return np.frombuffer(memoryview((ctypes.c_char * length).from_address(numbers)), dtype).reshape(shape)


def _error(interface: int, message: str) -> int | None:
    """An error of XLA's own, made by the sixth pointer of its interface."""
    text = ctypes.create_string_buffer(message.encode())
    told = (ctypes.c_int64 * 4)(32, 0, ctypes.addressof(text), _INTERNAL)
    return _HANDLER(_words(interface, 7)[6])(ctypes.addressof(told))
