"""What a function does, as a digest: two functions with the same one give the same numbers, as far as can be seen.

Covered are its instructions, default values, what it has closed over, and the values, functions and classes that it
names in its module and in others of your own, and so on through what those name. Functions of this package are told by
the sources that they need, those of installed packages by their names.

What cannot be seen: how installed packages differ between versions (JAX and those that compute with it are told
elsewhere), files and environment variables that a function reads, names that it makes up while it runs (`getattr` with
a computed name, `eval`), what is imported only then, and the content of objects that cannot be pickled.
"""

import dataclasses
import dis
import enum
import functools
import hashlib
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ntadyn.sweeps.surroundings import COMPUTING, PROJECT, code_of

# Marks a function with a docstring from Python 3.13 on.
_HAS_DOCSTRING = 0x4000000


def fingerprint(function: Callable[..., Any]) -> str:
    """Module and name of a function, followed by a digest of what it does where that is not told by its name.

    Args:
        function: a function, or any other object that can be called.
    """
    item = function if hasattr(function, "__qualname__") else type(function)
    origin = f"{item.__module__}.{item.__qualname__}"
    if isinstance(function, FunctionType | type) and not is_own(item.__module__):
        return " ".join((origin, *_named(item)[2:]))
    return f"{origin} {_Reader().read(function)[:16]}"


def is_own(module: str | None) -> bool:
    """Whether a module belongs neither to this package, nor to Python, nor to a package that is installed.

    Args:
        module: its dotted name.
    """
    if not module or module.partition(".")[0] == __name__.partition(".")[0]:
        return False
    if module == "__main__":
        return True
    file = getattr(sys.modules.get(module), "__file__", None)
    return file is not None and not any(Path(file).is_relative_to(place) for place in _installations())


@functools.cache
def _installations() -> frozenset[str]:
    """Folders of Python itself and of packages."""
    standard = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    return frozenset(standard | {entry for entry in sys.path if Path(entry).name in ("site-packages", "dist-packages")})


def _named(item: Any) -> tuple:
    """A function or class of somebody else's; one of this package with the sources that it needs."""
    name = (item.__module__, item.__qualname__)
    module = str(item.__module__)
    if module.partition(".")[0] != __name__.partition(".")[0] or module in _computing():
        return name
    return (*name, code_of(module))


@functools.cache
def _computing() -> frozenset[str]:
    """Modules that the identity of every sweep covers."""
    return frozenset(PROJECT.imported(COMPUTING))


