"""What can be simulated and swept: plain values that build. Nothing here imports JAX."""

import dataclasses
import enum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from jaxtyping import PyTree

    from ntadyn.interface import AbstractSystem
    from ntadyn.simulation.method import AbstractMethod
    from ntadyn.specs.building import Keys
    from ntadyn.tasks import AbstractCurriculum

_PLAIN = (bool, int, float, str, type(None), enum.Enum)


class Spec(Protocol):
    """A frozen dataclass of plain values that builds what is simulated.

    `Configuration` is one, a class of yours in a notebook is another: its parameters are axes of sweeps under their own
    names, those of groups (dataclasses in it) under dotted ones. Parameters declared as `float` may be replaced by
    traced arrays before `build` is called: cells of a sweep that differ in them only share one compiled program. All
    others (whole numbers, names, tuples) are compiled in.

    A spec may also have `build_method(system, state)`, which says how to step (what suits the system if it has none;
    parameters that the method depends on are compiled in), and `check()`, which raises ValueError for values that make
    no sense.
    """

    def build(self, keys: "Keys") -> "tuple[AbstractSystem, PyTree]":
        """System and initial state of one repetition; traceable in real numbers and keys.

        Args:
            keys: three independent random keys, `keys.teachers`, `keys.initial` and `keys.data`.
        """
        ...

    def build_curriculum(self, system: Any) -> "AbstractCurriculum":
        """Which task when.

        Args:
            system: what `build` gave; of its arrays only the shapes may be looked at.
        """
        ...


def check_spec(spec: Any) -> None:
    """Refuse what is no spec, or makes no sense by what it says itself.

    Args:
        spec: anything.

    Raises:
        ValueError: for something else than a frozen dataclass of plain values with the methods of `Spec`, and for
            whatever its own `check` refuses.
    """
    kind = type(spec)
    if isinstance(spec, type) or not dataclasses.is_dataclass(spec):
        raise ValueError(
            f"{_shown(spec)} is not a spec: give an instance of a frozen dataclass, for example a preset of "
            f"ntadyn.specs.presets, or one of your own with the methods build and build_curriculum."
        )
    if not getattr(kind, "__dataclass_params__").frozen:  # noqa: B009 (which type checkers do not know)
        raise ValueError(f"{kind.__name__} is not frozen, and could change while it runs: use @dataclass(frozen=True).")
    for method in ("build", "build_curriculum"):
        if not callable(getattr(spec, method, None)):
            raise ValueError(
                f"{kind.__name__} has no method {method!r}: a spec builds (system, state) by build(keys), and the "
                f"blocks by build_curriculum(system)."
            )
    _check_plain(spec, "")
    if check := getattr(spec, "check", None):
        check()


def method_of(spec: Any, system: "AbstractSystem", state: "PyTree") -> "AbstractMethod":
    """How to step what a spec has built: by its `build_method` if it has one, else by what suits the system.

    Args:
        spec: any spec.
        system: what it has built; known numbers where a step is to be chosen.
        state: the initial state.
    """
    from ntadyn.simulation.method_choice import method_for

    build = getattr(spec, "build_method", None)
    return method_for(system, state) if build is None else build(system, state)


def _check_plain(value: Any, path: str) -> None:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        for item in dataclasses.fields(value):
            _check_plain(getattr(value, item.name), f"{path}.{item.name}" if path else item.name)
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            _check_plain(item, f"{path}[{index}]")
    elif not isinstance(value, _PLAIN) and not hasattr(value, "dtype"):  # as numbers of NumPy and of JAX have
        raise ValueError(
            f"{path} is {_shown(value)}; a spec holds numbers, text, True and False, None, enumerations, tuples of "
            f"these, and dataclasses. Build everything else in its methods."
        )


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
