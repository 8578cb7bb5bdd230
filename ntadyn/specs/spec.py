"""What can be simulated and swept: plain values with methods that build. Nothing here imports JAX."""

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

    `Configuration` is one, and a class of yours in a notebook can be another: its parameters are axes of sweeps under
    their own names, those of groups (nested dataclasses) under dotted names. Parameters declared as `float` may be
    replaced by traced arrays before `build` is called, so that cells of a sweep that differ in these alone share one
    compiled program. All others (whole numbers, names, tuples) are compiled in.

    A spec may also have `build_method(system, state)`, which says how to step (without it, in the way that suits the
    system; parameters that the method depends on are compiled in), and `check()`, which raises ValueError for values
    that make no sense. With `draw_curriculum(curriculum, keys)` every repetition has tasks of its own: it returns what
    `build_curriculum` returned with other tasks, in blocks of the same lengths; real numbers and keys may be traced, so
    that whatever tasks are drawn, one compiled program serves them. Parameters of any type that only blocks depend on
    may be named by `laid_out`, a tuple of paths; sweeps compile nothing for them either.
    """

    def build(self, keys: "Keys") -> "tuple[AbstractSystem, PyTree]":
        """System and initial state of one repetition; real numbers and keys may be traced.

        Args:
            keys: three independent random keys, `keys.teachers`, `keys.initial` and `keys.data`.
        """
        ...

    def build_curriculum(self, system: Any) -> "AbstractCurriculum":
        """Which task is in force when.

        Args:
            system: the system that `build` returned; only the shapes of its arrays may be used.
        """
        ...


def check_spec(spec: Any) -> None:
    """Refuse what is not a spec, or what its own `check` refuses.

    Args:
        spec: anything.

    Raises:
        ValueError: for anything but a frozen dataclass of plain values with the methods of `Spec`, and for whatever its
            own `check` refuses.
    """
    kind = type(spec)
    if isinstance(spec, type) or not dataclasses.is_dataclass(spec):
        raise ValueError(
            f"{_shown(spec)} is not a spec: give an instance of a frozen dataclass, for example a preset of "
            f"ntadyn.specs.presets, or one of your own with the methods build and build_curriculum."
        )
    if not getattr(kind, "__dataclass_params__").frozen:  # noqa: B009 (which type checkers do not know)
        raise ValueError(f"{kind.__name__} is not frozen and could change while it runs: use @dataclass(frozen=True).")
    for method in ("build", "build_curriculum"):
        if not callable(getattr(spec, method, None)):
            raise ValueError(
                f"{kind.__name__} has no method {method!r}: a spec returns (system, state) from build(keys), and the "
                f"curriculum from build_curriculum(system)."
            )
    _check_plain(spec, "")
    if check := getattr(spec, "check", None):
        check()


def method_of(spec: Any, system: "AbstractSystem", state: "PyTree") -> "AbstractMethod":
    """How to step what a spec has built: its `build_method` if it has one, else the method that suits the system.

    Args:
        spec: any spec.
        system: the system that it has built, with known numbers if a step has to be chosen.
        state: the initial state.
    """
    from ntadyn.simulation.method_choice import method_for

    build = getattr(spec, "build_method", None)
    return method_for(system, state) if build is None else build(system, state)


def is_shipped(spec: Any) -> bool:
    """Whether a spec, and every part of it, is of a class of this package: then its values tell all that it is.

    Args:
        spec: any spec.
    """
    ours = type(spec).__module__.partition(".")[0] == __name__.partition(".")[0]
    parts = (getattr(spec, item.name) for item in dataclasses.fields(spec))
    return ours and all(is_shipped(part) for part in parts if dataclasses.is_dataclass(part))


def draws_curricula(spec: Any) -> bool:
    """Whether every repetition of a spec has tasks of its own."""
    return hasattr(spec, "draw_curriculum")


def curriculum_of(spec: Any, curriculum: "AbstractCurriculum", keys: "Keys") -> "AbstractCurriculum":
    """The curriculum of one repetition of a spec: that which is given, unless the spec draws its tasks.

    Args:
        spec: any spec.
        curriculum: what its `build_curriculum` returned.
        keys: those of the repetition; may be traced, as may be the numbers of the spec.
    """
    from ntadyn.tasks.side_by_side import with_given_durations, without_durations

    if not draws_curricula(spec):
        return curriculum
    # Durations are known numbers also where tasks are traced.
    drawn = without_durations(spec.draw_curriculum(curriculum, keys))
    return with_given_durations(drawn, curriculum.durations)


def curricula_of(spec: Any, curriculum: "AbstractCurriculum", keys: "Keys") -> "AbstractCurriculum":
    """The curricula of several repetitions of a spec, side by side if it draws them.

    Args:
        spec: see `curriculum_of`.
        curriculum: likewise.
        keys: leading axis = repetition.
    """
    import jax

    from ntadyn.tasks.side_by_side import SideBySide, without_durations

    if not draws_curricula(spec):
        return curriculum
    own = jax.vmap(lambda key: without_durations(curriculum_of(spec, curriculum, key)))(keys)
    return SideBySide.of_all(own, curriculum.durations)


def _check_plain(value: Any, path: str) -> None:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        for item in dataclasses.fields(value):
            _check_plain(getattr(value, item.name), f"{path}.{item.name}" if path else item.name)
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            _check_plain(item, f"{path}[{index}]")
    elif not isinstance(value, _PLAIN) and not hasattr(value, "dtype"):  # numbers of NumPy and JAX have one
        raise ValueError(
            f"{path} is {_shown(value)}; a spec holds numbers, text, True and False, None, enumerations, tuples of "
            f"these, and dataclasses. Build everything else in its methods."
        )


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
