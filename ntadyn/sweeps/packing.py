"""Values as bytes for other processes: what these would not find by name travels with its code.

Installed packages, and folders that were added to the path on purpose (`PYTHONPATH`, an editable installation,
`sys.path`), exist in other processes, too. What Python adds to the path by itself does not: the folder of the script
that runs, or the working folder, in which any file may happen to have the name of a module.
"""

import dataclasses
import functools
import inspect
import io
import multiprocessing.process
import os
import sys
from collections.abc import Callable, Iterator
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

import equinox as eqx


def import_path() -> list[str]:
    """The path on which modules are found, without what Python adds by itself; all entries are absolute."""
    entries = [entry for entry in sys.path if entry]
    for folder in map(os.path.realpath, _unasked()):
        places = [os.path.realpath(entry) for entry in entries]
        # If it is there once more, it was added on purpose.
        if folder in places:
            del entries[places.index(folder)]
    return [os.path.abspath(entry) for entry in entries]


def packed(value: Any) -> bytes:
    """Any value as bytes; functions and classes of a script, a notebook or a module beside them come with their code.

    Args:
        value: what `pickle.loads` should return in a process whose path is `import_path`.

    Raises:
        ValueError: if something in it cannot be sent; the message says what to do.
    """
    import cloudpickle

    modules, file = list(_left_behind()), io.BytesIO()
    try:
        for module in modules:
            cloudpickle.register_pickle_by_value(module)
        _pickler()(file).dump(value)
    except Exception as error:
        raise ValueError(
            f"what workers need cannot be sent to them ({error}). Functions of yours travel with the values and the "
            f"modules that they name: keep locks, open files and the like out of these, or install the module."
        ) from error
    finally:
        for module in modules:
            cloudpickle.unregister_pickle_by_value(module)
    return file.getvalue()


@functools.cache
def _pickler() -> type:
    import cloudpickle

    class Pickler(cloudpickle.Pickler):
        def reducer_override(self, obj: Any) -> Any:
            reduced = super().reducer_override(obj)
            if isinstance(obj, type) and issubclass(obj, eqx.Module) and reduced is not NotImplemented:
                make, arguments, *state = reduced
                return (_make_module, (make, arguments, _fields(obj), _has_own_init(obj)), *state)
            return reduced

    return Pickler


def _make_module(make: Callable, arguments: tuple, own_fields: dict[str, dict], has_own_init: bool) -> type:
    """A class of Equinox as `make` begins it, with its fields.

    It needs them at once, because they make it a tree of arrays. Methods come later, as in other classes.
    """
    kind, name, bases, members, *others = arguments
    members = members | {"__annotations__": dict.fromkeys(own_fields, Any)}
    members |= {name: dataclasses.field(**told) for name, told in own_fields.items()}
    if has_own_init:
        members["__init__"] = _comes_later
    return make(kind, name, bases, members, *others)


def _comes_later(self: Any) -> None: ...


def _fields(kind: type) -> dict[str, dict[str, Any]]:
    """Field that a class adds to those of its bases -> how it was declared."""
    told = ("default", "default_factory", "init", "repr", "hash", "compare", "kw_only")
    found = {}
    for item in dataclasses.fields(kind):
        if item.name in inspect.get_annotations(kind):
            chosen = {name: getattr(item, name) for name in told}
            found[item.name] = {name: value for name, value in chosen.items() if value is not dataclasses.MISSING}
            found[item.name]["metadata"] = dict(item.metadata)
    return found


def _has_own_init(kind: type) -> bool:
    """Whether a class has an `__init__` that was not generated."""
    code = getattr(vars(kind).get("__init__"), "__code__", None)
    return code is not None and code.co_filename != "<string>"


def _unasked() -> Iterator[str]:
    """Folders that Python itself put on the path when it started."""
    main, working_folder = (
        sys.modules["__main__"],
        getattr(multiprocessing.process, "ORIGINAL_DIR", None) or os.getcwd(),
    )
    if not sys.flags.safe_path:
        if getattr(main, "__spec__", None) is not None:  # python -m
            yield working_folder
        elif file := getattr(main, "__file__", None):
            yield os.path.dirname(os.path.realpath(file))
    # An empty entry means this folder, as in "$PYTHONPATH:folder" if nothing was set before.
    given = os.environ.get("PYTHONPATH", "")
    if given and "" in given.split(os.pathsep):
        yield working_folder


def _left_behind() -> Iterator[ModuleType]:
    """Top-level modules that another process would not find, or would find somewhere else."""
    path, here = tuple(import_path()), __name__.partition(".")[0]
    for name, module in list(sys.modules.items()):
        if "." in name or name == here or name in sys.stdlib_module_names:
            continue
        spec = getattr(module, "__spec__", None)
        places = _places(spec) if isinstance(spec, ModuleSpec) and spec.name == name else []
        if places and places != _found(name, path):
            yield module


@functools.cache
def _found(name: str, path: tuple[str, ...]) -> list[str]:
    return _places(PathFinder.find_spec(name, path))


def _places(spec: ModuleSpec | None) -> list[str]:
    """The file of a module, or the folders of a package without one."""
    if spec is None:
        return []
    return [spec.origin] if spec.has_location and spec.origin else list(spec.submodule_search_locations or ())
