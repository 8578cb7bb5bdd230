"""What a function does, as a digest: as far as can be seen, functions with equal digests give the same numbers.

A digest covers the instructions of a function, its default values and attributes, what it has closed over, and the
values, functions and classes that it names in its module and in other modules of yours, and so on through what those
name. What has a name in this package is identified by the sources that it needs, what has a name in an installed
package by that name. What an installed package has made of something (`jax.vmap(f)`, `optax.constant_schedule(0.1)`) is
identified by the name of its code and by all that it holds.

Some things cannot be seen: how installed packages differ between versions (JAX and those that compute with it are
recorded elsewhere), and changes to them at run time; files and environment variables that a function reads; names that
it makes up at run time (`getattr` with a computed name, `eval`), and what is imported only then; what an object leaves
out when it is pickled, and what code in C holds without showing it (`numpy.frompyfunc`, iterators); of `jax.jit`,
anything but the function and the options of the compiler; of cached results, those of `cached_property` and of weak
dictionaries. A dictionary in which a function keeps its results is seen: once filled, it has another digest.
"""

import copyreg
import dataclasses
import dis
import enum
import functools
import hashlib
import inspect
import random
import sys
import sysconfig
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, MappingProxyType, MethodType, ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ntadyn.sweeps.surroundings import COMPUTING, PROJECT, code_of

# Marks a function with a docstring from Python 3.13 on.
_HAS_DOCSTRING = 0x4000000
# Attributes that say something about a function or an object and change nothing that it does.
_ABOUT = {"__annotate__", "__annotations__", "__doc__", "__module__", "__name__", "__qualname__", "__type_params__"}
_ABOUT |= {"_jit_info"}  # JAX's: names of files and numbers of lines, which functools.wraps passes on
_PLAIN = (bool, int, float, complex, str, bytes, type(None))
_JITTED = type(jax.jit(lambda: None))
# Every process seeds them anew.
_GENERATORS = (random.random.__self__, np.random.random.__self__)


def fingerprint(function: Callable[..., Any]) -> str:
    """Module and name of a function, followed by a digest of what it does unless its name says that.

    Args:
        function: a function, or any other object that can be called.
    """
    if (name := _found_by_name(function)) is not None:
        module, qualname, *code = name
        return " ".join((f"{module}.{qualname}", *code))
    item = function if hasattr(function, "__qualname__") else type(function)
    return f"{item.__module__}.{item.__qualname__} {_Reader().read(function)[:16]}"


def is_own(module: str | None) -> bool:
    """Whether a module belongs neither to this package, nor to Python, nor to a package that is installed.

    Args:
        module: its dotted name; code without one, or with one that is not imported, was made at run time.
    """
    if module is None or module == "__main__":
        return True
    if module.partition(".")[0] == __name__.partition(".")[0]:
        return False
    if module not in sys.modules:
        return True
    file = getattr(sys.modules[module], "__file__", None)
    return file is not None and not any(Path(file).is_relative_to(place) for place in _installations())


@functools.cache
def _installations() -> frozenset[str]:
    """Folders of Python itself and of packages."""
    standard = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    return frozenset(standard | {entry for entry in sys.path if Path(entry).name in ("site-packages", "dist-packages")})


def _named(module: str, qualname: str) -> tuple[str, ...]:
    """The name of code that is not your own; for code of this package, with a digest of the sources that it needs."""
    if module.partition(".")[0] != __name__.partition(".")[0] or module in _computing():
        return module, qualname
    return module, qualname, code_of(module)


def _found_by_name(item: Any) -> tuple[str, ...] | None:
    """The name of a function, class or the like, if it can be found by that name in a module that is not your own."""
    module, qualname = getattr(item, "__module__", None), getattr(item, "__qualname__", None)
    if not (callable(item) and isinstance(module, str) and isinstance(qualname, str)) or is_own(module):
        return None
    if isinstance(item, FunctionType) and is_own(_written_in(item)):  # functools.wraps, or put there
        return None
    found: Any = sys.modules.get(module)
    for name in qualname.split("."):
        found = getattr(found, name, None)
    return _named(module, qualname) if found is item else None


