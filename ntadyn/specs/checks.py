"""Whether a configuration makes sense, all of it, used or not, before anything is built. Nothing here imports JAX."""

import dataclasses
import enum
import math
import operator
from collections.abc import Iterator
from typing import Any

from ntadyn import limits
from ntadyn.specs.configuration import Composites, Configuration, Dynamics, Gating, TeacherScale

_WHOLE = {
    "teachers.num_tasks": (1, limits.MOST_OF_A_SIZE),
    "teachers.d_in": (1, limits.MOST_OF_A_SIZE),
    "teachers.d_out": (1, limits.MOST_OF_A_SIZE),
    "network.num_paths": (1, limits.MOST_OF_A_SIZE),
    "batch_size": (1, limits.MOST_OF_A_SIZE),
    "randomness.seed": (0, 2**32 - 1),
    "randomness.num_seeds": (1, limits.MOST_REPETITIONS),
}
_POSITIVE = ("curriculum.block_duration", "curriculum.total_time", "time_constants.gates", "time_constants.weights")
_SHARES = ("teachers.overlap", "teachers.mixing")
_OF_WEIGHTS = ("column_l1", "column_l2", "frobenius")
_OF_COLUMNS = ("column_l1", "column_l2")


def check_configuration(configuration: Configuration) -> None:
    """Refuse what cannot be built, or would be too large.

    Values that are not Python's own numbers, traced ones for example, are left to those that build with them.

    Args:
        configuration: any configuration, made by hand included.

    Raises:
        ValueError: for a value of the wrong type or out of range, for sizes beyond `limits`, and for parameters that
            exclude each other; the message names the parameters.
    """
    for path, kind, value in _leaves(configuration):
        _check_value(path, kind, value)
    _check_penalties(configuration)
    _check_sizes(configuration)


def check_simulation(configuration: Configuration, records_per_block: int = 0) -> None:
    """`check_configuration`, and whether one run at its own or the default step would end, with room for its records.

    Teachers are not smaller than the size of one row says; that is all that is known of them before they are drawn.

    Args:
        configuration: any configuration.
        records_per_block: how many are asked for inside every block.

    Raises:
        ValueError: see `check_configuration`; for more steps or records than `limits` allow, with the parameters that
            make them.
    """
    check_configuration(configuration)
    taus, total, given = configuration.time_constants, configuration.curriculum.total_time, configuration.max_step
    block = configuration.curriculum.block_duration
    if not all(isinstance(value, int | float) for value in (taus.gates, taus.weights, total, block, given or 0.0)):
        return
    if records_per_block > 0:
        what = f"records_per_block {records_per_block} in {math.ceil(total / block)} blocks"
        limits.check_count(what, records_per_block * math.ceil(total / block), limits.MOST_RECORDS)
    if given is not None:
        limits.check_count(f"steps of max_step {given:g} in total_time {total:g}", total / given, limits.MOST_STEPS)
    elif configuration.dynamics is not Dynamics.ONLINE:
        size = 1.0 if configuration.teachers.scale is not TeacherScale.D_IN else configuration.teachers.d_in**-0.5
        step = limits.STEP_OF_EXCHANGE * math.sqrt(taus.gates * taus.weights) / size
        what = (
            f"the default step for time_constants.gates {taus.gates:g} and weights {taus.weights:g} in total_time "
            f"{total:g}"
        )
        limits.check_count(what, total / step, limits.MOST_STEPS)


