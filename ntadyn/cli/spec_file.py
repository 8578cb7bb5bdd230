"""A spec of your own, named on the command line as FILE.py:NAME."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from ntadyn.specs.names import known_as
from ntadyn.specs.spec import check_spec


def loaded(text: str) -> Any:
    """The spec that FILE.py:NAME names: an instance, or what a class or function returns without arguments.

    The file is run as a module of its own name. It can import the files beside it at its top.

    Args:
        text: for example "rules.py:Plasticity".

    Raises:
        ValueError: if there is no such file or name, if the file fails, or if the result is not a spec.
    """
    file, separator, name = text.rpartition(":")
    path = Path(file if separator else text)
    if path.suffix != ".py" or not path.is_file():
        raise ValueError(f"--spec {text!r} does not name an existing Python file; write --spec FILE.py:NAME.")
    module = _module(path)
    named = {key: value for key, value in vars(module).items() if callable(getattr(value, "build", None))}
    own = [key for key, value in named.items() if getattr(value, "__module__", module.__name__) == module.__name__]
    if not separator or not name:
        raise ValueError(f"--spec {text!r} does not name a spec; those in the file are {', '.join(own) or 'none'}.")
    found = vars(module)[name if name in vars(module) else known_as(name, own, "spec")]
    spec = found
    if isinstance(found, type) or (callable(found) and not hasattr(found, "build")):
        try:
            spec = found()
        except Exception as error:
            raise ValueError(
                f"{name} of {str(path)!r} gives no spec without arguments ({type(error).__name__}: {error}); give "
                f"every parameter a default, or name an instance."
            ) from error
    check_spec(spec)
    return spec


def _module(path: Path) -> ModuleType:
    """The file, imported under its own name unless another module has that."""
    name, taken = path.stem, sys.modules.get(path.stem)
    if name in sys.stdlib_module_names or (taken is not None and taken.__file__ != str(path.resolve())):
        name = f"spec_file_{name}"
    found = importlib.util.spec_from_file_location(name, path.resolve())
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    folder = str(path.resolve().parent)
    sys.path.insert(0, folder)
    # Pickles, and the digest of its code, look for it here.
    sys.modules[name] = module
    try:
        found.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise ValueError(f"{str(path)!r} cannot be run: {type(error).__name__}: {error}") from error
    finally:
        sys.path.remove(folder)
    return module