class _Reader:
    """Digests of values, the same in every process."""

    def __init__(self):
        # By id, with the objects themselves, so that no other one takes the same id.
        self._known: dict[int, tuple[str, Any]] = {}
        self._depth = 0

    def read(self, value: Any) -> str:
        """The digest of a value."""
        if id(value) not in self._known:
            # Found again inside of itself, it is told by how deep it is.
            self._known[id(value)] = (f"in itself, {self._depth}", value)
            self._depth += 1
            told = hashlib.sha256(repr(self._told(value)).encode()).hexdigest()
            self._depth -= 1
            self._known[id(value)] = (told, value)
        return self._known[id(value)][0]

    def _told(self, value: Any) -> tuple:
        """What tells a value from others, in digests and texts."""
        kind = type(value)
        match value:
            case enum.Enum():
                return (*_named(kind), value.name, self.read(value.value))
            case bool() | int() | float() | complex() | str() | bytes() | None:
                return (kind.__name__, repr(value))
            case np.ndarray() | np.generic() | jax.Array():
                return _array(value)
            case ModuleType():
                return ("module", value.__name__)
            case tuple() | list():
                return (kind.__name__, *map(self.read, value))
            case set() | frozenset():
                return (kind.__name__, *sorted(map(self.read, value)))  # their order differs from process to process
            case dict():
                return (kind.__name__, *((self.read(key), self.read(item)) for key, item in value.items()))
            case FunctionType():
                return self._function(value) if is_own(value.__module__) else _named(value)
            case type():
                return self._class(value) if is_own(value.__module__) else _named(value)
            case MethodType():
                return ("method", self.read(value.__func__), self.read(value.__self__))
            case property():
                return ("property", *map(self.read, (value.fget, value.fset, value.fdel)))
            case BuiltinFunctionType():
                return ("built in", str(value.__module__), value.__qualname__)
        # jax.jit, functools.cache, staticmethod and their like
        wrapped = getattr(value, "__wrapped__", None)
        return self._object(value) if wrapped is None else (kind.__qualname__, self.read(wrapped))

    def _function(self, function: FunctionType) -> tuple:
        cells = tuple(_content(cell) for cell in function.__closure__ or ())
        around, used = function.__globals__, _Names.of(function.__code__)
        outside = {name: around[name] for name in used.variables if name in around}
        modules = [item for item in outside.values() if isinstance(item, ModuleType)]
        modules += [sys.modules[name] for name in used.modules if name in sys.modules]
        # Of a module of one's own, everything that is named: what is read off it looks like any other attribute.
        while modules:
            module = modules.pop()
            for name in used.attributes if is_own(module.__name__) else ():
                place = f"{module.__name__}.{name}"
                if name in vars(module) and place not in outside:
                    outside[place] = vars(module)[name]
                    modules += [outside[place]] if isinstance(outside[place], ModuleType) else []
        return (
            function.__qualname__,
            _instructions(function.__code__),
            *map(self.read, (function.__defaults__, function.__kwdefaults__, cells)),
            *((name, self.read(outside[name])) for name in sorted(outside)),
        )

    def _class(self, kind: type) -> tuple:
        # Asked of the class, methods come without what a library has wrapped around them.
        members = {name: getattr(kind, name, item) for name, item in vars(kind).items() if name != "_abc_impl"}
        # What Python itself keeps in a class changes no number: its docstring, its annotations.
        members = {name: item for name, item in members.items() if callable(item) or not name.startswith("__")}
        bases = map(self.read, kind.__bases__)
        return (kind.__qualname__, *bases, *((name, self.read(item)) for name, item in sorted(members.items())))

    def _object(self, value: Any) -> tuple:
        """By the parts that it would be put together from again elsewhere."""
        kind = self.read(type(value))
        if dataclasses.is_dataclass(value):
            parts = {item.name: getattr(value, item.name, None) for item in dataclasses.fields(value)}
            return ("object", kind, self.read(parts))
        try:
            parts = value.__reduce_ex__(4)
        except Exception:  # noqa: BLE001 (whatever an object says to being taken apart)
            return ("object", kind)
        if isinstance(parts, str):
            return ("object", kind, parts)
        items = [list(item) if isinstance(item, Iterator) else item for item in parts]
        return ("object", kind, *map(self.read, items))


@dataclasses.dataclass(frozen=True)
class _Names:
    """Names in a function and in those inside of it: of variables outside, of attributes, of modules it imports."""

    variables: frozenset[str]
    attributes: frozenset[str]
    modules: frozenset[str]

    @classmethod
    def of(cls, code: CodeType) -> "_Names":
        found: dict[str, set[str]] = {"GLOBAL": set(), "ATTR": set(), "IMPORT": set()}
        waiting = [code]
        while waiting:
            code = waiting.pop()
            waiting += [item for item in code.co_consts if isinstance(item, CodeType)]
            for step in dis.get_instructions(code):
                if kind := _KINDS.get(step.opname):
                    found[kind].add(str(step.argval))
        return cls(*map(frozenset, found.values()))


_KINDS = {
    "LOAD_GLOBAL": "GLOBAL",
    "LOAD_NAME": "GLOBAL",
    "LOAD_FROM_DICT_OR_GLOBALS": "GLOBAL",
    "LOAD_ATTR": "ATTR",
    "LOAD_METHOD": "ATTR",
    "IMPORT_FROM": "ATTR",
    "IMPORT_NAME": "IMPORT",
}


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not yet filled
        return None


def _array(value: Any) -> tuple:
    dtype = str(value.dtype)
    if isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jax.dtypes.prng_key):
        value = jax.random.key_data(value)
    array = np.asarray(value)
    content = repr(array.tolist()).encode() if array.dtype.hasobject else np.ascontiguousarray(array).tobytes()
    return ("array", dtype, str(array.shape), hashlib.sha256(content).hexdigest())


def _instructions(code: CodeType) -> tuple:
    """What a function does, without the names of files, the numbers of lines and its docstring."""
    constants = code.co_consts
    if sys.version_info >= (3, 13):
        documented = bool(code.co_flags & _HAS_DOCSTRING)
    else:
        # Comprehensions, whose names are in angles, have no place for one.
        documented = not code.co_name.startswith("<") and bool(constants) and isinstance(constants[0], str)
    return code.co_code, code.co_names, tuple(map(_constant, constants[documented:]))


def _constant(value: Any) -> Any:
    if isinstance(value, CodeType):
        return _instructions(value)
    # The order of a set differs from process to process.
    return sorted(map(repr, value)) if isinstance(value, frozenset) else repr(value)