def _leaves(node: Any, prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Dotted path, declared type and value of every parameter; raises where a group is something else."""
    for item in dataclasses.fields(node):
        path, value = prefix + item.name, getattr(node, item.name)
        default = item.default_factory if item.default_factory is not dataclasses.MISSING else None
        if isinstance(default, type) and dataclasses.is_dataclass(default):
            if not isinstance(value, default):
                raise ValueError(f"{path} is {_shown(value)}; it must be a {default.__name__} of ntadyn.specs.")
            yield from _leaves(value, f"{path}.")
        else:
            yield path, item.type, value


def _check_value(path: str, kind: Any, value: Any) -> None:
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        if not isinstance(value, kind):
            allowed = ", ".join(f"{kind.__name__}.{member.name}" for member in kind)
            raise ValueError(f"{path} is {_shown(value)}; it must be one of {allowed}.")
    elif kind is bool:
        if not isinstance(value, bool):
            raise ValueError(f"{path} is {_shown(value)}; it must be True or False.")
    elif kind is str:
        if not isinstance(value, str):
            raise ValueError(f"{path} is {_shown(value)}; it must be text.")
    elif path in _WHOLE:
        low, high = _WHOLE[path]
        if not low <= _as_index(value) <= high:
            raise ValueError(f"{path} is {_shown(value)}; it must be a whole number from {low} to {high:,}.")
    elif value is None and kind == float | None:
        return
    elif _is_number(value) or (type(value).__module__ == "numpy" and hasattr(value, "dtype")):  # slow to import itself
        for number in _as_floats(path, value):
            _check_real(path, number)
    elif not hasattr(value, "dtype"):  # which arrays of JAX have, traced ones included
        raise ValueError(f"{path} is {_shown(value)}; it must be a real number.")


def _as_index(value: Any) -> int | float:
    """A whole number; NaN for anything else."""
    try:
        return math.nan if isinstance(value, bool) else operator.index(value)
    except TypeError:
        return math.nan


def _as_floats(path: str, value: Any) -> tuple[float, ...]:
    """One number, or the numbers of an array, of which there may be several but for the step."""
    if _is_number(value):
        try:
            return (float(value),)
        except OverflowError:  # of a whole number
            return (math.inf if value > 0 else -math.inf,)
    if value.dtype.kind not in "iuf" or (path == "max_step" and value.ndim):
        raise ValueError(f"{path} is {_shown(value)}; it must be a real number.")
    return tuple(map(float, value.flat))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_real(path: str, value: float) -> None:
    if not math.isfinite(value):
        raise ValueError(f"{path} is {value}; it must be finite.")
    if value != 0 and not limits.SMALLEST <= abs(value) <= limits.LARGEST:
        raise ValueError(
            f"{path} is {value}; sizes other than zero must lie between {limits.SMALLEST:g} and {limits.LARGEST:g}, "
            f"because squares are taken."
        )
    if path in _POSITIVE or path == "max_step":
        if value <= 0:
            raise ValueError(f"{path} is {value}; it must be positive.")
    elif path in _SHARES:
        if not 0 <= value <= 1:
            raise ValueError(f"{path} is {value}; it must lie between 0 and 1.")
    elif (path.startswith("penalties.") or path.endswith("_scale")) and value < 0:
        raise ValueError(f"{path} is {value}; it must not be negative.")


def _check_penalties(configuration: Configuration) -> None:
    penalties = configuration.penalties
    on_weights = [name for name in _OF_WEIGHTS if getattr(penalties, name) is not None]
    if on_weights and configuration.dynamics is Dynamics.ORDER_PARAMETERS:
        raise ValueError(
            f"penalties.{on_weights[0]} acts on the weights, which dynamics ORDER_PARAMETERS does not hold; choose "
            f"dynamics GRADIENT_FLOW or ONLINE, or leave the penalty out (None)."
        )
    on_columns = [name for name in _OF_COLUMNS if getattr(penalties, name) is not None]
    if on_columns and configuration.network.gating is Gating.LAYER:
        raise ValueError(
            f"penalties.{on_columns[0]} acts on the input columns of the matrix of a path, which network.gating LAYER "
            f"does not have; choose another gating, or leave the penalty out (None)."
        )
    weights = {
        item.name: getattr(penalties, item.name) for item in dataclasses.fields(penalties) if item.name != "strength"
    }
    listed = {name: value for name, value in weights.items() if value is not None}
    if listed and all(isinstance(value, int | float) and value == 0 for value in listed.values()):
        raise ValueError(
            f"penalties {', '.join(listed)} are all zero, so that their shares of penalties.strength are undefined; "
            f"switch the penalty off with penalties.strength 0, or leave the terms out (None)."
        )


def _check_sizes(configuration: Configuration) -> None:
    teachers, network = configuration.teachers, configuration.network
    tasks, d_in, d_out = int(teachers.num_tasks), int(teachers.d_in), int(teachers.d_out)
    if teachers.composites is not Composites.NONE:
        tasks += tasks * (tasks - 1) // 2
    repetitions = int(configuration.randomness.num_seeds)
    limits.check_bytes("teachers.num_tasks, d_out and d_in", tasks, d_out, d_in)
    if configuration.dynamics is Dynamics.ONLINE:
        limits.check_bytes("batch_size, teachers.d_in and num_seeds", int(configuration.batch_size), d_in, repetitions)
    paths = int(network.num_paths)
    limits.check_bytes("network.num_paths, teachers.d_out, d_in and num_seeds", paths, d_out, d_in, repetitions)
    if network.gating is Gating.LAYER:
        units = paths * d_out
        limits.check_bytes("network.num_paths, teachers.d_out and num_seeds", units, d_out, repetitions)
        if configuration.dynamics is Dynamics.ORDER_PARAMETERS:
            limits.check_bytes("network.num_paths, teachers.d_out and num_seeds", units, units, repetitions)
            limits.check_bytes("teachers.num_tasks and d_out", tasks * d_out, tasks * d_out)
    curriculum = configuration.curriculum
    if isinstance(curriculum.block_duration, int | float) and isinstance(curriculum.total_time, int | float):
        duration, total = curriculum.block_duration, curriculum.total_time
        what = f"blocks of curriculum.block_duration {duration:g} in curriculum.total_time {total:g}"
        limits.check_count(what, total / duration, limits.MOST_BLOCKS)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
