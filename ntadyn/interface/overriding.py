"""Whether a subclass that overrides a method moves by what it says: no override may be silently ignored.

A system can be described more than once: by its vector field, and by the solved parts of its flow. Who overrides one of
them has changed the system for those solvers only that ask for it.
"""

import dis
import functools
import itertools
from types import CodeType

# Methods that say how a system moves. Others (records, rates, hooks, states) are asked of the system itself.
MOTION = frozenset(
    {
        "energy",
        "flow_gates",
        "flow_weights",
        "gate_penalty",
        "gate_quadratic",
        "loss",
        "relax_weights",
        "sub_flows",
        "update",
        "vector_field",
    }
)


@functools.cache
def ignored_by(kind: type, entry: tuple[str, ...]) -> tuple[str, ...]:
    """Methods that a class overrides, and that have no effect on whoever starts from the methods in `entry`.

    Args:
        kind: a class of systems.
        entry: names of the methods that a solver calls.

    Returns:
        Names of methods of `MOTION` that were defined later, by a subclass, than something that is used in their place.
    """
    used = _reached(kind, entry)
    order = {parent: rank for rank, parent in enumerate(kind.__mro__)}
    # What the interface itself defines in terms of abstract methods is nobody's choice.
    definitions = [order[home] for name in used & MOTION if not _is_interface(home := _home(kind, name))]
    if not definitions:
        return ()
    oldest = max(definitions)
    return tuple(
        name
        for name in sorted(MOTION - used)
        if hasattr(kind, name) and not _is_interface(home := _home(kind, name)) and order[home] < oldest
    )


def check_some_way_to_move(kind: type, ways: tuple[tuple[str, ...], ...]) -> None:
    """Raise ValueError if a class overrides a method that no way of moving it uses.

    Args:
        kind: a class of systems.
        ways: for each way the methods that it starts from.
    """
    ignored = [ignored_by(kind, way) for way in ways]
    if ignored and all(ignored):
        listed = sorted(set(ignored[0]).intersection(*ignored[1:]) or set(ignored[0]))
        # The way that comes nearest to using all of them.
        raise ValueError(
            f"{kind.__name__} overrides {', '.join(listed)}, but what moves it is {' and '.join(ways[0])} of "
            f"{_home(kind, ways[0][0]).__name__}, which would not notice. Override "
            f"{' or '.join(' with '.join(way) for way in ways)} as well; to record something else, pass an observable."
        )


def _home(kind: type, name: str) -> type:
    return next(parent for parent in kind.__mro__ if name in vars(parent))


def _is_interface(kind: type) -> bool:
    return kind.__module__.startswith(__package__ or "")


def _reached(kind: type, entry: tuple[str, ...]) -> frozenset[str]:
    """Methods of a class that some methods call, directly or not, as the names in their code tell."""
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
            if "super" not in names:  # else what it overrides is used, too
                break
    return frozenset(found)


def _names(member: object) -> list[str]:
    """Attributes of its own object that a method names, and "super" if it calls that."""
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
            loaded = before.argval[-1] if isinstance(before.argval, tuple) else before.argval
            if step.opname in ("LOAD_ATTR", "LOAD_METHOD") and loaded == own:
                names.append(str(step.argval))
    return names
