"""Whether the methods that a subclass overrides take effect: none may be silently ignored.

A system can be described more than once: by its vector field, and by the solved parts of its flow. To override one
description changes the system only for the solvers that use it; to override both changes it for all of them.
"""

import dis
import functools
import itertools
from types import CodeType

# Methods that say how a system moves. All others (records, rates, hooks, states) are called on the system itself.
MOTION = frozenset(
    {
        "boosted",
        "energy",
        "flow_gates",
        "flow_weights",
        "gate_penalty",
        "gate_quadratic",
        "loss",
        "push",
        "pushed",
        "relax_weights",
        "sub_flows",
        "update",
        "vector_field",
    }
)

# The methods that solvers call.
WAYS = (("sub_flows",), ("vector_field",), ("update",))


@functools.cache
def ignored_by(kind: type, entry: tuple[str, ...]) -> tuple[str, ...]:
    """Methods that a class overrides without effect on a solver that calls the methods in `entry`.

    Args:
        kind: a class of systems.
        entry: names of the methods that the solver calls.

    Returns:
        Names of methods of `MOTION` that are overridden later than every method that only `entry` reaches.
    """
    used = _reached(kind, entry)
    # A method that other descriptions use, too, does not show that this one has been brought up to date.
    others = [way for way in WAYS if way != entry]
    elsewhere = frozenset().union(*(_reached(parent, way) for parent in kind.__mro__ for way in others))
    newest = min((age for name in used - elsewhere if (age := _age(kind, name)) is not None), default=None)
    if newest is None:
        return ()
    return tuple(name for name in sorted(MOTION - used) if (age := _age(kind, name)) is not None and age < newest)


def check_some_way_to_move(kind: type, ways: tuple[tuple[str, ...], ...]) -> None:
    """Refuse a class that overrides methods, if every way of moving it ignores some of them.

    Args:
        kind: a class of systems.
        ways: for each way, the methods that it starts from.

    Raises:
        ValueError: if it is refused.
    """
    ignored = [ignored_by(kind, way) for way in ways]
    if ignored and all(ignored):
        listed = sorted(set().union(*ignored))
        raise ValueError(
            f"{kind.__name__} overrides {', '.join(listed)}, but what moves it is {' and '.join(ways[0])} of "
            f"{_home(kind, ways[0][0]).__name__}, which would not notice. Override "
            f"{' or '.join(' with '.join(way) for way in ways)} as well; to record something else, pass an observable."
        )


def _home(kind: type, name: str) -> type:
    return next(parent for parent in kind.__mro__ if name in vars(parent))


def _age(kind: type, name: str) -> int | None:
    """How many classes ago a method of `MOTION` was defined; None for other methods, and for those of the interface.

    The interface defines methods in terms of abstract ones, which says nothing about a system.
    """
    if name not in MOTION or not hasattr(kind, name):
        return None
    home = _home(kind, name)
    return None if home.__module__.startswith(__package__ or "") else kind.__mro__.index(home)


def _reached(kind: type, entry: tuple[str, ...]) -> frozenset[str]:
    """Methods of a class that some methods call, directly or indirectly, judging by the names in their code."""
    found: set[str] = set()
    waiting = list(entry)
    while waiting:
        name = waiting.pop()
        if name in found or not hasattr(kind, name):
            continue
        found.add(name)
        for parent in kind.__mro__:
            if name not in vars(parent):
                continue
            names = _names(vars(parent)[name])
            waiting += names
            if "super" not in names:  # else the method that it overrides is used, too
                break
    return frozenset(found)


def _names(member: object) -> list[str]:
    """Attributes of its own object that a method names, and "super" if it calls `super`."""
    function = getattr(member, "fget", None) or getattr(member, "__wrapped__", None) or member
    code = getattr(function, "__code__", None)
    if not isinstance(code, CodeType) or not code.co_varnames:
        return []
    own, names, waiting = code.co_varnames[0], [], [code]
    while waiting:
        code = waiting.pop()
        names += ["super"] if "super" in code.co_names else []
        waiting += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
        steps = [step for step in dis.get_instructions(code) if step.opname not in ("EXTENDED_ARG", "CACHE")]
        for before, step in itertools.pairwise(steps):
            loaded = before.argval[-1:] == (own,) if isinstance(before.argval, tuple) else before.argval == own
            if step.opname in ("LOAD_ATTR", "LOAD_METHOD") and loaded:
                names.append(str(step.argval))
    return names
