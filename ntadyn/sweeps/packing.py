"""Values as bytes for other processes: what those would not find by its name travels with its code.

Installed packages, and folders that were added to the path on purpose (`PYTHONPATH`, an editable installation,
`sys.path`), are there in other processes, too. What Python adds by itself is not: the folder of the script that runs,
or the working folder, where a file may have the name of a module for no good reason at all.
"""

import multiprocessing.process
import os
import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any


def import_path() -> list[str]:
    """Where modules are found, without what Python adds by itself; absolute."""
    entries = [entry for entry in sys.path if entry]
    added = None if sys.flags.safe_path else _added()
    if added is not None:
        places = [os.path.realpath(entry) for entry in entries]
        # Where it comes a second time it was added on purpose.
        if os.path.realpath(added) in places:
            del entries[places.index(os.path.realpath(added))]
    return [os.path.abspath(entry) for entry in entries]


def packed(value: Any) -> bytes:
    """Any value as bytes, functions and classes of a script, a notebook or a module beside them with their code.

    Args:
        value: what `pickle.loads` is to give back in a process whose path is `import_path`.

    Raises:
        ValueError: if something in it cannot be sent; the message says what to do.
    """
    import cloudpickle

    modules = list(_left_behind())
    try:
        for module in modules:
            cloudpickle.register_pickle_by_value(module)
        return cloudpickle.dumps(value)
    except Exception as error:
        raise ValueError(
            f"what workers need cannot be sent to them ({error}). Functions of yours travel with the values and the "
            f"modules that they name: keep locks, open files and their like out of those, or install the module."
        ) from error
    finally:
        for module in modules:
            cloudpickle.unregister_pickle_by_value(module)


def _added() -> str | None:
    """What Python put first on the path when it started, if it was a folder with a name."""
    main = sys.modules["__main__"]
    file, spec = getattr(main, "__file__", None), getattr(main, "__spec__", None)
    if spec is not None:  # python -m
        return getattr(multiprocessing.process, "ORIGINAL_DIR", None)
    return None if file is None else os.path.dirname(os.path.realpath(file))


def _left_behind() -> Iterator[ModuleType]:
    """Top-level modules that another process would not find, or would find elsewhere."""
    path, here = import_path(), __name__.partition(".")[0]
    for name, module in list(sys.modules.items()):
        spec = getattr(module, "__spec__", None)
        if not isinstance(spec, ModuleSpec) or spec.name != name or "." in name or name in sys.stdlib_module_names:
            continue
        if name != here and _places(spec) and _places(PathFinder.find_spec(name, path)) != _places(spec):
            yield module


def _places(spec: ModuleSpec | None) -> list[str]:
    """The file of a module, or the folders of a package without one."""
    if spec is None:
        return []
    return [spec.origin] if spec.has_location and spec.origin else list(spec.submodule_search_locations or ())