def _written_in(function: FunctionType) -> str | None:
    """The module that holds the code of a function; `__module__` is that of what it wraps."""
    return function.__globals__.get("__name__")


@functools.cache
def _computing() -> frozenset[str]:
    """Modules that the identity of every sweep covers."""
    return frozenset(PROJECT.imported(COMPUTING))


class _Reader:
    """Digests of values, the same in every process."""

    def __init__(self):
        # By id, together with the objects themselves, so that no other object can get the same id.
        self._known: dict[int, tuple[str, Any]] = {}
        self._depth = 0

    def read(self, value: Any) -> str:
        """The digest of a value."""
        if id(value) not in self._known:
            # If it is found again inside itself, its depth stands for it.
            self._known[id(value)] = (f"in itself, {self._depth}", value)
            self._depth += 1
            told = hashlib.sha256(repr(self._told(value)).encode()).hexdigest()
            self._depth -= 1
            self._known[id(value)] = (told, value)
        return self._known[id(value)][0]

    def _told(self, value: Any) -> tuple:
        """What distinguishes a value from others, as digests and texts."""
        kind = type(value)
        if (name := _found_by_name(value)) is not None:
            return ("named", *name)
        if kind in _PLAIN:
            return (kind.__name__, repr(value))
        if kind in (tuple, list):
            return (kind.__name__, *map(self.read, value))
        if kind in (dict, MappingProxyType):
            return (kind.__name__, *((self.read(key), self.read(item)) for key, item in value.items()))
        if kind is _JITTED:
            return self._jitted(value)
        if kind is np.ndarray or isinstance(value, np.generic | jax.Array):
            return self._array(value)
        if any(value is item for item in _GENERATORS):
            return ("generator of the process",)
        # Values of derived classes are read with what these add: an array with its mask, a dictionary with its default.
        match value:
            case enum.Enum():
                return (self.read(kind), str(value.name), self.read(value.value))
            case ModuleType():
                return ("module", value.__name__)
            case set() | frozenset():
                # Their order differs from process to process.
                state = self._state(kind, object.__getstate__(value))
                return (self.read(kind), *sorted(map(self.read, value)), state)
            case weakref.ref() | weakref.WeakKeyDictionary() | weakref.WeakValueDictionary() | weakref.WeakSet():
                return ("weak", self.read(kind))
            case FunctionType():
                return self._function(value)
            case type() if kind not in copyreg.dispatch_table:
                # Classes that are not your own are identified by their names, unless they were made at run time.
                made_up = value.__module__ == "types" or "<locals>" in value.__qualname__
                own = made_up or is_own(value.__module__)
                return self._class(value) if own else ("named", *_named(value.__module__, value.__qualname__))
            case MethodType():
                return ("method", self.read(value.__func__), self.read(value.__self__))
            case property():
                return ("property", *map(self.read, (value.fget, value.fset, value.fdel)))
            case BuiltinFunctionType():
                return ("built in", str(value.__module__), value.__qualname__, self.read(value.__self__))
        return self._object(value)

    def _function(self, function: FunctionType) -> tuple:
        """A function by its code and all that it holds."""
        module = _written_in(function)
        cells = tuple(_content(cell) for cell in function.__closure__ or ())
        if module is None or is_own(module):
            code = (function.__qualname__, _instructions(function.__code__), *self._outside(function, cells))
        else:
            code = _named(module, function.__code__.co_qualname)
        held = map(self.read, (function.__defaults__, function.__kwdefaults__, cells))
        return ("function", code, *held, self._state(FunctionType, vars(function)))

    def _outside(self, function: FunctionType, cells: tuple) -> Iterator[tuple[str, str]]:
        """What a function names in its module and in other modules of your own."""
        around, used = function.__globals__, _Names.of(function.__code__)
        outside = {name: around[name] for name in used.variables if name in around}
        modules = [item for item in (*outside.values(), *cells) if isinstance(item, ModuleType)]
        modules += [sys.modules[name] for name in used.modules if name in sys.modules]
        # Everything in your own modules that is named: reading it looks like reading any other attribute.
        while modules:
            module = modules.pop()
            for name in used.attributes if is_own(module.__name__) else ():
                place = f"{module.__name__}.{name}"
                if name in vars(module) and place not in outside:
                    outside[place] = vars(module)[name]
                    modules += [outside[place]] if isinstance(outside[place], ModuleType) else []
        return ((name, self.read(outside[name])) for name in sorted(outside))

    def _jitted(self, function: Any) -> tuple:
        """A jitted function without what else JAX keeps in it: places in files, caches."""
        options = getattr(getattr(function, "_jit_info", None), "compiler_options_kvs", None)
        return ("jit", self.read(function.__wrapped__), self.read(options))

    def _array(self, value: Any) -> tuple:
        dtype = str(value.dtype)
        if isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jax.dtypes.prng_key):
            value = jax.random.key_data(value)
        array = np.asarray(value)
        if array.dtype.hasobject:
            return ("array", dtype, str(array.shape), self.read(array.tolist()))
        return ("array", dtype, str(array.shape), hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest())

    def _class(self, kind: type) -> tuple:
        # Read from the class, methods come without what a library has wrapped around them.
        members = {name: getattr(kind, name, item) for name, item in vars(kind).items() if name != "_abc_impl"}
        # What Python itself keeps in a class, such as its docstring and annotations, changes no number.
        members = {name: item for name, item in members.items() if callable(item) or not name.startswith("__")}
        bases = map(self.read, kind.__bases__)
        read = ((name, self.read(item)) for name, item in sorted(members.items()))
        return ("class", kind.__qualname__, self.read(type(kind)), *bases, *read)

    def _object(self, value: Any) -> tuple:
        """An object by the parts from which it would be rebuilt elsewhere."""
        kind = type(value)
        try:
            parts = copyreg.dispatch_table.get(kind, lambda item: item.__reduce_ex__(4))(value)
        except Exception:  # noqa: BLE001 (an object may raise anything here)
            parts = ""
        if isinstance(parts, str):  # it cannot be taken apart, or is found by a name
            parts = (parts, None, object.__getstate__(value))
        make, arguments, state, *items = parts if len(parts) > 2 else (*parts, None)
        items = [list(item) if isinstance(item, Iterator) else item for item in items]
        told = map(self.read, (kind, make, arguments, items, getattr(value, "__wrapped__", None)))
        return ("object", *told, self._state(kind, state))

    def _state(self, kind: type, state: Any) -> tuple | str:
        """What an object holds, by the names of its attributes if it has any."""
        if isinstance(state, tuple) and len(state) == 2 and isinstance(state[1], dict):  # attributes and slots
            return tuple(self._state(kind, part) for part in state)
        if not isinstance(state, dict):
            return self.read(state)
        kept = {name for name in state if isinstance(getattr(kind, str(name), None), functools.cached_property)}
        return self.read({name: item for name, item in state.items() if name not in _ABOUT | kept})


@dataclasses.dataclass(frozen=True)
class _Names:
    """Names in a function and in the functions inside it: of outer variables, attributes, and imported modules."""

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


def _instructions(code: CodeType) -> tuple:
    """The code of a function, without names of files, numbers of lines and its docstring."""
    constants = code.co_consts
    if sys.version_info >= (3, 13):
        documented = bool(code.co_flags & _HAS_DOCSTRING)
    else:
        # Comprehensions, whose names are in angle brackets, have no docstring.
        documented = not code.co_name.startswith("<") and bool(constants) and isinstance(constants[0], str)
    arguments = code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount
    # Starred arguments come right after the others.
    starred = bool(code.co_flags & inspect.CO_VARARGS), bool(code.co_flags & inspect.CO_VARKEYWORDS)
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    jumps = code.co_exceptiontable
    return code.co_code, jumps, code.co_names, arguments, starred, names, tuple(map(_constant, constants[documented:]))


def _constant(value: Any) -> Any:
    if isinstance(value, CodeType):
        return _instructions(value)
    # The order of a set differs from process to process.
    return sorted(map(repr, value)) if isinstance(value, frozenset) else repr(value)
