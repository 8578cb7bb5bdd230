"""A spec of somebody's own, named on the command line as FILE.py:NAME."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from ntadyn.specs.names import known_as
from ntadyn.specs.spec import check_spec


def loaded(text: str) -> Any:
    """The spec that FILE.py:NAME names: an instance, or what a class or a function of that name makes of no arguments.

    The file is run as a module of its own name. What lies beside it can be imported at its top.

    Args:
        text: such as "rules.py:Plasticity".

    Raises:
        ValueError: if there is no such file or name, if the file fails, or for what is no spec.
    """
    file, separator, name = text.rpartition(":")
    path = Path(file if separator else text)
    if path.suffix != ".py" or not path.is_file():
        raise ValueError(f"--spec {text!r} names no Python file that is there; write --spec FILE.py:NAME.")
    module = _module(path)
    named = {key: value for key, value in vars(module).items() if callable(getattr(value, "build", None))}
    own = [key for key, value in named.items() if getattr(value, "__module__", module.__name__) == module.__name__]
    if not separator or not name:
        raise ValueError(
            f"--spec {text!r} names no spec; of those in the file choose one of {', '.join(own) or 'none'}."
        )
    found = vars(module).get(name)
    if found is None:
        known_as(name, own, "spec")  # which says what there is
        found = vars(module)[known_as(name, own)]
    spec = found() if isinstance(found, type) or (callable(found) and not hasattr(found, "build")) else found
    check_spec(spec)
    return spec


def _module(path: Path) -> ModuleType:
    """The file, imported; by its own name, unless another module has it."""
    name, taken = path.stem, sys.modules.get(path.stem)
    if name in sys.stdlib_module_names or (taken is not None and taken.__file__ != str(path.resolve())):
        name = f"spec_file_{name}"
    found = importlib.util.spec_from_file_location(name, path.resolve())
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    folder = str(path.resolve().parent)
    sys.path.insert(0, folder)
    # Where those that read it again look: pickles, and the digest of its code.
    sys.modules[name] = module
    try:
        found.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise ValueError(f"{str(path)!r} cannot be run: {type(error).__name__}: {error}") from error
    finally:
        sys.path.remove(folder)
    return module
